//! Makes sound louder or quieter.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{input, param};
use crate::data::{AudioLoan, DataKind, TransportData};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Makes sound louder or quieter, without a click when the gain changes.
///
/// Samples are not limited: with a gain above 0 dB they may leave −1.0..=1.0.
#[derive(Debug)]
pub struct AudioGain {
    /// Linear gain of the next sample.
    gain: f32,
    target: f32,
    /// Frames until `gain` reaches `target`; `None`: a change whose ramp has not begun.
    ramp_frames_left: Option<u32>,
    pool: Arc<dyn FramePool>,
}

/// Params of [`AudioGain`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AudioGainParams {
    /// Gain in decibels; 0 leaves the sound as it is, −6 halves its amplitude.
    #[schemars(range(min = -60.0, max = 30.0))]
    pub gain_db: f32,
    /// Silence, whatever the gain.
    pub mute: bool,
}

/// How long a change of gain takes: long enough not to click, too short to be heard as a fade.
const RAMP_MS: u32 = 10;

impl AudioGainParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("gain_db", self.gain_db, -60.0..=30.0)
    }

    /// Returns the linear gain.
    fn linear(&self) -> f32 {
        if self.mute { 0.0 } else { 10_f32.powf(self.gain_db / 20.0) }
    }
}

impl Node for AudioGain {
    type Params = AudioGainParams;

    const SPEC: NodeSpec = NodeSpec::new("AudioGain", "Makes sound louder or quieter.")
        .inputs(&[PortSpec::new("in", &[DataKind::Audio])])
        .outputs(&[PortSpec::new("out", &[DataKind::Audio])]);

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        let gain = params.linear();
        Ok(Self { gain, target: gain, ramp_frames_left: Some(0), pool: context.pool.clone() })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::audio(port, &item)?;
        let left = self.ramp_frames_left.unwrap_or(frame.sample_rate() * RAMP_MS / 1000);
        if left == 0 && self.gain == 1.0 {
            outputs.send(item);
            return Ok(());
        }
        let (rate, channels) = (frame.sample_rate(), frame.channels());
        let mut loan = AudioLoan::new(&*self.pool, frame.frame_count(), rate, channels)?;
        let wide = usize::from(channels);
        let ramped = (left as usize).min(frame.frame_count());
        let (ramp_in, steady_in) = frame.samples().split_at(ramped * wide);
        let (ramp_out, steady_out) = loan.samples_mut().split_at_mut(ramped * wide);
        let step = if left == 0 { 0.0 } else { (self.target - self.gain) / left as f32 };
        for (from, to) in ramp_in.chunks_exact(wide).zip(ramp_out.chunks_exact_mut(wide)) {
            self.gain += step;
            for (sample, scaled) in from.iter().zip(to) {
                *scaled = sample * self.gain;
            }
        }
        self.ramp_frames_left = Some(left - ramped as u32);
        if left as usize == ramped {
            self.gain = self.target;
        }
        for (sample, scaled) in steady_in.iter().zip(steady_out) {
            *scaled = sample * self.gain;
        }
        outputs.send(item.with_data(loan.freeze()));
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.target = params.linear();
        self.ramp_frames_left = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::AudioFrame;
    use crate::node::builtin::input::tests::{make, reconfigure, run_audio};

    fn ones(frames: usize, channels: u8) -> AudioFrame {
        let samples = vec![1.0; frames * usize::from(channels)];
        AudioFrame::from_samples(&samples, 48_000, channels).expect("a valid shape")
    }

    #[test]
    fn minus_20_db_is_a_tenth_and_plus_20_db_ten_times() {
        for (gain_db, expected) in [(-20.0, 0.1), (20.0, 10.0), (-60.0, 0.001)] {
            let mut node: AudioGain = make(json!({"gain_db": gain_db})).expect("valid params");
            for sample in run_audio(&mut node, &ones(480, 2)) {
                assert!((sample / expected - 1.0).abs() < 1e-5, "{gain_db} dB: {sample}");
            }
        }
    }

    #[test]
    fn muting_ramps_down_within_ten_milliseconds_without_a_step() {
        let mut node: AudioGain = make(json!({})).expect("valid params");
        assert!(run_audio(&mut node, &ones(240, 2)).iter().all(|&s| s == 1.0));
        node.reconfigure(AudioGainParams { gain_db: 0.0, mute: true }).expect("valid params");
        // The ramp of 480 frames reaches over three items of 240.
        let heard: Vec<f32> = (0..3).flat_map(|_| run_audio(&mut node, &ones(240, 2))).collect();
        let left: Vec<f32> = heard.iter().step_by(2).copied().collect();
        let right: Vec<f32> = heard.iter().skip(1).step_by(2).copied().collect();
        assert_eq!(left, right);
        let largest_step = left.windows(2).map(|w| (w[0] - w[1]).abs()).fold(1.0 - left[0], f32::max);
        assert!(largest_step < 0.003, "{largest_step}");
        assert!(left[239] > 0.49 && left[239] < 0.51, "{}", left[239]);
        assert!(left[479].abs() < 1e-6, "{}", left[479]);
        assert!(left[480..].iter().all(|&s| s == 0.0));
    }

    #[test]
    fn sound_at_0_db_passes_without_a_copy() {
        let mut node: AudioGain = make(json!({"gain_db": 0})).expect("valid params");
        let frame = ones(480, 1);
        let mut outputs = Outputs::default();
        node.process("in", TransportData::new(frame.clone()), &mut outputs).expect("passes");
        let (_, item) = outputs.drain().next().expect("one item");
        let passed = input::audio("in", &item).expect("audio");
        assert_eq!(passed.samples().as_ptr(), frame.samples().as_ptr());
    }

    #[test]
    fn gains_are_taken_at_the_limits_and_refused_past_them() {
        for (gain_db, fits) in [(-60.0, true), (30.0, true), (-60.1, false), (30.1, false)] {
            assert_eq!(make::<AudioGain>(json!({ "gain_db": gain_db })).is_ok(), fits, "{gain_db} dB");
        }
        let mut node: AudioGain = make(json!({})).expect("valid params");
        let refused = reconfigure(&mut node, AudioGainParams { gain_db: 31.0, mute: false });
        assert_eq!(refused.expect_err("too loud").to_string(), "param gain_db is 31, expected -60 to 30");
        assert!(run_audio(&mut node, &ones(480, 1)).iter().all(|&s| s == 1.0));
    }
}
