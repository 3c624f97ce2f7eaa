//! Sound.

use std::time::Duration;

use super::FrameError;
use crate::shm::{FrameLoan, FramePool, SharedFrame};

/// A stretch of sound: interleaved `f32` samples, nominally −1.0..=1.0, in shared immutable memory.
#[derive(Debug, Clone)]
pub struct AudioFrame {
    memory: SharedFrame,
    sample_rate: u32,
    channels: u8,
}

/// A stretch of sound that is being written, in memory on loan from a pool.
#[derive(Debug)]
pub struct AudioLoan {
    memory: FrameLoan,
    sample_rate: u32,
    channels: u8,
}

impl AudioFrame {
    /// Takes samples that come from no pool.
    ///
    /// * `samples`: interleaved, `[frames × channels]`.
    ///
    /// # Errors
    /// [`FrameError::AudioShape`] for a rate outside 8 000..=192 000 Hz or channels outside 1..=8;
    /// [`FrameError::Length`] if the samples are not a whole number of frames.
    pub fn from_samples(samples: &[f32], sample_rate: u32, channels: u8) -> Result<Self, FrameError> {
        check_shape(samples.len(), sample_rate, channels)?;
        let memory = SharedFrame::from_vec(bytemuck::cast_slice(samples).to_vec());
        Ok(Self { memory, sample_rate, channels })
    }

    /// Returns the samples, interleaved, `[frames × channels]`.
    pub fn samples(&self) -> &[f32] {
        bytemuck::cast_slice(self.memory.bytes())
    }

    /// Returns the sample rate, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Returns the number of channels, 1 to 8.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Returns the number of frames: one frame is one sample of each channel.
    pub fn frame_count(&self) -> usize {
        self.samples().len() / usize::from(self.channels)
    }

    /// Returns how long the sound lasts.
    pub fn duration(&self) -> Duration {
        let nanos = self.frame_count() as u64 * 1_000_000_000 / u64::from(self.sample_rate);
        Duration::from_nanos(nanos)
    }

    /// Returns the memory that holds the samples (native-endian `f32`).
    pub fn memory(&self) -> &SharedFrame {
        &self.memory
    }
}

impl AudioLoan {
    /// Borrows memory for `frame_count` frames; its samples are unspecified.
    ///
    /// # Errors
    /// [`FrameError::AudioShape`] for a rate outside 8 000..=192 000 Hz or channels outside 1..=8;
    /// [`FrameError::Pool`] if the pool has no memory.
    pub fn new(
        pool: &dyn FramePool,
        frame_count: usize,
        sample_rate: u32,
        channels: u8,
    ) -> Result<Self, FrameError> {
        check_shape(0, sample_rate, channels)?;
        let bytes = frame_count.saturating_mul(usize::from(channels)).saturating_mul(size_of::<f32>());
        Ok(Self { memory: pool.loan(bytes)?, sample_rate, channels })
    }

    /// Returns the samples to write, interleaved.
    pub fn samples_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.memory.bytes_mut())
    }

    /// Ends writing.
    pub fn freeze(self) -> AudioFrame {
        let Self { memory, sample_rate, channels } = self;
        AudioFrame { memory: memory.freeze(), sample_rate, channels }
    }
}

fn check_shape(samples: usize, sample_rate: u32, channels: u8) -> Result<(), FrameError> {
    if !(8_000..=192_000).contains(&sample_rate) || !(1..=8).contains(&channels) {
        return Err(FrameError::AudioShape { sample_rate, channels });
    }
    let channels = usize::from(channels);
    if !samples.is_multiple_of(channels) {
        let needed = samples.div_ceil(channels) * channels * size_of::<f32>();
        return Err(FrameError::Length { got: samples * size_of::<f32>(), needed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_channels_are_taken_at_the_limit_and_refused_one_past_it() {
        for (rate, channels, fits) in [
            (8_000, 1, true),
            (7_999, 1, false),
            (192_000, 8, true),
            (192_001, 8, false),
            (48_000, 0, false),
            (48_000, 9, false),
        ] {
            assert_eq!(
                AudioFrame::from_samples(&[], rate, channels).is_ok(),
                fits,
                "{rate} Hz, {channels} channels"
            );
        }
    }

    #[test]
    fn half_a_stereo_frame_is_refused() {
        let refused = AudioFrame::from_samples(&[0.0; 3], 48_000, 2).expect_err("three samples");
        assert_eq!(refused, FrameError::Length { got: 12, needed: 16 });
    }

    #[test]
    fn ten_milliseconds_last_ten_milliseconds() {
        let frame = AudioFrame::from_samples(&[0.0; 960], 48_000, 2).expect("480 stereo frames");
        assert_eq!((frame.frame_count(), frame.duration()), (480, Duration::from_millis(10)));
    }
}
