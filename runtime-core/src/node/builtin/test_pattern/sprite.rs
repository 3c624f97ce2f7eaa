//! A drawn thing with a soft outline that can be laid on a picture.

use super::paint::{Rgb, yuv_from_rgb};
use crate::data::{PlaneLayout, VideoLoan};
use crate::node::builtin::blend::blend_row;

/// A drawn thing: its planes and how much of each pixel it covers.
pub(super) struct Sprite {
    /// Luma, then chroma at half the size.
    layers: [Layer; 3],
    /// Coverage of each luma pixel and of each chroma sample, 0..=255.
    coverage: [Vec<u8>; 2],
}

/// One plane of a sprite, without gaps between rows.
struct Layer {
    width: usize,
    pixels: Vec<u8>,
}

impl Sprite {
    /// Draws a sprite.
    ///
    /// * `width`, `height`: luma pixels, even.
    /// * `paint`: colour and coverage (0.0..=1.0) of the pixel at `x`, `y`.
    pub(super) fn new(width: usize, height: usize, paint: impl Fn(usize, usize) -> (Rgb, f32)) -> Self {
        let (chroma_width, chroma_len) = (width / 2, width / 2 * (height / 2));
        let mut luma = vec![0; width * height];
        let mut coverage = vec![0; width * height];
        // Sums over the four pixels of a chroma sample: U, V, coverage.
        let mut sums = vec![[0.0_f32; 3]; chroma_len];
        for y in 0..height {
            for x in 0..width {
                let (colour, covered) = paint(x, y);
                let [level, u, v] = yuv_from_rgb(colour);
                luma[y * width + x] = level.round() as u8;
                coverage[y * width + x] = (255.0 * covered.clamp(0.0, 1.0)).round() as u8;
                let sum = &mut sums[y / 2 * chroma_width + x / 2];
                for (sum, part) in sum.iter_mut().zip([u, v, covered.clamp(0.0, 1.0)]) {
                    *sum += part / 4.0;
                }
            }
        }
        let plane = |part: usize, scale: f32| -> Vec<u8> {
            sums.iter().map(|sum| (scale * sum[part]).round() as u8).collect()
        };
        let layers = [
            Layer { width, pixels: luma },
            Layer { width: chroma_width, pixels: plane(0, 1.0) },
            Layer { width: chroma_width, pixels: plane(1, 1.0) },
        ];
        Self { layers, coverage: [coverage, plane(2, 255.0)] }
    }

    /// Lays the sprite on an I420 picture, its upper left pixel at `left`, `top` (even); what lies
    /// outside the picture is left out.
    pub(super) fn draw(&self, picture: &mut VideoLoan, left: i32, top: i32) {
        for (plane, layer) in self.layers.iter().enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let layout = picture.plane_layout(plane);
            let coverage = &self.coverage[usize::from(plane > 0)];
            let pixels = layer.pixels.chunks_exact(layer.width);
            let place = (left / scale, top / scale);
            lay(pixels.zip(coverage.chunks_exact(layer.width)), picture.plane_mut(plane), layout, place);
        }
    }

    /// Lays the sprite's coverage on the luma of a picture that holds the coverage so far.
    pub(super) fn cover(&self, covered: &mut VideoLoan, left: i32, top: i32) {
        let layout = covered.plane_layout(0);
        let width = self.layers[0].width;
        let full = vec![u8::MAX; width];
        let coverage = self.coverage[0].chunks_exact(width);
        lay(coverage.map(|row| (&full[..], row)), covered.plane_mut(0), layout, (left, top));
    }
}

/// Lays rows of pixels on a plane, each with how much it covers, the first at `left`, `top`.
fn lay<'a>(
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    plane: &mut [u8],
    layout: PlaneLayout,
    (left, top): (i32, i32),
) {
    let cut = left.min(0).unsigned_abs() as usize;
    let first = left.max(0) as usize;
    for (y, (pixels, coverage)) in (top..layout.rows as i32).zip(rows) {
        let columns = pixels.len().saturating_sub(cut).min(layout.row_bytes.saturating_sub(first));
        let Ok(y) = usize::try_from(y) else { continue };
        if columns == 0 {
            continue;
        }
        let under = &mut plane[y * layout.stride + first..][..columns];
        blend_row(under, &pixels[cut..][..columns], &coverage[cut..][..columns]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{PixelFormat, VideoFrame};
    use crate::shm::HeapPool;

    const WHITE: Rgb = [1.0, 1.0, 1.0];

    fn on_black(sprite: &Sprite, left: i32, top: i32) -> VideoFrame {
        let mut loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 16, 16).expect("fits");
        for plane in 0..3 {
            loan.plane_mut(plane).fill(16);
        }
        sprite.draw(&mut loan, left, top);
        loan.freeze()
    }

    #[test]
    fn a_sprite_lies_where_it_is_laid_in_every_plane() {
        let sprite = Sprite::new(6, 4, |_, _| (WHITE, 1.0));
        let frame = on_black(&sprite, 4, 8);
        for y in 0..16 {
            for x in 0..16 {
                let inside = (4..10).contains(&x) && (8..12).contains(&y);
                assert_eq!(frame.row(0, y)[x], if inside { 235 } else { 16 }, "at {x},{y}");
                assert_eq!(frame.row(1, y / 2)[x / 2], if inside { 128 } else { 16 }, "at {x},{y}");
            }
        }
    }

    #[test]
    fn what_lies_outside_the_picture_is_left_out() {
        let sprite = Sprite::new(8, 8, |x, y| ([x as f32 / 8.0, y as f32 / 8.0, 0.0], 1.0));
        let whole = on_black(&sprite, 4, 4);
        for (left, top) in [(-4, -4), (12, 12), (-4, 12), (12, -4)] {
            let frame = on_black(&sprite, left, top);
            for y in 0..8_i32 {
                for x in 0..8_i32 {
                    let (Ok(to_x), Ok(to_y)) = (usize::try_from(left + x), usize::try_from(top + y)) else {
                        continue;
                    };
                    if to_x < 16 && to_y < 16 {
                        let expected = whole.row(0, 4 + y as usize)[4 + x as usize];
                        assert_eq!(frame.row(0, to_y)[to_x], expected, "{left},{top} at {x},{y}");
                    }
                }
            }
        }
        for (left, top) in [(-8, 0), (-100, 0), (16, 0), (100, 0), (0, -8), (0, -100), (0, 16), (0, 100)] {
            assert!(on_black(&sprite, left, top).plane(0).iter().all(|&p| p == 16), "{left},{top}");
        }
    }

    #[test]
    fn half_covered_pixels_are_half_of_each() {
        let frame = on_black(&Sprite::new(4, 4, |_, _| (WHITE, 0.5)), 0, 0);
        assert!(frame.row(0, 0)[0].abs_diff(126) <= 1, "{}", frame.row(0, 0)[0]);
        assert!(frame.row(1, 0)[0].abs_diff(72) <= 1, "{}", frame.row(1, 0)[0]);
    }
}
