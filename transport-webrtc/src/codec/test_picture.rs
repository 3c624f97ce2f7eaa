//! Pictures and sounds for tests, and the measures by which they are compared.

use remotemedia_runtime_core::data::{AudioFrame, PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::HeapPool;

/// A smooth picture that moves with `number`, with colour in it.
pub(crate) fn moving_picture(width: u32, height: u32, number: u64) -> VideoFrame {
    fill(width, height, |plane, x, y| {
        let (x, y, shift) = (x as f32, y as f32, number as f32 * 2.0);
        let wave = match plane {
            0 => ((x + shift) * 0.05).sin() + (y * 0.07).cos(),
            1 => ((x - shift) * 0.04).cos(),
            _ => (y * 0.05 + shift * 0.1).sin(),
        };
        (128.0 + wave * 45.0) as u8
    })
}

/// A picture of noise over a ramp, the same for the same `number`: as much work as a rate control can get.
pub(crate) fn noise_picture(width: u32, height: u32, number: u64) -> VideoFrame {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    fill(width, height, |plane, x, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let ramp = if plane == 0 { (x % 128) as u8 } else { 100 };
        ramp + (state % 24) as u8
    })
}

/// Ratio of peak to noise in the luma that both pictures have, decibels.
pub(crate) fn psnr(left: &VideoFrame, right: &VideoFrame) -> f64 {
    plane_psnr(left, right, 0).min(plane_psnr(left, right, 1)).min(plane_psnr(left, right, 2))
}

/// A sine of `hz`, `frames` long, starting `from` frames into the tone.
pub(crate) fn tone(hz: f32, from: usize, frames: usize, rate: u32, channels: u8) -> AudioFrame {
    let samples: Vec<f32> = (from..from + frames)
        .flat_map(|n| {
            let sample = (n as f32 * hz * std::f32::consts::TAU / rate as f32).sin() * 0.5;
            std::iter::repeat_n(sample, usize::from(channels))
        })
        .collect();
    AudioFrame::from_samples(&samples, rate, channels).expect("whole frames")
}

/// Share of a channel's power that lies at `hz` (Goertzel), 0.0..=1.0.
pub(crate) fn share_at(samples: &[f32], channels: usize, hz: f32, rate: u32) -> f32 {
    let (mut cos, mut sin, mut power, mut count) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    for (n, sample) in samples.iter().step_by(channels).enumerate() {
        let angle = n as f64 * f64::from(hz) * std::f64::consts::TAU / f64::from(rate);
        cos += f64::from(*sample) * angle.cos();
        sin += f64::from(*sample) * angle.sin();
        power += f64::from(*sample).powi(2);
        count += 1.0;
    }
    ((cos.powi(2) + sin.powi(2)) * 2.0 / (count * power.max(1e-12))) as f32
}

fn plane_psnr(left: &VideoFrame, right: &VideoFrame, plane: usize) -> f64 {
    let rows = left.plane_layout(plane).rows.min(right.plane_layout(plane).rows);
    let (mut error, mut count) = (0u64, 0u64);
    for row in 0..rows {
        for (a, b) in left.row(plane, row).iter().zip(right.row(plane, row)) {
            error += u64::from(a.abs_diff(*b)).pow(2);
            count += 1;
        }
    }
    10.0 * (255.0f64.powi(2) * count as f64 / (error as f64).max(1e-9)).log10()
}

fn fill(width: u32, height: u32, mut pixel: impl FnMut(usize, usize, usize) -> u8) -> VideoFrame {
    let pool = HeapPool::default();
    let mut loan = VideoLoan::new(&pool, PixelFormat::I420, width, height).expect("within limits");
    let row_bytes = [0, 1, 2].map(|plane| loan.plane_layout(plane).row_bytes);
    for (plane, bytes) in loan.planes_mut().into_iter().enumerate() {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = pixel(plane, at % row_bytes[plane], at / row_bytes[plane]);
        }
    }
    loan.freeze()
}
