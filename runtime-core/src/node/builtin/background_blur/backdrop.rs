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
