//! Where something lives in the picture: what moves there again and again.

use super::model::{Observed, squared_distance};
use super::prior::PersonPrior;
use super::smoothing::GridSize;

/// Remembers where something has moved lately.
///
/// A person never sits quite still, so that cells in which something moves again and again show one. A
/// thing that merely passes moves each cell but once.
#[derive(Debug)]
pub(super) struct Presence {
    size: GridSize,
    /// The picture of the last moments.
    recent: Observed,
    /// Seconds since each cell moved.
    still: Vec<f32>,
    /// For each cell, whether it moved in each of the last eight half-seconds; the lowest bit is this one.
    history: Vec<u8>,
    /// Seconds of this half-second that are over.
    slot: f32,
}

/// A cell has moved if it differs by this (squared distance) from the last moments.
const MOVED: f32 = 16.0;

/// The last moments, seconds.
const MOMENTS: f32 = 0.3;

/// Length of a slot of the history, seconds; and slots of eight in which a live cell moves at least.
const SLOT: f32 = 0.5;
const LIVE_SLOTS: u32 = 4;

/// Slots of which a live cell moves in one at least: now, and some seconds ago, when whoever merely
/// passes was not there yet.
const NOW: u8 = 0b0000_0011;
const BEFORE: u8 = 0b1110_0000;

/// The top of the picture, where nobody's outline is looked for: heads stay below, clocks, captions and
/// frame numbers do not.
const IGNORED_TOP: f32 = 0.12;

/// Live cells needed to say where somebody is, as a share of the picture.
const ENOUGH: f32 = 0.003;

impl Presence {
    pub(super) fn new(size: GridSize) -> Self {
        let zeros = || vec![0.0; size.len()];
        Self {
            size,
            recent: std::array::from_fn(|_| zeros()),
            still: zeros(),
            history: vec![0; size.len()],
            slot: 0.0,
        }
    }

    /// Takes the first frame.
    pub(super) fn begin(&mut self, observed: &Observed) {
        for (recent, observed) in self.recent.iter_mut().zip(observed) {
            recent.copy_from_slice(observed);
        }
    }

    /// Watches a frame; returns whether a slot of the history is complete.
    pub(super) fn watch(&mut self, observed: &Observed, seconds: f32) -> bool {
        self.slot += seconds;
        let complete = self.slot >= SLOT;
        if complete {
            self.slot = 0.0;
            self.history.iter_mut().for_each(|history| *history <<= 1);
        }
        let cells = self.size.len();
        let rate = 1.0 - (-seconds / MOMENTS).exp();
        let [y, u, v] = observed.each_ref().map(|plane| &plane[..cells]);
        let [recent_y, recent_u, recent_v] = self.recent.each_mut().map(|plane| &mut plane[..cells]);
        let (still, history) = (&mut self.still[..cells], &mut self.history[..cells]);
        for i in 0..cells {
            let (dy, du, dv) = (y[i] - recent_y[i], u[i] - recent_u[i], v[i] - recent_v[i]);
            let moved = squared_distance(dy, du, dv) > MOVED;
            still[i] = if moved { 0.0 } else { still[i] + seconds };
            history[i] |= u8::from(moved);
            recent_y[i] += rate * dy;
            recent_u[i] += rate * du;
            recent_v[i] += rate * dv;
        }
        complete
    }

    /// Seconds since each cell moved.
    pub(super) fn still(&self) -> &[f32] {
        &self.still
    }

    /// Returns the share of the picture that lives within the outline of `prior`, or beside it.
    pub(super) fn live_share(&self, prior: &PersonPrior) -> f32 {
        let (within, _) = self.live_within(prior, prior.centre());
        within as f32 / self.size.len() as f32
    }

    /// Returns the column around which somebody lives, if that is plainly neither where `prior` has it nor
    /// in the foreground found so far.
    pub(super) fn elsewhere(&self, prior: &PersonPrior, mask: &[u8]) -> Option<usize> {
        let mut live_columns: Vec<usize> = Vec::new();
        let mut found = 0;
        let reach = [0, 2, 2 * self.size.width];
        self.for_each_live(|cell| {
            live_columns.push(cell % self.size.width);
            let beside = |step: usize| {
                mask[cell.saturating_sub(step)] != 0 || mask[(cell + step).min(mask.len() - 1)] != 0
            };
            found += usize::from(reach.into_iter().any(beside));
        });
        if (live_columns.len() as f32) < ENOUGH * self.size.len() as f32 || 2 * found > live_columns.len() {
            return None;
        }
        let middle = live_columns.len() / 2;
        let (_, &mut column, _) = live_columns.select_nth_unstable(middle);
        let share = |(within, all): (usize, usize)| within as f32 / all.max(1) as f32;
        let here = share(self.live_within(prior, prior.centre()));
        let there = share(self.live_within(prior, column));
        (there > 0.6 && there > here + 0.2).then_some(column)
    }

    /// Counts the live cells within the outline centred at a column, or just beside it, and all.
    fn live_within(&self, prior: &PersonPrior, centre: usize) -> (usize, usize) {
        let (mut within, mut all) = (0, 0);
        self.for_each_live(|cell| {
            let odds = prior.row_centred(cell / self.size.width, centre)[cell % self.size.width];
            within += usize::from(odds > -1.2);
            all += 1;
        });
        (within, all)
    }

    fn for_each_live(&self, mut visit: impl FnMut(usize)) {
        let first = (IGNORED_TOP * self.size.height as f32) as usize * self.size.width;
        for (cell, history) in self.history.iter().enumerate().skip(first) {
            if history.count_ones() >= LIVE_SLOTS && history & NOW != 0 && history & BEFORE != 0 {
                visit(cell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: GridSize = GridSize { width: 80, height: 45 };
    const FRAME: f32 = 1.0 / 30.0;

    fn plain() -> Observed {
        [vec![100.0; SIZE.len()], vec![128.0; SIZE.len()], vec![128.0; SIZE.len()]]
    }

    /// Cells of a head-and-shoulders outline's middle whose centre is at a column.
    fn body(column: usize) -> Vec<usize> {
        let rows = 14..44;
        rows.flat_map(|y| (column - 3..column + 3).map(move |x| y * SIZE.width + x)).collect()
    }

    /// Watches for some seconds how `cells` change with every frame that `moves` says.
    fn watch(presence: &mut Presence, seconds: f32, cells: &[usize], moves: impl Fn(usize) -> bool) {
        let mut observed = plain();
        for frame in 0..(seconds / FRAME).round() as usize {
            for &cell in cells {
                observed[0][cell] = if moves(frame) && frame % 2 == 0 { 140.0 } else { 100.0 };
            }
            presence.watch(&observed, FRAME);
        }
    }

    fn begun() -> Presence {
        let mut presence = Presence::new(SIZE);
        presence.begin(&plain());
        presence
    }

    #[test]
    fn a_slot_is_complete_every_half_second() {
        let mut presence = begun();
        let observed = plain();
        let complete = (0..90).filter(|_| presence.watch(&observed, FRAME)).count();
        assert!((5..=6).contains(&complete), "{complete} in 3 s");
    }

    #[test]
    fn a_cell_is_still_for_as_long_as_it_has_not_moved() {
        let mut presence = begun();
        let cells = [1000, 1001];
        watch(&mut presence, 2.0, &cells, |_| false);
        assert!(presence.still().iter().all(|&seconds| (seconds - 2.0).abs() < 0.05));
        watch(&mut presence, 1.0, &cells, |_| true);
        assert!(presence.still()[1000] < 0.1, "{}", presence.still()[1000]);
        assert!((presence.still()[2000] - 3.0).abs() < 0.05);
    }

    #[test]
    fn noise_is_no_movement() {
        let mut presence = begun();
        let mut observed = plain();
        for frame in 0..60 {
            for (cell, luma) in observed[0].iter_mut().enumerate() {
                *luma = 100.0 + ((cell * 31 + frame * 17) % 7) as f32 - 3.0;
            }
            presence.watch(&observed, FRAME);
        }
        assert!(presence.still().iter().all(|&seconds| seconds > 1.9));
    }

    #[test]
    fn what_moves_again_and_again_is_alive_and_what_passes_is_not() {
        let prior = PersonPrior::new(SIZE);
        let cells = body(40);
        let mut passing = begun();
        watch(&mut passing, 0.4, &cells, |_| true);
        watch(&mut passing, 3.5, &cells, |_| false);
        assert_eq!(passing.live_share(&prior), 0.0);
        let mut living = begun();
        watch(&mut living, 4.5, &cells, |frame| frame % 12 < 2);
        let expected = cells.len() as f32 / SIZE.len() as f32;
        assert!((living.live_share(&prior) - expected).abs() < 0.005, "{}", living.live_share(&prior));
        watch(&mut living, 2.0, &cells, |_| false);
        assert_eq!(living.live_share(&prior), 0.0, "gone for two seconds");
    }

    #[test]
    fn somebody_beside_the_outline_is_found_unless_the_mask_has_them_already() {
        let prior = PersonPrior::new(SIZE);
        let cells = body(15);
        let mut presence = begun();
        watch(&mut presence, 4.5, &cells, |_| true);
        let nobody = vec![0; SIZE.len()];
        let column = presence.elsewhere(&prior, &nobody).expect("somebody lives at 15");
        assert!(column.abs_diff(15) <= 2, "{column}");
        let mut found = nobody.clone();
        cells.iter().for_each(|&cell| found[cell] = 1);
        assert_eq!(presence.elsewhere(&prior, &found), None);
    }

    #[test]
    fn somebody_who_came_but_now_is_not_yet_looked_for_elsewhere() {
        let prior = PersonPrior::new(SIZE);
        let nobody = vec![0; SIZE.len()];
        let mut presence = begun();
        watch(&mut presence, 4.5, &body(15), |_| false);
        watch(&mut presence, 2.3, &body(15), |_| true);
        assert_eq!(presence.elsewhere(&prior, &nobody), None);
        watch(&mut presence, 2.0, &body(15), |_| true);
        assert!(presence.elsewhere(&prior, &nobody).is_some());
    }

    #[test]
    fn somebody_within_the_outline_or_something_at_the_top_moves_nothing() {
        let prior = PersonPrior::new(SIZE);
        let nobody = vec![0; SIZE.len()];
        let mut presence = begun();
        watch(&mut presence, 4.5, &body(40), |_| true);
        assert_eq!(presence.elsewhere(&prior, &nobody), None);
        let clock: Vec<usize> = (0..5).flat_map(|y| (0..60).map(move |x| y * SIZE.width + x)).collect();
        let mut presence = begun();
        watch(&mut presence, 4.5, &clock, |_| true);
        assert_eq!(presence.elsewhere(&prior, &nobody), None);
        assert_eq!(presence.live_share(&prior), 0.0);
    }
}
