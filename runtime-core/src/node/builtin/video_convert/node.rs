//! The node: takes pictures, gives them out in the format that is asked for.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conversion::convert;
use crate::data::{DataKind, PixelFormat, TransportData, VideoLoan};
use crate::node::builtin::input;
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, PortSpec};
use crate::shm::FramePool;

/// Changes how pixels lie in memory; takes every pixel format. Between YUV and RGB the picture's colour space counts
/// (BT.601 in the limited range where nothing else is said), and stays with it for the way back.
///
/// From RGB, chroma is the mean of the two by two pixels it covers; to RGB, each of the four gets it.
/// Transparency is dropped, and comes back as opaque.
#[derive(Debug)]
pub struct VideoConvert {
    format: PixelFormat,
    pool: Arc<dyn FramePool>,
}

/// Params of [`VideoConvert`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VideoConvertParams {
    /// The pixel format of what comes out.
    pub format: ConvertedFormat,
}

/// What [`VideoConvert`] makes of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConvertedFormat {
    /// Three planes Y, U, V; what encoders and the other nodes take.
    #[default]
    I420,
    /// Two planes Y and interleaved UV.
    Nv12,
    /// Red, green and blue, three bytes a pixel.
    Rgb24,
    /// Red, green, blue and opacity, four bytes a pixel.
    Rgba,
}

impl From<ConvertedFormat> for PixelFormat {
    fn from(format: ConvertedFormat) -> Self {
        match format {
            ConvertedFormat::I420 => Self::I420,
            ConvertedFormat::Nv12 => Self::Nv12,
            ConvertedFormat::Rgb24 => Self::Rgb24,
            ConvertedFormat::Rgba => Self::Rgba,
        }
    }
}

impl Node for VideoConvert {
    type Params = VideoConvertParams;

    const SPEC: NodeSpec =
        NodeSpec::new("VideoConvert", "Changes the pixel format; colours stay what they are.")
            .inputs(&[PortSpec::new("in", &[DataKind::Video]).doc("Any pixel format.")])
            .outputs(&[PortSpec::new("out", &[DataKind::Video])
                .doc("The same picture in the format that is asked for; opaque.")])
            .heavy();

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { format: params.format.into(), pool: context.pool.clone() })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::video(port, &item)?;
        if frame.format() == self.format {
            outputs.send(item);
            return Ok(());
        }
        let loan = VideoLoan::new(&*self.pool, self.format, frame.width(), frame.height())?;
        let mut loan = loan.with_color_space(frame.color_space());
        convert(frame, &mut loan, self.format)?;
        outputs.send(item.with_data(loan.freeze()));
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.format = params.format.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::VideoFrame;
    use crate::node::builtin::input::tests::{draw, make, run, run_video};
    use crate::shm::HeapPool;

    const FORMATS: [(&str, PixelFormat); 4] = [
        ("i420", PixelFormat::I420),
        ("nv12", PixelFormat::Nv12),
        ("rgb24", PixelFormat::Rgb24),
        ("rgba", PixelFormat::Rgba),
    ];

    fn converted(frame: &VideoFrame, format: &str) -> VideoFrame {
        let mut node: VideoConvert = make(json!({ "format": format })).expect("valid params");
        run_video(&mut node, frame)
    }

    fn picture() -> VideoFrame {
        draw(33, 17, |x, y| (60 + 3 * x + y) as u8, |plane, x, y| (118 + 3 * plane + x / 4 + y / 4) as u8)
    }

    #[test]
    fn each_format_is_made_by_its_name() {
        for (name, format) in FORMATS {
            let there = converted(&picture(), name);
            assert_eq!((there.format(), there.width(), there.height()), (format, 33, 17));
        }
    }

    #[test]
    fn a_picture_that_has_the_format_already_passes_without_a_copy() {
        for (name, _) in FORMATS {
            let there = converted(&picture(), name);
            assert_eq!(converted(&there, name).plane(0).as_ptr(), there.plane(0).as_ptr(), "{name}");
        }
    }

    #[test]
    fn opacity_is_dropped_and_comes_back_in_full() {
        let mut loan = VideoLoan::new(&HeapPool::default(), PixelFormat::Rgba, 3, 1).expect("small");
        loan.plane_mut(0).copy_from_slice(&[1, 2, 3, 0, 40, 50, 60, 128, 7, 8, 9, 255]);
        let rgb = converted(&loan.freeze(), "rgb24");
        assert_eq!(rgb.plane(0), [1, 2, 3, 40, 50, 60, 7, 8, 9]);
        assert_eq!(converted(&rgb, "rgba").plane(0), [1, 2, 3, 255, 40, 50, 60, 255, 7, 8, 9, 255]);
        assert!(converted(&picture(), "rgba").plane(0).as_chunks::<4>().0.iter().all(|p| p[3] == 255));
    }

    #[test]
    fn the_format_can_change_while_it_runs_and_an_unknown_one_is_refused() {
        let mut node: VideoConvert = make(json!({})).expect("valid params");
        assert_eq!(run_video(&mut node, &picture()).format(), PixelFormat::I420);
        node.reconfigure(VideoConvertParams { format: ConvertedFormat::Rgba }).expect("any format");
        assert_eq!(run_video(&mut node, &picture()).format(), PixelFormat::Rgba);
        let refused = make::<VideoConvert>(json!({"format": "yuyv"})).expect_err("no such format");
        assert!(refused.to_string().contains("param"), "{refused}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let mut node: VideoConvert = make(json!({})).expect("valid params");
        let refused = run(&mut node, json!("text")).expect_err("no picture");
        assert!(refused.to_string().contains("json"), "{refused}");
    }
}
