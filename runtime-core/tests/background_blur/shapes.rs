//! Sizes, formats and params at their limits.

use remotemedia_runtime_core::data::{MediaTime, PixelFormat, TransportData, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::HeapPool;
use serde_json::{Value, json};
use std::time::Duration;

use crate::Bench;
use crate::footage::{TAKES, person};
use crate::measure::{measure, overlap};

/// A busy picture.
fn busy(format: PixelFormat, width: u32, height: u32, seed: usize) -> VideoFrame {
    let mut loan = VideoLoan::new(&HeapPool::default(), format, width, height).expect("memory");
    for plane in 0..format.plane_count() {
        for (n, byte) in loan.plane_mut(plane).iter_mut().enumerate() {
            *byte = (16 + (n * 7919 + seed * 31 + n / 97) % 220) as u8;
        }
    }
    loan.freeze()
}

fn item(frame: VideoFrame, number: u32) -> TransportData {
    let at = MediaTime::from_duration(Duration::from_millis(33) * number);
    TransportData::new(frame).numbered(number.into()).at(at)
}

/// Blurs the first seconds of a call, and returns the last picture: as it was, as it is, and its mask.
fn last_of_call(params: Value) -> [VideoFrame; 3] {
    let mut params = params;
    params["mask"] = true.into();
    let mut node = Bench::new("BackgroundBlur", params);
    let mut last = None;
    for (number, shot) in (0..).zip(person(TAKES[0], 45)) {
        let given = node.process(item(shot.picture.clone(), number)).expect("a picture");
        let [(_, out), (_, mask)] = &given[..] else { panic!("{given:?}") };
        last = Some([shot.picture, out.clone(), mask.clone()]);
    }
    last.expect("45 pictures")
}

#[test]
fn pictures_of_every_size_come_out_with_their_size_and_a_mask_of_it() {
    for (width, height) in [
        (641, 361),
        (640, 361),
        (641, 360),
        (1, 1),
        (2, 2),
        (3, 3),
        (16, 16),
        (17, 15),
        (2, 400),
        (400, 2),
        (1, 720),
        (33, 541),
        (1441, 9),
        (90, 1441),
    ] {
        let mut node = Bench::new("BackgroundBlur", json!({"mask": true, "strength": 1.0}));
        for number in 0..4 {
            let frame = busy(PixelFormat::I420, width, height, number as usize);
            let given = node.process(item(frame, number)).expect("a picture");
            assert_eq!(given.len(), 2, "{width}x{height}");
            for ((port, frame), expected) in given.iter().zip(["out", "mask"]) {
                assert_eq!(*port, expected);
                assert_eq!((frame.width(), frame.height()), (width, height));
                assert_eq!(frame.format(), PixelFormat::I420);
            }
        }
    }
}

#[test]
fn every_pixel_lies_between_the_picture_and_its_backdrop_by_its_mask() {
    // Where the mask is full the picture is untouched, to the last row and column of an odd size.
    let mut node = Bench::new("BackgroundBlur", json!({"mask": true}));
    for number in 0..3 {
        let frame = busy(PixelFormat::I420, 641, 361, number as usize);
        let given = node.process(item(frame.clone(), number)).expect("a picture");
        let (out, mask) = (&given[0].1, &given[1].1);
        let mut untouched = 0;
        for y in 0..361 {
            for x in 0..641 {
                if mask.row(0, y)[x] == 255 {
                    assert_eq!(out.row(0, y)[x], frame.row(0, y)[x], "at {x},{y}");
                    untouched += 1;
                }
            }
        }
        assert!(untouched > 1000, "{untouched} pixels in front");
    }
}

#[test]
fn a_new_size_in_mid_stream_begins_anew_and_the_old_one_comes_back() {
    let shots = person(TAKES[0], 60);
    let mut node = Bench::new("BackgroundBlur", json!({"mask": true}));
    let mut worst: f64 = 1.0;
    for (number, shot) in (0..).zip(&shots) {
        if number % 20 == 19 {
            let other = busy(PixelFormat::I420, 321, 241, 0);
            let given = node.process(item(other, number)).expect("a picture of another size");
            assert_eq!((given[0].1.width(), given[1].1.height()), (321, 241));
            continue;
        }
        let given = node.process(item(shot.picture.clone(), number)).expect("a picture");
        assert_eq!((given[0].1.width(), given[1].1.height()), (640, 360));
        if number % 20 > 10 {
            worst = worst.min(overlap(&given[1].1, &shot.truth));
        }
    }
    assert!(worst > 0.7, "{worst}");
}

#[test]
fn strength_0_leaves_the_picture_and_strength_1_the_background_least_of_all() {
    let shots = person(TAKES[0], 75);
    let kept = [0.1, 0.5, 1.0].map(|strength| measure(&shots, json!({"strength": strength}), 1.5));
    assert!(
        kept.windows(2).all(|pair| pair[1].background_kept < pair[0].background_kept),
        "{kept:?}: more strength, less background"
    );
    assert!(kept[2].background_kept < 0.12, "{:?}", kept[2]);
    assert!(kept.iter().all(|quality| quality.foreground_kept > 0.85), "{kept:?}");
    let frame = busy(PixelFormat::I420, 64, 36, 1);
    let mut node = Bench::new("BackgroundBlur", json!({"strength": 0.0}));
    let given = node.process(item(frame.clone(), 0)).expect("a picture");
    assert_eq!(given[0].1.plane(0), frame.plane(0));
}

/// Pixels of the mask that are neither foreground nor background, as a share of all.
fn between(mask: &VideoFrame) -> f64 {
    let between = mask.plane(0).iter().filter(|&&p| (26..=229).contains(&p)).count();
    between as f64 / mask.plane(0).len() as f64
}

#[test]
fn the_edge_is_the_softer_the_wider_the_feather() {
    let widths =
        [0.0, 12.0, 32.0, 64.0].map(|feather| between(&last_of_call(json!({"feather": feather}))[2]));
    assert!(widths.windows(2).all(|pair| pair[0] < pair[1]), "{widths:?}");
}

#[test]
fn a_feather_of_any_width_keeps_the_face_and_blurs_the_far_wall() {
    for feather in [0.0, 64.0] {
        let [before, after, mask] = last_of_call(json!({"feather": feather}));
        let face = (148 * 640 + 300)..(148 * 640 + 340);
        assert!(mask.plane(0)[face.clone()].iter().all(|&p| p > 127), "feather {feather}");
        assert_eq!(mask.row(0, 100)[..40], [0; 40], "feather {feather}");
        let steps = |frame: &VideoFrame| -> u32 {
            frame.row(0, 100)[..40].windows(2).map(|pair| u32::from(pair[0].abs_diff(pair[1]))).sum()
        };
        assert!(3 * steps(&after) < steps(&before), "{} of {}", steps(&after), steps(&before));
    }
}

#[test]
fn other_pixel_formats_are_refused_by_name_and_the_way_out() {
    for format in [PixelFormat::Nv12, PixelFormat::Rgb24, PixelFormat::Rgba] {
        let mut node = Bench::new("BackgroundBlur", json!({}));
        let refused = node.process(item(busy(format, 64, 36, 0), 0)).expect_err("not I420").to_string();
        assert!(refused.contains(&format!("{format:?} video of 64x36")), "{refused}");
        assert!(refused.contains("I420") && refused.contains("VideoConvert"), "{refused}");
        let mut convert = Bench::new("VideoConvert", json!({"format": "i420"}));
        let converted = convert.process(item(busy(format, 64, 36, 0), 0)).expect("any format").remove(0).1;
        assert_eq!(node.process(item(converted, 1)).expect("I420").len(), 1);
    }
}
