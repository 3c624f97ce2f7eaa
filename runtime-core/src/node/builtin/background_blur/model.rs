//! What the background looks like where it has been seen.

use super::smoothing::GridSize;

/// A frame's cells as numbers: Y, U, V.
pub(super) type Observed = [Vec<f32>; 3];

/// What each cell shows when nothing is before the background.
///
/// A cell holds the background as seen so far, how much it varies and for how long it was seen, and a
/// candidate: something else that has been seen there lately. A candidate that stays longer than what it
/// replaces becomes the background. Where nothing is known, nothing is claimed.
#[derive(Debug)]
pub(super) struct Background {
    mean: Observed,
    /// Mean squared distance of what was seen from the mean.
    spread: Vec<f32>,
    /// Time for which the background was seen, seconds; 0: unknown.
    seen: Vec<f32>,
    candidate: Observed,
    /// Time for which the candidate was seen, seconds.
    candidate_seen: Vec<f32>,
}

/// Squared distance that noise and coding make in any picture (two levels of luma, one of chroma).
const NOISE: f32 = 4.0;

/// Squared distances, in multiples of the usual, from which on a cell is another thing than before.
const DIFFERENT: f32 = 5.0;

/// Most that the background alone can say for and against foreground, log-odds.
const MOST_FOR: f32 = 4.5;
const MOST_AGAINST: f32 = 3.0;

/// Time after which the background counts in full, seconds.
const FAMILIAR: f32 = 3.0;

/// Time in which a known background follows slow changes, seconds.
const FOLLOWS: f32 = 8.0;

/// Time for which a background is remembered at most, seconds; also how long a foreground thing must not
/// move before it becomes background.
const LONGEST: f32 = 300.0;

/// Shortest and longest time after which a new thing in the background replaces the old, seconds.
const REPLACED_AFTER: (f32, f32) = (1.0, 10.0);

impl Background {
    pub(super) fn new(size: GridSize) -> Self {
        let zeros = || vec![0.0; size.len()];
        Self {
            mean: std::array::from_fn(|_| zeros()),
            spread: zeros(),
            seen: zeros(),
            candidate: std::array::from_fn(|_| zeros()),
            candidate_seen: zeros(),
        }
    }

    /// Writes, for each cell, the log-odds that it is foreground (0 where the background is unknown) and
    /// how far the background is known (0.0 not at all, 1.0 in full).
    ///
    /// * `sensitivity`: 1.0; more finds fainter differences.
    pub(super) fn judge(&self, observed: &Observed, sensitivity: f32, odds: &mut [f32], known: &mut [f32]) {
        let cells = odds.len();
        let [y, u, v] = slices(observed, cells);
        let [mean_y, mean_u, mean_v] = slices(&self.mean, cells);
        let (spread, seen, known) = (&self.spread[..cells], &self.seen[..cells], &mut known[..cells]);
        for i in 0..cells {
            let distance = squared_distance(y[i] - mean_y[i], u[i] - mean_u[i], v[i] - mean_v[i]);
            let multiple = sensitivity * distance / (spread[i] + NOISE);
            let claim = (0.6 * (multiple - DIFFERENT)).clamp(-MOST_AGAINST, MOST_FOR);
            let familiar = (seen[i] * (1.0 / FAMILIAR)).min(1.0);
            // A thing that differs from what was seen but a moment says more than one that is like it.
            let unfamiliar = (0.25 * (seen[i] * 1e6).min(1.0) + seen[i]).min(1.0);
            odds[i] = claim * if claim > 0.0 { unfamiliar } else { familiar };
            known[i] = familiar;
        }
    }

    /// Takes what is seen for the background of a cell of which nothing is known yet.
    pub(super) fn assume(&mut self, cell: usize, observed: &Observed, seconds: f32) {
        for (mean, plane) in self.mean.iter_mut().zip(observed) {
            mean[cell] = plane[cell];
        }
        self.spread[cell] = 3.0 * NOISE;
        self.seen[cell] = seconds;
        self.candidate_seen[cell] = 0.0;
    }

    /// Takes back what is known of a cell.
    pub(super) fn forget(&mut self, cell: usize) {
        self.seen[cell] = 0.0;
        self.candidate_seen[cell] = 0.0;
    }

    /// Whether anything is known of a cell.
    pub(super) fn knows(&self, cell: usize) -> bool {
        self.seen[cell] > 0.0
    }

    /// Learns from a cell that shows the background, for `seconds`.
    pub(super) fn learn(&mut self, cell: usize, observed: &Observed, seconds: f32) {
        if self.seen[cell] == 0.0 {
            self.assume(cell, observed, seconds);
            return;
        }
        let distance = self.distance(&self.mean, cell, observed);
        // What flickers (leaves, a screen) becomes a background that varies much.
        let rate = (seconds / (self.seen[cell] + seconds)).max(seconds / FOLLOWS).min(0.5);
        self.spread[cell] += rate * (distance.min(900.0) - self.spread[cell]);
        if distance < 2.0 * DIFFERENT * (self.spread[cell] + NOISE) {
            for (mean, plane) in self.mean.iter_mut().zip(observed) {
                mean[cell] += rate * (plane[cell] - mean[cell]);
            }
            self.seen[cell] = (self.seen[cell] + seconds).min(LONGEST);
            self.candidate_seen[cell] = (self.candidate_seen[cell] - seconds).max(0.0);
        } else {
            let (shortest, longest) = REPLACED_AFTER;
            self.consider(cell, observed, seconds, self.seen[cell].clamp(shortest, longest));
        }
    }

    /// Learns from a cell that shows a thing in which nothing moves, for `seconds`: it becomes background
    /// in the end.
    pub(super) fn learn_still(&mut self, cell: usize, observed: &Observed, seconds: f32) {
        self.consider(cell, observed, seconds, LONGEST);
    }

    /// Sees a thing that is not the background; after `needed` seconds it is.
    fn consider(&mut self, cell: usize, observed: &Observed, seconds: f32, needed: f32) {
        let same = self.distance(&self.candidate, cell, observed) < 4.0 * DIFFERENT * NOISE;
        if self.candidate_seen[cell] > 0.0 && same {
            self.candidate_seen[cell] += seconds;
            for (candidate, plane) in self.candidate.iter_mut().zip(observed) {
                candidate[cell] += 0.1 * (plane[cell] - candidate[cell]);
            }
        } else {
            self.candidate_seen[cell] = seconds;
            for (candidate, plane) in self.candidate.iter_mut().zip(observed) {
                candidate[cell] = plane[cell];
            }
        }
        if self.candidate_seen[cell] >= needed {
            self.assume(cell, observed, needed);
        }
    }

    /// Returns how far a cell's luma is from the background's, if that is familiar.
    pub(super) fn luma_change(&self, cell: usize, observed: &Observed) -> Option<f32> {
        (self.seen[cell] >= 0.5).then(|| observed[0][cell] - self.mean[0][cell])
    }

    /// Returns how far two neighbouring cells differ in what is seen and in the background, if it is known.
    pub(super) fn contrast(&self, cell: usize, other: usize, observed: &Observed) -> Option<(f32, f32)> {
        if self.seen[cell] == 0.0 || self.seen[other] == 0.0 {
            return None;
        }
        let between =
            |planes: &Observed| planes.iter().map(|plane| (plane[cell] - plane[other]).abs()).sum::<f32>();
        Some((between(observed), between(&self.mean)))
    }

    fn distance(&self, from: &Observed, cell: usize, observed: &Observed) -> f32 {
        let [y, u, v] = std::array::from_fn(|plane| observed[plane][cell] - from[plane][cell]);
        squared_distance(y, u, v)
    }
}

/// Chroma counts more than luma: shadows and the camera's exposure change the latter.
pub(super) fn squared_distance(y: f32, u: f32, v: f32) -> f32 {
    0.5 * y * y + 2.0 * (u * u + v * v)
}

/// Equally long slices, so that loops over them need no checks.
fn slices(planes: &Observed, cells: usize) -> [&[f32]; 3] {
    std::array::from_fn(|plane| &planes[plane][..cells])
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: [f32; 3] = [120.0, 128.0, 120.0];
    const SKIN: [f32; 3] = [150.0, 112.0, 150.0];
    /// Time between two lessons, seconds.
    const LESSON: f32 = 0.1;

    /// A model of one cell, and what it is shown.
    struct Cell {
        model: Background,
        observed: Observed,
    }

    impl Cell {
        fn new() -> Self {
            let model = Background::new(GridSize { width: 1, height: 1 });
            Self { model, observed: std::array::from_fn(|_| vec![0.0]) }
        }

        fn of_wall(seconds: f32) -> Self {
            let mut cell = Self::new();
            cell.learn(WALL, seconds);
            cell
        }

        fn show(&mut self, colour: [f32; 3]) -> &Observed {
            for (plane, value) in self.observed.iter_mut().zip(colour) {
                plane[0] = value;
            }
            &self.observed
        }

        fn learn(&mut self, colour: [f32; 3], seconds: f32) {
            self.show(colour);
            for _ in 0..(seconds / LESSON).round() as usize {
                self.model.learn(0, &self.observed, LESSON);
            }
        }

        /// The log-odds of foreground and how far the background is known.
        fn judge(&mut self, colour: [f32; 3], sensitivity: f32) -> (f32, f32) {
            let (mut odds, mut known) = ([f32::NAN], [f32::NAN]);
            self.show(colour);
            self.model.judge(&self.observed, sensitivity, &mut odds, &mut known);
            (odds[0], known[0])
        }
    }

    fn brighter(colour: [f32; 3], step: f32) -> [f32; 3] {
        [colour[0] + step, colour[1], colour[2]]
    }

    #[test]
    fn where_nothing_is_known_nothing_is_claimed() {
        let mut cell = Cell::new();
        assert_eq!(cell.judge(WALL, 1.0), (0.0, 0.0));
        assert!(!cell.model.knows(0));
        cell.learn(WALL, 1.0);
        assert!(cell.model.knows(0));
        cell.model.forget(0);
        assert_eq!(cell.judge(SKIN, 1.0), (0.0, 0.0));
    }

    #[test]
    fn what_looks_like_the_background_is_it_and_what_does_not_is_in_front() {
        let mut cell = Cell::of_wall(4.0);
        assert_eq!(cell.judge(WALL, 1.0), (-MOST_AGAINST, 1.0));
        assert_eq!(cell.judge(SKIN, 1.0), (MOST_FOR, 1.0));
        assert!(cell.judge(brighter(WALL, 2.0), 1.0).0 < -2.0, "two levels are noise");
    }

    #[test]
    fn a_claim_grows_with_the_time_for_which_the_background_was_seen() {
        let known = [0.1, 1.0, 2.0, 3.0].map(|seconds| Cell::of_wall(seconds).judge(WALL, 1.0));
        assert!(known.windows(2).all(|pair| pair[1].0 < pair[0].0 && pair[1].1 > pair[0].1), "{known:?}");
        assert!(known[3].1 > 0.999, "{known:?}");
        let at_first = Cell::of_wall(0.1).judge(SKIN, 1.0).0;
        assert!((0.5..MOST_FOR).contains(&at_first), "{at_first}");
    }

    #[test]
    fn more_sensitivity_finds_fainter_differences() {
        let mut cell = Cell::of_wall(4.0);
        let faint = brighter(WALL, 6.0);
        let odds = [0.2, 1.0, 4.0].map(|sensitivity| cell.judge(faint, sensitivity).0);
        assert!(odds[0] < 0.0 && odds[2] > 0.0 && odds[0] < odds[1] && odds[1] < odds[2], "{odds:?}");
    }

    #[test]
    fn what_flickers_becomes_a_background_that_varies() {
        let mut cell = Cell::of_wall(1.0);
        let lit = brighter(WALL, 12.0);
        assert!(cell.judge(lit, 1.0).0 > 0.0);
        for _ in 0..100 {
            cell.learn(WALL, LESSON);
            cell.learn(lit, LESSON);
        }
        assert!(cell.judge(WALL, 1.0).0 < 0.0 && cell.judge(lit, 1.0).0 < 0.0);
        assert_eq!(cell.judge(SKIN, 1.0).0, MOST_FOR, "and still is not everything");
    }

    #[test]
    fn a_new_thing_in_the_background_becomes_background() {
        for seen in [0.5, 3.0, 60.0] {
            let mut cell = Cell::of_wall(seen);
            assert!(cell.judge(SKIN, 1.0).0 > 0.0, "seen {seen} s");
            cell.learn(SKIN, 12.0);
            assert!(cell.judge(SKIN, 1.0).0 < 0.0, "seen {seen} s");
        }
    }

    #[test]
    fn a_foreground_thing_must_stay_for_minutes_to_become_background() {
        let mut cell = Cell::of_wall(60.0);
        cell.show(SKIN);
        let mut stay = |seconds: f32| {
            for _ in 0..seconds as usize {
                cell.model.learn_still(0, &cell.observed, 1.0);
            }
            let (mut odds, mut known) = ([0.0], [0.0]);
            cell.model.judge(&cell.observed, 1.0, &mut odds, &mut known);
            odds[0]
        };
        assert_eq!(stay(LONGEST - 2.0), MOST_FOR);
        assert_eq!(stay(3.0), -MOST_AGAINST);
    }

    #[test]
    fn a_change_of_the_light_is_told_where_the_background_is_familiar() {
        let mut cell = Cell::of_wall(4.0);
        let lit = brighter(WALL, 25.0);
        cell.show(lit);
        assert_eq!(cell.model.luma_change(0, &cell.observed).map(f32::round), Some(25.0));
        let mut fresh = Cell::of_wall(0.2);
        fresh.show(lit);
        assert_eq!(fresh.model.luma_change(0, &fresh.observed), None, "a moment is not familiar");
    }

    #[test]
    fn a_slow_change_is_followed_without_a_claim() {
        let mut cell = Cell::of_wall(30.0);
        let mut colour = WALL;
        for step in 0..600 {
            colour[0] += 0.05;
            assert!(cell.judge(colour, 1.0).0 < 0.0, "after {step} steps");
            cell.learn(colour, LESSON);
        }
        assert!(cell.judge(WALL, 1.0).0 > 0.0, "30 levels ago");
    }

    #[test]
    fn contrast_is_told_where_both_cells_are_known() {
        let mut model = Background::new(GridSize { width: 3, height: 1 });
        let planes = |levels: [f32; 3]| [levels.to_vec(), vec![128.0; 3], vec![128.0; 3]];
        let then = planes([100.0, 140.0, 0.0]);
        model.assume(0, &then, 1.0);
        model.assume(1, &then, 1.0);
        let now = planes([100.0, 103.0, 0.0]);
        assert_eq!(model.contrast(0, 1, &now), Some((3.0, 40.0)));
        assert_eq!(model.contrast(1, 2, &now), None);
    }
}
