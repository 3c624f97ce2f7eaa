//! What stands somewhere at the start and moves on leaves nothing sharp behind.

use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, TransportData, VideoFrame};
use serde_json::json;

use crate::Bench;
use crate::drawn::{DRAWINGS, Drawing, Path};
use crate::footage::{FPS, TAKES, Take};
use crate::measure::{overlap, regions, sharpness};

/// How well a moving figure was told from its room, over all frames after a warm-up.
#[derive(Debug)]
struct Seen {
    /// Pixels that are of the figure both in truth and in the mask, as a share of those of either: mean, and the
    /// worst frame.
    overlap: f64,
    worst_overlap: f64,
    /// Sharpness of the figure as a share of what it was.
    figure_kept: f64,
    /// Sharpness of where it stood at the start, once it is gone from there, and of the rest of the room.
    place_kept: f64,
    room_kept: f64,
}

/// What is asked of every drawing and take along a path.
struct Floors {
    overlap: f64,
    worst_overlap: f64,
    figure_kept: f64,
    place_kept: f64,
    room_kept: f64,
}

/// Mean step between neighbouring pixels below which there is nothing to be seen, levels.
const FLAT: f64 = 0.1;

/// What every path asks for at least.
const FLOORS: Floors =
    Floors { overlap: 0.86, worst_overlap: 0.83, figure_kept: 0.95, place_kept: 0.08, room_kept: 0.03 };

/// Blurs footage of a figure, and measures it from second `from` on.
fn watch(drawing: &Drawing, take: Take, path: Path, seconds: u32, from: u32) -> Seen {
    let shots = drawing.film(take, seconds * FPS, path);
    let started_at = &shots[0].truth;
    let mut node = Bench::new("BackgroundBlur", json!({"mask": true}));
    let (mut seen, mut frames) =
        (Seen { overlap: 0.0, worst_overlap: 1.0, figure_kept: 0.0, place_kept: 0.0, room_kept: 0.0 }, 0.0);
    let mut kept = [[0.0; 2]; 3];
    for (frame, shot) in (0..).zip(&shots) {
        let at = MediaTime::from_duration(Duration::from_secs(1) * frame / FPS);
        let given = node.process(TransportData::new(shot.picture.clone()).at(at)).expect("a picture");
        let [("out", out), ("mask", mask)] = &given[..] else { panic!("{given:?}") };
        if frame < from * FPS {
            continue;
        }
        let overlap = overlap(mask, &shot.truth);
        seen.overlap += overlap;
        seen.worst_overlap = seen.worst_overlap.min(overlap);
        let [figure, room, _] = regions(&shot.truth);
        let place = within(&room, started_at);
        for (kept, region) in kept.iter_mut().zip([figure, place, room]) {
            kept[0] += sharpness(out, &region);
            kept[1] += sharpness(&shot.picture, &region);
        }
        frames += 1.0;
    }
    seen.overlap /= frames;
    // Where there is nothing to be seen, nothing is kept.
    let share = |[after, before]: [f64; 2]| if before < FLAT * frames { 0.0 } else { after / before };
    [seen.figure_kept, seen.place_kept, seen.room_kept] = kept.map(share);
    seen
}

/// Returns which pixels of a region are of the figure in `truth`.
fn within(region: &[bool], truth: &VideoFrame) -> Vec<bool> {
    region.iter().zip(truth.plane(0)).map(|(&of_region, &truth)| of_region && truth > 127).collect()
}

#[track_caller]
fn judge(path: Path, seconds: u32, from: u32, floors: &Floors) {
    for (number, drawing) in DRAWINGS.iter().enumerate() {
        let take = TAKES[number % TAKES.len()];
        let seen = watch(drawing, take, path, seconds, from);
        let good = seen.overlap >= floors.overlap
            && seen.worst_overlap >= floors.worst_overlap
            && seen.figure_kept >= floors.figure_kept
            && seen.place_kept <= floors.place_kept
            && seen.room_kept <= floors.room_kept;
        assert!(good, "{}, {take:?}: {seen:?}", drawing.name);
    }
}

/// Rises from 0 to 1 between two times.
fn rise(t: f32, from: f32, to: f32) -> f32 {
    ((t - from) / (to - from)).clamp(0.0, 1.0)
}

fn walks_from_the_middle(t: f32) -> [f32; 2] {
    [0.4 * (0.9 * t).sin(), 0.017 * (5.0 * t).sin()]
}

fn walks_from_the_left(t: f32) -> [f32; 2] {
    [-0.4 * (0.8 * t).cos(), 0.01 * (5.0 * t).sin()]
}

fn stands_in_the_middle_and_moves_on(t: f32) -> [f32; 2] {
    [0.42 * rise(t, 2.0, 3.2), 0.01 * (4.0 * t).sin()]
}

fn stands_at_the_left_and_moves_on(t: f32) -> [f32; 2] {
    [-0.4 + 0.8 * rise(t, 2.0, 3.5), 0.01 * (4.0 * t).sin()]
}

fn sits_in_the_middle(t: f32) -> [f32; 2] {
    [0.02 * (2.0 * t).sin(), 0.005 * (5.0 * t).sin()]
}

fn sits_at_the_right(t: f32) -> [f32; 2] {
    [0.3 + 0.02 * (2.0 * t).sin(), 0.005 * (5.0 * t).sin()]
}

fn is_quite_still(_: f32) -> [f32; 2] {
    [0.0, 0.0]
}

#[test]
fn a_figure_that_walks_away_from_the_middle() {
    judge(
        walks_from_the_middle,
        7,
        3,
        &Floors { overlap: 0.76, worst_overlap: 0.56, place_kept: 0.12, ..FLOORS },
    );
}

#[test]
fn a_figure_that_walks_away_from_the_left() {
    judge(
        walks_from_the_left,
        8,
        5,
        &Floors { overlap: 0.55, worst_overlap: 0.38, place_kept: 0.16, ..FLOORS },
    );
}

#[test]
fn a_figure_that_stands_in_the_middle_and_moves_on() {
    judge(stands_in_the_middle_and_moves_on, 7, 5, &Floors { overlap: 0.94, worst_overlap: 0.92, ..FLOORS });
}

#[test]
fn a_figure_that_stands_at_the_left_and_moves_on() {
    judge(stands_at_the_left_and_moves_on, 8, 6, &FLOORS);
}

#[test]
fn a_figure_that_sits_in_the_middle() {
    judge(sits_in_the_middle, 6, 3, &Floors { overlap: 0.94, worst_overlap: 0.92, ..FLOORS });
}

#[test]
fn a_figure_that_sits_at_the_right() {
    judge(sits_at_the_right, 8, 5, &Floors { overlap: 0.9, worst_overlap: 0.78, ..FLOORS });
}

#[test]
fn a_figure_that_is_quite_still_from_the_first_frame_on() {
    judge(is_quite_still, 12, 3, &Floors { overlap: 0.94, worst_overlap: 0.92, ..FLOORS });
}
