//! Measures how loud the sound is.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{input, param};
use crate::data::{DataKind, RuntimeData, TransportData};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};

/// Measures how loud the sound is, and passes it on untouched.
///
/// Every interval, the port `level` gives out `{"rms_dbfs": −21.3, "peak_dbfs": −12.0}` over all
/// channels. 0 dBFS is a sample of 1.0, so that a full-scale sine has −3.01 dBFS RMS; silence has −120.
#[derive(Debug)]
pub struct AudioLevel {
    interval_ms: u32,
    measured: Measured,
    /// Place in its stream of the item measured last, without its sound.
    place: Option<TransportData>,
}

/// What was heard since the last level was given out.
#[derive(Debug, Default)]
struct Measured {
    frames: usize,
    samples: usize,
    square_sum: f64,
    peak: f32,
}

/// Params of [`AudioLevel`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AudioLevelParams {
    /// Sound per level, milliseconds.
    #[schemars(range(min = 10, max = 10000))]
    pub interval_ms: u32,
}

/// The level of silence, dBFS: below the noise of 16-bit sound (−98), and a number in JSON.
const SILENCE_DBFS: f64 = -120.0;

impl Default for AudioLevelParams {
    fn default() -> Self {
        Self { interval_ms: 100 }
    }
}

impl AudioLevelParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("interval_ms", self.interval_ms, 10..=10_000)
    }
}

impl Node for AudioLevel {
    type Params = AudioLevelParams;

    const SPEC: NodeSpec = NodeSpec::new("AudioLevel", "Measures how loud the sound is.")
        .inputs(&[PortSpec::new("in", &[DataKind::Audio])])
        .outputs(&[
            PortSpec::new("out", &[DataKind::Audio]).doc("The sound, untouched."),
            PortSpec::new("level", &[DataKind::Json])
                .doc("After each interval `{\"rms_dbfs\": -21.3, \"peak_dbfs\": -12.0}` over all channels."),
        ]);

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { interval_ms: params.interval_ms, measured: Measured::default(), place: None })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::audio(port, &item)?;
        let channels = usize::from(frame.channels());
        let interval = (u64::from(frame.sample_rate()) * u64::from(self.interval_ms) / 1000) as usize;
        let place = item.with_data(RuntimeData::Binary(Bytes::new()));
        let mut samples = frame.samples();
        while !samples.is_empty() {
            let wanted = interval.saturating_sub(self.measured.frames).max(1) * channels;
            let (measured, rest) = samples.split_at(wanted.min(samples.len()));
            self.measured.add(measured, channels);
            samples = rest;
            if self.measured.frames >= interval {
                outputs.send_to("level", place.with_data(self.measured.take_level()));
            }
        }
        self.place = Some(place);
        outputs.send(item);
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.interval_ms = params.interval_ms;
        Ok(())
    }

    fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError> {
        if let Some(place) = self.place.take()
            && self.measured.frames > 0
        {
            outputs.send_to("level", place.with_data(self.measured.take_level()));
        }
        Ok(())
    }
}

impl Measured {
    fn add(&mut self, samples: &[f32], channels: usize) {
        // Four sums side by side, so that the additions need not wait for each other.
        let (fours, rest) = samples.as_chunks::<4>();
        let (mut sums, mut peaks) = ([0.0_f32; 4], [0.0_f32; 4]);
        for four in fours {
            for lane in 0..4 {
                sums[lane] += four[lane] * four[lane];
                peaks[lane] = peaks[lane].max(four[lane].abs());
            }
        }
        for &sample in rest {
            sums[0] += sample * sample;
            peaks[0] = peaks[0].max(sample.abs());
        }
        self.square_sum += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
        self.peak = peaks.into_iter().fold(self.peak, f32::max);
        self.samples += samples.len();
        self.frames += samples.len() / channels;
    }

    /// Returns the level of what was heard, and begins anew.
    fn take_level(&mut self) -> Value {
        let heard = std::mem::take(self);
        let rms = (heard.square_sum / heard.samples.max(1) as f64).sqrt();
        json!({ "rms_dbfs": dbfs(rms), "peak_dbfs": dbfs(f64::from(heard.peak)) })
    }
}

fn dbfs(amplitude: f64) -> f64 {
    // A hundredth of a decibel is all that anybody can use.
    let level = (20.0 * amplitude.log10()).max(SILENCE_DBFS);
    (level * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::AudioFrame;
    use crate::node::builtin::input::tests::{make, run};

    fn sine(amplitude: f32, frames: usize, channels: usize) -> AudioFrame {
        let samples: Vec<f32> = (0..frames * channels)
            .map(|i| amplitude * (std::f32::consts::TAU * (i / channels) as f32 / 48.0).sin())
            .collect();
        AudioFrame::from_samples(&samples, 48_000, channels as u8).expect("a valid shape")
    }

    fn levels(out: &[(&'static str, RuntimeData)]) -> Vec<(f64, f64)> {
        let level = |data: &RuntimeData| match data {
            RuntimeData::Json(level) => (
                level["rms_dbfs"].as_f64().expect("a number"),
                level["peak_dbfs"].as_f64().expect("a number"),
            ),
            other => panic!("{other:?}"),
        };
        out.iter().filter(|(port, _)| *port == "level").map(|(_, data)| level(data)).collect()
    }

    #[test]
    fn a_sine_has_the_level_that_its_amplitude_says_in_mono_and_stereo() {
        for channels in [1, 2] {
            for (amplitude, peak) in [(1.0, 0.0), (0.1, -20.0), (0.001, -60.0)] {
                let mut node: AudioLevel = make(json!({"interval_ms": 10})).expect("valid params");
                let out = run(&mut node, sine(amplitude, 480, channels)).expect("measured");
                let [(rms, highest)] = levels(&out)[..] else { panic!("one level") };
                assert!((rms - peak + 3.01).abs() < 0.001, "{rms} at {amplitude}, {channels} channels");
                assert!((highest - peak).abs() < 0.001, "{highest} at {amplitude}, {channels} channels");
            }
        }
    }

    #[test]
    fn silence_is_minus_120_and_sound_passes_in_the_same_memory() {
        let mut node: AudioLevel = make(json!({"interval_ms": 10})).expect("valid params");
        let silence = AudioFrame::from_samples(&[0.0; 480], 48_000, 1).expect("a valid shape");
        let out = run(&mut node, silence.clone()).expect("measured");
        assert_eq!(levels(&out), [(-120.0, -120.0)]);
        let Some((_, RuntimeData::Audio(passed))) = out.iter().find(|(port, _)| *port == "out") else {
            panic!("{out:?}");
        };
        assert_eq!(passed.samples().as_ptr(), silence.samples().as_ptr());
    }

    #[test]
    fn levels_come_once_per_interval_however_the_sound_is_cut() {
        for frames_per_item in [100, 480, 4800, 10_000] {
            let mut node: AudioLevel = make(json!({})).expect("valid params");
            let mut given = 0;
            for _ in 0..48_000 / frames_per_item {
                let out = run(&mut node, sine(0.5, frames_per_item, 1)).expect("measured");
                given += levels(&out).len();
            }
            let heard = 48_000 / frames_per_item * frames_per_item;
            assert_eq!(given, heard / 4800, "{frames_per_item} frames an item");
        }
    }

    #[test]
    fn a_flush_gives_out_the_level_of_the_half_filled_interval_once() {
        let mut node: AudioLevel = make(json!({})).expect("valid params");
        assert!(levels(&run(&mut node, sine(1.0, 480, 1)).expect("measured")).is_empty());
        let mut outputs = Outputs::default();
        node.flush(&mut outputs).expect("flushes");
        node.flush(&mut outputs).expect("flushes");
        let out: Vec<_> = outputs.drain().map(|(port, item)| (port, item.data)).collect();
        assert_eq!(levels(&out), [(-3.01, 0.0)]);
    }

    #[test]
    fn intervals_are_taken_at_the_limits_and_refused_past_them() {
        for (interval_ms, fits) in [(9, false), (10, true), (10_000, true), (10_001, false)] {
            assert_eq!(make::<AudioLevel>(json!({ "interval_ms": interval_ms })).is_ok(), fits);
        }
    }
}
