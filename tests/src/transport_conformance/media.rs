//! Pictures and sounds, judged by what is to be seen and heard.

use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{
    AudioFrame, MediaTime, PixelFormat, RuntimeData, TransportData, VideoFrame, VideoLoan,
};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::shm::HeapPool;
use remotemedia_runtime_core::transport::SessionOutput;
use serde_json::json;
use tokio::time::interval;

use super::{TransportFixture, manifest, open, within};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
const SAMPLE_RATE: u32 = 48_000;
/// 1 kHz lies in the middle of what every voice codec keeps.
const PITCH_HZ: f32 = 1000.0;
const FRAME: usize = 480;

/// A picture that is dark on the left and bright on the right comes back the other way round, in its size.
pub async fn a_picture_comes_back_mirrored(fixture: &impl TransportFixture) {
    let flip = manifest(json!([{"id": "flip", "node_type": "VideoFlip"}]), json!([]));
    let picture = dark_and_bright();
    let every = Duration::from_millis(33);
    let frames = move |n: u32| TransportData::new(picture.clone()).at(MediaTime::from_duration(every * n));
    let mirrored = sent_until(fixture, flip, every, frames, async |output| {
        loop {
            let received = output.recv().await.expect("open");
            if let RuntimeData::Video(picture) = &received.data {
                return picture.clone();
            }
        }
    });
    let picture = mirrored.await;
    assert_eq!((picture.width(), picture.height()), (WIDTH, HEIGHT));
    let (left, right) = (brightness(&picture, 0..WIDTH / 3), brightness(&picture, WIDTH * 2 / 3..WIDTH));
    assert!(left > 180.0 && right < 80.0, "left {left}, right {right}");
}

/// A tone of 1 kHz comes back with its pitch, 6 dB softer.
pub async fn a_sound_comes_back_at_half_its_amplitude(fixture: &impl TransportFixture) {
    let gain = json!([{"id": "gain", "node_type": "AudioGain", "params": {"gain_db": -6.0206}}]);
    let every = Duration::from_millis(10);
    let frames = move |n: u32| {
        let samples: Vec<f32> = (0..FRAME).map(|at| 0.5 * wave(n as usize * FRAME + at)).collect();
        let frame = AudioFrame::from_samples(&samples, SAMPLE_RATE, 1).expect("10 ms of mono");
        TransportData::new(frame).at(MediaTime::from_duration(every * n))
    };
    // The first half second may hold silence and fades of codec and playout.
    let heard = sent_until(fixture, manifest(gain, json!([])), every, frames, async |output| {
        let mut heard = Vec::new();
        while heard.len() < SAMPLE_RATE as usize * 3 / 4 {
            let received = output.recv().await.expect("open");
            if let RuntimeData::Audio(frame) = &received.data {
                assert_eq!(frame.sample_rate(), SAMPLE_RATE);
                let channels = usize::from(frame.channels());
                heard.extend(frame.samples().iter().step_by(channels).copied());
            }
        }
        heard
    });
    let heard = heard.await;
    let steady = &heard[SAMPLE_RATE as usize / 2..][..SAMPLE_RATE as usize / 5];
    let tone = amplitude(steady, PITCH_HZ);
    assert!((0.2..0.3).contains(&tone), "amplitude {tone}");
    let beside = amplitude(steady, PITCH_HZ * 1.5);
    assert!(beside < tone / 10.0, "tone {tone}, beside it {beside}");
}

/// Sends frames at their pace until `judge` has seen enough of what comes back.
async fn sent_until<T>(
    fixture: &impl TransportFixture,
    manifest: Arc<Manifest>,
    every: Duration,
    frame: impl Fn(u32) -> TransportData + Send + 'static,
    judge: impl AsyncFnOnce(&mut dyn SessionOutput) -> T,
) -> T {
    let (input, mut output) = open(fixture, manifest).await.split();
    let sending = async {
        let mut pace = interval(every);
        for n in 0.. {
            pace.tick().await;
            input.send(frame(n).numbered(u64::from(n))).await.expect("open");
        }
    };
    let seen = tokio::select! {
        seen = within(judge(&mut *output)) => seen,
        () = sending => unreachable!("it goes on as long as it is asked"),
    };
    within(input.close()).await;
    seen
}

fn dark_and_bright() -> VideoFrame {
    let mut loan =
        VideoLoan::new(&HeapPool::default(), PixelFormat::I420, WIDTH, HEIGHT).expect("a small picture");
    let stride = loan.plane_layout(0).stride;
    let [luma, u, v] = loan.planes_mut();
    for row in luma.chunks_mut(stride) {
        let (left, right) = row.split_at_mut(WIDTH as usize / 2);
        left.fill(40);
        right.fill(220);
    }
    u.fill(128);
    v.fill(128);
    loan.freeze()
}

/// Mean of the luma in some columns.
fn brightness(picture: &VideoFrame, columns: std::ops::Range<u32>) -> f64 {
    let columns = columns.start as usize..columns.end as usize;
    let count = columns.len() * picture.height() as usize;
    let sum: u64 = (0..picture.height() as usize)
        .flat_map(|row| &picture.row(0, row)[columns.clone()])
        .map(|luma| u64::from(*luma))
        .sum();
    sum as f64 / count as f64
}

fn wave(at: usize) -> f32 {
    (at as f32 * PITCH_HZ * std::f32::consts::TAU / SAMPLE_RATE as f32).sin()
}

/// The amplitude of one pitch: a single bin of the discrete Fourier transform.
fn amplitude(samples: &[f32], pitch_hz: f32) -> f32 {
    let step = f64::from(pitch_hz) * std::f64::consts::TAU / f64::from(SAMPLE_RATE);
    let (re, im) = samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (at, sample)| {
        let angle = at as f64 * step;
        (re + f64::from(*sample) * angle.cos(), im + f64::from(*sample) * angle.sin())
    });
    (2.0 * f64::hypot(re, im) / samples.len() as f64) as f32
}
