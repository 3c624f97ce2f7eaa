//! One peer sends pictures and sound, the other runs them through a pipeline and sends the result back.

use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData, VideoFrame};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::builtin::read_barcode;
use remotemedia_tests::{Room, loudest_tone_hz, manifest, numbered_picture, sharpness, tone};
use remotemedia_transport_webrtc::WebRtcTransport;
use serde_json::json;

const SIZE: (u32, u32) = (640, 360);
const INTERVAL: Duration = Duration::from_millis(33);

/// Sends numbered pictures at real pace until `wanted` came back, and returns those.
async fn there_and_back(from: &WebRtcTransport, to: &str, wanted: usize) -> Vec<VideoFrame> {
    let (to, runner) = (Room::peer(to), Room::runner());
    let mut pace = tokio::time::interval(INTERVAL);
    let (mut sent, mut back) = (0, Vec::new());
    while back.len() < wanted {
        tokio::select! {
            _ = pace.tick() => {
                let picture = numbered_picture(&**runner.pool(), SIZE.0, SIZE.1, sent);
                let item = TransportData::new(picture).numbered(sent).at(MediaTime::ZERO + INTERVAL * sent as u32);
                from.send_to(&to, item).await.expect("connected");
                sent += 1;
            }
            item = Room::next(from) => if let RuntimeData::Video(picture) = item.data {
                back.push(picture);
            },
        }
    }
    back
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_come_back_blurred_in_order_with_their_numbers() {
    let room = Room::open().await;
    let blurring = manifest(json!([{"id": "blur", "node_type": "VideoBlur", "params": {"radius": 8}}]));
    let blur = room.serve("blur", blurring).await;
    let film = room.join("film").await;
    film.connect(&Room::peer("blur")).await.expect("a path on the loopback");

    let back = there_and_back(&film, "blur", 45).await;
    let numbers: Vec<u16> = back.iter().map(|picture| read_barcode(picture).expect("intact")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "out of order: {numbers:?}");
    assert_eq!((back[0].width(), back[0].height()), SIZE);

    let sent = numbered_picture(&**Room::runner().pool(), SIZE.0, SIZE.1, 0);
    let below_barcode = |picture: &VideoFrame| sharpness(picture, 40..600, 60..340);
    let (before, after) = (below_barcode(&sent), below_barcode(back.last().expect("45 pictures")));
    assert!(after < before / 4.0, "sharpness {before} before, {after} after");

    for report in film.quality().await {
        let out = report.media.video_out.expect("pictures were sent").frames;
        assert_eq!(out.sent, out.delivered + out.dropped_total() + out.under_way(), "{out:?}");
    }
    let closed = film.close().await;
    assert!(closed.complete && closed.received.is_balanced(), "{closed:?}");
    assert!(blur.close().await.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_stays_sharp_and_the_room_behind_is_blurred() {
    let room = Room::open().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/background_blur.json");
    let blur = room.serve("blur", Manifest::read(path).expect("the shipped manifest").into()).await;
    let film = room.join("film").await;
    let to = Room::peer("blur");
    film.connect(&to).await.expect("a path on the loopback");

    let pattern = manifest(json!([{"id": "camera", "node_type": "TestPattern",
        "params": {"width": 1280, "height": 720, "fps": 30.0, "scene": "person"}}]));
    let mut camera = Room::runner().create_stream_session(&pattern).await.expect("a valid manifest");
    let (mut sent, mut compared) = (Vec::new(), 0);
    while compared < 10 {
        tokio::select! {
            Some(item) = camera.output() => {
                if let RuntimeData::Video(picture) = &item.data {
                    sent.push(picture.clone());
                }
                film.send_to(&to, item).await.expect("connected");
            }
            item = Room::next(&film) => {
                let RuntimeData::Video(picture) = item.data else { continue };
                let number = usize::from(read_barcode(&picture).expect("intact"));
                // The first second is for the blur to learn the room, and for the codecs to settle.
                if number < 45 {
                    continue;
                }
                let face = |picture: &VideoFrame| sharpness(picture, 560..720, 260..400);
                let room_left = |picture: &VideoFrame| sharpness(picture, 40..280, 120..400);
                let (face_kept, room_kept) =
                    (face(&picture) / face(&sent[number]), room_left(&picture) / room_left(&sent[number]));
                assert!(room_kept < 0.5, "frame {number}: the room keeps {room_kept:.2} of its sharpness");
                assert!(face_kept > room_kept + 0.25, "frame {number}: face {face_kept:.2}, room {room_kept:.2}");
                compared += 1;
            }
        }
    }
    film.close().await;
    blur.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tone_comes_back_as_that_tone_louder_by_the_gain() {
    let room = Room::open().await;
    let gain = manifest(json!([{"id": "gain", "node_type": "AudioGain", "params": {"gain_db": -6.0}}]));
    let serving = room.serve("gain", gain).await;
    let speaker = room.join("speaker").await;
    let to = Room::peer("gain");
    speaker.connect(&to).await.expect("a path on the loopback");

    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let (mut sent, mut heard) = (0, Vec::new());
    while heard.len() < 48_000 {
        tokio::select! {
            _ = pace.tick() => {
                let at = MediaTime::ZERO + Duration::from_millis(10 * sent);
                let item = TransportData::new(tone(1_100.0, sent)).numbered(sent).at(at);
                speaker.send_to(&to, item).await.expect("connected");
                sent += 1;
            }
            item = Room::next(&speaker) => if let RuntimeData::Audio(sound) = item.data {
                let channels = usize::from(sound.channels());
                heard.extend(sound.samples().iter().step_by(channels));
            },
        }
    }
    let settled = &heard[24_000..];
    assert_eq!(loudest_tone_hz(settled, &[440.0, 700.0, 1_000.0, 1_100.0, 1_200.0, 1_700.0]), 1_100.0);
    let peak = settled.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!((0.15..0.26).contains(&peak), "0.4 lowered by 6 dB is 0.2, not {peak}");
    speaker.close().await;
    serving.close().await;
}
