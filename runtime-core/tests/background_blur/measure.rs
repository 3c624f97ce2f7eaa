//! What is measured of blurred footage.

use remotemedia_runtime_core::data::{MediaTime, TransportData, VideoFrame};
use serde_json::Value;
use std::time::Duration;

use crate::Bench;
use crate::footage::{FPS, Shot};

/// How well footage was blurred, over all frames after a warm-up.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// Pixels that are foreground both in truth and in the mask, as a share of those of either: mean, and the
    /// worst frame.
    pub(crate) overlap: f64,
    pub(crate) worst_overlap: f64,
    /// Sharpness of the foreground (its outermost pixels left out) as a share of what it was.
    pub(crate) foreground_kept: f64,
    /// Sharpness of the background (the pixels next to the foreground left out) as a share of what it was.
    pub(crate) background_kept: f64,
    /// The same of the background's pixels next to the foreground: what a halo shows.
    pub(crate) rim_kept: f64,
    /// Mean change of the mask from frame to frame where the truth does not change, 0.0..=1.0.
    pub(crate) flicker: f64,
}

impl Quality {
    /// Names what is worse than `floors`.
    pub(crate) fn below(&self, floors: &Self) -> Vec<&'static str> {
        [
            ("overlap", self.overlap >= floors.overlap),
            ("worst overlap", self.worst_overlap >= floors.worst_overlap),
            ("foreground kept", self.foreground_kept >= floors.foreground_kept),
            ("background kept", self.background_kept <= floors.background_kept),
            ("rim kept", self.rim_kept <= floors.rim_kept),
            ("flicker", self.flicker <= floors.flicker),
        ]
        .into_iter()
        .filter_map(|(name, good)| (!good).then_some(name))
        .collect()
    }
}

/// From the true outline to where the background is measured, picture heights: within it, a soft edge is as it
/// should be.
const BESIDE: f32 = 0.09;

/// From the true outline to where the rim and the foreground are measured, picture heights.
const EDGE: f32 = 0.022;

/// Blurs footage, and measures it from second `warm_up` on.
pub(crate) fn measure(shots: &[Shot], params: Value, warm_up: f32) -> Quality {
    let mut node = Bench::new("BackgroundBlur", with_mask(params));
    let mut quality = Quality { worst_overlap: 1.0, ..Quality::default() };
    let (mut kept, mut frames) = ([[0.0_f64; 2]; 3], 0.0);
    let mut last: Option<(VideoFrame, &Shot)> = None;
    for (frame, shot) in shots.iter().enumerate() {
        let at = MediaTime::from_duration(Duration::from_secs(1) * frame as u32 / FPS);
        let given = node.process(TransportData::new(shot.picture.clone()).at(at)).expect("a picture");
        let [("out", out), ("mask", mask)] = &given[..] else { panic!("{given:?}") };
        if frame as f32 >= warm_up * FPS as f32 {
            let overlap = overlap(mask, &shot.truth);
            quality.overlap += overlap;
            quality.worst_overlap = quality.worst_overlap.min(overlap);
            for (kept, region) in kept.iter_mut().zip(regions(&shot.truth)) {
                kept[0] += sharpness(out, &region);
                kept[1] += sharpness(&shot.picture, &region);
            }
            if let Some((last_mask, last_shot)) = &last {
                quality.flicker += flicker((last_mask, mask), (&last_shot.truth, &shot.truth));
            }
            frames += 1.0;
        }
        last = Some((mask.clone(), shot));
    }
    assert!(frames > 0.0, "the warm-up is longer than the footage");
    quality.overlap /= frames;
    quality.flicker /= frames;
    let [foreground, background, rim] = kept.map(|[after, before]| after / before.max(1e-9));
    (quality.foreground_kept, quality.background_kept, quality.rim_kept) = (foreground, background, rim);
    quality
}

fn with_mask(mut params: Value) -> Value {
    params["mask"] = true.into();
    params
}

/// Returns the pixels that are foreground in both, as a share of those that are in either; 1 if none is.
pub(crate) fn overlap(mask: &VideoFrame, truth: &VideoFrame) -> f64 {
    let (mut both, mut either) = (0, 0);
    for (&mask, &truth) in mask.plane(0).iter().zip(truth.plane(0)) {
        both += usize::from(mask > 127 && truth > 127);
        either += usize::from(mask > 127 || truth > 127);
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// Returns the share of pixels that a mask calls foreground.
pub(crate) fn foreground(mask: &VideoFrame) -> f64 {
    mask.plane(0).iter().filter(|&&p| p > 127).count() as f64 / mask.plane(0).len() as f64
}

/// Returns which pixels are well within the foreground, well without, and in the rim between.
fn regions(truth: &VideoFrame) -> [Vec<bool>; 3] {
    let (width, height) = (truth.width() as usize, truth.height() as usize);
    let [near, beside] = [EDGE, BESIDE].map(|reach| near_edge(truth, (reach * height as f32) as usize));
    let front = |n: usize| truth.plane(0)[n] > 127;
    let pixels = 0..width * height;
    [
        pixels.clone().map(|n| front(n) && !near[n]).collect(),
        pixels.clone().map(|n| !front(n) && !beside[n]).collect(),
        pixels.map(|n| !front(n) && beside[n] && !near[n]).collect(),
    ]
}

/// Returns which pixels have foreground and background within `reach` pixels, by rows and by columns.
fn near_edge(truth: &VideoFrame, reach: usize) -> Vec<bool> {
    let (width, height) = (truth.width() as usize, truth.height() as usize);
    let mut near = vec![false; width * height];
    let mut mark = |line: &[usize]| {
        for at in 1..line.len() {
            if (truth.plane(0)[line[at]] > 127) != (truth.plane(0)[line[at - 1]] > 127) {
                let reached = at.saturating_sub(reach)..(at + reach).min(line.len());
                line[reached].iter().for_each(|&n| near[n] = true);
            }
        }
    };
    (0..height).for_each(|y| mark(&(y * width..(y + 1) * width).collect::<Vec<_>>()));
    (0..width).for_each(|x| mark(&(x..width * height).step_by(width).collect::<Vec<_>>()));
    near
}

/// Returns the mean step between neighbouring pixels of a row, within a region, levels.
fn sharpness(frame: &VideoFrame, region: &[bool]) -> f64 {
    let width = frame.width() as usize;
    let (mut sum, mut count) = (0_u64, 0_u64);
    for y in 0..frame.height() as usize {
        let (row, region) = (frame.row(0, y), &region[y * width..(y + 1) * width]);
        for x in 1..width {
            if region[x] && region[x - 1] {
                sum += u64::from(row[x].abs_diff(row[x - 1]));
                count += 1;
            }
        }
    }
    sum as f64 / count.max(1) as f64
}

fn flicker(masks: (&VideoFrame, &VideoFrame), truths: (&VideoFrame, &VideoFrame)) -> f64 {
    let (mut sum, mut count) = (0_u64, 0_u64);
    let masks = masks.0.plane(0).iter().zip(masks.1.plane(0));
    let truths = truths.0.plane(0).iter().zip(truths.1.plane(0));
    for ((a, b), (was, is)) in masks.zip(truths) {
        if was == is {
            sum += u64::from(a.abs_diff(*b));
            count += 1;
        }
    }
    sum as f64 / count.max(1) as f64 / 255.0
}
