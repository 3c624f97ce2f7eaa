//! Blending rows of bytes.

/// Lays `over` on `under`: `under + (over − under) · alpha / 255`, rounded, exact at both ends.
pub(super) fn blend_row(under: &mut [u8], over: &[u8], alpha: &[u8]) {
    for ((under, &over), &alpha) in under.iter_mut().zip(over).zip(alpha) {
        let (over, alpha) = (u16::from(over), u16::from(alpha));
        let sum = u16::from(*under) * (255 - alpha) + over * alpha + 127;
        // A division by 255 of a sum below 65 536, without a division.
        *under = ((sum + (sum >> 8) + 1) >> 8) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mixture_is_the_rounded_mean() {
        for alpha in 0..=255 {
            for over in 0..=255 {
                let mut under: Vec<u8> = (0..=255).collect();
                blend_row(&mut under, &[over; 256], &[alpha; 256]);
                for (from, &got) in (0..).zip(&under) {
                    let exact =
                        f64::from(from) + (f64::from(over) - f64::from(from)) * f64::from(alpha) / 255.0;
                    assert!(
                        (f64::from(got) - exact).abs() <= 0.501,
                        "{from} {over} {alpha}: {got}, not {exact}"
                    );
                }
            }
        }
    }
}
