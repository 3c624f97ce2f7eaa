//! The segmenter before a room in which somebody sits, comes and goes.

use super::*;
use crate::node::builtin::input::tests::draw;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
const FRAME: f32 = 1.0 / 30.0;

/// What stands in the room: an ellipse (centre and radii, pixels) in the colour of a sweater.
type Thing = Option<[f32; 4]>;

/// Somebody who fills most of the outline in which people sit, at a column.
fn sitting(column: f32) -> Thing {
    Some([column, 125.0, 42.0, 75.0])
}

struct Watcher {
    segmenter: Segmenter,
    reduced: Reduced,
    light: f32,
    frame: usize,
}

impl Watcher {
    fn new() -> Self {
        let reduced = Reduced::new(WIDTH, HEIGHT);
        let size = GridSize { width: reduced.cells.width, height: reduced.cells.height };
        let settings = SegmenterSettings { sensitivity: 1.0, smoothing: 0.06 };
        Self { segmenter: Segmenter::new(size, settings), reduced, light: 0.0, frame: 0 }
    }

    /// Shows some frames; `thing` says what stands where in each.
    fn watch(&mut self, frames: usize, thing: impl Fn(usize) -> Thing) {
        for frame in 0..frames {
            let (thing, light) = (thing(frame), self.light);
            let picture = draw(
                WIDTH,
                HEIGHT,
                |x, y| {
                    let level = if covers(thing, x, y) { 70.0 } else { 130.0 + pattern(x, y) };
                    (level + light) as u8
                },
                |plane, x, y| match (covers(thing, 2 * x, 2 * y), plane) {
                    (true, 1) => 150,
                    (true, _) => 110,
                    (false, _) => 126,
                },
            );
            self.reduced.take(&picture);
            self.segmenter.segment(&self.reduced, FRAME);
            self.frame += 1;
        }
    }

    /// How well the mask fits: the cells that are of both it and the thing, as a share of those of either.
    fn overlap(&self, thing: Thing) -> f64 {
        let (mut both, mut either) = (0, 0);
        let cell = 2 * self.reduced.factor;
        for (n, &mask) in self.segmenter.mask.iter().enumerate() {
            let (x, y) = (n % self.reduced.cells.width, n / self.reduced.cells.width);
            let covered = covers(thing, x * cell + cell / 2, y * cell + cell / 2);
            both += usize::from(covered && mask != 0);
            either += usize::from(covered || mask != 0);
        }
        both as f64 / either.max(1) as f64
    }

    /// The share of the picture that is taken for foreground.
    fn share(&self) -> f64 {
        self.segmenter.mask.iter().filter(|&&cell| cell != 0).count() as f64
            / self.segmenter.mask.len() as f64
    }
}

fn covers(thing: Thing, x: usize, y: usize) -> bool {
    thing.is_some_and(|[column, row, across, down]| {
        let (u, v) = ((x as f32 - column) / across, (y as f32 - row) / down);
        u * u + v * v < 1.0
    })
}

/// The wall's pattern, levels.
fn pattern(x: usize, y: usize) -> f32 {
    12.0 * ((x / 20 + y / 20) % 2) as f32 - 6.0
}

fn swaying(frame: usize) -> Thing {
    sitting(160.0 + 3.0 * (frame as f32 / 9.0).sin())
}

#[test]
fn somebody_who_sits_in_the_middle_is_found_within_a_second() {
    let mut watcher = Watcher::new();
    watcher.watch(30, swaying);
    let overlap = watcher.overlap(swaying(29));
    assert!(overlap > 0.85, "{overlap}");
}

#[test]
fn an_empty_room_is_background_after_a_while() {
    let mut watcher = Watcher::new();
    watcher.watch(150, |_| None);
    assert_eq!(watcher.share(), 0.0);
}

#[test]
fn somebody_who_comes_in_later_is_found_and_their_way_out_leaves_nothing_behind() {
    let mut watcher = Watcher::new();
    watcher.watch(150, |_| None);
    let walk = |frame: usize| sitting(-50.0 + 7.0 * frame.min(30) as f32);
    watcher.watch(60, walk);
    let overlap = watcher.overlap(walk(59));
    assert!(overlap > 0.8, "{overlap}");
    watcher.watch(40, |frame| sitting(160.0 + 8.0 * frame as f32));
    watcher.watch(60, |_| None);
    assert_eq!(watcher.share(), 0.0);
}

#[test]
fn somebody_who_leaves_the_place_where_they_always_were_leaves_no_ghost() {
    let mut watcher = Watcher::new();
    watcher.watch(120, swaying);
    watcher.watch(40, |frame| sitting(160.0 + 8.0 * frame as f32));
    watcher.watch(180, |_| None);
    assert!(watcher.share() < 0.02, "{} of the picture", watcher.share());
}

#[test]
fn somebody_who_sits_at_the_side_is_found() {
    let mut watcher = Watcher::new();
    let at_the_side = |frame: usize| sitting(70.0 + 4.0 * (frame as f32 / 5.0).sin());
    watcher.watch(240, at_the_side);
    let overlap = watcher.overlap(at_the_side(239));
    assert!(overlap > 0.75, "{overlap}");
}

#[test]
fn a_change_of_the_light_does_not_bring_the_room_to_the_front() {
    let mut watcher = Watcher::new();
    watcher.watch(120, swaying);
    for light in 1..=30 {
        watcher.light = light as f32;
        watcher.watch(1, |_| swaying(120 + light));
    }
    watcher.watch(30, |frame| swaying(150 + frame));
    let overlap = watcher.overlap(swaying(179));
    assert!(overlap > 0.8, "{overlap}");
}

#[test]
fn a_lamp_that_is_switched_off_changes_nothing() {
    let mut watcher = Watcher::new();
    watcher.watch(120, swaying);
    let before = watcher.overlap(swaying(119));
    for (light, from) in [(-40.0, 120), (15.0, 150)] {
        watcher.light = light;
        for frame in from..from + 30 {
            watcher.watch(1, |_| swaying(frame));
            let overlap = watcher.overlap(swaying(frame));
            assert!(overlap > before - 0.05, "{light} levels, frame {frame}: {overlap} after {before}");
        }
    }
}

#[test]
fn what_is_too_small_to_be_a_thing_is_background() {
    let mut watcher = Watcher::new();
    watcher.watch(150, |_| None);
    watcher.watch(30, |frame| Some([40.0 + frame as f32, 60.0, 4.0, 4.0]));
    assert_eq!(watcher.share(), 0.0);
}

#[test]
fn somebody_who_is_at_the_side_at_the_start_and_walks_away_leaves_no_ghost_anywhere() {
    let mut watcher = Watcher::new();
    let walk = |frame: usize| sitting(60.0 + 4.0 * frame.saturating_sub(60) as f32);
    watcher.watch(170, walk);
    assert!(watcher.share() < 0.02, "{} of the picture", watcher.share());
}

#[test]
fn somebody_smaller_than_the_outline_is_found_without_the_wall_around_them() {
    let mut watcher = Watcher::new();
    let small = |_: usize| Some([160.0, 110.0, 20.0, 40.0]);
    watcher.watch(120, small);
    let overlap = watcher.overlap(small(0));
    assert!(overlap > 0.75, "{overlap}");
}
