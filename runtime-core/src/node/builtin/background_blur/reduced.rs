//! A picture at a fraction of its size: what is blurred, and what is segmented.

use crate::data::VideoFrame;

/// One plane of bytes without gaps between rows.
#[derive(Debug, Default, Clone)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// A picture at a fraction of its size, by the mean of the pixels that fall together.
///
/// A *cell* is the smallest thing that segmentation sees: one pixel of `cells`, one sample of `u` and
/// `v`, two by two pixels of `luma`, and `2·factor` by `2·factor` pixels of the picture.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// Picture pixels per `luma` pixel, each way: 2, 4 or 8.
    pub(super) factor: usize,
    pub(super) luma: Plane,
    pub(super) u: Plane,
    pub(super) v: Plane,
    pub(super) cells: Plane,
    /// Sums over the rows of one block.
    sums: Vec<u16>,
}

impl Reduced {
    /// Chooses the sizes for pictures of `width`×`height`: 90 to 180 cells from top to bottom for all
    /// pictures of 360 to 2880 lines.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let factor = match height {
            0..540 => 2,
            540..1440 => 4,
            _ => 8,
        };
        let plane = |pixels_per_side: usize| {
            let width = (width as usize).div_ceil(pixels_per_side);
            let height = (height as usize).div_ceil(pixels_per_side);
            Plane { width, height, pixels: vec![0; width * height] }
        };
        Self {
            factor,
            luma: plane(factor),
            u: plane(2 * factor),
            v: plane(2 * factor),
            cells: plane(2 * factor),
            sums: vec![0; width as usize],
        }
    }

    /// Takes over an I420 picture of the size that the planes were made for.
    pub(super) fn take(&mut self, frame: &VideoFrame) {
        for (index, plane) in [&mut self.luma, &mut self.u, &mut self.v].into_iter().enumerate() {
            let layout = frame.plane_layout(index);
            let rows = Rows { pixels: frame.plane(index), stride: layout.stride, width: layout.row_bytes };
            match self.factor {
                2 => reduce::<2>(rows, layout.rows, plane, &mut self.sums),
                4 => reduce::<4>(rows, layout.rows, plane, &mut self.sums),
                _ => reduce::<8>(rows, layout.rows, plane, &mut self.sums),
            }
        }
        let (width, height) = (self.luma.width, self.luma.height);
        let rows = Rows { pixels: &self.luma.pixels, stride: width, width };
        reduce::<2>(rows, height, &mut self.cells, &mut self.sums);
    }
}

#[derive(Clone, Copy)]
struct Rows<'a> {
    pixels: &'a [u8],
    stride: usize,
    width: usize,
}

/// Writes the mean of each block of `FACTOR`×`FACTOR` pixels; blocks at the right and lower edge may be
/// smaller.
fn reduce<const FACTOR: usize>(from: Rows<'_>, height: usize, to: &mut Plane, sums: &mut [u16]) {
    let sums = &mut sums[..from.width];
    let row = |y: usize| &from.pixels[y * from.stride..][..from.width];
    for (block, means) in to.pixels.chunks_exact_mut(to.width).enumerate() {
        let rows = block * FACTOR..((block + 1) * FACTOR).min(height);
        for (sum, &pixel) in sums.iter_mut().zip(row(rows.start)) {
            *sum = u16::from(pixel);
        }
        for y in rows.start + 1..rows.end {
            for (sum, &pixel) in sums.iter_mut().zip(row(y)) {
                *sum += u16::from(pixel);
            }
        }
        let (blocks, rest) = sums.as_chunks::<FACTOR>();
        if rows.len() == FACTOR {
            for (mean, block) in means.iter_mut().zip(blocks) {
                let count = (FACTOR * FACTOR) as u16;
                *mean = ((block.iter().sum::<u16>() + count / 2) / count) as u8;
            }
        } else {
            let count = (FACTOR * rows.len()) as u16;
            for (mean, block) in means.iter_mut().zip(blocks) {
                *mean = ((block.iter().sum::<u16>() + count / 2) / count) as u8;
            }
        }
        if let Some(mean) = means.get_mut(blocks.len())
            && !rest.is_empty()
        {
            let count = (rest.len() * rows.len()) as u16;
            *mean = ((rest.iter().sum::<u16>() + count / 2) / count) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::builtin::input::tests::draw;

    #[test]
    fn each_pixel_is_the_mean_of_its_block_also_at_the_edges() {
        for (width, height) in [(64, 48), (61, 47), (9, 5), (1, 1), (130, 541)] {
            let frame = draw(
                width,
                height,
                |x, y| (x * 7 + y * 13) as u8,
                |plane, x, y| (plane * 31 + x * 3 + y * 5) as u8,
            );
            let mut reduced = Reduced::new(width, height);
            reduced.take(&frame);
            for (index, plane) in [&reduced.luma, &reduced.u, &reduced.v].into_iter().enumerate() {
                let layout = frame.plane_layout(index);
                let side = reduced.factor;
                assert_eq!(plane.width, layout.row_bytes.div_ceil(side));
                for y in 0..plane.height {
                    for x in 0..plane.width {
                        let rows = y * side..((y + 1) * side).min(layout.rows);
                        let columns = x * side..((x + 1) * side).min(layout.row_bytes);
                        let count = rows.len() * columns.len();
                        let sum: usize = rows
                            .flat_map(|y| frame.row(index, y)[columns.clone()].iter())
                            .map(|&p| usize::from(p))
                            .sum();
                        let mean = (sum + count / 2) / count;
                        assert_eq!(usize::from(plane.pixels[y * plane.width + x]), mean, "{width}x{height}");
                    }
                }
            }
        }
    }

    #[test]
    fn all_planes_of_cells_have_one_size() {
        for (width, height) in [(1280, 720), (1281, 721), (640, 360), (33, 19), (1920, 1080), (3840, 2160)] {
            let reduced = Reduced::new(width, height);
            for plane in [&reduced.v, &reduced.cells] {
                assert_eq!((plane.width, plane.height), (reduced.u.width, reduced.u.height));
            }
            assert_eq!(reduced.cells.width, reduced.luma.width.div_ceil(2), "{width}x{height}");
        }
    }
}
