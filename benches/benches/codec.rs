//! What one picture and one packet cost: encode, packetize, join, decode.
//!
//! Criterion runs these in a tight loop, which reads 10 to 35 % lower than at the pace of a camera, when
//! caches have gone cold in between.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use remotemedia_runtime_core::data::{AudioFrame, MediaTime, PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::HeapPool;
use remotemedia_transport_webrtc::codec::{
    AudioCodec, AudioDecoderSettings, AudioEncoderSettings, AudioPacket, CodecSet, EncodedFrame, VideoCodec,
    VideoDecoderSettings, VideoEncoderSettings, h264_is_accelerated,
};
use remotemedia_transport_webrtc::media::{MAX_RTP_PAYLOAD, payload_format};

/// Pictures in the clip; it is played to and fro, so that there is no cut.
const CLIP: usize = 60;

fn codecs() -> CodecSet {
    CodecSet::new(Arc::new(HeapPool::default()))
}

/// A textured picture that pans by two pixels from number to number.
fn picture(width: u32, height: u32, number: usize) -> VideoFrame {
    let pool = HeapPool::default();
    let mut loan = VideoLoan::new(&pool, PixelFormat::I420, width, height).expect("within limits");
    let row_bytes = [0, 1, 2].map(|plane| loan.plane_layout(plane).row_bytes);
    for (plane, bytes) in loan.planes_mut().into_iter().enumerate() {
        for (at, byte) in bytes.iter_mut().enumerate() {
            let (x, y) = (at % row_bytes[plane] + number * 2, at / row_bytes[plane]);
            let wave = (x as f32 * 0.03).sin() * 40.0 + (y as f32 * 0.05).cos() * 30.0;
            // Fixed to the scene, not to the screen: it moves with it.
            let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7 & 15;
            *byte = (120.0 + wave + grain as f32) as u8;
        }
    }
    loan.freeze()
}

fn clip() -> Vec<VideoFrame> {
    let there = (0..CLIP).map(|number| picture(1280, 720, number));
    let back = (1..CLIP - 1).rev().map(|number| picture(1280, 720, number));
    there.chain(back).collect()
}

fn encoded_clip(clip: &[VideoFrame]) -> Vec<EncodedFrame> {
    let settings = VideoEncoderSettings { bitrate_bps: Some(2_000_000), ..Default::default() };
    let mut encoder = codecs().video_encoder(VideoCodec::H264, settings).expect("in range");
    let encode = |(number, picture)| encoder.encode(picture, time(number), number == 0);
    clip.iter().enumerate().map(encode).map(|e| e.expect("encodes").expect("not left out")).collect()
}

fn time(number: usize) -> MediaTime {
    MediaTime::from_duration(Duration::from_micros(number as u64 * 33_333))
}

fn h264(criterion: &mut Criterion) {
    let clip = clip();
    let encoded = encoded_clip(&clip);
    let mut group =
        criterion.benchmark_group(if h264_is_accelerated() { "h264" } else { "h264_without_assembly" });
    let settings = VideoEncoderSettings { bitrate_bps: Some(2_000_000), ..Default::default() };
    let mut encoder = codecs().video_encoder(VideoCodec::H264, settings).expect("in range");
    let mut number = 0;
    group.bench_function("encode_720p", |bench| {
        bench.iter(|| {
            let encoded = encoder.encode(&clip[number % clip.len()], time(number), false);
            number += 1;
            black_box(encoded.expect("encodes"))
        });
    });
    let mut decoder =
        codecs().video_decoder(VideoCodec::H264, VideoDecoderSettings::default()).expect("in range");
    let mut number = 0;
    group.bench_function("decode_720p", |bench| {
        bench.iter(|| {
            let decoded = decoder.decode(&encoded[number % encoded.len()].bitstream);
            number += 1;
            black_box(decoded.expect("decodes"))
        });
    });
    let mut format = payload_format(VideoCodec::H264);
    let key_frame = &encoded[0].bitstream;
    let mut payloads = Vec::new();
    group.bench_function("packetize_key_frame", |bench| {
        bench.iter(|| {
            payloads.clear();
            format.split(black_box(key_frame), MAX_RTP_PAYLOAD, &mut payloads).expect("has units");
        });
    });
    group.bench_function("join_key_frame", |bench| {
        bench.iter(|| {
            black_box(format.join(&mut payloads.iter().map(|payload| &payload[..])).expect("whole"))
        });
    });
    group.finish();
}

fn opus(criterion: &mut Criterion) {
    let sound: Vec<f32> = (0..960)
        .map(|n| {
            (n as f32 * 0.031).sin() * 0.3 + (n as f32 * 0.43).sin() * 0.1 + (n * 7919 % 100) as f32 * 0.001
        })
        .collect();
    let frame = AudioFrame::from_samples(&sound, 48_000, 2).expect("480 stereo frames");
    let mut group = criterion.benchmark_group("opus");
    let mut encoder =
        codecs().audio_encoder(AudioCodec::Opus, AudioEncoderSettings::default()).expect("in range");
    let mut packets = Vec::new();
    let mut at = MediaTime::ZERO;
    group.bench_function("encode_10ms_stereo", |bench| {
        bench.iter(|| {
            packets.clear();
            encoder.encode(black_box(&frame), at, &mut packets).expect("stereo");
            at = at + Duration::from_millis(10);
        });
    });
    let mut decoder =
        codecs().audio_decoder(AudioCodec::Opus, AudioDecoderSettings::default()).expect("in range");
    let payload = packets[0].payload.clone();
    group.bench_function("decode_10ms_stereo", |bench| {
        bench.iter_batched(
            || &payload,
            |payload| black_box(decoder.decode(AudioPacket::Received(payload)).expect("intact")),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, h264, opus);
criterion_main!(benches);
