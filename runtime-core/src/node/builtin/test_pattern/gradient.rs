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
        let side = height / 5;
        if width <= side {
            return;
        }
        let left = (7 * n % (width - side) as u64) as usize;
        let top = height / 3 + (3 * n % (height / 3) as u64) as usize;
        for (plane, &level) in SQUARE.iter().enumerate() {
            let scale = if plane == 0 { 1 } else { 2 };
            let (rows, columns) = (top / scale..(top + side) / scale, left / scale..(left + side) / scale);
            let stride = picture.plane_layout(plane).stride;
            for row in picture.plane_mut(plane).chunks_exact_mut(stride).take(rows.end).skip(rows.start) {
                row[columns.clone()].fill(level);
            }
        }
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
