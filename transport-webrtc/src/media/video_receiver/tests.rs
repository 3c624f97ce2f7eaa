use bytes::Bytes;
use remotemedia_runtime_core::data::RuntimeData;
use remotemedia_runtime_core::queue::QueueReceiver;
use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::codec::test_picture::{moving_picture, psnr};
use crate::codec::{VideoCodec, VideoDecoderSettings};
use crate::media::test_wire::{CountedRequests, PATIENCE, WireSource, codecs, stream, video_packets};
use crate::media::{KEY_FRAME_REQUEST_INTERVAL, PeerTimeline};

struct Bench {
    receiver: VideoReceiver,
    wire: UnboundedSender<RtpPacket>,
    frames: QueueReceiver<TransportData>,
    requests: Arc<CountedRequests>,
}

impl Bench {
    fn new() -> Self {
        let (wire, source) = WireSource::new();
        let (output, frames) = queue(1_000, Arc::default());
        let requests = Arc::new(CountedRequests::default());
        let decoder = codecs().video_decoder(VideoCodec::H264, VideoDecoderSettings::default());
        let receiver = VideoReceiver::spawn(VideoReceiverParts {
            stream: stream(),
            source,
            decoder: decoder.expect("starts"),
            clock: MediaClock::new(90_000, PeerTimeline::new(Instant::now())),
            output,
            key_frames: requests.clone(),
        });
        let receiver = receiver.expect("a thread");
        // The longest patience with gaps, for busy machines.
        receiver.set_rtt(Duration::from_secs(1));
        Self { receiver, wire, frames, requests }
    }

    fn send<'a>(&self, packets: impl IntoIterator<Item = &'a RtpPacket>) {
        packets.into_iter().for_each(|packet| self.wire.send(packet.clone()).expect("open"));
    }

    /// Waits for the next frame and checks that it shows picture `number`.
    async fn expect(&mut self, number: u64) -> TransportData {
        let item = tokio::time::timeout(PATIENCE, self.frames.recv()).await;
        let item = item.expect("a frame comes").expect("open");
        let RuntimeData::Video(frame) = &item.data else { panic!("no video") };
        let quality = psnr(frame, &moving_picture(320, 240, number));
        let neighbour = psnr(frame, &moving_picture(320, 240, number + 3));
        assert!(quality > 35.0 && quality > neighbour + 5.0, "picture {number}: {quality:.1} dB");
        item
    }

    /// Waits until so many pictures are settled.
    async fn settled(&self, pictures: u64) -> LedgerReport {
        let settled = async {
            loop {
                let report = self.receiver.report().pictures;
                if report.sent >= pictures && report.is_balanced() {
                    return report;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("all pictures are settled")
    }
}

#[tokio::test]
async fn pictures_come_out_in_order_with_their_time_and_place() {
    let mut bench = Bench::new();
    let mut first = None;
    for (number, packets) in video_packets(10, &[]).iter().enumerate() {
        bench.send(packets);
        let item = bench.expect(number as u64).await;
        let start = *first.get_or_insert(item.media_time);
        let since = item.media_time.saturating_since(start).as_micros() as u64;
        assert!(since.abs_diff(number as u64 * 33_333) < 50, "{since} µs");
        assert_eq!((item.sequence, item.source), (number as u64, Some(stream())));
    }
    let report = bench.receiver.report();
    assert_eq!((report.pictures.delivered, report.key_frames_requested), (10, 0));
    assert_eq!((report.decode.count, report.assembly.count), (10, 10));
}

#[tokio::test]
async fn packets_swapped_and_repeated_make_no_difference() {
    let mut bench = Bench::new();
    let mut packets = video_packets(6, &[]).concat();
    for at in (1..packets.len()).step_by(3) {
        packets.swap(at - 1, at);
    }
    let doubled: Vec<RtpPacket> =
        packets.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
    bench.send(&doubled);
    for number in 0..6 {
        bench.expect(number).await;
    }
    let report = bench.receiver.report();
    assert!(report.packets_duplicate + report.packets_late > 0);
    assert_eq!((report.pictures.dropped_total(), report.key_frames_requested), (0, 0));
}

#[tokio::test]
async fn a_lost_packet_that_is_repaired_costs_nothing() {
    let mut bench = Bench::new();
    let pictures = video_packets(5, &[]);
    let (repaired, rest) = pictures[2].split_first().expect("packets");
    let in_time = pictures[..2].iter().flatten().chain(rest).chain(&pictures[3]);
    bench.send(in_time.chain([repaired]).chain(&pictures[4]));
    for number in 0..5 {
        bench.expect(number).await;
    }
    assert_eq!((bench.receiver.report().pictures.dropped_total(), bench.requests.count()), (0, 0));
}

#[tokio::test]
async fn a_lost_packet_costs_its_picture_until_the_key_frame_that_is_asked_for_once() {
    let mut bench = Bench::new();
    let begun = Instant::now();
    let pictures = video_packets(8, &[6]);
    bench
        .send(pictures[..2].iter().flatten().chain(&pictures[2][1..]).chain(pictures[3..5].iter().flatten()));
    bench.expect(0).await;
    bench.expect(1).await;
    bench.requests.reached(1).await;
    bench.settled(5).await;
    bench.send(pictures[5..].iter().flatten());
    let healed = bench.expect(6).await;
    assert_eq!(healed.sequence, 6, "the lost ones keep their numbers");
    bench.expect(7).await;
    let report = bench.settled(8).await;
    assert_eq!(report.delivered, 4);
    assert_eq!(report.dropped[&DropReason::LostInNetwork], 1);
    assert_eq!(report.dropped[&DropReason::NotDecoded], 3);
    // Once, and once more for each interval that a busy machine lets pass.
    let intervals = begun.elapsed().as_nanos() / KEY_FRAME_REQUEST_INTERVAL.as_nanos();
    assert!(u128::from(bench.requests.count()) <= 1 + intervals);
}

#[tokio::test]
async fn joining_in_the_middle_asks_for_a_key_frame() {
    let mut bench = Bench::new();
    let pictures = video_packets(5, &[3]);
    bench.send(&pictures[1]);
    bench.requests.reached(1).await;
    bench.send(pictures[2..].iter().flatten());
    bench.expect(3).await;
    bench.expect(4).await;
}

#[tokio::test]
async fn an_unanswered_request_is_repeated_after_the_interval() {
    let bench = Bench::new();
    let begun = Instant::now();
    bench.send(&video_packets(2, &[])[1]);
    bench.requests.reached(3).await;
    assert!(begun.elapsed() >= 2 * KEY_FRAME_REQUEST_INTERVAL);
}

#[tokio::test]
async fn packets_that_are_no_h264_are_dropped_and_the_stream_goes_on() {
    let mut bench = Bench::new();
    let pictures = video_packets(3, &[2]);
    let mut garbage = pictures[1].clone();
    garbage.iter_mut().for_each(|packet| packet.payload = Bytes::from_static(&[0x9f, 0xff]));
    bench.send(pictures[0].iter().chain(&garbage).chain(&pictures[2]));
    bench.expect(0).await;
    assert_eq!(bench.expect(2).await.sequence, 2);
    assert_eq!(bench.settled(3).await.dropped[&DropReason::NotDecoded], 1);
}

#[tokio::test]
async fn closing_ends_task_and_thread_and_accounts_for_what_is_under_way() {
    let mut bench = Bench::new();
    let pictures = video_packets(3, &[]);
    bench.send(pictures[0].iter().chain(&pictures[1][1..]).chain(&pictures[2]));
    bench.expect(0).await;
    bench.receiver.close(PATIENCE).await.expect("ends");
    bench.receiver.close(PATIENCE).await.expect("has ended");
    let report = bench.receiver.report().pictures;
    assert!(report.is_balanced() && report.delivered == 1, "{report:?}");
    assert!(bench.frames.recv().await.is_none(), "the output has ended");
    assert!(bench.wire.is_closed());
}

#[tokio::test]
async fn the_end_of_the_source_ends_the_output() {
    let mut bench = Bench::new();
    let pictures = video_packets(1, &[]);
    bench.send(&pictures[0]);
    bench.expect(0).await;
    drop(bench.wire);
    let end = tokio::time::timeout(PATIENCE, bench.frames.recv()).await.expect("ends");
    assert!(end.is_none());
}

#[tokio::test]
async fn a_dropped_receiver_leaves_no_thread_behind() {
    let Bench { receiver, mut frames, wire, requests } = Bench::new();
    drop(receiver);
    // The thread owns the output, the task the source: both end.
    let end = tokio::time::timeout(PATIENCE, async {
        wire.closed().await;
        frames.recv().await
    });
    assert!(end.await.expect("both end").is_none());
    let released = async {
        while Arc::strong_count(&requests) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, released).await.expect("nothing is held any more");
}
