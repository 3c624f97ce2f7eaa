//! Where a person is likely before anything has moved.

use super::smoothing::GridSize;

/// How likely each cell shows a person who sits before a camera, as log-odds from −`FAR` (nowhere near)
/// to `NEAR` (the middle of head and chest).
///
/// The outline is a head and shoulders that reach the picture's lower edge, as video calls have them;
/// measured in picture heights, so that it does not widen with the picture. It stands in the middle
/// until it is moved to where somebody is.
#[derive(Debug)]
pub(super) struct PersonPrior {
    size: GridSize,
    /// The log-odds of a grid twice as wide, with the outline in its middle.
    odds: Vec<f32>,
    /// How far right of the middle the outline stands, cells.
    shift: isize,
}

impl PersonPrior {
    pub(super) fn new(size: GridSize) -> Self {
        let height = size.height as f32;
        let mut odds = Vec::with_capacity(2 * size.len());
        for y in 0..size.height {
            for x in 0..2 * size.width {
                let (x, y) = ((x as f32 + 0.5 - size.width as f32) / height, (y as f32 + 0.5) / height);
                odds.push(log_odds(depth(x.abs(), y)));
            }
        }
        Self { size, odds, shift: 0 }
    }

    /// Returns the column, in cells, of the outline's middle.
    pub(super) fn centre(&self) -> usize {
        (self.size.width / 2).saturating_add_signed(self.shift)
    }

    /// Moves the outline's middle to a column.
    pub(super) fn move_to(&mut self, centre: usize) {
        self.shift = centre.min(self.size.width - 1) as isize - (self.size.width / 2) as isize;
    }

    /// Returns the log-odds of row `y`.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        self.row_at(y, self.shift)
    }

    /// Returns the log-odds of row `y` as they would be with the outline's middle at column `centre`.
    pub(super) fn row_centred(&self, y: usize, centre: usize) -> &[f32] {
        self.row_at(y, centre as isize - (self.size.width / 2) as isize)
    }

    fn row_at(&self, y: usize, shift: isize) -> &[f32] {
        let width = self.size.width;
        let start = (width - width / 2).saturating_add_signed(-shift).min(width);
        &self.odds[2 * width * y + start..][..width]
    }
}

/// Log-odds in the middle of the outline, and far from it.
const NEAR: f32 = 2.0;
const FAR: f32 = 2.5;

/// From the outline to where a person is as likely as in the middle, and as unlikely as far away; picture
/// heights.
const INSIDE: f32 = 0.06;
const OUTSIDE: f32 = 0.20;

/// How much more shoulders differ from one person to the next than heads do: at the neck the outline would
/// otherwise outweigh the colours of the wall, and show it sharp.
const SHOULDERS_VARY: f32 = 2.0;

/// Returns how far inside the outline (negative: outside) a point is; `x` from the middle, `y` from the
/// top, all in picture heights.
fn depth(x: f32, y: f32) -> f32 {
    let (u, v) = (x / 0.13, (y - 0.40) / 0.19);
    let head = (1.0 - (u * u + v * v).sqrt()) * 0.13;
    // From the neck the shoulders widen quickly, then little.
    let below = ((y - 0.56) / 0.20).clamp(0.0, 1.0);
    let half_width = 0.07 + 0.25 * below.sqrt() + 0.08 * ((y - 0.76) / 0.24).max(0.0);
    let beside_neck = ((x - 0.07) / 0.25).clamp(0.0, 1.0);
    let top = 0.56 + 0.20 * beside_neck * beside_neck;
    let shoulders = (half_width - x).min(y - top) / SHOULDERS_VARY;
    head.max(shoulders)
}

fn log_odds(depth: f32) -> f32 {
    if depth > 0.0 { NEAR * (depth / INSIDE).min(1.0) } else { -FAR * (-depth / OUTSIDE).min(1.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_chest_are_likely_and_the_corners_are_not() {
        for (width, height) in [(160, 90), (120, 90), (60, 90), (161, 91)] {
            let prior = PersonPrior::new(GridSize { width, height });
            let at = |x: f32, y: f32| prior.row((y * height as f32) as usize)[(x * width as f32) as usize];
            assert!(at(0.5, 0.4) > 1.5 && at(0.5, 0.8) > 1.5, "{width}x{height}");
            for x in [0.01, 0.99] {
                assert!(at(x, 0.02) < -2.0 && at(x, 0.5) < -1.0, "{width}x{height}");
            }
            assert!(at(0.5, 0.05) < -1.5, "{width}x{height}");
        }
    }

    #[test]
    fn the_outline_can_be_moved_to_either_side() {
        let mut prior = PersonPrior::new(GridSize { width: 160, height: 90 });
        let middle = prior.row(36).to_vec();
        for centre in [0, 30, 80, 140, 159] {
            prior.move_to(centre);
            assert_eq!(prior.centre(), centre);
            assert!(prior.row(36)[centre] > 1.9, "at {centre}");
            assert_eq!(prior.row(36), prior.row_centred(36, centre));
        }
        prior.move_to(100);
        assert_eq!(prior.row(36)[50..150], middle[30..130]);
    }
}
