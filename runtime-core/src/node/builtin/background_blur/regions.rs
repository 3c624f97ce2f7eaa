//! Connected regions of a mask, and the cleaning of a mask by them.

use std::ops::Range;

use super::smoothing::GridSize;

/// The connected regions (by edge, not by corner) of a mask: of its foreground, and of its background.
#[derive(Debug, Default)]
pub(super) struct Regions {
    runs: Vec<Run>,
    regions: Vec<Region>,
}

/// Neighbouring cells of a row that are alike.
#[derive(Debug)]
struct Run {
    cells: Range<usize>,
    foreground: bool,
    /// Another run of the same region, or itself; after [`Regions::find`], the region's number.
    region: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) foreground: bool,
    /// Cells.
    pub(super) area: usize,
    /// Whether it reaches the picture's edge.
    pub(super) touches_edge: bool,
}

impl Regions {
    /// Finds the regions of `mask` (0: background, else foreground).
    pub(super) fn find(&mut self, mask: &[u8], size: GridSize) {
        self.runs.clear();
        self.regions.clear();
        let mut above = 0..0;
        for (y, row) in mask.chunks_exact(size.width).enumerate() {
            let first = self.runs.len();
            let mut start = 0;
            for cells in row.chunk_by(|a, b| (*a != 0) == (*b != 0)) {
                let from = y * size.width + start;
                let run = self.runs.len();
                let foreground = cells[0] != 0;
                self.runs.push(Run { cells: from..from + cells.len(), foreground, region: run });
                start += cells.len();
            }
            self.join_rows(above, first..self.runs.len(), size.width);
            above = first..self.runs.len();
        }
        self.number(size);
    }

    /// Joins the runs of a row with those above that they touch.
    fn join_rows(&mut self, above: Range<usize>, row: Range<usize>, width: usize) {
        let mut upper = above.start;
        for run in row {
            let cells = self.runs[run].cells.start - width.min(self.runs[run].cells.start)
                ..self.runs[run].cells.end.saturating_sub(width);
            while upper < above.end {
                let other = &self.runs[upper];
                if other.cells.start >= cells.end {
                    break;
                }
                if other.foreground == self.runs[run].foreground && other.cells.end > cells.start {
                    self.join(upper, run);
                }
                if self.runs[upper].cells.end > cells.end {
                    break;
                }
                upper += 1;
            }
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, last) = (a.min(b), a.max(b));
        self.runs[last].region = first;
    }

    /// Returns the first run of the region, shortening the way there for the next time.
    fn root(&mut self, run: usize) -> usize {
        let mut run = run;
        while self.runs[run].region != run {
            let next = self.runs[run].region;
            self.runs[run].region = self.runs[next].region;
            run = next;
        }
        run
    }

    /// Gives the regions numbers and measures them.
    fn number(&mut self, size: GridSize) {
        for run in 0..self.runs.len() {
            // A region's first run comes before its others, so that theirs have numbers already.
            let parent = self.runs[run].region;
            let region = if parent == run {
                self.regions.push(Region {
                    foreground: self.runs[run].foreground,
                    area: 0,
                    touches_edge: false,
                });
                self.regions.len() - 1
            } else {
                self.runs[parent].region
            };
            let run = &mut self.runs[run];
            run.region = region;
            let (column, row) = (run.cells.start % size.width, run.cells.start / size.width);
            let at_edge =
                column == 0 || column + run.cells.len() == size.width || row == 0 || row + 1 == size.height;
            self.regions[region].area += run.cells.len();
            self.regions[region].touches_edge |= at_edge;
        }
    }

    /// Returns the regions.
    pub(super) fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Returns the runs of cells that make up the regions, with their region's number.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        self.runs.iter().map(|run| (run.cells.clone(), run.region))
    }

    /// Removes foreground regions of fewer than `smallest` cells from the mask, and fills holes of up to
    /// `largest_hole` cells.
    pub(super) fn clean(&self, mask: &mut [u8], smallest: usize, largest_hole: usize) {
        for (cells, region) in self.runs() {
            let region = self.regions[region];
            if region.foreground && region.area < smallest {
                mask[cells].fill(0);
            } else if !region.foreground && !region.touches_edge && region.area <= largest_hole {
                mask[cells].fill(1);
            }
        }
    }
}

/// Room for the work of [`majority`], kept between calls.
pub(super) type MajorityScratch = [Vec<u8>; 2];

/// Makes each cell what most of the nine around it are (0 or 1): frays and single cells go.
pub(super) fn majority(mask: &mut [u8], size: GridSize, scratch: &mut MajorityScratch) {
    let GridSize { width, height } = size;
    if width < 3 || height < 3 {
        return;
    }
    let [rows, padded] = scratch;
    rows.clear();
    rows.resize(mask.len(), 0);
    padded.clear();
    padded.resize(width + 2, 0);
    for (from, to) in mask.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        padded[0] = from[0];
        padded[1..=width].copy_from_slice(from);
        padded[width + 1] = from[width - 1];
        for (x, sum) in to.iter_mut().enumerate() {
            *sum = padded[x] + padded[x + 1] + padded[x + 2];
        }
    }
    let row = |y: usize| &rows[y * width..(y + 1) * width];
    for (y, to) in mask.chunks_exact_mut(width).enumerate() {
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
        for (((cell, above), here), below) in to.iter_mut().zip(above).zip(here).zip(below) {
            *cell = u8::from(above + here + below >= 5);
        }
    }
}
