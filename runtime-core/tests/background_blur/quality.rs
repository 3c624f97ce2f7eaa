//! Quality floors, scene by scene, each in several takes.

use serde_json::json;

use crate::footage::{FPS, Shot, TAKES, Take, lit, noisy, person, visitor};
use crate::measure::{Quality, foreground, measure, overlap};

fn seconds(seconds: u32) -> u32 {
    seconds * FPS
}

/// Judges every take of a scene from second `warm_up` on, and asserts that none is below the floors.
#[track_caller]
fn judge(floors: &Quality, warm_up: f32, scene: impl Fn(Take) -> Vec<Shot>) {
    let qualities = TAKES.map(|take| (take, measure(&scene(take), json!({}), warm_up)));
    for (take, quality) in &qualities {
        let faults = quality.below(floors);
        assert!(faults.is_empty(), "{take:?}: {faults:?} of\n{quality:?}, floors\n{floors:?}");
    }
}

/// Floors in the order of [`Quality`]'s fields. `TestPattern` draws its number at the top, which changes with
/// every frame and counts as foreground: its scenes cannot reach 1.
const fn floors(
    [overlap, worst_overlap, foreground_kept, background_kept, rim_kept, flicker]: [f64; 6],
) -> Quality {
    Quality { overlap, worst_overlap, foreground_kept, background_kept, rim_kept, flicker }
}

/// Sways a little about the middle; `speed` 1.0 is a calm sitter's.
fn swaying(t: f32, speed: f32) -> f32 {
    0.02 * (2.0 * speed * t).sin() + 0.006 * (5.3 * speed * t).sin()
}

#[test]
fn a_person_in_a_furnished_room() {
    judge(&floors([0.9, 0.82, 0.99, 0.32, 0.15, 0.004]), 1.0, |take| person(take, seconds(5)));
}

#[test]
fn a_person_in_the_first_second() {
    judge(&floors([0.93, 0.87, 0.99, 0.28, 0.15, 0.003]), 0.0, |take| person(take, seconds(1)));
}

#[test]
fn a_person_before_a_noisy_camera() {
    judge(&floors([0.89, 0.84, 0.99, 0.21, 0.11, 0.007]), 1.0, |take| {
        noisy(&person(take, seconds(4)), 3.0 + 2.0 * take.seed as f32, take.seed)
    });
}

#[test]
fn a_person_while_a_lamp_goes_off_and_on() {
    let lamp = |t: f32| -30.0 * (((t - 2.0) * 3.0).clamp(0.0, 1.0) - ((t - 4.0) * 3.0).clamp(0.0, 1.0));
    judge(&floors([0.75, 0.5, 0.98, 0.4, 0.2, 0.01]), 1.0, |take| lit(&person(take, seconds(6)), lamp));
}

#[test]
fn somebody_who_sits_before_a_papered_wall() {
    judge(&floors([0.97, 0.95, 0.99, 0.03, 0.06, 0.006]), 1.5, |take| {
        visitor(take, seconds(4), |t| Some(swaying(t, 0.5 + 0.5 * take.seed as f32)))
    });
}

#[test]
fn somebody_who_walks_to_and_fro_before_a_papered_wall() {
    judge(&floors([0.9, 0.55, 0.99, 0.03, 0.13, 0.015]), 2.0, |take| {
        let reach = 0.3 * take.width as f32 / take.height as f32;
        let speed = 0.8 + 0.3 * take.seed as f32;
        visitor(take, seconds(6), |t| Some(reach * (t * speed).sin()))
    });
}

#[test]
fn somebody_who_enters_after_two_seconds_and_sits_down() {
    judge(&floors([0.86, 0.85, 0.99, 0.03, 0.24, 0.002]), 3.5, |take| {
        let beyond = 0.5 * take.width as f32 / take.height as f32 + 0.35;
        // From beyond the left edge to the middle within a second, and there with a little swaying.
        let place = |t: f32| if t < 1.0 { beyond * (t - 1.0) } else { swaying(t - 1.0, 1.0) };
        visitor(take, seconds(6), |t| (t > 2.0).then(|| place(t - 2.0)))
    });
}

#[test]
fn somebody_who_sits_quite_still_for_a_minute_stays_in_front() {
    judge(&floors([0.87, 0.87, 0.97, 0.34, 0.14, 0.001]), 61.0, |take| {
        let mut shots = person(take, seconds(3));
        let last = shots[80].clone();
        shots.extend(std::iter::repeat_n(last, 59 * FPS as usize));
        shots
    });
}

#[test]
fn a_room_that_somebody_has_left_is_blurred_everywhere() {
    for take in TAKES {
        let shots = visitor(take, seconds(6), |t| (t < 3.0).then(|| swaying(t, 1.5)));
        let quality = measure(&shots, json!({}), 5.0);
        // Overlap is 1 where there is nothing in front and nothing is taken for it.
        assert!(quality.worst_overlap > 0.0, "{take:?}: something is in front: {quality:?}");
        assert!(quality.background_kept < 0.25, "{take:?}: {quality:?}");
    }
}

#[test]
fn truth_itself_is_measured_as_perfect() {
    for take in TAKES {
        let shots = person(take, 2);
        assert!((0.1..0.5).contains(&foreground(&shots[0].truth)), "{take:?}");
        assert_eq!(overlap(&shots[0].truth, &shots[0].truth), 1.0);
        assert!(overlap(&shots[0].truth, &shots[1].truth) > 0.95);
    }
}
