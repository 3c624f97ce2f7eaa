//! Tells foreground from background, cell by cell.

use super::colours::{self, Bin, Colours};
use super::lessons::{Lessons, Scene, Turn};
use super::light::Light;
use super::model::{Background, Observed};
use super::presence::Presence;
use super::prior::PersonPrior;
use super::reduced::Reduced;
use super::regions::{MajorityScratch, Regions, majority};
use super::smoothing::{BoxScratch, GridSize, box_mean};

/// Tells foreground from background, cell by cell: a person before the camera, and what moves.
///
/// Four things speak for or against foreground, as log-odds that add up: a person sits in the middle
/// (until the background is known), the cell differs from the background, its colour is one of the
/// foreground's, it was foreground before. The sum is smoothed in space and time and cleaned of what is
/// too small to be a thing.
#[derive(Debug)]
pub(super) struct Segmenter {
    size: GridSize,
    settings: SegmenterSettings,
    prior: PersonPrior,
    /// How much the prior weighs, 0.0..=1.0: little once nobody is where it has a person.
    prior_weight: f32,
    background: Background,
    colours: Colours,
    presence: Presence,
    /// This frame's cells, in the light of the first.
    observed: Observed,
    light: Light,
    bins: Vec<Bin>,
    /// Log-odds of this frame, and smoothed over time.
    evidence: Vec<f32>,
    odds: Vec<f32>,
    known: Vec<f32>,
    /// 1 where there is foreground.
    mask: Vec<u8>,
    regions: Regions,
    lessons: Lessons,
    box_scratch: BoxScratch,
    majority_scratch: MajorityScratch,
    frames: u64,
    /// Time since the start, or since somebody was found elsewhere, seconds.
    elapsed: f32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SegmenterSettings {
    /// 1.0; more finds fainter differences from the background.
    pub(super) sensitivity: f32,
    /// Time in which the mask follows a change, seconds.
    pub(super) smoothing: f32,
}

/// Foreground regions smaller than this share of the picture are taken for noise.
const SMALLEST: f32 = 0.004;

/// Holes in the foreground up to this share of the picture are filled.
const LARGEST_HOLE: f32 = 0.04;

/// Frames between two lessons of a row of cells, and of the colours.
const LESSON_EVERY: u64 = 4;

/// Log-odds that a cell stays what it was.
const INERTIA: f32 = 0.4;

/// Log-odds of foreground where nothing speaks for or against it.
const DOUBT: f32 = -0.5;

/// How much the prior weighs where the background is known.
const PRIOR_BESIDE_BACKGROUND: f32 = 0.2;

/// Time for which the prior is believed without a sign of anybody, seconds; and in which it then fades.
const BENEFIT: f32 = 2.0;
const FADES: f32 = 1.0;

/// How long the colours are remembered, seconds: at the start little, so that first mistakes pass.
const MEMORY: (f32, f32) = (0.5, 8.0);

/// How much the colours of the background far from the person weigh.
const FAR_COLOURS: f32 = 0.2;

impl Segmenter {
    pub(super) fn new(size: GridSize, settings: SegmenterSettings) -> Self {
        let zeros = || vec![0.0; size.len()];
        Self {
            size,
            settings,
            prior: PersonPrior::new(size),
            prior_weight: 1.0,
            background: Background::new(size),
            colours: Colours::new(),
            presence: Presence::new(size),
            observed: std::array::from_fn(|_| zeros()),
            light: Light::new(),
            bins: vec![0; size.len()],
            evidence: zeros(),
            odds: zeros(),
            known: zeros(),
            mask: vec![0; size.len()],
            regions: Regions::default(),
            lessons: Lessons::default(),
            box_scratch: BoxScratch::default(),
            majority_scratch: MajorityScratch::default(),
            frames: 0,
            elapsed: 0.0,
        }
    }

    pub(super) fn set(&mut self, settings: SegmenterSettings) {
        self.settings = settings;
    }

    /// Segments a frame and learns from it.
    ///
    /// * `seconds`: time since the last frame.
    /// * Returns the mask, 1 where there is foreground.
    pub(super) fn segment(&mut self, picture: &Reduced, seconds: f32) -> &[u8] {
        self.observe(picture);
        if self.frames == 0 {
            self.presence.begin(&self.observed);
            self.begin(seconds);
        }
        if self.presence.watch(&self.observed, &self.mask, seconds)
            && let Some(column) = self.presence.elsewhere(&self.prior)
        {
            self.prior.move_to(column);
            self.begin(seconds);
        }
        self.weigh(seconds);
        self.decide();
        self.learn(seconds);
        self.frames += 1;
        self.elapsed += seconds;
        &self.mask
    }

    /// Takes a frame's cells, in the light of the first: a lamp or the camera's exposure changes nothing.
    fn observe(&mut self, picture: &Reduced) {
        for (observed, plane) in self.observed.iter_mut().zip([&picture.cells, &picture.u, &picture.v]) {
            for (value, &pixel) in observed.iter_mut().zip(&plane.pixels) {
                *value = f32::from(pixel);
            }
        }
        let background = self.mask.iter().enumerate().filter(|(_, mask)| **mask == 0).step_by(3);
        let changes = background.filter_map(|(cell, _)| self.background.luma_change(cell, &self.observed));
        self.light.follow(changes, self.size.len() as u32 / 30);
        let light = self.light.level();
        let [y, u, v] = &mut self.observed;
        for ((bin, y), (&u, &v)) in self.bins.iter_mut().zip(y).zip(u.iter().zip(&*v)) {
            *y -= light;
            *bin = colours::bin(*y as u8, u as u8, v as u8);
        }
    }

    /// Begins with the prior where it stands: within it nothing is known, and outside it what is not
    /// known yet is taken for background.
    fn begin(&mut self, seconds: f32) {
        self.elapsed = 0.0;
        self.prior_weight = 1.0;
        for y in 0..self.size.height {
            let start = y * self.size.width;
            for (cell, &prior) in (start..).zip(self.prior.row(y)) {
                if prior > 0.0 {
                    self.background.forget(cell);
                    self.odds[cell] = prior;
                } else if prior < -1.0 && !self.background.knows(cell) {
                    self.background.assume(cell, &self.observed, seconds);
                    self.odds[cell] = prior;
                }
            }
        }
        self.learn_colours(0.0);
    }

    /// Adds up what speaks for and against foreground.
    fn weigh(&mut self, seconds: f32) {
        self.background.judge(&self.observed, self.settings.sensitivity, &mut self.evidence, &mut self.known);
        let width = self.size.width;
        for y in 0..self.size.height {
            let row = y * width..(y + 1) * width;
            let prior = &self.prior.row(y)[..width];
            let (known, mask) = (&self.known[row.clone()], &self.mask[row.clone()]);
            let bins = &self.bins[row.clone()];
            for (x, evidence) in self.evidence[row].iter_mut().enumerate() {
                let unknown = 1.0 - known[x];
                let prior_weight = PRIOR_BESIDE_BACKGROUND + (1.0 - PRIOR_BESIDE_BACKGROUND) * unknown;
                // Where a person is not likely, that stays so when nobody is there.
                let presence = if prior[x] > 0.0 { self.prior_weight } else { 1.0 };
                let colour = self.colours.verdict(bins[x]) * (0.4 + 0.5 * unknown);
                let inertia = INERTIA * (2.0 * f32::from(mask[x]) - 1.0);
                *evidence += presence * prior_weight * prior[x] + colour + inertia + DOUBT;
            }
        }
        box_mean(&mut self.evidence, self.size, 1, &mut self.box_scratch);
        let usual = 1.0 - (-seconds / self.settings.smoothing.max(0.001)).exp();
        let moving = 1.0 - (-3.0 * seconds / self.settings.smoothing.max(0.001)).exp();
        let still = &self.presence.still()[..self.size.len()];
        for ((odds, evidence), &still) in self.odds.iter_mut().zip(&self.evidence).zip(still) {
            let rate = if still < 0.1 { moving } else { usual };
            *odds += rate * (evidence - *odds);
        }
    }

    /// Makes a clean mask of the odds.
    fn decide(&mut self) {
        for (cell, &odds) in self.mask.iter_mut().zip(&self.odds) {
            *cell = u8::from(odds > 0.0);
        }
        majority(&mut self.mask, self.size, &mut self.majority_scratch);
        self.regions.find(&self.mask, self.size);
        let share = |of_picture: f32| (of_picture * self.size.len() as f32) as usize;
        self.regions.clean(&mut self.mask, share(SMALLEST), share(LARGEST_HOLE));
        self.regions.find(&self.mask, self.size);
    }

    fn learn(&mut self, seconds: f32) {
        let turn = self.frames % LESSON_EVERY;
        let lesson_seconds = seconds * LESSON_EVERY as f32;
        match turn {
            0 => self.learn_colours((-lesson_seconds / (MEMORY.0 + self.elapsed).min(MEMORY.1)).exp()),
            2 => self.look_for_person(lesson_seconds),
            _ => {}
        }
        let scene = Scene {
            size: self.size,
            observed: &self.observed,
            mask: &self.mask,
            odds: &self.odds,
            still: self.presence.still(),
        };
        let turn = Turn { row: turn, of: LESSON_EVERY, seconds: lesson_seconds };
        self.lessons.teach(scene, &self.regions, turn, &mut self.background);
    }

    /// Counts the colours of the cells that are sure, after keeping `kept` of what was counted.
    fn learn_colours(&mut self, kept: f32) {
        let width = self.size.width;
        let (prior, background) = (&self.prior, &self.background);
        let (odds, bins) = (&self.odds, &self.bins);
        let cells = (0..self.size.height).flat_map(|y| {
            let row = y * width..(y + 1) * width;
            row.clone().zip(prior.row(y)).zip(odds[row.clone()].iter().zip(&bins[row]))
        });
        let sure = cells.filter_map(|((cell, &prior), (&odds, &bin))| match odds {
            odds if odds > 1.0 => Some((bin, true, 1.0)),
            // Background around the person is what it must be told from; far away it matters little.
            odds if odds < -1.0 && background.knows(cell) => {
                Some((bin, false, if prior > -1.8 { 1.0 } else { FAR_COLOURS }))
            }
            _ => None,
        });
        self.colours.learn(sure, self.size.len(), kept);
    }

    /// Believes the prior as long as there is a sign of somebody where it has a person: colours that the
    /// background has not, or life.
    fn look_for_person(&mut self, seconds: f32) {
        if self.elapsed < BENEFIT {
            return;
        }
        let (mut core, mut signs) = (0, 0);
        for y in 0..self.size.height {
            let start = y * self.size.width;
            for (cell, &prior) in (start..).zip(self.prior.row(y)) {
                if prior > 1.0 {
                    core += 1;
                    signs += usize::from(self.colours.verdict(self.bins[cell]) > 1.0);
                }
            }
        }
        let colourful = signs as f32 > 0.25 * core as f32;
        let alive = self.presence.live_share(&self.prior) > 0.003;
        let target = if colourful || alive { 1.0 } else { 0.0 };
        self.prior_weight += (seconds / FADES).min(1.0) * (target - self.prior_weight);
    }
}

#[cfg(test)]
mod tests;
