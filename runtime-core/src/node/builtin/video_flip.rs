//! Mirrors the picture or turns it upside down.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::input;
use crate::data::{DataKind, PixelFormat, TransportData, VideoLoan};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, PortSpec};
use crate::shm::FramePool;

/// Mirrors the picture or turns it upside down; takes every pixel format.
#[derive(Debug)]
pub struct VideoFlip {
    direction: FlipDirection,
    pool: Arc<dyn FramePool>,
}

/// Params of [`VideoFlip`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VideoFlipParams {
    /// What becomes of the picture.
    pub direction: FlipDirection,
}

/// What [`VideoFlip`] makes of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlipDirection {
    /// Left and right change places, as in a mirror.
    #[default]
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both: turned by half a turn.
    Rotate180,
}

impl Node for VideoFlip {
    type Params = VideoFlipParams;

    const SPEC: NodeSpec = NodeSpec::new("VideoFlip", "Mirrors the picture or turns it upside down.")
        .inputs(&[PortSpec::new("in", &[DataKind::Video])])
        .outputs(&[PortSpec::new("out", &[DataKind::Video])])
        .heavy();

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { direction: params.direction, pool: context.pool.clone() })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::video(port, &item)?;
        let format = frame.format();
        let mut loan = VideoLoan::like(&*self.pool, frame)?;
        for plane in 0..format.plane_count() {
            let layout = loan.plane_layout(plane);
            for (y, to) in loan.plane_mut(plane).chunks_exact_mut(layout.stride).enumerate() {
                let from = match self.direction {
                    FlipDirection::Horizontal => frame.row(plane, y),
                    FlipDirection::Vertical | FlipDirection::Rotate180 => {
                        frame.row(plane, layout.rows - 1 - y)
                    }
                };
                match self.direction {
                    FlipDirection::Vertical => to.copy_from_slice(&from[..to.len()]),
                    FlipDirection::Horizontal | FlipDirection::Rotate180 => {
                        mirror_row(from, to, format, plane)
                    }
                }
            }
        }
        outputs.send(item.with_data(loan.freeze()));
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.direction = params.direction;
        Ok(())
    }
}

fn mirror_row(from: &[u8], to: &mut [u8], format: PixelFormat, plane: usize) {
    match (format, plane) {
        (PixelFormat::Nv12, 1) => mirror_pixels::<2>(from, to),
        (PixelFormat::I420 | PixelFormat::Nv12, _) => mirror_pixels::<1>(from, to),
        (PixelFormat::Rgb24, _) => mirror_pixels::<3>(from, to),
        (PixelFormat::Rgba, _) => mirror_pixels::<4>(from, to),
    }
}

fn mirror_pixels<const BYTES: usize>(from: &[u8], to: &mut [u8]) {
    let from = from[..to.len()].as_chunks::<BYTES>().0;
    for (to, from) in to.as_chunks_mut::<BYTES>().0.iter_mut().zip(from.iter().rev()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::builtin::input::tests::{draw, make, run_video};
    use crate::shm::HeapPool;

    #[test]
    fn every_pixel_of_every_format_goes_to_its_place() {
        for (format, pixel_bytes) in [
            (PixelFormat::I420, [1, 1, 1]),
            (PixelFormat::Nv12, [1, 2, 0]),
            (PixelFormat::Rgb24, [3, 0, 0]),
            (PixelFormat::Rgba, [4, 0, 0]),
        ] {
            let mut loan = VideoLoan::new(&HeapPool::default(), format, 7, 5).expect("a small picture");
            let mut next = 0;
            for plane in 0..format.plane_count() {
                for byte in loan.plane_mut(plane) {
                    *byte = next;
                    next = next.wrapping_add(1);
                }
            }
            let frame = loan.freeze();
            for (direction, mirror, turn) in
                [("horizontal", true, false), ("vertical", false, true), ("rotate180", true, true)]
            {
                let mut node: VideoFlip = make(json!({ "direction": direction })).expect("valid params");
                let flipped = run_video(&mut node, &frame);
                for (plane, &bytes) in pixel_bytes.iter().enumerate().take(format.plane_count()) {
                    let layout = frame.plane_layout(plane);
                    let columns = layout.row_bytes / bytes;
                    for y in 0..layout.rows {
                        for x in 0..columns {
                            let from_x = if mirror { columns - 1 - x } else { x };
                            let from_y = if turn { layout.rows - 1 - y } else { y };
                            assert_eq!(
                                flipped.row(plane, y)[x * bytes..][..bytes],
                                frame.row(plane, from_y)[from_x * bytes..][..bytes],
                                "{format:?} {direction} plane {plane} at {x},{y}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn two_half_turns_give_the_picture_back() {
        let frame = draw(64, 36, |x, y| (3 * x + 5 * y) as u8, |plane, x, y| (plane * 50 + x + 2 * y) as u8);
        let mut node: VideoFlip = make(json!({"direction": "rotate180"})).expect("valid params");
        let twice = run_video(&mut node, &frame);
        let twice = run_video(&mut node, &twice);
        for plane in 0..3 {
            assert_eq!(twice.plane(plane), frame.plane(plane));
        }
    }

    #[test]
    fn an_unknown_direction_is_refused() {
        assert!(make::<VideoFlip>(json!({"direction": "diagonal"})).is_err());
    }
}
