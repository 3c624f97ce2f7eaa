//! Changes the sample rate and the number of channels.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{input, param};
use crate::data::{AudioFrame, AudioLoan, DataKind, MediaTime, RuntimeData, TransportData};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Changes the sample rate and the number of channels.
///
/// Sound that has both already passes untouched and undelayed. To one channel: the mean of all. From one
/// channel: the same on each. Otherwise the first channels stay, those beyond are silent or left out.
///
/// There is one quality. A change of rate delays by half a block, of which the media time of what comes out
/// takes account to one sample. A block is 10 ms of input, above 51.2 kHz about 256 samples, rounded up to a multiple of
/// `from ÷ greatest common divisor of both rates` samples:
///
/// | from, Hz | to, Hz | delay, ms | in samples of the output |
/// |---|---|---|---|
/// | 8000, 16 000, 32 000, 44 100 | 48 000 | 5 | 240 |
/// | 48 000 | 8000 | 5 | 40 |
/// | 48 000 | 16 000 | 5 | 80 |
/// | 48 000 | 44 100 | 5 | 220.5 |
/// | 22 050 | 48 000 | 6.67 | 320 |
/// | 11 025 | 48 000 | 6.62 | 317.9 |
/// | 22 050 | 16 000 | 10 | 160 |
/// | 96 000 | 48 000 | 1.67 | 80 |
/// | 44 101, which has no divisor in common with | 48 000 | 500 | 24 000 |
///
/// Input that does not fill a block waits for the rest of it; where items are whole blocks, none does.
pub struct Resample {
    params: ResampleParams,
    conversion: Option<Conversion>,
    /// The input's samples in the output's channels.
    mixed: Vec<f32>,
    pool: Arc<dyn FramePool>,
}

/// Params of [`Resample`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResampleParams {
    /// Sample rate of what comes out, Hz.
    #[schemars(range(min = 8000, max = 192000))]
    pub rate: u32,
    /// Channels of what comes out; without it, as many as come in.
    #[schemars(range(min = 1, max = 8))]
    pub channels: Option<u8>,
}

/// A change of rate that is under way.
struct Conversion {
    from_rate: u32,
    to_rate: u32,
    channels: u8,
    resampler: Fft<f32>,
    /// Input that does not fill a block yet, interleaved.
    waiting: Vec<f32>,
    /// Output of this call, interleaved.
    made: Vec<f32>,
    frames_in: u64,
    frames_out: u64,
    /// Input before the item whose place is kept, frames.
    frames_before_place: u64,
    /// Place in its stream of the last input, without its sound.
    place: TransportData,
}

/// Input per block. As long as the shortest items that are usual, so that none waits for the next.
const BLOCK_MS: usize = 10;

impl Default for ResampleParams {
    fn default() -> Self {
        Self { rate: 48_000, channels: None }
    }
}

impl ResampleParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("rate", self.rate, 8_000..=192_000)?;
        param::in_range("channels", self.channels.unwrap_or(1), 1..=8)
    }
}

impl Node for Resample {
    type Params = ResampleParams;

    const SPEC: NodeSpec = NodeSpec::new("Resample", "Changes the sample rate and the number of channels.")
        .inputs(&[PortSpec::new("in", &[DataKind::Audio])])
        .outputs(&[PortSpec::new("out", &[DataKind::Audio]).doc(
            "A change of rate delays by 5 ms between the usual rates up to 48 kHz, of which the media time takes account.",
        )]);

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        let pool = context.pool.clone();
        Ok(Self { params, conversion: None, mixed: Vec::new(), pool })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::audio(port, &item)?;
        let rate = self.params.rate;
        let channels = self.params.channels.unwrap_or(frame.channels());
        if frame.sample_rate() == rate && frame.channels() == channels {
            outputs.send(item);
            return Ok(());
        }
        mix(frame, channels, &mut self.mixed);
        if frame.sample_rate() == rate {
            let frame = frozen(&*self.pool, &self.mixed, rate, channels)?;
            outputs.send(item.with_data(frame));
            return Ok(());
        }
        let shape = (frame.sample_rate(), rate, channels);
        if self.conversion.as_ref().is_none_or(|conversion| conversion.shape() != shape) {
            self.flush(outputs)?;
            self.conversion = Some(Conversion::new(shape, &item)?);
        }
        let conversion = self.conversion.as_mut().expect("made above if it was not there");
        if let Some(item) = conversion.convert(&item, &self.mixed, &*self.pool)? {
            outputs.send(item);
        }
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.params = params;
        Ok(())
    }

    fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError> {
        if let Some(conversion) = self.conversion.take()
            && let Some(item) = conversion.finish(&*self.pool)?
        {
            outputs.send(item);
        }
        Ok(())
    }
}

impl Conversion {
    fn new(shape: (u32, u32, u8), item: &TransportData) -> Result<Self, NodeError> {
        let (from_rate, to_rate, channels) = shape;
        let block = from_rate as usize * BLOCK_MS / 1000;
        let resampler =
            Fft::new(from_rate as usize, to_rate as usize, block, usize::from(channels), FixedSync::Input)
                .map_err(NodeError::failed)?;
        Ok(Self {
            from_rate,
            to_rate,
            channels,
            resampler,
            waiting: Vec::new(),
            made: Vec::new(),
            frames_in: 0,
            frames_out: 0,
            frames_before_place: 0,
            place: item.with_data(RuntimeData::Binary(Bytes::new())),
        })
    }

    fn shape(&self) -> (u32, u32, u8) {
        (self.from_rate, self.to_rate, self.channels)
    }

    fn convert(
        &mut self,
        item: &TransportData,
        samples: &[f32],
        pool: &dyn FramePool,
    ) -> Result<Option<TransportData>, NodeError> {
        self.place = item.with_data(RuntimeData::Binary(Bytes::new()));
        self.frames_before_place = self.frames_in;
        self.frames_in += (samples.len() / usize::from(self.channels)) as u64;
        self.waiting.extend_from_slice(samples);
        self.convert_blocks()?;
        self.take_made(pool)
    }

    /// Gives out what is still inside.
    fn finish(mut self, pool: &dyn FramePool) -> Result<Option<TransportData>, NodeError> {
        let ratio = f64::from(self.to_rate) / f64::from(self.from_rate);
        let total = (self.frames_in as f64 * ratio).round() as u64 + self.resampler.output_delay() as u64;
        let missing = total.saturating_sub(self.frames_out) as usize * usize::from(self.channels);
        let block = self.resampler.input_frames_next() * usize::from(self.channels);
        while self.made.len() < missing {
            self.waiting.resize(block, 0.0);
            self.convert_blocks()?;
        }
        self.made.truncate(missing);
        self.take_made(pool)
    }

    /// Converts as many whole blocks as there are.
    fn convert_blocks(&mut self) -> Result<(), NodeError> {
        let channels = usize::from(self.channels);
        let mut used = 0;
        loop {
            let frames = self.resampler.input_frames_next();
            let Some(block) = self.waiting.get(used..used + frames * channels) else { break };
            let made = self.made.len();
            let frames_made = self.resampler.output_frames_next();
            self.made.resize(made + frames_made * channels, 0.0);
            let from = InterleavedSlice::new(block, channels, frames).map_err(NodeError::failed)?;
            let mut to = InterleavedSlice::new_mut(&mut self.made[made..], channels, frames_made)
                .map_err(NodeError::failed)?;
            self.resampler.process_into_buffer(&from, &mut to, None).map_err(NodeError::failed)?;
            used += frames * channels;
        }
        self.waiting.drain(..used);
        Ok(())
    }

    /// Makes an item of what was made, if anything.
    fn take_made(&mut self, pool: &dyn FramePool) -> Result<Option<TransportData>, NodeError> {
        if self.made.is_empty() {
            return Ok(None);
        }
        let frame = frozen(pool, &self.made, self.to_rate, self.channels)?;
        let mut item = self.place.with_data(frame);
        item.media_time = self.media_time_of_next();
        self.frames_out += (self.made.len() / usize::from(self.channels)) as u64;
        self.made.clear();
        Ok(Some(item))
    }

    /// Returns the media time of the next frame to come out; the sound before the start, which the
    /// delay makes, is put at the start.
    fn media_time_of_next(&self) -> MediaTime {
        let taken = self.frames_before_place as f64 / f64::from(self.from_rate);
        let delay = self.resampler.output_delay() as f64;
        let given = (self.frames_out as f64 - delay) / f64::from(self.to_rate);
        let time = self.place.media_time;
        if given >= taken {
            time + Duration::from_secs_f64(given - taken)
        } else {
            time - Duration::from_secs_f64(taken - given)
        }
    }
}

/// Writes the frame's samples in `channels` channels to `mixed`.
fn mix(frame: &AudioFrame, channels: u8, mixed: &mut Vec<f32>) {
    let (from, to) = (usize::from(frame.channels()), usize::from(channels));
    mixed.clear();
    if from == to {
        mixed.extend_from_slice(frame.samples());
        return;
    }
    for samples in frame.samples().chunks_exact(from) {
        match (from, to) {
            (_, 1) => mixed.push(samples.iter().sum::<f32>() / from as f32),
            (1, _) => mixed.extend(std::iter::repeat_n(samples[0], to)),
            _ => mixed.extend((0..to).map(|channel| samples.get(channel).copied().unwrap_or(0.0))),
        }
    }
}

fn frozen(pool: &dyn FramePool, samples: &[f32], rate: u32, channels: u8) -> Result<AudioFrame, NodeError> {
    let mut loan = AudioLoan::new(pool, samples.len() / usize::from(channels), rate, channels)?;
    loan.samples_mut().copy_from_slice(samples);
    Ok(loan.freeze())
}

impl fmt::Debug for Resample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resample").field("params", &self.params).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use serde_json::json;

    use super::*;
    use crate::node::builtin::input::tests::{make, run_audio};

    const AMPLITUDE: f64 = 0.5;

    fn tone(frequency: f64, rate: u32, frames: std::ops::Range<usize>) -> AudioFrame {
        let samples: Vec<f32> = frames
            .map(|i| (AMPLITUDE * (TAU * frequency * i as f64 / f64::from(rate)).sin()) as f32)
            .collect();
        AudioFrame::from_samples(&samples, rate, 1).expect("a valid shape")
    }

    /// Runs a second of a tone through the node, in items of `item_frames`, and flushes.
    fn convert(node: &mut Resample, frequency: f64, rate: u32, item_frames: usize) -> Vec<TransportData> {
        let mut outputs = Outputs::default();
        for first in (0..rate as usize).step_by(item_frames) {
            let frames = first..(first + item_frames).min(rate as usize);
            let time = Duration::from_secs_f64(first as f64 / f64::from(rate));
            let item = TransportData::new(tone(frequency, rate, frames)).at(MediaTime::from_duration(time));
            node.process("in", item, &mut outputs).expect("converts");
        }
        node.flush(&mut outputs).expect("flushes");
        outputs.drain().map(|(_, item)| item).collect()
    }

    fn samples(items: &[TransportData]) -> Vec<f32> {
        items.iter().flat_map(|item| input::audio("out", item).expect("audio").samples().to_vec()).collect()
    }

    #[test]
    fn a_tone_keeps_frequency_amplitude_and_media_time_at_every_rate() {
        for (from, to, item_frames) in [
            (48_000, 16_000, 480),
            (16_000, 48_000, 160),
            (44_100, 48_000, 441),
            (48_000, 44_100, 480),
            (22_050, 48_000, 220),
            (8_000, 192_000, 77),
            (48_000, 8_000, 1920),
        ] {
            let mut node: Resample = make(json!({ "rate": to })).expect("valid params");
            let items = convert(&mut node, 440.0, from, item_frames);
            let mut off = 0.0_f64;
            for item in &items {
                let frame = input::audio("out", item).expect("audio");
                assert_eq!((frame.sample_rate(), frame.channels()), (to, 1));
                for (i, &sample) in frame.samples().iter().enumerate() {
                    let time = item.media_time.as_duration().as_secs_f64() + i as f64 / f64::from(to);
                    // Both ends carry the traces of the sound's beginning and ending.
                    if (0.05..0.95).contains(&time) {
                        let expected = AMPLITUDE * (TAU * 440.0 * time).sin();
                        off = off.max((f64::from(sample) - expected).abs());
                    }
                }
            }
            // The resampler states its delay in whole frames: half a frame of 44.1 kHz is 0.016.
            assert!(off < 0.02, "{from} to {to}: off by {off}");
        }
    }

    /// Runs two seconds through the node in which one frame is 1 and all others are 0; returns what comes out.
    fn convert_pulse(from: u32, to: u32, pulse: usize) -> Vec<TransportData> {
        let mut node: Resample = make(json!({ "rate": to })).expect("valid params");
        let (mut outputs, item_frames) = (Outputs::default(), from as usize / 100);
        for first in (0..2 * from as usize).step_by(item_frames) {
            let frames = first..(first + item_frames).min(2 * from as usize);
            let samples: Vec<f32> = frames.map(|frame| if frame == pulse { 1.0 } else { 0.0 }).collect();
            let time = Duration::from_secs_f64(first as f64 / f64::from(from));
            let frame = AudioFrame::from_samples(&samples, from, 1).expect("a valid shape");
            let item = TransportData::new(frame).at(MediaTime::from_duration(time));
            node.process("in", item, &mut outputs).expect("converts");
        }
        node.flush(&mut outputs).expect("flushes");
        outputs.drain().map(|(_, item)| item).collect()
    }

    /// Where the sound lies, in samples: the mean of all places, weighted by their energy.
    fn centre(samples: &[f32]) -> f64 {
        let energy = |sample: &f32| f64::from(*sample).powi(2);
        let total: f64 = samples.iter().map(energy).sum();
        samples.iter().enumerate().map(|(place, sample)| place as f64 * energy(sample)).sum::<f64>() / total
    }

    #[test]
    fn a_pulse_comes_out_as_late_as_the_documentation_says_and_with_its_own_media_time() {
        for (from, to, delay) in [
            (8_000, 48_000, 240.0),
            (16_000, 48_000, 240.0),
            (32_000, 48_000, 240.0),
            (44_100, 48_000, 240.0),
            (48_000, 8_000, 40.0),
            (48_000, 16_000, 80.0),
            (48_000, 44_100, 220.5),
            (11_025, 48_000, 317.9),
            (22_050, 48_000, 320.0),
            (22_050, 16_000, 160.0),
            (96_000, 48_000, 80.0),
            (44_101, 48_000, 24_000.0),
        ] {
            // Past the longest first block: what the delay puts before the start is given the start's time.
            let pulse = from as usize * 5 / 3;
            let items = convert_pulse(from, to, pulse);
            let at = centre(&samples(&items));
            let came_in = pulse as f64 * f64::from(to) / f64::from(from);
            assert!((at - came_in - delay).abs() < 1.0, "{from} to {to}: {} samples late", at - came_in);

            let (mut before, mut heard) = (0.0, None);
            for item in &items {
                let frames = input::audio("out", item).expect("audio").frame_count() as f64;
                if heard.is_none() && at < before + frames {
                    let into = (at - before) / f64::from(to);
                    heard = Some(item.media_time.as_duration().as_secs_f64() + into);
                }
                before += frames;
            }
            let (heard, expected) = (heard.expect("it came out"), pulse as f64 / f64::from(from));
            assert!(
                (heard - expected).abs() < 1.0 / f64::from(from.min(to)),
                "{from} to {to}: {heard}, not {expected}"
            );
        }
    }

    #[test]
    fn a_flush_gives_out_the_rest_so_that_no_sound_is_lost() {
        for (from, to, item_frames) in [(48_000, 16_000, 480), (44_100, 48_000, 100), (8_000, 48_000, 4_001)]
        {
            let mut node: Resample = make(json!({ "rate": to })).expect("valid params");
            let made = samples(&convert(&mut node, 440.0, from, item_frames)).len();
            let delay = made - to as usize;
            assert!(delay <= to as usize / 100, "{from} to {to}: {delay} frames more than came in");
            let mut outputs = Outputs::default();
            node.flush(&mut outputs).expect("flushes");
            assert!(outputs.is_empty(), "{from} to {to}: a second flush gave out more");
        }
    }

    #[test]
    fn a_tone_above_half_the_new_rate_is_gone() {
        let mut node: Resample = make(json!({"rate": 16000})).expect("valid params");
        let sound = samples(&convert(&mut node, 11_000.0, 48_000, 480));
        let loudest = sound[800..15_000].iter().fold(0.0_f32, |loudest, s| loudest.max(s.abs()));
        assert!(loudest < 0.001, "{loudest}");
    }

    #[test]
    fn ten_milliseconds_in_are_ten_milliseconds_out_at_once() {
        let mut node: Resample = make(json!({"rate": 16000})).expect("valid params");
        for item in 0..5 {
            let out = run_audio(&mut node, &tone(440.0, 48_000, item * 480..(item + 1) * 480));
            assert_eq!(out.len(), 160);
        }
    }

    #[test]
    fn channels_are_mixed_by_the_rule() {
        let mixed = |from: u8, to: u8, samples: &[f32]| {
            let mut node: Resample = make(json!({ "channels": to })).expect("valid params");
            let frame = AudioFrame::from_samples(samples, 48_000, from).expect("a valid shape");
            run_audio(&mut node, &frame)
        };
        assert_eq!(mixed(2, 1, &[0.25, 0.75, -1.0, 0.0]), [0.5, -0.5]);
        assert_eq!(mixed(1, 2, &[0.25, -1.0]), [0.25, 0.25, -1.0, -1.0]);
        assert_eq!(mixed(3, 2, &[0.1, 0.2, 0.3]), [0.1, 0.2]);
        assert_eq!(mixed(2, 3, &[0.1, 0.2]), [0.1, 0.2, 0.0]);
    }

    #[test]
    fn sound_of_the_right_shape_passes_without_a_copy() {
        let mut node: Resample = make(json!({})).expect("valid params");
        let frame = tone(440.0, 48_000, 0..480);
        let mut outputs = Outputs::default();
        node.process("in", TransportData::new(frame.clone()), &mut outputs).expect("passes");
        let (_, item) = outputs.drain().next().expect("one item");
        let passed = input::audio("out", &item).expect("audio");
        assert_eq!(passed.samples().as_ptr(), frame.samples().as_ptr());
    }

    #[test]
    fn a_change_of_the_input_rate_begins_anew_after_giving_out_the_rest() {
        let mut node: Resample = make(json!({"rate": 48000})).expect("valid params");
        let mut outputs = Outputs::default();
        node.process("in", TransportData::new(tone(440.0, 16_000, 0..160)), &mut outputs).expect("converts");
        assert_eq!(outputs.drain().count(), 1);
        node.process("in", TransportData::new(tone(440.0, 8_000, 0..80)), &mut outputs).expect("converts");
        let lengths: Vec<usize> = outputs
            .drain()
            .map(|(_, item)| input::audio("out", &item).expect("audio").frame_count())
            .collect();
        assert_eq!(lengths, [240, 480]);
    }

    #[test]
    fn rates_and_channels_are_taken_at_the_limits_and_refused_past_them() {
        for (rate, fits) in [(7_999, false), (8_000, true), (192_000, true), (192_001, false)] {
            assert_eq!(make::<Resample>(json!({ "rate": rate })).is_ok(), fits, "{rate} Hz");
        }
        for (channels, fits) in [(0, false), (1, true), (8, true), (9, false)] {
            assert_eq!(make::<Resample>(json!({ "channels": channels })).is_ok(), fits, "{channels}");
        }
    }
}
