//! The blurred background, at reduced size.

use super::reduced::{Plane, Reduced};
use super::smoothing::{BoxScratch, GridSize, box_mean};
use crate::data::PlaneLayout;
use crate::node::NodeError;
use crate::node::builtin::gaussian::{MAX_RADIUS, blur_plane};

/// The blurred background, at reduced size.
///
/// Before the blur, what the foreground covers is painted over with the background around it; otherwise
/// its colours would run out of it like a glow.
#[derive(Debug)]
pub(super) struct Backdrop {
    size: GridSize,
    /// Y, U, V.
    pub(super) planes: [Plane; 3],
    /// How much of each cell is background, 0.0..=1.0.
    share: Vec<f32>,
    /// The background around each cell: Y, U, V, and how much of it there is.
    around: [Vec<f32>; 4],
    scratch: BoxScratch,
}

impl Backdrop {
    pub(super) fn new(picture: &Reduced) -> Self {
        let size = GridSize { width: picture.cells.width, height: picture.cells.height };
        let zeros = || vec![0.0; size.len()];
        Self {
            size,
            planes: [picture.luma.clone(), picture.u.clone(), picture.v.clone()],
            share: zeros(),
            around: std::array::from_fn(|_| zeros()),
            scratch: BoxScratch::default(),
        }
    }

    /// Makes the backdrop of a frame; paints over the foreground in `picture`.
    ///
    /// * `mask`: foreground, 0.0..=1.0 for each cell.
    /// * `radius`: of the blur, pixels of the full picture.
    pub(super) fn blur(&mut self, picture: &mut Reduced, mask: &[f32], radius: f32) -> Result<(), NodeError> {
        self.paint_over(picture, mask, radius);
        let luma_radius = (radius / picture.factor as f32).round().clamp(1.0, MAX_RADIUS as f32) as u32;
        let chroma_radius = luma_radius.div_ceil(2);
        let from = [(&picture.luma, luma_radius), (&picture.u, chroma_radius), (&picture.v, chroma_radius)];
        for ((from, radius), to) in from.into_iter().zip(&mut self.planes) {
            let layout =
                PlaneLayout { offset: 0, stride: from.width, row_bytes: from.width, rows: from.height };
            blur_plane(&from.pixels, layout, &mut to.pixels, from.width, radius)?;
        }
        Ok(())
    }

    fn paint_over(&mut self, picture: &mut Reduced, mask: &[f32], radius: f32) {
        let Self { size, share, around, scratch, .. } = self;
        share.copy_from_slice(mask);
        box_mean(share, *size, 1, scratch);
        // A cell with a foreground neighbour shows a little of it: it is painted over too.
        share.iter_mut().for_each(|share| *share = (1.0 - 3.0 * *share).max(0.0));
        let planes = [&picture.cells.pixels, &picture.u.pixels, &picture.v.pixels];
        let [around @ .., amount] = around;
        for (around, pixels) in around.iter_mut().zip(planes) {
            for ((around, &pixel), share) in around.iter_mut().zip(pixels).zip(&*share) {
                *around = share * f32::from(pixel);
            }
        }
        amount.copy_from_slice(share);
        let reach = (radius / (2 * picture.factor) as f32).ceil() as usize + 1;
        for plane in around.iter_mut().chain([&mut *amount]) {
            box_mean(plane, *size, reach, scratch);
        }
        let [y, u, v] = around;
        for (i, &share) in share.iter().enumerate() {
            if share >= 1.0 || amount[i] < 1e-3 {
                continue;
            }
            let cover = |pixel: &mut u8, around: f32| {
                let painted = f32::from(*pixel) * share + around / amount[i] * (1.0 - share);
                *pixel = painted.round() as u8;
            };
            cover(&mut picture.u.pixels[i], u[i]);
            cover(&mut picture.v.pixels[i], v[i]);
            let (left, top) = (2 * (i % size.width), 2 * (i / size.width));
            let (right, bottom) = ((left + 2).min(picture.luma.width), (top + 2).min(picture.luma.height));
            for row in top..bottom {
                let start = row * picture.luma.width;
                for pixel in &mut picture.luma.pixels[start + left..start + right] {
                    cover(pixel, y[i]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::builtin::input::tests::draw;

    const SIDE: usize = 160;
    /// Of the blur, pixels of the full picture.
    const RADIUS: f32 = 16.0;

    /// The backdrop of a picture given by its luma and by one level for all chroma samples within a square
    /// and without, with a mask for each cell.
    fn blurred(
        luma: impl Fn(usize, usize) -> u8,
        chroma: impl Fn(usize, usize) -> u8,
        mask: impl Fn(usize, usize) -> f32,
    ) -> Backdrop {
        let frame = draw(SIDE as u32, SIDE as u32, luma, |_, x, y| chroma(x, y));
        let mut reduced = Reduced::new(SIDE as u32, SIDE as u32);
        reduced.take(&frame);
        let mut backdrop = Backdrop::new(&reduced);
        let (width, height) = (reduced.cells.width, reduced.cells.height);
        let mask: Vec<f32> = (0..width * height).map(|n| mask(n % width, n / width)).collect();
        backdrop.blur(&mut reduced, &mask, RADIUS).expect("blurs");
        backdrop
    }

    fn extremes(plane: &Plane) -> (u8, u8) {
        let least = plane.pixels.iter().min().expect("a picture has pixels");
        (*least, *plane.pixels.iter().max().expect("a picture has pixels"))
    }

    /// Whether a cell lies in the square that stands for the person, cells 12 to 24 both ways.
    fn in_square(x: usize, y: usize) -> bool {
        (12..24).contains(&x) && (12..24).contains(&y)
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let backdrop = blurred(|_, _| 90, |_, _| 140, |_, _| 0.0);
        for (plane, level) in backdrop.planes.iter().zip([90, 140, 140]) {
            let (least, most) = extremes(plane);
            assert!(least.abs_diff(level) <= 1 && most.abs_diff(level) <= 1, "{least} to {most}");
        }
    }

    #[test]
    fn fine_stripes_become_their_mean() {
        let backdrop = blurred(|x, _| if x / 4 % 2 == 0 { 50 } else { 150 }, |_, _| 128, |_, _| 0.0);
        // At the edge the outermost stripe is repeated outwards.
        let luma = &backdrop.planes[0];
        let inside = luma.pixels.chunks_exact(luma.width).flat_map(|row| &row[16..luma.width - 16]);
        assert!(inside.clone().all(|&p| p.abs_diff(100) <= 2), "{:?}", inside.max());
    }

    #[test]
    fn the_colours_of_the_foreground_do_not_run_out_of_it() {
        let cell = 4;
        let person = |x: usize, y: usize| in_square(x / cell, y / cell);
        let luma = move |x, y| if person(x, y) { 230 } else { 80 };
        let chroma = move |x: usize, y: usize| if person(2 * x, 2 * y) { 170 } else { 120 };
        let backdrop = blurred(luma, chroma, |x, y| f32::from(in_square(x, y)));
        for (plane, level) in backdrop.planes.iter().zip([80, 120, 120]) {
            // Where the person covers it, the backdrop does not show.
            let cells = plane.width / (SIDE / cell);
            for (n, &pixel) in plane.pixels.iter().enumerate() {
                let (x, y) = (n % plane.width / cells, n / plane.width / cells);
                assert!(in_square(x, y) || pixel.abs_diff(level) <= 1, "{pixel} at {x},{y}, not {level}");
            }
        }
        let glowing = blurred(luma, chroma, |_, _| 0.0);
        assert!(extremes(&glowing.planes[0]).1 > 150, "without a mask it does");
    }

    #[test]
    fn where_no_background_is_near_the_picture_itself_is_blurred() {
        let backdrop = blurred(|x, _| x as u8, |_, _| 128, |_, _| 1.0);
        let row = &backdrop.planes[0].pixels[..SIDE / 2];
        assert!(row.windows(2).all(|pair| pair[0] <= pair[1]) && row[70] > row[10] + 100, "{row:?}");
    }

    #[test]
    fn pictures_smaller_than_the_blur_and_of_odd_size_are_blurred_too() {
        for (width, height) in [(1, 1), (2, 2), (5, 3), (33, 19), (16, 16)] {
            let frame = draw(width, height, |_, _| 77, |_, _, _| 130);
            let mut reduced = Reduced::new(width, height);
            reduced.take(&frame);
            let mut backdrop = Backdrop::new(&reduced);
            let mask: Vec<f32> = (0..reduced.cells.pixels.len()).map(|n| (n % 2) as f32).collect();
            for radius in [0.0, 1.0, 64.0, 10_000.0] {
                reduced.take(&frame);
                backdrop.blur(&mut reduced, &mask, radius).expect("blurs");
                let (least, most) = extremes(&backdrop.planes[0]);
                assert!(least.abs_diff(77) <= 1 && most.abs_diff(77) <= 1, "{width}x{height}, {radius}");
            }
        }
    }
}
