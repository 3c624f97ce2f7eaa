//! Whether a place that is taken for foreground shows the background again.

use super::lessons::Scene;
use super::model::{Background, squared_distance};

/// Returns whether a cell that is not known as background shows it all the same: it lies at the outline, has been
/// still, and what it shows goes on in the background beside it.
///
/// Of what was taken for a person at the start, this finds the part that is room; of where a thing stood, that it has
/// left. A person's own cells differ from the background beside them; where they do not, more of what looks like
/// them is within the outline than without.
pub(super) fn shows_background(scene: &Scene<'_>, background: &Background, cell: usize) -> bool {
    if scene.still[cell] < QUIET || !is_beside_background(scene, background, cell) {
        return false;
    }
    let now = colour(scene.observed, cell);
    let before = background.knows(cell).then(|| background.colour(cell));
    let (mut goes_on, mut stands, mut went_on) = (0, 0, 0);
    for_each_around(scene, cell, |other| {
        let alike = usize::from(is_alike(now, colour(scene.observed, other)));
        if scene.mask[other] != 0 {
            stands += alike;
        } else if background.knows(other) {
            goes_on += alike;
            went_on += usize::from(before.is_some_and(|before| is_alike(before, background.colour(other))));
        }
    });
    // Where a thing stands before a known background, it is that which goes on around it.
    goes_on >= FEWEST && 2 * goes_on >= stands && 4 * went_on <= goes_on
}

/// Time for which a cell must not have moved, seconds.
const QUIET: f32 = 0.5;

/// Squared distance up to which two cells look alike: nine levels of luma.
const ALIKE: f32 = 40.0;

/// Fewest cells of the background around that must look alike.
const FEWEST: usize = 2;

/// How far what is around reaches each way, and from one cell that is looked at to the next, cells.
const REACH: isize = 9;
const STEP: usize = 3;

fn is_beside_background(scene: &Scene<'_>, background: &Background, cell: usize) -> bool {
    let width = scene.size.width;
    let column = cell % width;
    let is_background = |other: usize| scene.mask[other] == 0 && background.knows(other);
    column >= BESIDE && is_background(cell - BESIDE)
        || column + BESIDE < width && is_background(cell + BESIDE)
        || cell >= BESIDE * width && is_background(cell - BESIDE * width)
        || cell + BESIDE * width < scene.size.len() && is_background(cell + BESIDE * width)
}

/// From the outline to the innermost cell that lies at it, cells.
const BESIDE: usize = 2;

fn for_each_around(scene: &Scene<'_>, cell: usize, mut visit: impl FnMut(usize)) {
    let (width, height) = (scene.size.width as isize, scene.size.height as isize);
    let (x, y) = (cell as isize % width, cell as isize / width);
    for v in (y - REACH..=y + REACH).step_by(STEP).filter(|v| (0..height).contains(v)) {
        for u in (x - REACH..=x + REACH).step_by(STEP).filter(|u| (0..width).contains(u)) {
            visit((v * width + u) as usize);
        }
    }
}

fn colour(planes: &[Vec<f32>; 3], cell: usize) -> [f32; 3] {
    planes.each_ref().map(|plane| plane[cell])
}

fn is_alike(a: [f32; 3], b: [f32; 3]) -> bool {
    squared_distance(a[0] - b[0], a[1] - b[1], a[2] - b[2]) < ALIKE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::builtin::background_blur::model::Observed;
    use crate::node::builtin::background_blur::smoothing::GridSize;

    const SIZE: GridSize = GridSize { width: 48, height: 32 };
    const WALL: [f32; 3] = [120.0, 128.0, 120.0];
    const COAT: [f32; 3] = [60.0, 140.0, 110.0];

    /// What is seen, what is taken for foreground, and the background.
    struct Room {
        observed: Observed,
        mask: Vec<u8>,
        background: Background,
    }

    /// Whether a cell lies in the square in which something stands, or has stood.
    fn in_square(cell: usize) -> bool {
        let (x, y) = (cell % SIZE.width, cell / SIZE.width);
        (16..32).contains(&x) && (8..24).contains(&y)
    }

    /// A cell of the square at its left edge, half way down.
    const AT_EDGE: usize = 16 * SIZE.width + 16;

    fn planes(colour: impl Fn(usize) -> [f32; 3]) -> Observed {
        std::array::from_fn(|plane| (0..SIZE.len()).map(|cell| colour(cell)[plane]).collect())
    }

    impl Room {
        /// * `then`: the background as known; `None` where nothing is known.
        /// * `now`: what is seen.
        fn new(then: impl Fn(usize) -> Option<[f32; 3]>, now: impl Fn(usize) -> [f32; 3]) -> Self {
            let mut background = Background::new(SIZE);
            let known = planes(|cell| then(cell).unwrap_or_default());
            (0..SIZE.len())
                .filter(|&cell| then(cell).is_some())
                .for_each(|cell| background.assume(cell, &known, 5.0));
            let mask = (0..SIZE.len()).map(|cell| u8::from(in_square(cell))).collect();
            Self { observed: planes(now), mask, background }
        }

        fn shows_background(&self, cell: usize, still: f32) -> bool {
            let (odds, still) = (vec![0.0; SIZE.len()], vec![still; SIZE.len()]);
            let scene =
                Scene { size: SIZE, observed: &self.observed, mask: &self.mask, odds: &odds, still: &still };
            shows_background(&scene, &self.background, cell)
        }
    }

    fn square(within: [f32; 3], without: [f32; 3]) -> impl Fn(usize) -> [f32; 3] {
        move |cell| if in_square(cell) { within } else { without }
    }

    #[test]
    fn an_unknown_place_that_goes_on_in_the_background_is_found_once_it_is_still() {
        let room = Room::new(|cell| (!in_square(cell)).then_some(WALL), |_| WALL);
        assert!(room.shows_background(AT_EDGE, 1.0));
        assert!(!room.shows_background(AT_EDGE, 0.2), "moved but now");
        assert!(!room.shows_background(AT_EDGE + 8, 1.0), "the outline is far");
    }

    #[test]
    fn somebody_before_an_unknown_place_stays() {
        let room = Room::new(|cell| (!in_square(cell)).then_some(WALL), square(COAT, WALL));
        assert!(!room.shows_background(AT_EDGE, 60.0));
    }

    #[test]
    fn somebody_whose_edge_lies_without_the_outline_stays() {
        let reaches = |cell: usize| in_square(cell) || in_square(cell + 1) || in_square(cell + 2);
        let now = move |cell: usize| if reaches(cell) { COAT } else { WALL };
        let room = Room::new(move |cell| (!in_square(cell)).then(|| now(cell)), now);
        assert!(!room.shows_background(AT_EDGE, 60.0));
    }

    #[test]
    fn where_a_thing_stood_from_the_start_the_wall_behind_it_is_found() {
        let then = square(COAT, WALL);
        let room = Room::new(|cell| Some(then(cell)), |_| WALL);
        assert!(room.shows_background(AT_EDGE, 1.0));
    }

    #[test]
    fn a_coat_like_the_wall_before_a_known_wall_stays() {
        let paler = WALL.map(|level| level + 2.0);
        let room = Room::new(|_| Some(WALL), square(paler, WALL));
        assert!(!room.shows_background(AT_EDGE, 60.0));
    }
}
