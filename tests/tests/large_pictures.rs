//! Pictures of more packets than any queue of the engine holds.

use std::time::Duration;

use remotemedia_runtime_core::data::{
    MediaTime, PixelFormat, RuntimeData, TransportData, VideoFrame, VideoLoan,
};
use remotemedia_runtime_core::node::builtin::{draw_barcode, read_barcode};
use remotemedia_runtime_core::shm::FramePool;
use remotemedia_tests::Room;

const SIZE: (u32, u32) = (3840, 2160);
const PICTURES: u64 = 8;
const INTERVAL: Duration = Duration::from_millis(600);

/// Draws noise, of which no picture can be told from the one before.
fn noise(pool: &dyn FramePool, number: u64) -> VideoFrame {
    let mut loan = VideoLoan::new(pool, PixelFormat::I420, SIZE.0, SIZE.1).expect("memory");
    let mut random = number;
    for plane in loan.planes_mut() {
        for pixels in plane.chunks_mut(8) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = (random ^ random >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            pixels.copy_from_slice(&bytes[..pixels.len()]);
        }
    }
    draw_barcode(&mut loan, number);
    loan.freeze()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_in_4k_comes_through_whole() {
    let room = Room::open().await;
    let (screen, film) = (room.join("screen").await, room.join("film").await);
    let to = Room::peer("screen");
    film.connect(&to).await.expect("a path on the loopback");
    let runner = Room::runner();
    let mut pace = tokio::time::interval(INTERVAL);
    let (mut sent, mut seen) = (0, Vec::new());
    while seen.last() != Some(&(PICTURES - 1)) {
        tokio::select! {
            _ = pace.tick(), if sent < PICTURES => {
                let picture = noise(&**runner.pool(), sent);
                let item = TransportData::new(picture).numbered(sent).at(MediaTime::ZERO + INTERVAL * sent as u32);
                film.send_to(&to, item).await.expect("connected");
                sent += 1;
            }
            item = Room::next(&screen) => if let RuntimeData::Video(picture) = item.data {
                assert_eq!((picture.width(), picture.height()), SIZE);
                seen.push(u64::from(read_barcode(&picture).expect("intact")));
            },
        }
    }
    let (out, back) = (film.quality().await, screen.quality().await);
    let packets = out[0].connection.video_out.as_ref().expect("sent").packets;
    let frames = &out[0].media.video_out.as_ref().expect("sent").frames;
    assert!(packets > 600 * frames.delivered, "{packets} packets of {} pictures", frames.delivered);
    let received = &back[0].media.video_in.as_ref().expect("received").pictures;
    assert!(received.dropped.is_empty(), "{received:?}, {:?}", back[0].connection.video_in);
    assert!(film.close().await.complete);
    assert!(screen.close().await.complete);
}
