//! A moving gradient with a coloured square that travels.

use super::Scene;
use crate::data::VideoLoan;

/// A moving gradient with a coloured square that travels.
pub(super) struct GradientScene {
    /// One row of the gradient, as long as the picture is wide and one period more; every row of every
    /// frame is a piece of it.
    row: Vec<u8>,
}

/// The gradient rises by one level each `STEP` pixels, for `LEVELS` levels.
const STEP: usize = 4;
const LEVELS: usize = 180;
const DARKEST: usize = 30;

/// The square's Y, U and V.
const SQUARE: [u8; 3] = [150, 60, 200];

impl GradientScene {
    pub(super) fn new(width: u32) -> Self {
        let level = |x: usize| (x / STEP % LEVELS + DARKEST) as u8;
        Self { row: (0..width as usize + STEP * LEVELS).map(level).collect() }
    }
}

impl Scene for GradientScene {
    fn draw(&self, n: u64, picture: &mut VideoLoan) {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        for (y, row) in picture.plane_mut(0).chunks_exact_mut(width).enumerate() {
            let shift = (y / 3 + 2 * (n % LEVELS as u64) as usize) % LEVELS * STEP;
            row.copy_from_slice(&self.row[shift..shift + width]);
        }
        picture.plane_mut(1).fill(128);
        picture.plane_mut(2).fill(128);
        let Some(Square { left, top, side }) = Square::of_frame(n, width, height) else { return };
        for (plane, &level) in SQUARE.iter().enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let (rows, columns) = (top / scale..(top + side) / scale, left / scale..(left + side) / scale);
            let stride = picture.plane_layout(plane).stride;
            for row in picture.plane_mut(plane).chunks_exact_mut(stride).take(rows.end).skip(rows.start) {
                row[columns.clone()].fill(level);
            }
        }
    }

    fn draw_mask(&self, n: u64, mask: &mut VideoLoan) {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        let Some(Square { left, top, side }) = Square::of_frame(n, width, height) else { return };
        for row in mask.plane_mut(0).chunks_exact_mut(width).skip(top).take(side) {
            row[left..left + side].fill(u8::MAX);
        }
    }
}

/// Where the square is.
struct Square {
    left: usize,
    top: usize,
    side: usize,
}

impl Square {
    /// Returns where the square is in frame `n`; a picture too narrow for it has none.
    fn of_frame(n: u64, width: usize, height: usize) -> Option<Self> {
        let side = height / 5;
        let free = width.checked_sub(side).filter(|&free| free > 0)?;
        let left = (7 * n % free as u64) as usize;
        let top = height / 3 + (3 * n % (height / 3) as u64) as usize;
        Some(Self { left, top, side })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::PixelFormat;
    use crate::shm::HeapPool;

    #[test]
    fn every_pixel_is_what_the_formula_says() {
        let (width, height) = (320, 180);
        let scene = GradientScene::new(width);
        for n in [0, 1, 89, 90, 1000, u64::from(u32::MAX)] {
            let mut loan =
                VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, height).expect("fits");
            scene.draw(n, &mut loan);
            let frame = loan.freeze();
            let mut loan =
                VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, height).expect("fits");
            loan.plane_mut(0).fill(0);
            scene.draw_mask(n, &mut loan);
            let mask = loan.freeze();
            let side = 36;
            let (left, top) = ((7 * n % (320 - 36)) as usize, 60 + (3 * n % 60) as usize);
            let inside = |x: usize, y: usize, scale: usize| {
                (left / scale..(left + side) / scale).contains(&x)
                    && (top / scale..(top + side) / scale).contains(&y)
            };
            for y in 0..180 {
                for x in 0..320 {
                    let gradient = ((x as u64 / 4 + y as u64 / 3 + 2 * n) % 180 + 30) as u8;
                    let expected = if inside(x, y, 1) { 150 } else { gradient };
                    assert_eq!(frame.row(0, y)[x], expected, "frame {n} at {x},{y}");
                    let masked = if inside(x, y, 1) { 255 } else { 0 };
                    assert_eq!(mask.row(0, y)[x], masked, "mask of frame {n} at {x},{y}");
                }
            }
            for y in 0..90 {
                for x in 0..160 {
                    let expected = if inside(x, y, 2) { (60, 200) } else { (128, 128) };
                    assert_eq!((frame.row(1, y)[x], frame.row(2, y)[x]), expected, "frame {n} at {x},{y}");
                }
            }
        }
    }
}
