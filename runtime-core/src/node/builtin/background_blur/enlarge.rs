//! Enlarges a small plane row by row, bilinearly.

use super::reduced::Plane;

/// Enlarges a small plane row by row, bilinearly.
///
/// Rows are enlarged along their length when they are first needed, and two of them kept: a row of the
/// picture is then a mixture of the two.
#[derive(Debug)]
pub(super) struct Enlarger {
    factor: usize,
    /// The small row, its ends repeated.
    padded: Vec<u8>,
    /// Two wide rows, and which small row each is.
    wide: [Vec<u8>; 2],
    rows: [usize; 2],
}

/// The wide rows that a row of the picture lies between, and the share of the second in sixteenths.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowMixture<'a> {
    first: &'a [u8],
    second: &'a [u8],
    second_share: u16,
}

/// No row of a plane has this number.
const NONE: usize = usize::MAX;

impl Enlarger {
    /// * `factor`: 2, 4 or 8.
    /// * `width`: of the enlarged rows.
    pub(super) fn new(factor: usize, width: usize) -> Self {
        let wide = vec![0; width.next_multiple_of(factor)];
        Self { factor, padded: Vec::new(), wide: [wide.clone(), wide], rows: [NONE; 2] }
    }

    /// Forgets the rows of the last frame.
    pub(super) fn begin(&mut self) {
        self.rows = [NONE; 2];
    }

    /// Returns row `y` of the enlarged plane; calls go from top to bottom.
    pub(super) fn row(&mut self, plane: &Plane, y: usize) -> RowMixture<'_> {
        let (here, phase) = (y / self.factor, y % self.factor);
        // The centre of the row lies above the centre of the small row in its upper half.
        let offset = 2 * phase as isize + 1 - self.factor as isize;
        let share = (offset.unsigned_abs() * 8 / self.factor) as u16;
        let (first, second, second_share) = if offset < 0 {
            (here.saturating_sub(1), here, 16 - share)
        } else {
            (here, (here + 1).min(plane.height - 1), share)
        };
        if self.rows[1] == first && self.rows[0] != first {
            self.wide.swap(0, 1);
            self.rows.swap(0, 1);
        }
        for (slot, row) in [first, second].into_iter().enumerate() {
            if self.rows[slot] != row {
                self.enlarge(plane, row, slot);
            }
        }
        RowMixture { first: &self.wide[0], second: &self.wide[1], second_share }
    }

    fn enlarge(&mut self, plane: &Plane, row: usize, slot: usize) {
        let small = &plane.pixels[row * plane.width..(row + 1) * plane.width];
        self.padded.clear();
        self.padded.push(small[0]);
        self.padded.extend_from_slice(small);
        self.padded.push(small[small.len() - 1]);
        match self.factor {
            2 => enlarge_row::<2>(&self.padded, &mut self.wide[slot]),
            4 => enlarge_row::<4>(&self.padded, &mut self.wide[slot]),
            _ => enlarge_row::<8>(&self.padded, &mut self.wide[slot]),
        }
        self.rows[slot] = row;
    }
}

impl RowMixture<'_> {
    /// Writes the row's pixels from `start` on.
    pub(super) fn write(self, start: usize, to: &mut [u8]) {
        let first = &self.first[start..start + to.len()];
        let second = &self.second[start..start + to.len()];
        let (a, b) = (16 - self.second_share, self.second_share);
        for ((pixel, &first), &second) in to.iter_mut().zip(first).zip(second) {
            *pixel = ((u16::from(first) * a + u16::from(second) * b + 8) >> 4) as u8;
        }
    }
}

fn enlarge_row<const FACTOR: usize>(padded: &[u8], wide: &mut [u8]) {
    let pixels = wide.as_chunks_mut::<FACTOR>().0;
    for (pixels, around) in pixels.iter_mut().zip(padded.windows(3)) {
        let [left, here, right] = [0, 1, 2].map(|i| u16::from(around[i]));
        for (phase, pixel) in pixels.iter_mut().enumerate() {
            let offset = 2 * phase as i32 + 1 - FACTOR as i32;
            let share = (offset.unsigned_abs() * 8 / FACTOR as u32) as u16;
            let other = if offset < 0 { left } else { right };
            *pixel = ((here * (16 - share) + other * share + 8) >> 4) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enlarged_plane_is_the_bilinear_interpolation() {
        for factor in [2, 4, 8] {
            for (width, height) in [(9, 7), (1, 1), (2, 3)] {
                let pixels: Vec<u8> = (0..width * height).map(|i| ((i * 89) % 256) as u8).collect();
                let plane = Plane { width, height, pixels: pixels.clone() };
                let mut enlarger = Enlarger::new(factor, width * factor);
                let at = |x: f64, y: f64| {
                    let (x, y) = (x.clamp(0.0, width as f64 - 1.0), y.clamp(0.0, height as f64 - 1.0));
                    let pixel = |x: f64, y: f64| {
                        let (x, y) = (x.min(width as f64 - 1.0), y.min(height as f64 - 1.0));
                        f64::from(pixels[y as usize * width + x as usize])
                    };
                    let (u, v) = (x.fract(), y.fract());
                    let upper =
                        pixel(x.floor(), y.floor()) * (1.0 - u) + pixel(x.floor() + 1.0, y.floor()) * u;
                    let lower = pixel(x.floor(), y.floor() + 1.0) * (1.0 - u)
                        + pixel(x.floor() + 1.0, y.floor() + 1.0) * u;
                    upper * (1.0 - v) + lower * v
                };
                for y in 0..height * factor {
                    let mut row = vec![0; width * factor];
                    enlarger.row(&plane, y).write(0, &mut row);
                    for (x, &got) in row.iter().enumerate() {
                        let small = |pixel: usize| (pixel as f64 + 0.5) / factor as f64 - 0.5;
                        let expected = at(small(x), small(y));
                        assert!(
                            (f64::from(got) - expected).abs() <= 1.1,
                            "factor {factor} at {x},{y}: {got}, not {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_piece_of_a_row_is_that_piece() {
        let plane = Plane { width: 5, height: 1, pixels: vec![0, 50, 100, 150, 200] };
        let mut enlarger = Enlarger::new(4, 18);
        let (mut whole, mut piece) = ([0; 18], [0; 7]);
        enlarger.row(&plane, 2).write(0, &mut whole);
        enlarger.row(&plane, 2).write(9, &mut piece);
        assert_eq!(whole[9..16], piece);
    }
}
