//! The source that gives a scene out at real pace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scene;
use super::gradient::GradientScene;
use super::person::PersonScene;
use crate::data::{DataKind, MediaTime, PixelFormat, StreamId, TransportData, VideoFrame, VideoLoan};
use crate::node::builtin::barcode::draw_barcode;
use crate::node::builtin::param;
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Gives out a moving test picture at real pace; each frame carries its number (modulo 4096) as a
/// barcode in the top ninth of the picture, for [`read_barcode`](crate::node::builtin::read_barcode).
///
/// Frame `n` is the same on every machine, and has media time `n / fps`. A source that falls behind
/// gives out every frame that is due, in order: it never leaves one out.
pub struct TestPattern {
    params: TestPatternParams,
    scene: Box<dyn Scene>,
    /// Frames given out.
    frames: u64,
    source: Option<StreamId>,
    pool: Arc<dyn FramePool>,
}

/// Params of [`TestPattern`].
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TestPatternParams {
    /// Width, pixels.
    #[schemars(range(min = 32, max = 8192))]
    pub width: u32,
    /// Height, pixels.
    #[schemars(range(min = 18, max = 8192))]
    pub height: u32,
    /// Frames per second.
    #[schemars(range(min = 0.1, max = 240.0))]
    pub fps: f64,
    /// Frames to give out; without it, there is no end.
    #[schemars(range(min = 1))]
    pub frames: Option<u64>,
    /// What is seen.
    pub scene: TestScene,
    /// Whether the truth about what is in front (the person, the square) is given out, too, on the port
    /// `mask`, to measure with.
    pub mask: bool,
}

/// What is seen in a [`TestPattern`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestScene {
    /// A moving gradient with a coloured square that travels: every pixel changes.
    #[default]
    Gradient,
    /// A person who sits in a furnished room and moves a little: a video call.
    Person,
}

impl Default for TestPatternParams {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30.0, frames: None, scene: TestScene::default(), mask: false }
    }
}

impl TestPatternParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("width", self.width, 32..=VideoFrame::MAX_DIMENSION)?;
        param::in_range("height", self.height, 18..=VideoFrame::MAX_DIMENSION)?;
        param::in_range("fps", self.fps, 0.1..=240.0)?;
        param::in_range("frames", self.frames.unwrap_or(1), 1..=u64::MAX)
    }

    fn time_of(&self, frame: u64) -> Duration {
        Duration::try_from_secs_f64(frame as f64 / self.fps).unwrap_or(Duration::MAX)
    }
}

impl TestScene {
    fn paint(self, width: u32, height: u32) -> Result<Box<dyn Scene>, NodeError> {
        Ok(match self {
            Self::Gradient => Box::new(GradientScene::new(width)),
            Self::Person => Box::new(PersonScene::new(width, height)?),
        })
    }
}

impl Node for TestPattern {
    type Params = TestPatternParams;

    const SPEC: NodeSpec = NodeSpec::new(
        "TestPattern",
        "Gives out a moving test picture with frame numbers.",
    )
    .outputs(&[
        PortSpec::new("out", &[DataKind::Video]).doc("The picture, I420."),
        PortSpec::new("mask", &[DataKind::Video]).doc(
            "With the param `mask`, before each picture: I420 of the same size, number and time; luma 255 is \
                     what is in front, 0 the rest, chroma 128.",
        ),
    ])
    .heavy();

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        let scene = params.scene.paint(params.width, params.height)?;
        Ok(Self { params, scene, frames: 0, source: context.stream.clone(), pool: context.pool.clone() })
    }

    fn process(&mut self, port: &str, item: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
        Err(NodeError::Kind { port: port.to_owned(), kind: item.data.kind() })
    }

    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError> {
        if self.params.frames.is_some_and(|frames| self.frames >= frames) {
            return Ok(None);
        }
        let due = self.params.time_of(self.frames);
        if elapsed < due {
            return Ok(Some(due));
        }
        let (width, height) = (self.params.width, self.params.height);
        let mut picture = VideoLoan::new(&*self.pool, PixelFormat::I420, width, height)?;
        self.scene.draw(self.frames, &mut picture);
        draw_barcode(&mut picture, self.frames);
        let mut item =
            TransportData::new(picture.freeze()).numbered(self.frames).at(MediaTime::from_duration(due));
        item.source = self.source.clone();
        if self.params.mask {
            outputs.send_to("mask", item.with_data(self.draw_mask()?));
        }
        outputs.send(item);
        self.frames += 1;
        Ok(Some(self.params.time_of(self.frames)))
    }
}

impl TestPattern {
    fn draw_mask(&self) -> Result<VideoFrame, NodeError> {
        let mut mask = VideoLoan::new(&*self.pool, PixelFormat::I420, self.params.width, self.params.height)?;
        for (plane, level) in [0, 128, 128].into_iter().enumerate() {
            mask.plane_mut(plane).fill(level);
        }
        self.scene.draw_mask(self.frames, &mut mask);
        Ok(mask.freeze())
    }
}

impl fmt::Debug for TestPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPattern").field("params", &self.params).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::RuntimeData;
    use crate::node::builtin::input::tests::make;
    use crate::node::builtin::read_barcode;

    /// Runs the node to its end as the executor would, on a clock that never lags.
    fn run_out(node: &mut TestPattern) -> Vec<TransportData> {
        let (mut outputs, mut items, mut elapsed) = (Outputs::default(), Vec::new(), Duration::ZERO);
        while let Some(due) = node.produce(elapsed, &mut outputs).expect("produces") {
            items.extend(outputs.drain().map(|(_, item)| item));
            elapsed = due;
        }
        items
    }

    fn picture(item: &TransportData) -> &VideoFrame {
        match &item.data {
            RuntimeData::Video(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_frame_of_every_scene_carries_its_number_and_time() {
        for scene in ["gradient", "person"] {
            let params = json!({"width": 320, "height": 180, "fps": 25, "frames": 60, "scene": scene});
            let items = run_out(&mut make(params).expect("valid params"));
            assert_eq!(items.len(), 60);
            for (n, item) in (0_u32..).zip(&items) {
                assert_eq!(read_barcode(picture(item)), Some(n as u16), "{scene}");
                assert_eq!(item.sequence, u64::from(n));
                let off = item.media_time.as_duration().abs_diff(Duration::from_millis(40) * n);
                assert!(off < Duration::from_micros(1), "{scene} frame {n}: off by {off:?}");
            }
        }
    }

    #[test]
    fn the_mask_comes_with_its_picture_and_marks_what_is_in_front() {
        for (scene, share) in [("gradient", 0.01..0.05), ("person", 0.1..0.3)] {
            let params = json!({"width": 320, "height": 180, "frames": 5, "scene": scene, "mask": true});
            let mut node: TestPattern = make(params).expect("valid params");
            let (mut outputs, mut elapsed) = (Outputs::default(), Duration::ZERO);
            let mut items = Vec::new();
            while let Some(due) = node.produce(elapsed, &mut outputs).expect("produces") {
                items.extend(outputs.drain());
                elapsed = due;
            }
            assert_eq!(items.len(), 10);
            for (n, pair) in (0..).zip(items.chunks_exact(2)) {
                assert_eq!((pair[0].0, pair[1].0), ("mask", "out"));
                assert_eq!((pair[0].1.sequence, pair[1].1.sequence), (n, n));
                assert_eq!(pair[0].1.media_time, pair[1].1.media_time);
                let mask = picture(&pair[0].1);
                let marked = mask.plane(0).iter().filter(|&&p| p > 127).count() as f64;
                let marked = marked / (320.0 * 180.0);
                assert!(share.contains(&marked), "{scene}: {marked} of the picture");
                assert!(mask.plane(1).iter().chain(mask.plane(2)).all(|&p| p == 128));
            }
        }
    }

    #[test]
    fn a_source_that_fell_behind_gives_out_every_frame_in_order() {
        let mut node: TestPattern = make(json!({"width": 64, "height": 36})).expect("valid params");
        let mut outputs = Outputs::default();
        let late = Duration::from_secs(1);
        while node.produce(late, &mut outputs).expect("produces").is_some_and(|due| due <= late) {}
        let numbers: Vec<u64> = outputs.drain().map(|(_, item)| item.sequence).collect();
        assert_eq!(numbers, (0..=30).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_frame_is_the_same_picture_in_every_run() {
        for scene in ["gradient", "person"] {
            let params = json!({"width": 160, "height": 90, "frames": 3, "scene": scene});
            let first = run_out(&mut make(params.clone()).expect("valid params"));
            let second = run_out(&mut make(params).expect("valid params"));
            for (a, b) in first.iter().zip(&second) {
                for plane in 0..3 {
                    assert_eq!(picture(a).plane(plane), picture(b).plane(plane), "{scene}");
                }
            }
        }
    }

    #[test]
    fn sizes_and_rates_are_taken_at_the_limits_and_refused_past_them() {
        for (params, fits) in [
            (json!({"width": 32, "height": 18}), true),
            (json!({"width": 31, "height": 18}), false),
            (json!({"width": 32, "height": 17}), false),
            (json!({"width": 8192, "height": 18}), true),
            (json!({"width": 8193, "height": 18}), false),
            (json!({"width": 32, "height": 8193}), false),
            (json!({"fps": 0.1}), true),
            (json!({"fps": 0}), false),
            (json!({"fps": 240}), true),
            (json!({"fps": 240.5}), false),
            (json!({"frames": 1}), true),
            (json!({"frames": 0}), false),
        ] {
            assert_eq!(make::<TestPattern>(params.clone()).is_ok(), fits, "{params}");
        }
    }

    #[test]
    fn scenes_of_odd_and_extreme_shapes_are_drawn() {
        for scene in ["gradient", "person"] {
            for (width, height) in [(33, 19), (32, 400), (801, 18), (321, 181)] {
                let params = json!({"width": width, "height": height, "frames": 2, "scene": scene});
                assert_eq!(run_out(&mut make(params).expect("valid params")).len(), 2);
            }
        }
    }
}
