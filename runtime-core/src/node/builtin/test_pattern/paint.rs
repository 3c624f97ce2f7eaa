//! Colours, noise and shapes to draw a scene with.

/// A colour: red, green, blue, each 0.0..=1.0.
pub(super) type Rgb = [f32; 3];

/// Returns the colour as Y, U, V.
///
/// Source: ITU-R BT.601, limited range.
pub(super) fn yuv_from_rgb([r, g, b]: Rgb) -> [f32; 3] {
    let luma = 0.299 * r + 0.587 * g + 0.114 * b;
    [16.0 + 219.0 * luma, 128.0 + 112.0 * (b - luma) / 0.886, 128.0 + 112.0 * (r - luma) / 0.701]
}

/// Returns `a` where `share` is 0, `b` where it is 1, and a mixture between.
pub(super) fn mixed(a: Rgb, b: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share.clamp(0.0, 1.0))
}

/// Returns the colour, brighter or darker.
pub(super) fn lit(colour: Rgb, light: f32) -> Rgb {
    colour.map(|c| c * light)
}

/// Returns 0 up to `from`, 1 from `to` on, and a smooth rise between.
pub(super) fn smooth_step(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Returns how far the point is outside an ellipse (negative: inside), in the units of its radii; exact
/// on its edge, and near enough beside it to smooth the edge with.
pub(super) fn ellipse_distance(x: f32, y: f32, radius_x: f32, radius_y: f32) -> f32 {
    let (u, v) = (x / radius_x, y / radius_y);
    ((u * u + v * v).sqrt() - 1.0) * radius_x.min(radius_y)
}

/// Returns a number in 0.0..1.0 that depends on the three in no visible way, the same on every machine.
pub(super) fn chance(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    for _ in 0..2 {
        h ^= h >> 15;
        h = h.wrapping_mul(0x2C1B_3C6D);
        h ^= h >> 12;
        h = h.wrapping_mul(0x297A_2D39);
    }
    (h >> 8) as f32 / (1 << 24) as f32
}

/// Returns smooth noise, 0.0..=1.0, that changes over a distance of about 1.
pub(super) fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (smooth_step(0.0, 1.0, x - left), smooth_step(0.0, 1.0, y - top));
    let corner = |dx, dy| chance(left as i32 + dx, top as i32 + dy, seed);
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * u;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * u;
    upper + (lower - upper) * v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_the_primaries_have_the_levels_of_the_standard() {
        for (rgb, expected) in [
            ([0.0, 0.0, 0.0], [16.0, 128.0, 128.0]),
            ([1.0, 1.0, 1.0], [235.0, 128.0, 128.0]),
            ([1.0, 0.0, 0.0], [81.5, 90.2, 240.0]),
            ([0.0, 0.0, 1.0], [41.0, 240.0, 109.8]),
        ] {
            let yuv = yuv_from_rgb(rgb);
            for (got, want) in yuv.iter().zip(&expected) {
                assert!((got - want).abs() < 0.1, "{rgb:?}: {yuv:?}");
            }
        }
    }

    #[test]
    fn noise_fills_its_range_and_has_no_steps() {
        let values: Vec<f32> = (0..4000).map(|i| noise(i as f32 * 0.01, 7.3, 5)).collect();
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        assert!(values.iter().any(|&v| v > 0.8) && values.iter().any(|&v| v < 0.2));
        assert!(values.windows(2).all(|w| (w[0] - w[1]).abs() < 0.03));
    }
}
