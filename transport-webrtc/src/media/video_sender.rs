//! One outgoing video track: frames in, packets out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use remotemedia_runtime_core::data::TrackId;
use remotemedia_runtime_core::latency::{LatencyHistogram, LatencyReport};
use remotemedia_runtime_core::ledger::{Ledger, LedgerReport};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::key_frames::KeyFrameDemand;
use super::payload_formats::payload_format;
use super::rtp_stamp::RtpStamp;
use super::stage_thread::StageThread;
use super::video_encoding::{EncodingShared, VideoEncoding};
use super::{MediaError, MediaFeed, RtpSink};
use crate::codec::{EncodeError, VideoEncoder, VideoEncoderSettings};

/// Sends one video track: a thread encodes frames and gives their packets to a sink. One encoding serves
/// as many peers as the sink fans out to. Dropping it ends the thread; [`close`](Self::close) waits for
/// that.
#[derive(Debug)]
pub struct VideoSender {
    feed: MediaFeed,
    shared: Arc<EncodingShared>,
    thread: StageThread,
}

/// Figures of a video sender at one moment.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct VideoSenderReport {
    /// Frames: sent = delivered to the sink + dropped.
    pub frames: LedgerReport,
    /// Key frames made, asked for or not.
    pub key_frames_made: u64,
    /// Packets given to the sink.
    pub packets_sent: u64,
    /// Bytes of their payloads.
    pub bytes_sent: u64,
    /// Bits per second aimed at; 0 before the first picture.
    pub bitrate_bps: u32,
    /// From [`MediaFeed::send`] to the encoder.
    pub queue_wait: LatencyReport,
    /// Encoding alone.
    pub encode: LatencyReport,
    /// Giving a picture's packets to the sink.
    pub hand_over: LatencyReport,
}

impl VideoSender {
    /// Starts sending. Call it within a Tokio runtime; the sink's futures run in its context.
    ///
    /// * `track`: names the thread.
    ///
    /// # Errors
    /// [`MediaError::Thread`] if the system gives no thread.
    pub fn spawn(
        track: &TrackId,
        encoder: Box<dyn VideoEncoder>,
        sink: Arc<dyn RtpSink>,
    ) -> Result<Self, MediaError> {
        let ledger = Arc::new(Ledger::default());
        let (feed, frames) = MediaFeed::new(PIPELINE_TO_ENCODER_FRAMES, ledger.clone());
        let shared = Arc::new(EncodingShared {
            ledger,
            cancel: CancellationToken::new(),
            key_frame_requested: false.into(),
            next_bitrate_bps: 0.into(),
            bitrate_bps: encoder.bitrate_bps().unwrap_or(0).into(),
            key_frames_made: 0.into(),
            packets_sent: 0.into(),
            bytes_sent: 0.into(),
            queue_wait: LatencyHistogram::new(),
            encode: LatencyHistogram::new(),
            hand_over: LatencyHistogram::new(),
        });
        let clock_rate = encoder.codec().clock_rate();
        let encoding = VideoEncoding {
            frames,
            feed: feed.clone(),
            format: payload_format(encoder.codec()),
            encoder,
            stamp: RtpStamp::new(clock_rate, clock_rate / USUAL_FRAME_RATE),
            sink,
            demand: KeyFrameDemand::default(),
            payloads: Vec::new(),
            last_error: None,
            runtime: Handle::current(),
            shared: shared.clone(),
        };
        let thread = StageThread::spawn(format!("venc {track}"), move || encoding.run())?;
        Ok(Self { feed, shared, thread })
    }

    /// Returns where frames go in; items that are no video are dropped and counted.
    pub fn feed(&self) -> MediaFeed {
        self.feed.clone()
    }

    /// Makes the next picture a key frame, at most one per
    /// [`KEY_FRAME_REQUEST_INTERVAL`](super::KEY_FRAME_REQUEST_INTERVAL): later requests wait for the
    /// interval's end, and many make one.
    pub fn request_key_frame(&self) {
        self.shared.key_frame_requested.store(true, Ordering::Release);
    }

    /// Changes the bitrate from the next picture on, without a key frame.
    ///
    /// # Errors
    /// [`EncodeError::Bitrate`] outside [`VideoEncoderSettings::BITRATE_BPS`]; the old one stays.
    pub fn set_bitrate(&self, bitrate_bps: u32) -> Result<(), EncodeError> {
        let range = VideoEncoderSettings::BITRATE_BPS;
        if !range.contains(&bitrate_bps) {
            return Err(EncodeError::Bitrate { bitrate_bps, min_bps: *range.start(), max_bps: *range.end() });
        }
        self.shared.next_bitrate_bps.store(bitrate_bps, Ordering::Release);
        Ok(())
    }

    /// Returns the figures at this moment.
    pub fn report(&self) -> VideoSenderReport {
        let shared = &*self.shared;
        VideoSenderReport {
            frames: shared.ledger.report(),
            key_frames_made: shared.key_frames_made.load(Ordering::Relaxed),
            packets_sent: shared.packets_sent.load(Ordering::Relaxed),
            bytes_sent: shared.bytes_sent.load(Ordering::Relaxed),
            bitrate_bps: shared.bitrate_bps.load(Ordering::Relaxed),
            queue_wait: shared.queue_wait.report(),
            encode: shared.encode.report(),
            hand_over: shared.hand_over.report(),
        }
    }

    /// Ends the thread and waits for it; frames that wait are dropped and counted. A second call after
    /// success returns at once. Cancel safe.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] if it does not end in time, [`MediaError::Panicked`] if it panicked.
    pub async fn close(&mut self, within: Duration) -> Result<(), MediaError> {
        self.stop();
        self.thread.join_within(within).await
    }

    fn stop(&self) {
        self.shared.cancel.cancel();
        self.feed.close();
    }
}

impl Drop for VideoSender {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Pipeline → encoder. Full → oldest dropped and counted: an encoder that is two frames behind is not
/// helped by a third.
const PIPELINE_TO_ENCODER_FRAMES: usize = 2;
/// Pictures a second by which time goes on where the media time does not say.
const USUAL_FRAME_RATE: u32 = 30;

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData, VideoFrame};
    use remotemedia_runtime_core::ledger::DropReason;
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::test_wire::{PATIENCE, WireSink, codecs, picture_time, track};
    use super::super::{KEY_FRAME_REQUEST_INTERVAL, MAX_RTP_PAYLOAD};
    use super::*;
    use crate::codec::test_picture::{moving_picture, psnr};
    use crate::codec::{VideoCodec, VideoDecoder, VideoDecoderSettings};
    use crate::rtc::RtpPacket;

    struct Bench {
        sender: VideoSender,
        sink: Arc<WireSink>,
        wire: UnboundedReceiver<RtpPacket>,
        decoder: Box<dyn VideoDecoder>,
    }

    impl Bench {
        fn new((sink, wire): (Arc<WireSink>, UnboundedReceiver<RtpPacket>)) -> Self {
            let settings = VideoEncoderSettings { bitrate_bps: Some(2_000_000), ..Default::default() };
            let encoder = codecs().video_encoder(VideoCodec::H264, settings).expect("in range");
            let decoder = codecs().video_decoder(VideoCodec::H264, VideoDecoderSettings::default());
            let sender = VideoSender::spawn(&track(), encoder, sink.clone()).expect("a thread");
            Self { sender, sink, wire, decoder: decoder.expect("starts") }
        }

        fn send(&self, number: u64) {
            let item = TransportData::new(moving_picture(320, 240, number)).at(picture_time(number));
            self.sender.feed().send(item).expect("open");
        }

        /// Waits for one picture's packets.
        async fn packets(&mut self) -> Vec<RtpPacket> {
            let mut packets = Vec::new();
            loop {
                let packet = tokio::time::timeout(PATIENCE, self.wire.recv()).await;
                packets.push(packet.expect("packets come").expect("open"));
                if packets.last().is_some_and(|packet| packet.marker) {
                    return packets;
                }
            }
        }

        fn decode(&mut self, packets: &[RtpPacket]) -> Option<VideoFrame> {
            let mut format = payload_format(VideoCodec::H264);
            let bitstream =
                format.join(&mut packets.iter().map(|packet| &packet.payload[..])).expect("joins");
            self.decoder.decode(&bitstream).ok().flatten()
        }

        async fn settled(&self, frames: u64) -> LedgerReport {
            let settled = async {
                loop {
                    let report = self.sender.report().frames;
                    if report.sent >= frames && report.is_balanced() {
                        return report;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, settled).await.expect("all frames are settled")
        }
    }

    fn is_key(packets: &[RtpPacket]) -> bool {
        // An aggregate of parameter sets.
        packets[0].payload[0] & 0x1f == 24
    }

    #[tokio::test]
    async fn frames_leave_as_packets_that_show_the_same_picture() {
        let mut bench = Bench::new(WireSink::new());
        let (mut last_number, mut first_timestamp) = (None, None);
        for number in 0..8 {
            bench.send(number);
            let packets = bench.packets().await;
            let decoded = bench.decode(&packets).expect("a picture");
            assert!(psnr(&decoded, &moving_picture(320, 240, number)) > 35.0);
            let start = *first_timestamp.get_or_insert(packets[0].timestamp);
            let ticks = packets[0].timestamp.wrapping_sub(start);
            assert!(ticks.abs_diff(number as u32 * 3_000) <= 1, "{ticks} ticks at picture {number}");
            for packet in &packets {
                assert!(packet.payload.len() <= MAX_RTP_PAYLOAD && packet.timestamp == packets[0].timestamp);
                let expected = last_number.map_or(packet.sequence_number, |last: u16| last.wrapping_add(1));
                assert_eq!(packet.sequence_number, expected);
                last_number = Some(packet.sequence_number);
            }
        }
        let report = bench.settled(8).await;
        assert_eq!(report.delivered, 8);
        assert_eq!(bench.sender.report().encode.count, 8);
    }

    #[tokio::test]
    async fn many_requests_make_one_key_frame_and_the_next_waits_for_the_interval() {
        let mut bench = Bench::new(WireSink::new());
        let begun = std::time::Instant::now();
        bench.send(0);
        assert!(is_key(&bench.packets().await));
        bench.sender.request_key_frame();
        bench.sender.request_key_frame();
        let mut keys = 0;
        let mut number = 1;
        while keys == 0 {
            bench.send(number);
            keys += u32::from(is_key(&bench.packets().await));
            number += 1;
        }
        assert!(begun.elapsed() >= KEY_FRAME_REQUEST_INTERVAL);
        bench.send(number);
        assert!(!is_key(&bench.packets().await), "answered once");
        assert_eq!(bench.sender.report().key_frames_made, 2);
    }

    #[tokio::test]
    async fn while_the_sink_waits_raw_frames_are_dropped_and_the_stream_stays_whole() {
        let mut bench = Bench::new(WireSink::held_up());
        (0..10).for_each(|number| bench.send(number));
        bench.sink.permits.add_permits(10_000);
        let report = bench.settled(10).await;
        assert!(report.dropped[&DropReason::QueueFull] >= 7, "{report:?}");
        assert_eq!(report.dropped_total() + report.delivered, 10);
        for _ in 0..report.delivered {
            let packets = bench.packets().await;
            assert!(bench.decode(&packets).is_some(), "no encoded picture is missing");
        }
    }

    #[tokio::test]
    async fn nothing_is_encoded_without_a_taker_and_a_key_frame_comes_first_afterwards() {
        let mut bench = Bench::new(WireSink::new());
        bench.send(0);
        bench.packets().await;
        bench.sink.ready.store(false, std::sync::atomic::Ordering::Release);
        bench.send(1);
        assert_eq!(bench.settled(2).await.dropped[&DropReason::NotConnected], 1);
        assert_eq!(bench.sender.report().encode.count, 1);
        bench.sink.ready.store(true, std::sync::atomic::Ordering::Release);
        let mut number = 2;
        loop {
            bench.send(number);
            if is_key(&bench.packets().await) {
                break;
            }
            number += 1;
        }
    }

    #[tokio::test]
    async fn a_bitrate_is_applied_with_the_next_picture() {
        let mut bench = Bench::new(WireSink::new());
        assert!(bench.sender.set_bitrate(29_999).is_err());
        bench.sender.set_bitrate(700_000).expect("in range");
        bench.send(0);
        bench.packets().await;
        assert_eq!(bench.sender.report().bitrate_bps, 700_000);
    }

    #[tokio::test]
    async fn items_that_are_no_video_or_cannot_be_encoded_are_counted_by_reason() {
        let bench = Bench::new(WireSink::new());
        let feed = bench.sender.feed();
        feed.send(TransportData::new(RuntimeData::text("hello"))).expect("open");
        bench.settled(1).await;
        feed.send(TransportData::new(moving_picture(8, 8, 0)).at(MediaTime::ZERO)).expect("open");
        let report = bench.settled(2).await;
        assert_eq!(report.dropped[&DropReason::NoTaker], 1);
        assert_eq!(report.dropped[&DropReason::NotEncoded], 1);
    }

    #[tokio::test]
    async fn a_closed_sink_ends_the_sender() {
        let Bench { sender, wire, .. } = Bench::new(WireSink::new());
        drop(wire);
        let feed = sender.feed();
        let refused = async {
            while feed.send(TransportData::new(moving_picture(64, 64, 0))).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.expect("the feed closes");
    }

    #[tokio::test]
    async fn closing_ends_the_thread_even_while_the_sink_waits() {
        let mut bench = Bench::new(WireSink::held_up());
        (0..4).for_each(|number| bench.send(number));
        bench.sender.close(PATIENCE).await.expect("ends");
        bench.sender.close(PATIENCE).await.expect("has ended");
        let report = bench.sender.report().frames;
        assert!(report.is_balanced() && report.delivered == 0, "{report:?}");
        let late = bench.sender.feed().send(TransportData::new(moving_picture(64, 64, 0)));
        assert!(late.is_err() && bench.sender.report().frames.is_balanced());
    }

    #[tokio::test]
    async fn a_dropped_sender_leaves_no_thread_behind_even_if_its_feed_lives() {
        let Bench { sender, sink, mut wire, .. } = Bench::new(WireSink::new());
        let feed = sender.feed();
        drop((sender, sink));
        let end = tokio::time::timeout(PATIENCE, wire.recv()).await.expect("the thread lets go of the sink");
        assert!(end.is_none());
        assert!(feed.send(TransportData::new(moving_picture(64, 64, 0))).is_err());
    }
}
