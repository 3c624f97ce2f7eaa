//! Makes the picture larger or smaller.

use std::fmt;
use std::sync::Arc;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{input, param};
use crate::data::{DataKind, PixelFormat, TransportData, VideoFrame, VideoLoan};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Makes the picture larger or smaller.
pub struct VideoScale {
    params: VideoScaleParams,
    resizer: Resizer,
    /// A plane without the gaps between its rows, for frames that have gaps.
    packed: Vec<u8>,
    pool: Arc<dyn FramePool>,
}

/// Params of [`VideoScale`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VideoScaleParams {
    /// Width of the box that the picture is fitted into, pixels.
    #[schemars(range(min = 2, max = 8192))]
    pub width: u32,
    /// Height of the box that the picture is fitted into, pixels.
    #[schemars(range(min = 2, max = 8192))]
    pub height: u32,
    /// Keeps the proportions: the picture becomes as large as the box allows, with even sides, and may
    /// be narrower or lower than the box. Otherwise it is stretched to the box.
    pub keep_aspect: bool,
    /// How pixels are made from their neighbours.
    pub filter: ScaleFilter,
}

/// How [`VideoScale`] makes pixels from their neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleFilter {
    /// The nearest one alone: fastest, with jagged edges.
    Nearest,
    /// A weighted mean of those that the pixel covers: smooth, the right choice for a call.
    #[default]
    Bilinear,
    /// Lanczos with three lobes: sharpest, about twice the cost of `bilinear`.
    Lanczos,
}

impl Default for VideoScaleParams {
    fn default() -> Self {
        Self { width: 640, height: 360, keep_aspect: true, filter: ScaleFilter::default() }
    }
}

impl VideoScaleParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("width", self.width, 2..=VideoFrame::MAX_DIMENSION)?;
        param::in_range("height", self.height, 2..=VideoFrame::MAX_DIMENSION)
    }

    /// Returns the size that a picture of `width`×`height` gets.
    fn target(&self, width: u32, height: u32) -> (u32, u32) {
        if !self.keep_aspect {
            return (self.width, self.height);
        }
        let (from_width, from_height) = (u64::from(width), u64::from(height));
        let (box_width, box_height) = (u64::from(self.width), u64::from(self.height));
        let even = |side: u64| (side as u32 / 2 * 2).max(2);
        if from_width * box_height > from_height * box_width {
            (even(box_width), even(from_height * box_width / from_width))
        } else {
            (even(from_width * box_height / from_height), even(box_height))
        }
    }
}

impl ScaleFilter {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Nearest => ResizeAlg::Nearest,
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
        }
    }
}

impl Node for VideoScale {
    type Params = VideoScaleParams;

    const SPEC: NodeSpec = NodeSpec::new("VideoScale", "Makes the picture larger or smaller.")
        .inputs(&[PortSpec::new("in", &[DataKind::Video])])
        .outputs(&[PortSpec::new("out", &[DataKind::Video])])
        .heavy();

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        let pool = context.pool.clone();
        Ok(Self { params, resizer: Resizer::new(), packed: Vec::new(), pool })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::i420(port, &item)?;
        let (width, height) = self.params.target(frame.width(), frame.height());
        if (width, height) == (frame.width(), frame.height()) {
            outputs.send(item);
            return Ok(());
        }
        let loan = VideoLoan::new(&*self.pool, PixelFormat::I420, width, height)?;
        let mut loan = loan.with_color_space(frame.color_space());
        for plane in 0..3 {
            self.scale_plane(frame, plane, &mut loan)?;
        }
        outputs.send(item.with_data(loan.freeze()));
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.params = params;
        Ok(())
    }
}

impl VideoScale {
    fn scale_plane(&mut self, frame: &VideoFrame, plane: usize, to: &mut VideoLoan) -> Result<(), NodeError> {
        let layout = frame.plane_layout(plane);
        let pixels = if layout.stride == layout.row_bytes {
            frame.plane(plane)
        } else {
            self.packed.clear();
            for y in 0..layout.rows {
                self.packed.extend_from_slice(frame.row(plane, y));
            }
            &self.packed
        };
        // Of that one kind of pixel: an image of any kind would have the compiler make the filters of all thirteen.
        let from = TypedImageRef::<U8>::from_buffer(layout.row_bytes as u32, layout.rows as u32, pixels)
            .map_err(NodeError::failed)?;
        let target = to.plane_layout(plane);
        let pixels = to.plane_mut(plane);
        let mut to = TypedImage::<U8>::from_buffer(target.row_bytes as u32, target.rows as u32, pixels)
            .map_err(NodeError::failed)?;
        let options = ResizeOptions::new().resize_alg(self.params.filter.algorithm());
        self.resizer.resize_typed(&from, &mut to, &options).map_err(NodeError::failed)
    }
}

impl fmt::Debug for VideoScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VideoScale").field("params", &self.params).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data::PlaneLayout;
    use crate::node::builtin::input::tests::{draw, make, run_video};
    use crate::shm::SharedFrame;

    fn ramp(width: u32, height: u32) -> VideoFrame {
        let (w, h) = (width as usize, height as usize);
        draw(width, height, |x, _| (x * 255 / w) as u8, |_, _, y| (y * 255 / h.div_ceil(2)) as u8)
    }

    #[test]
    fn a_ramp_stays_the_same_ramp_at_half_and_double_the_size() {
        for filter in ["nearest", "bilinear", "lanczos"] {
            for (width, height) in [(160, 90), (640, 360)] {
                let params = json!({"width": width, "height": height, "filter": filter});
                let mut node: VideoScale = make(params).expect("valid params");
                let scaled = run_video(&mut node, &ramp(320, 180));
                assert_eq!((scaled.width(), scaled.height()), (width, height));
                for x in 8..width as usize - 8 {
                    let expected = (x * 255 / width as usize) as u8;
                    let got = scaled.row(0, 40)[x];
                    assert!(got.abs_diff(expected) <= 2, "{filter} {width}: {got} at {x}, not {expected}");
                }
                let chroma_rows = height as usize / 2;
                for y in 8..chroma_rows - 8 {
                    let expected = (y * 255 / chroma_rows) as u8;
                    let got = scaled.row(2, y)[10];
                    assert!(got.abs_diff(expected) <= 4, "{filter} {height}: {got} at {y}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn proportions_are_kept_within_the_box_or_given_up_for_it() {
        for (keep_aspect, from, to) in [
            (true, (1280, 720), (640, 360)),
            (true, (1920, 1080), (640, 360)),
            (true, (640, 480), (480, 360)),
            (true, (480, 640), (270, 360)),
            (true, (100, 1000), (36, 360)),
            (true, (8, 8000), (2, 360)),
            (true, (8000, 8), (640, 2)),
            (false, (640, 480), (640, 360)),
        ] {
            let params = VideoScaleParams { keep_aspect, ..VideoScaleParams::default() };
            assert_eq!(params.target(from.0, from.1), to, "{from:?}");
        }
        let odd = VideoScaleParams { width: 641, height: 361, ..VideoScaleParams::default() };
        assert_eq!(odd.target(64, 64), (360, 360));
    }

    #[test]
    fn a_picture_that_has_the_size_already_passes_without_a_copy() {
        let frame = ramp(640, 360);
        let mut node: VideoScale = make(json!({})).expect("valid params");
        assert_eq!(run_video(&mut node, &frame).plane(0).as_ptr(), frame.plane(0).as_ptr());
    }

    #[test]
    fn gaps_between_rows_do_not_show() {
        let packed = ramp(320, 180);
        let mut bytes = vec![255; 3 * 352 * 180];
        let mut planes = [PlaneLayout::default(); 3];
        for (plane, target) in planes.iter_mut().enumerate() {
            let layout = packed.plane_layout(plane);
            *target = PlaneLayout { offset: plane * 352 * 180, stride: 352, ..layout };
            for y in 0..layout.rows {
                let start = target.offset + y * target.stride;
                bytes[start..start + layout.row_bytes].copy_from_slice(packed.row(plane, y));
            }
        }
        let gaps = VideoFrame::new(SharedFrame::from_vec(bytes), PixelFormat::I420, 320, 180, planes);
        let mut node: VideoScale = make(json!({"width": 160, "height": 90})).expect("valid params");
        let from_gaps = run_video(&mut node, &gaps.expect("a valid layout"));
        let from_packed = run_video(&mut node, &packed);
        for plane in 0..3 {
            assert_eq!(from_gaps.plane(plane), from_packed.plane(plane));
        }
    }

    #[test]
    fn sides_are_taken_at_the_limits_and_refused_past_them() {
        for (side, fits) in [(1, false), (2, true), (8192, true), (8193, false)] {
            assert_eq!(make::<VideoScale>(json!({"width": side})).is_ok(), fits, "width {side}");
            assert_eq!(make::<VideoScale>(json!({"height": side})).is_ok(), fits, "height {side}");
        }
    }
}
