//! Sound whose every tenth of a second can be recognised after a lossy codec.
//!
//! Each mark is 20 ms of one of four tones, followed by 80 ms of near silence; which tone follows from
//! the mark's number modulo four, so a delay of up to 400 ms is read without doubt. The onset is found to
//! a fraction of a millisecond: it is a step of 40 dB.

use std::f32::consts::TAU;

/// Sample rate of the marks, Hz.
pub(super) const SAMPLE_RATE: u32 = 48_000;

/// Samples from one mark to the next: 100 ms.
pub(super) const MARK_PERIOD: u64 = 4_800;

/// Samples of a mark's tone: 20 ms.
const MARK_SAMPLES: u64 = 960;

/// The four tones, Hz: far enough apart for 20 ms (50 Hz of resolution), well inside every codec's band.
const TONES_HZ: [f32; 4] = [700.0, 1_100.0, 1_700.0, 2_600.0];

/// Loudness of a mark and of the hum between marks.
const MARK_LEVEL: f32 = 0.5;
const HUM_LEVEL: f32 = 0.003;

/// Samples that decide whether a mark begins: 1 ms.
const ONSET_WINDOW: usize = 48;

/// Writes the sound that begins `position` samples after the first mark.
pub(super) fn write_marks(position: u64, samples: &mut [f32]) {
    for (offset, sample) in samples.iter_mut().enumerate() {
        let at = position + offset as u64;
        let (mark, within) = (at / MARK_PERIOD, at % MARK_PERIOD);
        let (level, hz) = match within < MARK_SAMPLES {
            true => (MARK_LEVEL, TONES_HZ[(mark % 4) as usize]),
            false => (HUM_LEVEL, 440.0),
        };
        *sample = level * (TAU * hz * within as f32 / SAMPLE_RATE as f32).sin();
    }
}

/// Finds marks in a stream of sound.
#[derive(Debug, Default)]
pub(super) struct MarkReader {
    /// Samples of the mark in hand; empty between marks.
    mark: Vec<f32>,
    onset: u64,
    position: u64,
    /// Position up to which nothing counts: the rest of the mark just read.
    quiet_until: u64,
}

/// A mark that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeardMark {
    /// The mark's number modulo four.
    pub tone: u8,
    /// Samples from the start of the stream to its onset.
    pub onset: u64,
}

impl MarkReader {
    /// Reads on; appends the marks that end in `samples` (mono, 48 kHz) to `heard`.
    pub(super) fn read(&mut self, samples: &[f32], heard: &mut Vec<HeardMark>) {
        for window in samples.chunks(ONSET_WINDOW) {
            let loud = window.iter().map(|sample| sample.abs()).fold(0.0, f32::max) > MARK_LEVEL / 5.0;
            if self.mark.is_empty() && loud && self.position >= self.quiet_until {
                let first = window.iter().position(|sample| sample.abs() > MARK_LEVEL / 10.0);
                self.onset = self.position + first.unwrap_or(0) as u64;
                self.mark.extend_from_slice(window);
            } else if !self.mark.is_empty() {
                self.mark.extend_from_slice(window);
            }
            self.position += window.len() as u64;
            if self.mark.len() as u64 >= MARK_SAMPLES * 3 / 4 {
                heard.push(HeardMark { tone: loudest_tone(&self.mark), onset: self.onset });
                self.mark.clear();
                self.quiet_until = self.onset + MARK_PERIOD / 2;
            }
        }
    }
}

/// Power of each tone by the Goertzel algorithm (G. Goertzel, 1958); returns the loudest one's number.
fn loudest_tone(samples: &[f32]) -> u8 {
    let power = |hz: f32| {
        let step = 2.0 * (TAU * hz / SAMPLE_RATE as f32).cos();
        let (mut last, mut before) = (0.0_f32, 0.0_f32);
        for sample in samples {
            (last, before) = (sample + step * last - before, last);
        }
        last * last + before * before - step * last * before
    };
    let powers = TONES_HZ.map(power);
    (0..4_u8).max_by(|a, b| powers[*a as usize].total_cmp(&powers[*b as usize])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard_with(delay: u64, chunk: usize, noise: f32) -> Vec<HeardMark> {
        let mut sound = vec![0.0; delay as usize];
        let mut marks = vec![0.0; 48_000];
        write_marks(0, &mut marks);
        sound.append(&mut marks);
        for (n, sample) in sound.iter_mut().enumerate() {
            *sample += noise * ((n * 7_919 % 1_000) as f32 / 500.0 - 1.0);
        }
        let (mut reader, mut heard) = (MarkReader::default(), Vec::new());
        sound.chunks(chunk).for_each(|chunk| reader.read(chunk, &mut heard));
        heard
    }

    #[test]
    fn every_mark_is_heard_at_its_place_with_its_tone() {
        for delay in [0, 1, 479, 480, 10_007] {
            let heard = heard_with(delay, 480, 0.0);
            assert_eq!(heard.len(), 10, "delay {delay}");
            for (n, mark) in heard.iter().enumerate() {
                assert_eq!(mark.tone, (n % 4) as u8);
                let expected = delay + n as u64 * MARK_PERIOD;
                assert!(mark.onset.abs_diff(expected) < 12, "mark {n} at {} for {expected}", mark.onset);
            }
        }
    }

    #[test]
    fn noise_twenty_decibels_below_the_marks_does_not_disturb() {
        let tones: Vec<u8> = heard_with(333, 137, 0.04).iter().map(|mark| mark.tone).collect();
        assert_eq!(tones, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
    }

    #[test]
    fn silence_has_no_marks() {
        let mut heard = Vec::new();
        MarkReader::default().read(&[0.0; 9_600], &mut heard);
        assert_eq!(heard, []);
    }
}
