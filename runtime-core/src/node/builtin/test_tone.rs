//! Makes a tone, for trying a pipeline out and for measuring it.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::param;
use crate::data::{AudioLoan, DataKind, MediaTime, StreamId, TransportData};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Gives out a sine tone at real pace; with `beep`, a loud 1 kHz beep at the start of each second.
///
/// Every channel carries the same sound. Media time is the time since the start, so that the beep of a
/// `TestTone` and the frame numbers of a `TestPattern` started with it belong together.
#[derive(Debug)]
pub struct TestTone {
    params: TestToneParams,
    /// Items given out.
    items: u64,
    source: Option<StreamId>,
    pool: Arc<dyn FramePool>,
}

/// Params of [`TestTone`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestToneParams {
    /// Frequency of the tone, Hz.
    #[schemars(range(min = 20.0, max = 20000.0))]
    pub frequency: f64,
    /// Peak level of the tone, dBFS.
    #[schemars(range(min = -120.0, max = 0.0))]
    pub level_dbfs: f64,
    /// Replaces the first 100 ms of each second by a beep of 1 kHz at −4.4 dBFS.
    pub beep: bool,
    /// Sample rate, Hz.
    #[schemars(range(min = 8000, max = 192000))]
    pub sample_rate: u32,
    /// Channels.
    #[schemars(range(min = 1, max = 8))]
    pub channels: u8,
    /// Sound per item, milliseconds.
    #[schemars(range(min = 1, max = 100))]
    pub item_ms: u32,
    /// Items to give out; without it, there is no end.
    #[schemars(range(min = 1))]
    pub items: Option<u64>,
}

const BEEP_FREQUENCY: f64 = 1000.0;
const BEEP_AMPLITUDE: f64 = 0.6;
const BEEP_SECONDS: f64 = 0.1;

impl Default for TestToneParams {
    fn default() -> Self {
        Self {
            frequency: 440.0,
            level_dbfs: -26.0,
            beep: false,
            sample_rate: 48_000,
            channels: 1,
            item_ms: 10,
            items: None,
        }
    }
}

impl TestToneParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("frequency", self.frequency, 20.0..=20_000.0)?;
        param::in_range("level_dbfs", self.level_dbfs, -120.0..=0.0)?;
        param::in_range("sample_rate", self.sample_rate, 8_000..=192_000)?;
        param::in_range("channels", self.channels, 1..=8)?;
        param::in_range("item_ms", self.item_ms, 1..=100)?;
        param::in_range("items", self.items.unwrap_or(1), 1..=u64::MAX)?;
        if self.frequency * 2.0 > f64::from(self.sample_rate) {
            let expected = format!("at most half the sample rate ({} Hz)", self.sample_rate / 2);
            return Err(ParamError::Value { param: "frequency", got: self.frequency.to_string(), expected });
        }
        Ok(())
    }

    /// Returns the first frame of item `item`.
    fn first_frame(&self, item: u64) -> u64 {
        item * u64::from(self.item_ms) * u64::from(self.sample_rate) / 1000
    }

    fn sample(&self, frame: u64) -> f32 {
        let rate = f64::from(self.sample_rate);
        // The phase is taken within the second, where 64 bits are exact however long the tone runs.
        let second = (frame / u64::from(self.sample_rate)) as f64;
        let within = (frame % u64::from(self.sample_rate)) as f64 / rate;
        if self.beep && within < BEEP_SECONDS {
            return (BEEP_AMPLITUDE * (TAU * BEEP_FREQUENCY * within).sin()) as f32;
        }
        let turns = (self.frequency * second).fract() + self.frequency * within;
        (10_f64.powf(self.level_dbfs / 20.0) * (TAU * turns).sin()) as f32
    }
}

impl Node for TestTone {
    type Params = TestToneParams;

    const SPEC: NodeSpec =
        NodeSpec::new("TestTone", "Gives out a sine tone, with a beep each second if asked.")
            .outputs(&[PortSpec::new("out", &[DataKind::Audio])]);

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        let (source, pool) = (context.stream.clone(), context.pool.clone());
        Ok(Self { params, items: 0, source, pool })
    }

    fn process(&mut self, port: &str, item: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
        Err(NodeError::Kind { port: port.to_owned(), kind: item.data.kind() })
    }

    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError> {
        if self.params.items.is_some_and(|items| self.items >= items) {
            return Ok(None);
        }
        let due = Duration::from_millis(self.items * u64::from(self.params.item_ms));
        if elapsed < due {
            return Ok(Some(due));
        }
        let (first, end) = (self.params.first_frame(self.items), self.params.first_frame(self.items + 1));
        let (rate, channels) = (self.params.sample_rate, self.params.channels);
        let mut loan = AudioLoan::new(&*self.pool, (end - first) as usize, rate, channels)?;
        for (frame, samples) in loan.samples_mut().chunks_exact_mut(usize::from(channels)).enumerate() {
            samples.fill(self.params.sample(first + frame as u64));
        }
        let mut item =
            TransportData::new(loan.freeze()).numbered(self.items).at(MediaTime::from_duration(due));
        item.source = self.source.clone();
        outputs.send(item);
        self.items += 1;
        Ok(Some(Duration::from_millis(self.items * u64::from(self.params.item_ms))))
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        if (params.item_ms, params.sample_rate) != (self.params.item_ms, self.params.sample_rate) {
            // Both count frames from the start; a change would move the place of every frame given out.
            return Err(NodeError::from(ParamError::Value {
                param: "item_ms or sample_rate",
                got: format!("{} and {}", params.item_ms, params.sample_rate),
                expected: "no change while the tone runs".to_owned(),
            }));
        }
        self.params = params;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::RuntimeData;
    use crate::node::builtin::input::tests::make;

    /// Runs the node to its end as the executor would, on a clock that never lags.
    fn run_out(node: &mut TestTone) -> Vec<TransportData> {
        let (mut outputs, mut items, mut elapsed) = (Outputs::default(), Vec::new(), Duration::ZERO);
        while let Some(due) = node.produce(elapsed, &mut outputs).expect("produces") {
            items.extend(outputs.drain().map(|(_, item)| item));
            elapsed = due;
        }
        items
    }

    fn samples(items: &[TransportData]) -> Vec<f32> {
        let samples = |item: &TransportData| match &item.data {
            RuntimeData::Audio(frame) => frame.samples().to_vec(),
            other => panic!("{other:?}"),
        };
        items.iter().flat_map(samples).collect()
    }

    /// How much of a tone of `frequency` is in the samples: its amplitude.
    fn amplitude(samples: &[f32], frequency: f64, rate: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &sample) in samples.iter().enumerate() {
            let angle = TAU * frequency * i as f64 / rate;
            re += f64::from(sample) * angle.cos();
            im += f64::from(sample) * angle.sin();
        }
        2.0 * (re * re + im * im).sqrt() / samples.len() as f64
    }

    #[test]
    fn the_tone_has_its_frequency_level_and_length() {
        let mut node: TestTone =
            make(json!({"frequency": 700, "level_dbfs": -20, "items": 100})).expect("valid params");
        let items = run_out(&mut node);
        let sound = samples(&items);
        assert_eq!((items.len(), sound.len()), (100, 48_000));
        assert!((amplitude(&sound, 700.0, 48_000.0) - 0.1).abs() < 1e-4);
        assert!(amplitude(&sound, 1000.0, 48_000.0) < 1e-4);
        for (n, item) in items.iter().enumerate() {
            assert_eq!(
                (item.sequence, item.media_time.as_duration()),
                (n as u64, Duration::from_millis(10) * n as u32)
            );
        }
    }

    #[test]
    fn the_beep_fills_the_first_tenth_of_each_second() {
        let mut node: TestTone = make(json!({"beep": true, "items": 200})).expect("valid params");
        let sound = samples(&run_out(&mut node));
        for second in 0..2 {
            let (beep, tone) = sound[second * 48_000..][..48_000].split_at(4800);
            assert!((amplitude(beep, 1000.0, 48_000.0) - 0.6).abs() < 1e-3);
            assert!((amplitude(tone, 440.0, 48_000.0) - 0.0501).abs() < 1e-3);
            assert!(tone.iter().all(|s| s.abs() <= 0.0502));
        }
    }

    #[test]
    fn items_that_are_no_whole_number_of_frames_make_up_whole_seconds() {
        let mut node: TestTone =
            make(json!({"sample_rate": 44100, "item_ms": 5, "items": 200, "channels": 2}))
                .expect("valid params");
        assert_eq!(samples(&run_out(&mut node)).len(), 2 * 44_100);
    }

    #[test]
    fn a_call_before_the_next_item_is_due_gives_nothing_out() {
        let mut node: TestTone = make(json!({})).expect("valid params");
        let mut outputs = Outputs::default();
        node.produce(Duration::ZERO, &mut outputs).expect("produces");
        let due = node.produce(Duration::from_millis(9), &mut outputs).expect("waits");
        assert_eq!((outputs.len(), due), (1, Some(Duration::from_millis(10))));
    }

    #[test]
    fn a_tone_above_half_the_sample_rate_is_refused() {
        assert!(make::<TestTone>(json!({"sample_rate": 8000, "frequency": 4000})).is_ok());
        let refused =
            make::<TestTone>(json!({"sample_rate": 8000, "frequency": 4001})).expect_err("too high");
        assert_eq!(
            refused.to_string(),
            "param frequency is 4001, expected at most half the sample rate (4000 Hz)"
        );
    }

    #[test]
    fn the_level_can_change_while_it_runs_but_not_the_rate() {
        let mut node: TestTone = make(json!({})).expect("valid params");
        assert!(node.reconfigure(TestToneParams { level_dbfs: -6.0, ..Default::default() }).is_ok());
        assert!(node.reconfigure(TestToneParams { sample_rate: 16_000, ..Default::default() }).is_err());
    }
}
