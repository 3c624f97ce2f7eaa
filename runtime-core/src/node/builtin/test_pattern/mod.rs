//! Moving pictures for trying a pipeline out and for measuring it: every frame carries its number as a
//! barcode, and is the same on every machine.
//!
//! `node` gives the pictures out at real pace; each scene is a file that draws frame `n` of itself.
//! Scenes know neither time nor outputs.

mod gradient;
mod node;
mod paint;
mod person;
mod sprite;

pub use node::{TestPattern, TestPatternParams, TestScene};

use crate::data::VideoLoan;

/// Something that can be drawn, frame by frame, in any order.
trait Scene: Send {
    /// Draws frame `n` into an I420 picture of the scene's size.
    fn draw(&self, n: u64, picture: &mut VideoLoan);

    /// Marks what is in front in frame `n`: 255 in the luma of a picture that is 0 elsewhere.
    fn draw_mask(&self, n: u64, mask: &mut VideoLoan);
}
