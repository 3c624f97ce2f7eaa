//! Sound to send and to listen to.

use std::f64::consts::TAU;

use remotemedia_runtime_core::data::AudioFrame;

/// Returns 10 ms of a tone, mono at 48 kHz, phase-continuous: stretch `n` of it.
pub fn tone(hz: f64, n: u64) -> AudioFrame {
    let samples: Vec<f32> =
        (0..480).map(|at| (0.4 * (TAU * hz * (n * 480 + at) as f64 / 48_000.0).sin()) as f32).collect();
    AudioFrame::from_samples(&samples, 48_000, 1).expect("a valid shape")
}

/// Returns the tone of `candidates` with the most power in mono samples at 48 kHz, by the Goertzel
/// algorithm.
pub fn loudest_tone_hz(samples: &[f32], candidates: &[f64]) -> f64 {
    let power = |hz: f64| {
        let step = 2.0 * (TAU * hz / 48_000.0).cos();
        let (last, before) = samples
            .iter()
            .fold((0.0, 0.0), |(last, before), sample| (f64::from(*sample) + step * last - before, last));
        last * last + before * before - step * last * before
    };
    candidates.iter().copied().max_by(|a, b| power(*a).total_cmp(&power(*b))).expect("candidates")
}
