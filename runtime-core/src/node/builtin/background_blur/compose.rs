//! Puts the foreground on the blurred background.

use std::ops::Range;

use super::backdrop::Backdrop;
use super::enlarge::Enlarger;
use super::matte::Matte;
use super::reduced::Reduced;
use super::smoothing::GridSize;
use crate::data::{VideoFrame, VideoLoan};
use crate::node::builtin::blend::blend_row;

/// Puts the foreground on the blurred background, a row of cells at a time.
///
/// Most cells are all foreground (copied) or all background (enlarged from the backdrop); only where the
/// two meet is the mask worked out for each pixel, and the two blended.
#[derive(Debug)]
pub(super) struct Composer {
    size: GridSize,
    /// Pixels per cell, each way.
    cell: usize,
    width: usize,
    height: usize,
    enlargers: [Enlarger; 3],
    /// Bounds of the mask in each cell: the least and the most.
    bounds: Vec<(f32, f32)>,
    spans: Vec<Span>,
    /// The mask of one row of cells, 0..=255, rows of an even number of pixels.
    mask: Vec<u8>,
    /// The mask of one row of chroma.
    chroma_mask: Vec<u8>,
    /// The matte's lines for one row of pixels.
    slopes: Vec<f32>,
    bases: Vec<f32>,
}

/// Neighbouring cells of a row that are treated alike.
#[derive(Debug, Clone)]
struct Span {
    kind: SpanKind,
    cells: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpanKind {
    Foreground,
    Background,
    Mixed,
}

impl Composer {
    pub(super) fn new(picture: &Reduced, width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let size = GridSize { width: picture.cells.width, height: picture.cells.height };
        let (factor, cell) = (picture.factor, 2 * picture.factor);
        let chroma_width = width.div_ceil(2);
        let enlarger = |width| Enlarger::new(factor, width);
        Self {
            size,
            cell,
            width,
            height,
            enlargers: [enlarger(width), enlarger(chroma_width), enlarger(chroma_width)],
            bounds: vec![(0.0, 0.0); size.len()],
            spans: Vec::new(),
            mask: vec![0; cell * 2 * chroma_width],
            chroma_mask: vec![0; chroma_width],
            slopes: vec![0.0; size.width],
            bases: vec![0.0; size.width],
        }
    }

    /// Writes the composed picture to `out`, and the mask to `mask_out` if it is wanted: its luma is 0 for
    /// background and 255 for foreground.
    pub(super) fn compose(
        &mut self,
        frame: &VideoFrame,
        backdrop: &Backdrop,
        matte: &Matte,
        out: &mut VideoLoan,
        mut mask_out: Option<&mut VideoLoan>,
    ) {
        self.bound(matte);
        self.enlargers.iter_mut().for_each(Enlarger::begin);
        for cell_row in 0..self.size.height {
            self.find_spans(cell_row);
            self.compose_luma(cell_row, frame, backdrop, matte, out);
            self.compose_chroma(cell_row, frame, backdrop, out);
            if let Some(mask_out) = &mut mask_out {
                self.write_mask(cell_row, mask_out);
            }
        }
        if let Some(mask_out) = mask_out {
            mask_out.plane_mut(1).fill(128);
            mask_out.plane_mut(2).fill(128);
        }
    }

    /// Bounds the mask within each cell, whatever its luma.
    fn bound(&mut self, matte: &Matte) {
        for ((bounds, &slope), &base) in self.bounds.iter_mut().zip(&matte.slope).zip(&matte.base) {
            let bright = base + 255.0 * slope;
            *bounds = (base.min(bright), base.max(bright));
        }
    }

    fn find_spans(&mut self, cell_row: usize) {
        self.spans.clear();
        let width = self.size.width;
        let rows = cell_row.saturating_sub(1)..=(cell_row + 1).min(self.size.height - 1);
        for cell in 0..width {
            let columns = cell.saturating_sub(1)..=(cell + 1).min(width - 1);
            let (mut least, mut most) = (f32::MAX, f32::MIN);
            for row in rows.clone() {
                for &(low, high) in &self.bounds[row * width..][columns.clone()] {
                    least = least.min(low);
                    most = most.max(high);
                }
            }
            let kind = if least > 0.996 {
                SpanKind::Foreground
            } else if most < 0.004 {
                SpanKind::Background
            } else {
                SpanKind::Mixed
            };
            match self.spans.last_mut() {
                Some(span) if span.kind == kind => span.cells.end = cell + 1,
                _ => self.spans.push(Span { kind, cells: cell..cell + 1 }),
            }
        }
    }

    fn compose_luma(
        &mut self,
        cell_row: usize,
        frame: &VideoFrame,
        backdrop: &Backdrop,
        matte: &Matte,
        out: &mut VideoLoan,
    ) {
        let mixed = self.spans.iter().any(|span| span.kind == SpanKind::Mixed);
        let top = cell_row * self.cell;
        let stride = out.plane_layout(0).stride;
        let mask_stride = 2 * self.width.div_ceil(2);
        for y in top..(top + self.cell).min(self.height) {
            let from = frame.row(0, y);
            let to = &mut out.plane_mut(0)[y * stride..][..self.width];
            if mixed {
                self.interpolate_lines(matte, cell_row, y - top);
            }
            let row = self.enlargers[0].row(&backdrop.planes[0], y);
            let mask = &mut self.mask[(y - top) * mask_stride..][..mask_stride];
            for span in &self.spans {
                let pixels = span.cells.start * self.cell..(span.cells.end * self.cell).min(self.width);
                match span.kind {
                    SpanKind::Foreground => to[pixels.clone()].copy_from_slice(&from[pixels]),
                    SpanKind::Background => row.write(pixels.start, &mut to[pixels]),
                    SpanKind::Mixed => {
                        row.write(pixels.start, &mut to[pixels.clone()]);
                        let lines = Lines { slopes: &self.slopes, bases: &self.bases };
                        let (from, mask) = (&from[pixels.clone()], &mut mask[pixels.clone()]);
                        match self.cell {
                            4 => lines.write_mask::<4>(span.cells.clone(), from, mask),
                            8 => lines.write_mask::<8>(span.cells.clone(), from, mask),
                            _ => lines.write_mask::<16>(span.cells.clone(), from, mask),
                        }
                        blend_row(&mut to[pixels], from, mask);
                    }
                }
            }
            if mask_stride > self.width {
                mask[self.width] = mask[self.width - 1];
            }
        }
    }

    /// Works out the matte's lines at a row of pixels, from the two rows of cells it lies between.
    fn interpolate_lines(&mut self, matte: &Matte, cell_row: usize, y: usize) {
        let position = (y as f32 + 0.5) / self.cell as f32 - 0.5;
        let other = if position < 0.0 {
            cell_row.saturating_sub(1)
        } else {
            (cell_row + 1).min(self.size.height - 1)
        };
        let share = position.abs();
        let width = self.size.width;
        for (lines, plane) in [(&mut self.slopes, &matte.slope), (&mut self.bases, &matte.base)] {
            let (here, other) = (&plane[cell_row * width..][..width], &plane[other * width..][..width]);
            for ((line, here), other) in lines.iter_mut().zip(here).zip(other) {
                *line = here + (other - here) * share;
            }
        }
    }

    fn compose_chroma(
        &mut self,
        cell_row: usize,
        frame: &VideoFrame,
        backdrop: &Backdrop,
        out: &mut VideoLoan,
    ) {
        let side = self.cell / 2;
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let top = cell_row * side;
        for y in top..(top + side).min(height) {
            // The last row of a picture of odd height has no second row of luma.
            let first = 2 * (y - top);
            let second = if 2 * y + 1 < self.height { first + 1 } else { first };
            let masks =
                (&self.mask[first * 2 * width..][..2 * width], &self.mask[second * 2 * width..][..2 * width]);
            for span in self.spans.iter().filter(|span| span.kind == SpanKind::Mixed) {
                let samples = span.cells.start * side..(span.cells.end * side).min(width);
                let pixels = 2 * samples.start..2 * samples.end;
                let (upper, lower) =
                    (masks.0[pixels.clone()].as_chunks::<2>().0, masks.1[pixels].as_chunks::<2>().0);
                for ((mean, a), b) in self.chroma_mask[samples].iter_mut().zip(upper).zip(lower) {
                    let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                    *mean = ((sum + 2) / 4) as u8;
                }
            }
            for plane in 1..3 {
                let from = frame.row(plane, y);
                let stride = out.plane_layout(plane).stride;
                let to = &mut out.plane_mut(plane)[y * stride..][..width];
                let row = self.enlargers[plane].row(&backdrop.planes[plane], y);
                for span in &self.spans {
                    let samples = span.cells.start * side..(span.cells.end * side).min(width);
                    if span.kind == SpanKind::Foreground {
                        to[samples.clone()].copy_from_slice(&from[samples]);
                        continue;
                    }
                    row.write(samples.start, &mut to[samples.clone()]);
                    if span.kind == SpanKind::Mixed {
                        blend_row(
                            &mut to[samples.clone()],
                            &from[samples.clone()],
                            &self.chroma_mask[samples],
                        );
                    }
                }
            }
        }
    }

    fn write_mask(&self, cell_row: usize, out: &mut VideoLoan) {
        let top = cell_row * self.cell;
        let stride = out.plane_layout(0).stride;
        let mask_stride = 2 * self.width.div_ceil(2);
        for y in top..(top + self.cell).min(self.height) {
            let to = &mut out.plane_mut(0)[y * stride..][..self.width];
            let mask = &self.mask[(y - top) * mask_stride..][..self.width];
            for span in &self.spans {
                let pixels = span.cells.start * self.cell..(span.cells.end * self.cell).min(self.width);
                match span.kind {
                    SpanKind::Foreground => to[pixels].fill(255),
                    SpanKind::Background => to[pixels].fill(0),
                    SpanKind::Mixed => to[pixels.clone()].copy_from_slice(&mask[pixels]),
                }
            }
        }
    }
}

/// The matte's lines at one row of pixels, one for each cell.
#[derive(Clone, Copy)]
struct Lines<'a> {
    slopes: &'a [f32],
    bases: &'a [f32],
}

impl Lines<'_> {
    /// Works the mask of the pixels `luma` out, 0..=255; they are those of `cells`, `CELL` each (the last
    /// of a row may be cut short).
    fn write_mask<const CELL: usize>(self, cells: Range<usize>, luma: &[u8], mask: &mut [u8]) {
        let last = self.slopes.len() - 1;
        for (cell, (luma, mask)) in cells.zip(luma.chunks(CELL).zip(mask.chunks_mut(CELL))) {
            let around = |lines: &[f32]| {
                let here = lines[cell];
                (lines[cell.saturating_sub(1)] - here, here, lines[(cell + 1).min(last)] - here)
            };
            let (slope_left, slope, slope_right) = around(self.slopes);
            let (base_left, base, base_right) = around(self.bases);
            let value = |x: usize, pixel: u8| {
                let position = (x as f32 + 0.5) / CELL as f32 - 0.5;
                let (left, right) = ((-position).max(0.0), position.max(0.0));
                let slope = slope + slope_left * left + slope_right * right;
                let base = base + base_left * left + base_right * right;
                let value = (slope * f32::from(pixel) + base).clamp(0.0, 1.0) * 255.0;
                // Above 2^23 a float has no fraction: the sum is rounded, and its lowest byte the number.
                (value + 8_388_608.0).to_bits() as u8
            };
            if let (Some(luma), Some(mask)) = (luma.first_chunk::<CELL>(), mask.first_chunk_mut::<CELL>()) {
                for x in 0..CELL {
                    mask[x] = value(x, luma[x]);
                }
            } else {
                for (x, (mask, &pixel)) in mask.iter_mut().zip(luma).enumerate() {
                    *mask = value(x, pixel);
                }
            }
        }
    }
}
