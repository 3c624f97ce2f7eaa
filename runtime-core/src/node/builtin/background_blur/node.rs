//! The node: takes pictures through the steps, and remembers the last one's time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::backdrop::Backdrop;
use super::compose::Composer;
use super::matte::{EdgeSettings, Matte};
use super::reduced::Reduced;
use super::segmenter::{Segmenter, SegmenterSettings};
use super::smoothing::GridSize;
use crate::data::{DataKind, MediaTime, TransportData, VideoLoan};
use crate::node::builtin::{input, param};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Keeps the person, or what moves, sharp and blurs what is behind.
pub struct BackgroundBlur {
    params: BackgroundBlurParams,
    pool: Arc<dyn FramePool>,
    steps: Option<Steps>,
}

/// Params of [`BackgroundBlur`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BackgroundBlurParams {
    /// How strongly the background is blurred: 1.0 spreads each pixel over a tenth of the picture's height
    /// to each side.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub strength: f32,
    /// Width of the soft edge between person and background, pixels of a picture of 720 lines.
    #[schemars(range(min = 0.0, max = 64.0))]
    pub feather: f32,
    /// How faint a difference from the background counts as foreground; 1.0 suits a usual camera.
    #[schemars(range(min = 0.1, max = 4.0))]
    pub sensitivity: f32,
    /// Time in which the edge follows a movement, milliseconds: longer is calmer, shorter is closer.
    #[schemars(range(min = 0, max = 1000))]
    pub smoothing_ms: u32,
    /// Whether the mask is given out, too, on the port `mask`: luma 255 is foreground, 0 background.
    pub mask: bool,
}

/// What is made for pictures of one size.
struct Steps {
    size: (u32, u32),
    reduced: Reduced,
    segmenter: Segmenter,
    matte: Matte,
    backdrop: Backdrop,
    composer: Composer,
    last: Option<MediaTime>,
}

/// Longest time between two frames that is believed: after a pause the model goes on where it was.
const LONGEST_STEP: Duration = Duration::from_millis(200);

/// Time between frames whose media time does not advance.
const USUAL_STEP: Duration = Duration::from_millis(33);

impl Default for BackgroundBlurParams {
    fn default() -> Self {
        Self { strength: 0.5, feather: 12.0, sensitivity: 1.0, smoothing_ms: 60, mask: false }
    }
}

impl BackgroundBlurParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("strength", self.strength, 0.0..=1.0)?;
        param::in_range("feather", self.feather, 0.0..=64.0)?;
        param::in_range("sensitivity", self.sensitivity, 0.1..=4.0)?;
        param::in_range("smoothing_ms", self.smoothing_ms, 0..=1000)
    }

    fn segmenter(&self) -> SegmenterSettings {
        SegmenterSettings { sensitivity: self.sensitivity, smoothing: self.smoothing_ms as f32 / 1000.0 }
    }
}

impl Node for BackgroundBlur {
    type Params = BackgroundBlurParams;

    const SPEC: NodeSpec =
        NodeSpec::new("BackgroundBlur", "Keeps the person, or what moves, sharp and blurs what is behind.")
            .inputs(&[PortSpec::new("in", &[DataKind::Video]).doc("I420 of any size; it may change.")])
            .outputs(&[
                PortSpec::new("out", &[DataKind::Video]).doc("The picture, I420 of the same size."),
                PortSpec::new("mask", &[DataKind::Video])
                    .doc("With the param `mask`: I420 of the same size and time; luma 255 is foreground, 0 background, chroma 128."),
            ])
            .heavy();

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { params, pool: context.pool.clone(), steps: None })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::i420(port, &item)?;
        if self.params.strength == 0.0 && !self.params.mask {
            outputs.send(item);
            return Ok(());
        }
        let (width, height) = (frame.width(), frame.height());
        let steps = match &mut self.steps {
            Some(steps) if steps.size == (width, height) => steps,
            other => other.insert(Steps::new(width, height, self.params.segmenter())),
        };
        let loan = || VideoLoan::like(&*self.pool, frame);
        let (mut out, mut mask) = (loan()?, self.params.mask.then(loan).transpose()?);
        let seconds = steps.seconds_since_last(item.media_time);
        steps.reduced.take(frame);
        let coarse = steps.segmenter.segment(&steps.reduced, seconds.unwrap_or(USUAL_STEP.as_secs_f32()));
        let lines = height as f32 / 720.0;
        let cell = 2.0 * steps.reduced.factor as f32;
        let edge = EdgeSettings {
            feather: self.params.feather * lines / cell,
            smoothing: self.params.smoothing_ms as f32 / 1000.0,
        };
        steps.matte.follow(coarse, &steps.reduced.cells.pixels, edge, seconds);
        let radius = self.params.strength * height as f32 / 10.0;
        steps.backdrop.blur(&mut steps.reduced, steps.matte.soft(), radius)?;
        steps.composer.compose(frame, &steps.backdrop, &steps.matte, &mut out, mask.as_mut());
        outputs.send(item.with_data(out.freeze()));
        if let Some(mask) = mask {
            outputs.send_to("mask", item.with_data(mask.freeze()));
        }
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.params = params;
        if let Some(steps) = &mut self.steps {
            steps.segmenter.set(self.params.segmenter());
        }
        Ok(())
    }
}

impl Steps {
    fn new(width: u32, height: u32, settings: SegmenterSettings) -> Self {
        let reduced = Reduced::new(width, height);
        let size = GridSize { width: reduced.cells.width, height: reduced.cells.height };
        Self {
            size: (width, height),
            segmenter: Segmenter::new(size, settings),
            matte: Matte::new(size),
            backdrop: Backdrop::new(&reduced),
            composer: Composer::new(&reduced, width, height),
            reduced,
            last: None,
        }
    }

    /// Returns the time since the last frame; `None` for the first.
    fn seconds_since_last(&mut self, now: MediaTime) -> Option<f32> {
        let last = self.last.replace(now)?;
        let step = now.saturating_since(last);
        let step = if step.is_zero() { USUAL_STEP } else { step.min(LONGEST_STEP) };
        Some(step.as_secs_f32())
    }
}

impl fmt::Debug for BackgroundBlur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundBlur").field("params", &self.params).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::data::{PixelFormat, RuntimeData, VideoFrame};
    use crate::node::builtin::input::tests::{draw, make, reconfigure, run, run_video};
    use crate::shm::HeapPool;

    fn stripes(width: u32, height: u32) -> VideoFrame {
        draw(
            width,
            height,
            |x, y| if (x / 4 + y / 4) % 2 == 0 { 60 } else { 180 },
            |_, x, _| 120 + x as u8 % 16,
        )
    }

    fn blur(params: Value) -> BackgroundBlur {
        make(params).expect("valid params")
    }

    #[test]
    fn params_are_taken_at_the_limits_and_refused_past_them() {
        for (param, values) in [
            (
                "strength",
                [(json!(0.0), true), (json!(1.0), true), (json!(-0.01), false), (json!(1.01), false)],
            ),
            ("feather", [(json!(0), true), (json!(64), true), (json!(-1), false), (json!(64.5), false)]),
            (
                "sensitivity",
                [(json!(0.1), true), (json!(4), true), (json!(0.05), false), (json!(4.1), false)],
            ),
            (
                "smoothing_ms",
                [(json!(0), true), (json!(1000), true), (json!(1001), false), (json!(-1), false)],
            ),
        ] {
            for (value, fits) in values {
                let made = make::<BackgroundBlur>(json!({param: value}));
                assert_eq!(made.is_ok(), fits, "{param} {value}");
                if let Err(NodeError::Param(ParamError::Value { param: named, .. })) = made {
                    assert_eq!(named, param);
                }
            }
        }
    }

    #[test]
    fn strength_0_passes_the_picture_on_without_a_copy() {
        let frame = stripes(64, 36);
        let out = run_video(&mut blur(json!({"strength": 0})), &frame);
        assert_eq!(out.plane(0).as_ptr(), frame.plane(0).as_ptr());
    }

    #[test]
    fn the_mask_comes_on_its_port_with_the_size_of_the_picture() {
        let mut node = blur(json!({"mask": true}));
        let given = run(&mut node, stripes(65, 37)).expect("a picture");
        let [("out", RuntimeData::Video(out)), ("mask", RuntimeData::Video(mask))] = &given[..] else {
            panic!("{given:?}");
        };
        for frame in [out, mask] {
            assert_eq!((frame.format(), frame.width(), frame.height()), (PixelFormat::I420, 65, 37));
        }
        assert!(mask.plane(1).iter().chain(mask.plane(2)).all(|&p| p == 128));
        assert!(mask.plane(0).contains(&255), "the first frame has somebody in the middle");
    }

    #[test]
    fn strength_0_with_a_mask_works_the_mask_out() {
        let given = run(&mut blur(json!({"strength": 0, "mask": true})), stripes(64, 36)).expect("a picture");
        assert_eq!(given.iter().map(|(port, _)| *port).collect::<Vec<_>>(), ["out", "mask"]);
    }

    #[test]
    fn other_formats_are_refused_with_the_node_that_converts_them() {
        for format in [PixelFormat::Nv12, PixelFormat::Rgb24, PixelFormat::Rgba] {
            let frame = VideoLoan::new(&HeapPool::default(), format, 64, 36).expect("fits").freeze();
            let refused = run(&mut blur(json!({})), frame).expect_err("another format").to_string();
            assert!(
                refused.contains(&format!("{format:?}")) && refused.contains("VideoConvert"),
                "{refused}"
            );
        }
    }

    #[test]
    fn new_params_hold_from_the_next_picture_on_and_bad_ones_change_nothing() {
        let mut node = blur(json!({}));
        let frame = stripes(64, 36);
        run_video(&mut node, &frame);
        node.reconfigure(BackgroundBlurParams { mask: true, ..Default::default() }).expect("valid");
        assert_eq!(run(&mut node, frame.clone()).expect("a picture").len(), 2);
        let bad = BackgroundBlurParams { strength: 2.0, ..Default::default() };
        reconfigure(&mut node, bad).expect_err("too strong");
        assert_eq!(run(&mut node, frame).expect("a picture").len(), 2);
    }

    #[test]
    fn time_that_stands_still_or_leaps_counts_as_a_usual_or_a_long_step() {
        let settings = BackgroundBlurParams::default().segmenter();
        let mut steps = Steps::new(64, 36, settings);
        let at = |ms| MediaTime::from_duration(Duration::from_millis(ms));
        assert_eq!(steps.seconds_since_last(at(1000)), None);
        for (ms, expected) in [(1040, 0.04), (1040, 0.033), (900, 0.033), (901, 0.001), (9000, 0.2)] {
            let step = steps.seconds_since_last(at(ms)).expect("not the first");
            assert!((step - expected).abs() < 1e-6, "at {ms}: {step}");
        }
    }
}
