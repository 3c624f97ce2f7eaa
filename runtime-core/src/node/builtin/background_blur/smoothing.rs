//! Means over square windows of a grid.

/// Size of a grid of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GridSize {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl GridSize {
    pub(super) fn len(self) -> usize {
        self.width * self.height
    }
}

/// Room for the work of [`box_mean`], kept between calls.
#[derive(Debug, Default)]
pub(super) struct BoxScratch {
    /// A row with its ends repeated.
    padded: Vec<f32>,
    /// Sums along rows.
    rows: Vec<f32>,
    /// The sum over the rows of the window.
    sum: Vec<f32>,
}

/// Replaces each cell by the mean over the window of `2·radius + 1` cells squared around it; edges are
/// repeated outwards.
pub(super) fn box_mean(cells: &mut [f32], size: GridSize, radius: usize, scratch: &mut BoxScratch) {
    if radius == 0 {
        return;
    }
    let GridSize { width, height } = size;
    let BoxScratch { padded, rows, sum } = scratch;
    rows.clear();
    rows.resize(size.len(), 0.0);
    padded.clear();
    padded.resize(width + 2 * radius, 0.0);
    let share = 1.0 / (2 * radius + 1) as f32;
    for (from, to) in cells.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        padded[..radius].fill(from[0]);
        padded[radius..radius + width].copy_from_slice(from);
        padded[radius + width..].fill(from[width - 1]);
        for shift in 0..=2 * radius {
            for (sum, value) in to.iter_mut().zip(&padded[shift..shift + width]) {
                *sum += value;
            }
        }
    }
    let row = |y: isize| {
        let y = y.clamp(0, height as isize - 1) as usize;
        &rows[y * width..(y + 1) * width]
    };
    let reach = radius as isize;
    sum.clear();
    sum.resize(width, 0.0);
    for y in -reach..=reach {
        for (sum, value) in sum.iter_mut().zip(row(y)) {
            *sum += value;
        }
    }
    for (y, to) in (0..).zip(cells.chunks_exact_mut(width)) {
        let (entering, leaving) = (row(y + reach + 1), row(y - reach));
        for (((cell, sum), entering), leaving) in to.iter_mut().zip(sum.iter_mut()).zip(entering).zip(leaving)
        {
            *cell = *sum * share * share;
            *sum += entering - leaving;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_is_the_mean_of_its_window() {
        for (width, height) in [(17, 11), (3, 2), (1, 1), (1, 8)] {
            let size = GridSize { width, height };
            let cells: Vec<f32> = (0..size.len()).map(|i| ((i * 37) % 101) as f32).collect();
            for radius in [0, 1, 2, 5] {
                let mut means = cells.clone();
                box_mean(&mut means, size, radius, &mut BoxScratch::default());
                for y in 0..height as isize {
                    for x in 0..width as isize {
                        let reach = radius as isize;
                        let mut sum = 0.0;
                        for v in y - reach..=y + reach {
                            for u in x - reach..=x + reach {
                                let v = v.clamp(0, height as isize - 1) as usize;
                                let u = u.clamp(0, width as isize - 1) as usize;
                                sum += cells[v * width + u];
                            }
                        }
                        let expected = sum / (2 * radius + 1).pow(2) as f32;
                        let got = means[y as usize * width + x as usize];
                        assert!((got - expected).abs() < 1e-3, "{width}x{height}, radius {radius}");
                    }
                }
            }
        }
    }
}
