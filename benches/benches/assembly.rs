//! A picture's way from its packets to the decoder: linear in its packets.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use remotemedia_runtime_core::data::{PeerId, StreamId, TrackId, VideoFrame};
use remotemedia_runtime_core::ledger::Ledger;
use remotemedia_runtime_core::queue::queue;
use remotemedia_transport_webrtc::codec::{DecodeError, VideoCodec, VideoDecoder};
use remotemedia_transport_webrtc::media::{
    KeyFrameRequester, MAX_RTP_PAYLOAD, MediaClock, PeerTimeline, RtpSource, VideoReceiver,
    VideoReceiverParts, payload_format,
};
use remotemedia_transport_webrtc::rtc::{RtpPacket, SenderReport};
use tokio::sync::mpsc;

/// Packets of a picture: in a call in 720p, of a key frame there, and of noise in 4K.
const PACKETS: [usize; 3] = [8, 60, 4_000];

/// Gives out the packets that it is given.
struct Arriving(mpsc::Receiver<RtpPacket>);

#[async_trait]
impl RtpSource for Arriving {
    async fn recv(&mut self) -> Option<RtpPacket> {
        self.0.recv().await
    }

    fn sender_report(&self) -> Option<SenderReport> {
        None
    }
}

/// Says that a picture has come, and decodes nothing.
struct Arrived(mpsc::Sender<usize>);

impl VideoDecoder for Arrived {
    fn codec(&self) -> VideoCodec {
        VideoCodec::H264
    }

    fn decode(&mut self, bitstream: &[u8]) -> Result<Option<VideoFrame>, DecodeError> {
        self.0.blocking_send(bitstream.len()).ok();
        Ok(None)
    }

    fn expect_key_frame(&mut self) {}
}

struct NobodyAsked;

impl KeyFrameRequester for NobodyAsked {
    fn request_key_frame(&self) {}
}

/// Returns the payloads of a key frame of so many packets.
fn payloads(packets: usize) -> Vec<Bytes> {
    // A picture starts with its parameter sets.
    let sets = [0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88];
    let slice = std::iter::repeat_n(0xaa, (packets - 1) * (MAX_RTP_PAYLOAD - 4));
    let bitstream: Bytes = sets.into_iter().chain(slice).collect();
    let mut payloads = Vec::new();
    let mut format = payload_format(VideoCodec::H264);
    format.split(&bitstream, MAX_RTP_PAYLOAD, &mut payloads).expect("a unit");
    payloads
}

fn assembly(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let mut group = criterion.benchmark_group("assembly");
    for packets in PACKETS {
        let payloads = payloads(packets);
        let (arriving, source) = mpsc::channel(payloads.len());
        let (decoder, mut arrived) = mpsc::channel(1);
        let stream = StreamId::new(PeerId::new("a").expect("valid"), TrackId::new("video").expect("valid"));
        let (output, _items) = queue(1, Arc::new(Ledger::default()));
        let parts = VideoReceiverParts {
            stream,
            source: Box::new(Arriving(source)),
            decoder: Box::new(Arrived(decoder)),
            clock: MediaClock::new(90_000, PeerTimeline::new(Instant::now())),
            output,
            key_frames: Arc::new(NobodyAsked),
        };
        let entered = runtime.enter();
        let receiver = VideoReceiver::spawn(parts).expect("a thread");
        drop(entered);
        let (mut sequence_number, mut timestamp) = (0_u16, 0);
        group.throughput(Throughput::Elements(payloads.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(packets), |bench| {
            bench.iter(|| {
                timestamp = u32::wrapping_add(timestamp, 3_000);
                for (at, payload) in payloads.iter().enumerate() {
                    sequence_number = sequence_number.wrapping_add(1);
                    let marker = at + 1 == payloads.len();
                    let packet = RtpPacket { sequence_number, timestamp, marker, payload: payload.clone() };
                    arriving.blocking_send(packet).expect("received");
                }
                black_box(arrived.blocking_recv().expect("a picture"))
            });
        });
        drop(receiver);
    }
    group.finish();
}

criterion_group!(benches, assembly);
criterion_main!(benches);
