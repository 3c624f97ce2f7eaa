//! Tells foreground from background, cell by cell.

use super::colours::{self, Bin, Colours};
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
    /// For each region, what is learnt from it.
    lessons: Vec<Lesson>,
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

/// What the background learns from a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    /// All: it is background.
    Background,
    /// Nothing, however long it stays: it is foreground.
    Nothing,
    /// That it stands there: foreground in which nothing moves becomes background in the end.
    Still,
    /// That the background was mistaken: it shows something that has left.
    Ghost,
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

/// Log-odds from which on an unknown cell is taken for background.
const CERTAIN: f32 = -1.5;

/// How much the prior weighs where the background is known.
const PRIOR_BESIDE_BACKGROUND: f32 = 0.2;

/// Time for which the prior is believed without a sign of anybody, seconds; and in which it then fades.
const BENEFIT: f32 = 2.0;
const FADES: f32 = 1.0;

/// How long the colours are remembered, seconds: at the start little, so that first mistakes pass.
const MEMORY: (f32, f32) = (0.5, 8.0);

/// How much the colours of the background far from the person weigh.
const FAR_COLOURS: f32 = 0.2;

/// Foreground in which nothing has moved for this time is still, seconds.
const STILL_AFTER: f32 = 10.0;

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
            lessons: Vec::new(),
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
        if self.presence.watch(&self.observed, seconds)
            && let Some(column) = self.presence.elsewhere(&self.prior, &self.mask)
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
        self.choose_lessons();
        for (cells, region) in self.regions.runs() {
            if (cells.start / self.size.width) as u64 % LESSON_EVERY != turn {
                continue;
            }
            match self.lessons[region] {
                Lesson::Background => {
                    for cell in cells {
                        // What is neither known nor plainly background is left open.
                        if self.background.knows(cell) || self.odds[cell] < CERTAIN {
                            self.background.learn(cell, &self.observed, lesson_seconds);
                        }
                    }
                }
                Lesson::Still => {
                    cells.for_each(|cell| self.background.learn_still(cell, &self.observed, lesson_seconds));
                }
                Lesson::Ghost => {
                    cells.for_each(|cell| self.background.assume(cell, &self.observed, lesson_seconds));
                }
                Lesson::Nothing => {}
            }
        }
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

    fn choose_lessons(&mut self) {
        let regions = self.regions.regions();
        let mut moved = vec![0; regions.len()];
        let mut contrasts = vec![Contrast::default(); regions.len()];
        for (cells, region) in self.regions.runs() {
            if !regions[region].foreground {
                continue;
            }
            moved[region] +=
                self.presence.still()[cells.clone()].iter().filter(|&&still| still < STILL_AFTER).count();
            self.add_contrast(cells, &mut contrasts[region]);
        }
        self.lessons.clear();
        for (region, (moved, contrast)) in regions.iter().zip(moved.into_iter().zip(contrasts)) {
            self.lessons.push(if !region.foreground {
                Lesson::Background
            } else if contrast.is_of_ghost() {
                Lesson::Ghost
            } else if moved <= 2 + region.area / 100 {
                Lesson::Still
            } else {
                Lesson::Nothing
            });
        }
    }

    /// Adds the contrast across the outline at a run of foreground cells.
    fn add_contrast(&self, cells: std::ops::Range<usize>, contrast: &mut Contrast) {
        let width = self.size.width;
        let row = cells.start / width * width;
        let mut compare = |inside: usize, outside: usize| {
            if self.mask[outside] != 0 {
                return;
            }
            contrast.places += 1;
            if let Some((now, then)) = self.background.contrast(inside, outside, &self.observed) {
                contrast.known += 1;
                contrast.now += now;
                contrast.then += then;
            }
        };
        if cells.start >= row + 2 {
            compare(cells.start, cells.start - 2);
        }
        if cells.end + 1 < row + width {
            compare(cells.end - 1, cells.end + 1);
        }
        for cell in cells {
            if cell >= 2 * width && self.mask[cell - width] == 0 {
                compare(cell, cell - 2 * width);
            }
            if cell + 2 * width < self.size.len() && self.mask[cell + width] == 0 {
                compare(cell, cell + 2 * width);
            }
        }
    }
}

/// The contrast across a region's outline.
#[derive(Debug, Default, Clone, Copy)]
struct Contrast {
    /// In what is seen, and in the background.
    now: f32,
    then: f32,
    /// Places of the outline, and those of them where the background is known.
    places: usize,
    known: usize,
}

impl Contrast {
    /// A thing before the background has an outline that the background has not. Where it is the other
    /// way round, the thing has left, and the background shows it still.
    fn is_of_ghost(&self) -> bool {
        2 * self.known > self.places && self.then > 1.5 * self.now
    }
}

#[cfg(test)]
mod tests {
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
}
