//! Aligns a coarse mask with the edges of the picture.

use super::smoothing::{BoxScratch, GridSize, box_mean};

/// A mask as a linear function of luma, cell by cell: `mask = slope · luma + base`, so that at full
/// resolution it follows the edges of the picture.
///
/// Source: K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013; K. He, J. Sun, "Fast Guided
/// Filter", arXiv 1505.00996, 2015.
#[derive(Debug)]
pub(super) struct Matte {
    size: GridSize,
    /// Per level of luma.
    pub(super) slope: Vec<f32>,
    pub(super) base: Vec<f32>,
    /// The mask over the last moments, 0.0..=1.0.
    soft: Vec<f32>,
    products: [Vec<f32>; 4],
    scratch: BoxScratch,
}

/// How the mask's edge looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct EdgeSettings {
    /// Width of the soft edge, cells.
    pub(super) feather: f32,
    /// Time in which the edge follows the mask, seconds.
    pub(super) smoothing: f32,
}

/// Cells to each side in which mask and luma are compared.
const WINDOW: usize = 2;

/// Variance of luma (levels squared) below which an area counts as flat and its mask is only smoothed.
const FLAT: f32 = 120.0;

impl Matte {
    pub(super) fn new(size: GridSize) -> Self {
        let zeros = || vec![0.0; size.len()];
        Self {
            size,
            slope: zeros(),
            base: zeros(),
            soft: zeros(),
            products: std::array::from_fn(|_| zeros()),
            scratch: BoxScratch::default(),
        }
    }

    /// Takes over a frame's mask.
    ///
    /// * `luma`: the frame's cells.
    /// * `seconds`: time since the last frame; `None` for the first.
    pub(super) fn follow(&mut self, mask: &[u8], luma: &[u8], settings: EdgeSettings, seconds: Option<f32>) {
        let rate = seconds.map_or(1.0, |seconds| 1.0 - (-seconds / settings.smoothing.max(0.001)).exp());
        for (soft, &mask) in self.soft.iter_mut().zip(mask) {
            let target = f32::from(mask);
            *soft += rate * (target - *soft);
            // The last thousandth would keep every cell at work for ever.
            if (target - *soft).abs() < 0.01 {
                *soft = target;
            }
        }
        let Self { size, slope, base, soft, products, scratch } = self;
        let [mask, luma_mean, product, square] = products;
        mask.copy_from_slice(soft);
        // Wide edges are made before the alignment, narrow ones by steepening after it.
        let blurred = (settings.feather / 2.0).floor() as usize;
        box_mean(mask, *size, blurred, scratch);
        for (i, &pixel) in luma.iter().enumerate() {
            let luma = f32::from(pixel);
            luma_mean[i] = luma;
            product[i] = luma * mask[i];
            square[i] = luma * luma;
        }
        for plane in [&mut *mask, &mut *luma_mean, &mut *product, &mut *square] {
            box_mean(plane, *size, WINDOW, scratch);
        }
        for i in 0..size.len() {
            let variance = square[i] - luma_mean[i] * luma_mean[i];
            let covariance = product[i] - luma_mean[i] * mask[i];
            slope[i] = covariance / (variance.max(0.0) + FLAT);
            base[i] = mask[i] - slope[i] * luma_mean[i];
        }
        box_mean(slope, *size, WINDOW, scratch);
        box_mean(base, *size, WINDOW, scratch);
        let steeper = (3.0 / (settings.feather + 0.5)).clamp(1.0, 4.0);
        for (slope, base) in slope.iter_mut().zip(base) {
            *slope *= steeper;
            *base = (*base - 0.5) * steeper + 0.5;
        }
    }

    /// Returns the mask over the last moments, 0.0..=1.0.
    pub(super) fn soft(&self) -> &[f32] {
        &self.soft
    }
}
