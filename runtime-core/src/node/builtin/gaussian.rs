//! Gaussian blur of one plane of bytes.

use libblur::{
    BlurImage, BlurImageMut, ConvolutionMode, EdgeMode, EdgeMode2D, FastBlurChannels, GaussianBlurParams,
    ThreadingPolicy, gaussian_blur,
};

use crate::data::PlaneLayout;
use crate::node::NodeError;

/// Largest radius, pixels.
pub(super) const MAX_RADIUS: u32 = 64;

/// Blurs the plane `src` into `dst`, on this thread, in fixed point.
///
/// * `src`: rows `layout.stride` bytes apart.
/// * `dst`: rows `dst_stride` bytes apart.
/// * `radius`: pixels to each side of the kernel's centre; its standard deviation is half of that, so
///   that the kernel ends where its weights have fallen to 14 % of the centre's. Edges are repeated
///   outwards. 0 copies.
pub(super) fn blur_plane(
    src: &[u8],
    layout: PlaneLayout,
    dst: &mut [u8],
    dst_stride: usize,
    radius: u32,
) -> Result<(), NodeError> {
    if radius == 0 {
        for (from, to) in src.chunks(layout.stride).zip(dst.chunks_mut(dst_stride)) {
            to[..layout.row_bytes].copy_from_slice(&from[..layout.row_bytes]);
        }
        return Ok(());
    }
    let (width, height) = (layout.row_bytes as u32, layout.rows as u32);
    let mut from = BlurImage::borrow(src, width, height, FastBlurChannels::Plane);
    from.stride = layout.stride as u32;
    let mut to = BlurImageMut::borrow(dst, width, height, FastBlurChannels::Plane);
    to.stride = dst_stride as u32;
    let kernel = GaussianBlurParams::new(2 * radius + 1, f64::from(radius) / 2.0);
    let edges = EdgeMode2D::new(EdgeMode::Clamp);
    gaussian_blur(&from, &mut to, kernel, edges, ThreadingPolicy::Single, ConvolutionMode::FixedPoint)
        .map_err(NodeError::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: usize, height: usize) -> PlaneLayout {
        PlaneLayout { offset: 0, stride: width, row_bytes: width, rows: height }
    }

    /// The same blur in floating point, by the formula.
    fn reference(src: &[u8], width: usize, height: usize, radius: i64) -> Vec<f64> {
        let sigma = radius as f64 / 2.0;
        let weights: Vec<f64> =
            (-radius..=radius).map(|d| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let pass = |src: &[f64], at: &dyn Fn(i64, i64, i64) -> usize| -> Vec<f64> {
            let mut out = Vec::new();
            for y in 0..height as i64 {
                for x in 0..width as i64 {
                    let taps = (-radius..=radius).zip(&weights).map(|(d, w)| src[at(x, y, d)] * w);
                    out.push(taps.sum::<f64>() / sum);
                }
            }
            out
        };
        let (w, h) = (width as i64, height as i64);
        let src: Vec<f64> = src.iter().map(|&p| f64::from(p)).collect();
        let rows = pass(&src, &|x, y, d| (y * w + (x + d).clamp(0, w - 1)) as usize);
        pass(&rows, &|x, y, d| ((y + d).clamp(0, h - 1) * w + x) as usize)
    }

    #[test]
    fn the_blur_is_the_gaussian_within_two_percent() {
        let (width, height) = (61, 47);
        let src: Vec<u8> =
            (0..width * height).map(|i| if (i * 7919) % 251 < 90 { 235 } else { 16 }).collect();
        for radius in [1, 2, 5, 15] {
            let mut dst = vec![0; width * height];
            blur_plane(&src, layout(width, height), &mut dst, width, radius).expect("blurs");
            let expected = reference(&src, width, height, i64::from(radius));
            let worst = dst
                .iter()
                .zip(&expected)
                .map(|(&got, want)| (f64::from(got) - want).abs())
                .fold(0.0, f64::max);
            assert!(worst <= 0.02 * 219.0, "radius {radius}: off by {worst}");
        }
    }

    #[test]
    fn planes_smaller_than_the_kernel_are_blurred_too() {
        for (width, height) in [(1, 1), (2, 1), (1, 9), (3, 3), (17, 2), (64, 5)] {
            for radius in [1, 7, 30, 31, MAX_RADIUS] {
                let src = vec![77; width * height];
                let mut dst = vec![0; width * height];
                blur_plane(&src, layout(width, height), &mut dst, width, radius).expect("blurs");
                let off = dst.iter().map(|&p| p.abs_diff(77)).max();
                assert!(off <= Some(1), "{width}x{height}, radius {radius}: off by {off:?}");
            }
        }
    }

    #[test]
    fn gaps_between_rows_are_neither_read_nor_written() {
        let (width, height, stride) = (40, 20, 48);
        let mut src = vec![255; stride * height];
        for row in src.chunks_mut(stride) {
            row[..width].fill(100);
        }
        let layout = PlaneLayout { offset: 0, stride, row_bytes: width, rows: height };
        for radius in [0, 9] {
            let mut dst = vec![7; stride * height];
            blur_plane(&src, layout, &mut dst, stride, radius).expect("blurs");
            for row in dst.chunks(stride) {
                assert!(row[..width].iter().all(|p| p.abs_diff(100) <= 1), "radius {radius}: {row:?}");
                assert!(row[width..].iter().all(|&p| p == 7), "radius {radius}: {row:?}");
            }
        }
    }
}
