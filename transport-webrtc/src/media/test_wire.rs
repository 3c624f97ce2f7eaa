//! Both ends of a wire in memory, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use remotemedia_runtime_core::data::{MediaTime, PeerId, StreamId, TrackId};
use remotemedia_runtime_core::shm::HeapPool;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::payload_formats::payload_format;
use super::rtp_stamp::RtpStamp;
use super::{KeyFrameRequester, MAX_RTP_PAYLOAD, RtpSink, RtpSource, SinkClosed};
use crate::codec::test_picture::moving_picture;
use crate::codec::{CodecSet, VideoCodec, VideoEncoderSettings};
use crate::rtc::{RtpPacket, SenderReport};

/// Longest that a test waits for what has to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Packets that a test sends.
pub(super) struct WireSource {
    packets: mpsc::UnboundedReceiver<RtpPacket>,
}

/// Collects packets; each takes one permit, so that a test can hold it up.
#[derive(Clone)]
pub(super) struct WireSink {
    packets: mpsc::UnboundedSender<RtpPacket>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) ready: Arc<AtomicBool>,
}

/// Counts requests for key frames.
#[derive(Default)]
pub(super) struct CountedRequests {
    count: AtomicU64,
    changed: Notify,
}

impl WireSource {
    pub(super) fn new() -> (mpsc::UnboundedSender<RtpPacket>, Box<Self>) {
        let (sender, packets) = mpsc::unbounded_channel();
        (sender, Box::new(Self { packets }))
    }
}

#[async_trait]
impl RtpSource for WireSource {
    async fn recv(&mut self) -> Option<RtpPacket> {
        self.packets.recv().await
    }

    fn sender_report(&self) -> Option<SenderReport> {
        None
    }
}

impl WireSink {
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<RtpPacket>) {
        let (packets, receiver) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        (Arc::new(Self { packets, permits, ready: Arc::new(true.into()) }), receiver)
    }

    /// A sink that takes nothing until permits are added.
    pub(super) fn held_up() -> (Arc<Self>, mpsc::UnboundedReceiver<RtpPacket>) {
        let (packets, receiver) = mpsc::unbounded_channel();
        let sink = Self { packets, permits: Arc::new(Semaphore::new(0)), ready: Arc::new(true.into()) };
        (Arc::new(sink), receiver)
    }
}

#[async_trait]
impl RtpSink for WireSink {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    async fn send(&self, packet: RtpPacket) -> Result<(), SinkClosed> {
        self.permits.acquire().await.map_err(|_| SinkClosed)?.forget();
        self.packets.send(packet).map_err(|_| SinkClosed)
    }
}

impl CountedRequests {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    pub(super) async fn reached(&self, count: u64) {
        let reached = async {
            while self.count() < count {
                self.changed.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("a key frame is asked for");
    }
}

impl KeyFrameRequester for CountedRequests {
    fn request_key_frame(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

pub(super) fn codecs() -> CodecSet {
    CodecSet::new(Arc::new(HeapPool::default()))
}

pub(super) fn stream() -> StreamId {
    StreamId::new(PeerId::new("alice").expect("a name"), track())
}

pub(super) fn track() -> TrackId {
    TrackId::new("camera").expect("a name")
}

pub(super) fn picture_time(number: u64) -> MediaTime {
    MediaTime::from_duration(Duration::from_micros(number * 33_333))
}

/// Encodes moving pictures at 320×240; returns each one's packets. Those of `keys` are key frames.
pub(super) fn video_packets(count: u64, keys: &[u64]) -> Vec<Vec<RtpPacket>> {
    let settings = VideoEncoderSettings { bitrate_bps: Some(2_000_000), ..Default::default() };
    let mut encoder = codecs().video_encoder(VideoCodec::H264, settings).expect("in range");
    let mut format = payload_format(VideoCodec::H264);
    let mut stamp = RtpStamp::new(90_000, 3_000);
    let mut packetize = |number: u64| {
        let picture = moving_picture(320, 240, number);
        let encoded = encoder.encode(&picture, picture_time(number), keys.contains(&number));
        let encoded = encoded.expect("encodes").expect("not left out");
        let mut payloads = Vec::new();
        // Small packets: every picture has several.
        format.split(&encoded.bitstream, MAX_RTP_PAYLOAD / 8, &mut payloads).expect("has units");
        let timestamp = stamp.timestamp(encoded.media_time);
        let last = payloads.len() - 1;
        let packets = payloads.into_iter().enumerate();
        packets.map(|(at, payload)| stamp.packet(timestamp, at == last, payload)).collect()
    };
    (0..count).map(&mut packetize).collect()
}
