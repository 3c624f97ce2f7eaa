//! What is learnt from a frame about the background.

use std::ops::Range;

use super::contrast::Contrast;
use super::model::{Background, Observed};
use super::regions::Regions;
use super::smoothing::GridSize;
use super::uncovered::shows_background;

/// A frame, and how it was understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) size: GridSize,
    pub(super) observed: &'a Observed,
    /// 1 where there is foreground.
    pub(super) mask: &'a [u8],
    /// Log-odds of foreground.
    pub(super) odds: &'a [f32],
    /// Seconds since each cell moved.
    pub(super) still: &'a [f32],
}

/// What the background learns from a frame, region by region.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    regions: Vec<Lesson>,
    outlines: Vec<Outline>,
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

/// What tells a region that is there from one that has left or was put there.
#[derive(Debug, Default, Clone, Copy)]
struct Outline {
    contrast: Contrast,
    /// Cells of the region that moved lately.
    moved: usize,
}

/// A part of a frame's rows, and the time for which it is learnt from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Of every `of` rows, the one that is learnt from.
    pub(super) row: u64,
    pub(super) of: u64,
    /// Time since the last lesson from these rows, seconds.
    pub(super) seconds: f32,
}

/// Log-odds from which on an unknown cell is taken for background.
const CERTAIN: f32 = -1.5;

/// Foreground in which nothing has moved for this time is still, seconds.
const STILL_AFTER: f32 = 10.0;

/// Of every so many rows, one is looked at for what was uncovered: twice as often as for other lessons, as it goes
/// on cell by cell from the outline inwards.
const UNCOVERED_EVERY: u64 = 2;

/// For how long a background that is seen again counts as seen, seconds: enough to outweigh what spoke against it.
const UNCOVERED_COUNTS: f32 = 2.0;

impl Lessons {
    /// Teaches the background what the rows whose turn it is show.
    pub(super) fn teach(
        &mut self,
        scene: Scene<'_>,
        regions: &Regions,
        turn: Turn,
        background: &mut Background,
    ) {
        self.choose(scene, regions, background);
        for (cells, region) in regions.runs() {
            let lesson = self.regions[region];
            let row = (cells.start / scene.size.width) as u64;
            if row % UNCOVERED_EVERY == turn.row % UNCOVERED_EVERY {
                uncover(scene, cells.clone(), background);
            }
            if row % turn.of != turn.row {
                continue;
            }
            for cell in cells {
                match lesson {
                    // What is neither known nor plainly background is left open.
                    Lesson::Background if background.knows(cell) || scene.odds[cell] < CERTAIN => {
                        background.learn(cell, scene.observed, turn.seconds);
                    }
                    Lesson::Still => background.learn_still(cell, scene.observed, turn.seconds),
                    Lesson::Ghost => background.assume(cell, scene.observed, turn.seconds),
                    Lesson::Background | Lesson::Nothing => {}
                }
            }
        }
    }

    fn choose(&mut self, scene: Scene<'_>, regions: &Regions, background: &Background) {
        let all = regions.regions();
        self.outlines.clear();
        self.outlines.resize(all.len(), Outline::default());
        for (cells, region) in regions.runs().filter(|(_, region)| all[*region].foreground) {
            let outline = &mut self.outlines[region];
            outline.moved += scene.still[cells.clone()].iter().filter(|&&still| still < STILL_AFTER).count();
            outline.contrast.add(&scene, background, cells);
        }
        self.regions.clear();
        self.regions.extend(all.iter().zip(&self.outlines).map(|(region, outline)| {
            if !region.foreground {
                Lesson::Background
            } else if outline.contrast.is_of_ghost() {
                Lesson::Ghost
            } else if outline.moved <= 2 + region.area / 100 {
                Lesson::Still
            } else {
                Lesson::Nothing
            }
        }));
    }
}

/// Takes for background what of a run of cells shows it, though it is foreground or not known.
fn uncover(scene: Scene<'_>, cells: Range<usize>, background: &mut Background) {
    for cell in cells {
        let settled = scene.mask[cell] == 0 && background.knows(cell);
        if !settled && shows_background(&scene, background, cell) {
            background.assume(cell, scene.observed, UNCOVERED_COUNTS);
        }
    }
}
