//! Blurs the whole picture.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::gaussian::{MAX_RADIUS, blur_plane};
use super::{input, param};
use crate::data::{DataKind, TransportData, VideoLoan};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError, PortSpec};
use crate::shm::FramePool;

/// Blurs the whole picture (Gaussian).
#[derive(Debug)]
pub struct VideoBlur {
    radius: u32,
    pool: Arc<dyn FramePool>,
}

/// Params of [`VideoBlur`].
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VideoBlurParams {
    /// How far a pixel spreads to each side, in luma pixels; the Gaussian's standard deviation is half
    /// of it. 0 hands pictures on as they came. Cost grows with it: about 0.05 ms per pixel of radius at 720p.
    #[schemars(range(min = 0, max = 64))]
    pub radius: u32,
}

impl Default for VideoBlurParams {
    fn default() -> Self {
        Self { radius: 8 }
    }
}

impl VideoBlurParams {
    fn check(&self) -> Result<(), ParamError> {
        param::in_range("radius", self.radius, 0..=MAX_RADIUS)
    }
}

impl Node for VideoBlur {
    type Params = VideoBlurParams;

    const SPEC: NodeSpec = NodeSpec::new("VideoBlur", "Blurs the whole picture (Gaussian).")
        .inputs(&[PortSpec::new("in", &[DataKind::Video])])
        .outputs(&[PortSpec::new("out", &[DataKind::Video])])
        .heavy();

    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        params.check()
    }

    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { radius: params.radius, pool: context.pool.clone() })
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let frame = input::i420(port, &item)?;
        if self.radius == 0 {
            outputs.send(item);
            return Ok(());
        }
        let mut loan = VideoLoan::like(&*self.pool, frame)?;
        for plane in 0..3 {
            let radius = if plane == 0 { self.radius } else { self.radius.div_ceil(2) };
            let stride = loan.plane_layout(plane).stride;
            blur_plane(frame.plane(plane), frame.plane_layout(plane), loan.plane_mut(plane), stride, radius)?;
        }
        outputs.send(item.with_data(loan.freeze()));
        Ok(())
    }

    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        self.radius = params.radius;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::builtin::input::tests::{draw, make, reconfigure, run_video};

    fn chequered() -> crate::data::VideoFrame {
        draw(
            64,
            48,
            |x, y| if (x + y) % 2 == 0 { 200 } else { 100 },
            |plane, x, _| if x % 2 == 0 { 100 } else { 100 + 20 * plane as u8 },
        )
    }

    #[test]
    fn a_chequered_picture_becomes_even_in_luma_and_chroma() {
        let mut node: VideoBlur = make(json!({"radius": 6})).expect("valid params");
        let blurred = run_video(&mut node, &chequered());
        for (plane, mean) in [(0, 150), (1, 110), (2, 120)] {
            for row in 8..16 {
                let pixels = &blurred.row(plane, row)[8..24];
                assert!(pixels.iter().all(|p| p.abs_diff(mean) <= 4), "plane {plane}: {pixels:?}");
            }
        }
    }

    #[test]
    fn an_edge_is_blurred_as_far_as_the_radius_and_no_further() {
        let mut node: VideoBlur = make(json!({"radius": 4})).expect("valid params");
        let edge = draw(64, 16, |x, _| if x < 32 { 50 } else { 200 }, |_, _, _| 128);
        let row = run_video(&mut node, &edge).row(0, 8).to_vec();
        assert!((row[27], row[36]) == (50, 200), "{row:?}");
        assert!(row[28] > 50 && row[31] > 90 && row[32] < 160 && row[35] < 200, "{row:?}");
    }

    #[test]
    fn radius_0_hands_the_same_memory_on_and_a_new_radius_takes_effect() {
        let mut node: VideoBlur = make(json!({"radius": 0})).expect("valid params");
        let frame = chequered();
        assert_eq!(run_video(&mut node, &frame).plane(0).as_ptr(), frame.plane(0).as_ptr());
        node.reconfigure(VideoBlurParams { radius: 3 }).expect("valid params");
        assert_ne!(run_video(&mut node, &frame).plane(0), frame.plane(0));
        assert!(reconfigure(&mut node, VideoBlurParams { radius: 65 }).is_err());
        assert_eq!(node.radius, 3);
    }

    #[test]
    fn the_largest_radius_is_taken_and_one_more_refused() {
        assert!(make::<VideoBlur>(json!({"radius": 64})).is_ok());
        let refused = make::<VideoBlur>(json!({"radius": 65})).expect_err("too large");
        assert_eq!(refused.to_string(), "param radius is 65, expected 0 to 64");
    }
}
