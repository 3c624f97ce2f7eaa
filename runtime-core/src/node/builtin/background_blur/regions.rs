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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a mask as it is drawn: `#` is foreground.
    fn mask(rows: &[&str]) -> (Vec<u8>, GridSize) {
        let cells = rows.iter().flat_map(|row| row.bytes()).map(|b| u8::from(b == b'#')).collect();
        (cells, GridSize { width: rows[0].len(), height: rows.len() })
    }

    fn drawn(mask: &[u8], size: GridSize) -> Vec<String> {
        let row = |cells: &[u8]| cells.iter().map(|&cell| if cell == 0 { '.' } else { '#' }).collect();
        mask.chunks_exact(size.width).map(row).collect()
    }

    fn found(rows: &[&str]) -> Regions {
        let (mask, size) = mask(rows);
        let mut regions = Regions::default();
        regions.find(&mask, size);
        regions
    }

    /// Area, whether it is foreground, and whether it touches the edge, of each region.
    fn table(rows: &[&str]) -> Vec<(usize, bool, bool)> {
        let regions = found(rows);
        let mut table: Vec<_> =
            regions.regions().iter().map(|r| (r.area, r.foreground, r.touches_edge)).collect();
        table.sort_unstable();
        table
    }

    /// The number of regions by flooding, one cell at a time.
    fn flooded(mask: &[u8], size: GridSize) -> usize {
        let (mut seen, mut count) = (vec![false; mask.len()], 0);
        for start in 0..mask.len() {
            if seen[start] {
                continue;
            }
            count += 1;
            let mut open = vec![start];
            while let Some(cell) = open.pop() {
                if std::mem::replace(&mut seen[cell], true) {
                    continue;
                }
                let (x, y) = (cell % size.width, cell / size.width);
                let mut visit = |other: usize| {
                    if mask[other] == mask[cell] {
                        open.push(other);
                    }
                };
                if x > 0 {
                    visit(cell - 1);
                }
                if x + 1 < size.width {
                    visit(cell + 1);
                }
                if y > 0 {
                    visit(cell - size.width);
                }
                if y + 1 < size.height {
                    visit(cell + size.width);
                }
            }
        }
        count
    }

    #[test]
    fn regions_join_by_edges_and_not_by_corners() {
        assert_eq!(
            table(&["......", ".##...", "...##.", "......"]),
            [(2, true, false), (2, true, false), (20, false, true)]
        );
        assert_eq!(table(&["#.#", "#.#", "###"]), [(2, false, true), (7, true, true)]);
        assert_eq!(
            table(&["#####", "#...#", "#.#.#", "#...#", "#####"]),
            [(1, true, false), (8, false, false), (16, true, true)]
        );
        assert_eq!(table(&["#"]), [(1, true, true)]);
    }

    #[test]
    fn every_cell_belongs_to_one_region_whatever_the_mask() {
        for seed in 0..200_usize {
            let size = GridSize { width: 1 + seed % 17, height: 1 + seed % 11 };
            let mut state = seed as u32 + 1;
            let mask: Vec<u8> = (0..size.len())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    u8::from(state >> 24 > 120)
                })
                .collect();
            let mut regions = Regions::default();
            regions.find(&mask, size);
            assert_eq!(regions.regions().len(), flooded(&mask, size), "seed {seed}");
            assert_eq!(regions.regions().iter().map(|r| r.area).sum::<usize>(), size.len(), "seed {seed}");
            let mut next = 0;
            for (cells, region) in regions.runs() {
                assert_eq!(cells.start, next, "seed {seed}");
                let foreground = regions.regions()[region].foreground;
                assert!(cells.clone().all(|cell| (mask[cell] != 0) == foreground), "seed {seed}");
                next = cells.end;
            }
            assert_eq!(next, size.len(), "seed {seed}");
        }
    }

    #[test]
    fn specks_go_and_holes_are_filled_up_to_their_size() {
        let rows = ["#.......", "...####.", "...#..#.", ".#.####.", ".#......"];
        let cleaned = |smallest: usize, largest_hole: usize| {
            let (mut mask, size) = mask(&rows);
            found(&rows).clean(&mut mask, smallest, largest_hole);
            drawn(&mask, size)
        };
        assert_eq!(cleaned(3, 2), ["........", "...####.", "...####.", "...####.", "........"]);
        assert_eq!(cleaned(2, 1), ["........", "...####.", "...#..#.", ".#.####.", ".#......"]);
        assert_eq!(cleaned(0, 0), rows);
    }

    #[test]
    fn a_bay_that_reaches_the_edge_is_no_hole() {
        let rows = ["####", "#..#", "#..#"];
        let (mut mask, size) = mask(&rows);
        found(&rows).clean(&mut mask, 0, 100);
        assert_eq!(drawn(&mask, size), rows);
    }

    #[test]
    fn the_majority_of_nine_decides_and_edges_are_repeated() {
        for (from, to) in [
            (["......", "..#...", "......", "......"], ["......", "......", "......", "......"]),
            (["######", "###.##", "######", "######"], ["######", "######", "######", "######"]),
            (["...###", "...###", "...###", "...###"], ["...###", "...###", "...###", "...###"]),
            (["#.....", "#.....", "#.....", "......"], ["#.....", "#.....", "......", "......"]),
        ] {
            let (mut mask, size) = mask(&from);
            majority(&mut mask, size, &mut MajorityScratch::default());
            assert_eq!(drawn(&mask, size), to, "{from:?}");
        }
    }

    #[test]
    fn a_mask_without_nine_cells_around_one_stays_as_it_is() {
        for rows in [vec!["#."], vec!["#", ".", "#"], vec!["#.", ".#", "#."]] {
            let (mut cells, size) = mask(&rows);
            majority(&mut cells, size, &mut MajorityScratch::default());
            assert_eq!(drawn(&cells, size), rows);
        }
    }
}
