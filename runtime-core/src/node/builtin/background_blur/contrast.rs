//! Whether a region's outline is one of what is seen, or of what has left.

use std::ops::Range;

use super::lessons::Scene;
use super::model::Background;

/// The contrast across a region's outline.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Contrast {
    /// In what is seen, and in the background.
    now: f32,
    then: f32,
    /// Places of the outline, and those of them where the background is known.
    places: usize,
    known: usize,
}

impl Contrast {
    /// Adds the outline at a run of the region's cells.
    pub(super) fn add(&mut self, scene: &Scene<'_>, background: &Background, cells: Range<usize>) {
        let width = scene.size.width;
        let row = cells.start / width * width;
        let mut compare = |inside: usize, outside: usize| {
            if scene.mask[outside] != 0 {
                return;
            }
            self.places += 1;
            if let Some((now, then)) = background.contrast(inside, outside, scene.observed) {
                self.known += 1;
                self.now += now;
                self.then += then;
            }
        };
        if cells.start >= row + 2 {
            compare(cells.start, cells.start - 2);
        }
        if cells.end + 1 < row + width {
            compare(cells.end - 1, cells.end + 1);
        }
        for cell in cells {
            if cell >= 2 * width && scene.mask[cell - width] == 0 {
                compare(cell, cell - 2 * width);
            }
            if cell + 2 * width < scene.size.len() && scene.mask[cell + width] == 0 {
                compare(cell, cell + 2 * width);
            }
        }
    }

    /// A thing before the background has an outline that the background has not. Where it is the other
    /// way round, the thing has left, and the background shows it still.
    pub(super) fn is_of_ghost(&self) -> bool {
        2 * self.known > self.places && self.then > 1.5 * self.now
    }
}
