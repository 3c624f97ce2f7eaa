//! What has to be known of an H.264 bitstream without decoding it: where its units are, which of them
//! start a key frame, how large its pictures will be, and what their colours mean.
//!
//! Source: ITU-T H.264 §7.3 (syntax), §7.4.1 (unit types), Annex B (start codes), Annex E (VUI).

use remotemedia_runtime_core::data::ColorSpace;

/// Coded slice of a picture that builds on others.
pub(crate) const NAL_SLICE: u8 = 1;
/// Last kind of slice of such a picture (data partition C).
pub(crate) const NAL_LAST_SLICE: u8 = 4;
/// Coded slice of an IDR picture.
pub(crate) const NAL_IDR: u8 = 5;
/// Sequence parameter set.
pub(crate) const NAL_SPS: u8 = 7;
/// Picture parameter set.
pub(crate) const NAL_PPS: u8 = 8;
/// Sequence parameter set of a scalable layer; it starts like a plain one.
pub(crate) const NAL_SUBSET_SPS: u8 = 15;

/// Longest parameter set that is looked into, bytes; real ones have some 20.
const MAX_SPS_LEN: usize = 512;

/// Returns the type of a unit from its first byte.
pub(crate) const fn nal_type(header: u8) -> u8 {
    header & 0x1f
}

/// Returns the units of an Annex B bitstream, without start codes and the zeros before them. Empty units
/// and bytes before the first start code are left out.
pub(crate) fn nal_units(bitstream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(bitstream).map(|at| &bitstream[at + 3..]);
    std::iter::from_fn(move || {
        loop {
            let units = rest?;
            let next = start_code(units);
            let unit = &units[..next.unwrap_or(units.len())];
            rest = next.map(|at| &units[at + 3..]);
            let end = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if end > 0 {
                return Some(&unit[..end]);
            }
        }
    })
}

/// Finds the next `00 00 01`.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // The third byte decides how far to jump: above 1 no start code can include it.
    while let Some(third) = bytes.get(at + 2) {
        match third {
            0 => at += 1,
            1 if bytes[at] == 0 && bytes[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

/// What a sequence parameter set says of the pictures that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureKind {
    /// Pixels, after cropping.
    pub(crate) width: u32,
    /// Pixels, after cropping.
    pub(crate) height: u32,
    /// Where the set does not say it: the default.
    pub(crate) color_space: ColorSpace,
}

/// Reads a sequence parameter set (given with its header byte); `None` if it is damaged or of a kind that no
/// decoder here takes.
pub(crate) fn picture_kind(sps: &[u8]) -> Option<PictureKind> {
    let (header, body) = sps.split_first()?;
    if !matches!(nal_type(*header), NAL_SPS | NAL_SUBSET_SPS) || body.len() > MAX_SPS_LEN {
        return None;
    }
    let mut bits = Bits::new(body);
    let profile = bits.take(8)?;
    // Constraint flags and level.
    bits.take(16)?;
    bits.unsigned()?;
    if has_chroma_format(profile) {
        if bits.unsigned()? != 1 {
            return None;
        }
        // Bit depths of luma and chroma, transform bypass.
        bits.unsigned()?;
        bits.unsigned()?;
        bits.take(1)?;
        if bits.take(1)? == 1 {
            skip_scaling_matrix(&mut bits)?;
        }
    }
    bits.unsigned()?;
    skip_picture_order(&mut bits)?;
    // Reference frames, gaps allowed.
    bits.unsigned()?;
    bits.take(1)?;
    let width = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    let height = bits.unsigned()?.checked_add(1)?.checked_mul(16)?;
    // Interlaced pictures are not taken.
    if bits.take(1)? == 0 {
        return None;
    }
    bits.take(1)?;
    let (mut width, mut height) = (width, height);
    if bits.take(1)? == 1 {
        let mut cropped = |side: u32| {
            let before = bits.unsigned()?;
            // In units of a chroma sample: two pixels.
            let crop = before.checked_add(bits.unsigned()?)?.checked_mul(2)?;
            side.checked_sub(crop).filter(|left| *left > 0)
        };
        (width, height) = (cropped(width)?, cropped(height)?);
    }
    // What is behind decides over no picture: damage there costs its colours.
    let color_space = color_space(&mut bits).unwrap_or_default();
    Some(PictureKind { width, height, color_space })
}

/// Reads the colour description of the usability information (§E.1.1), which follows the cropping; `None`: there is
/// none.
fn color_space(bits: &mut Bits<'_>) -> Option<ColorSpace> {
    /// The sides of a sample's aspect ratio follow.
    const EXTENDED_SAR: u32 = 255;
    /// Code point of H.273 for what nobody said.
    const UNSPECIFIED: u8 = 2;

    let present = |bits: &mut Bits<'_>| Some(bits.take(1)? == 1);
    if !present(bits)? {
        return None;
    }
    if present(bits)? && bits.take(8)? == EXTENDED_SAR {
        bits.take(16)?;
        bits.take(16)?;
    }
    if present(bits)? {
        // Overscan.
        bits.take(1)?;
    }
    if !present(bits)? {
        return None;
    }
    // The format of the analogue video.
    bits.take(3)?;
    let mut color_space = ColorSpace { full_range: present(bits)?, ..ColorSpace::default() };
    if present(bits)? {
        let [primaries, transfer, matrix] =
            [bits.take(8)?, bits.take(8)?, bits.take(8)?].map(|code| code as u8);
        let said = |code, unsaid| if code == UNSPECIFIED { unsaid } else { code };
        color_space.primaries = said(primaries, color_space.primaries);
        color_space.transfer = said(transfer, color_space.transfer);
        color_space.matrix = said(matrix, color_space.matrix);
    }
    Some(color_space)
}

fn has_chroma_format(profile: u32) -> bool {
    matches!(profile, 44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244)
}

fn skip_scaling_matrix(bits: &mut Bits<'_>) -> Option<()> {
    for list in 0..8 {
        if bits.take(1)? == 0 {
            continue;
        }
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + i64::from(bits.signed()?)).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.unsigned()? {
        0 => {
            bits.unsigned()?;
        }
        1 => {
            bits.take(1)?;
            bits.signed()?;
            bits.signed()?;
            let cycle = bits.unsigned()?;
            for _ in 0..cycle.min(256) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    Some(())
}

/// Reads bits of a unit's body, past emulation prevention bytes (§7.4.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    zeros: u8,
    current: u8,
    left: u8,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, zeros: 0, current: 0, left: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            let mut byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if self.zeros >= 2 && byte == 3 {
                self.zeros = 0;
                byte = *self.bytes.get(self.at)?;
                self.at += 1;
            }
            self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
            self.current = byte;
            self.left = 8;
        }
        self.left -= 1;
        Some(u32::from(self.current >> self.left & 1))
    }

    /// Reads `count` bits, at most 31.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Some(value)
    }

    /// Reads an Exp-Golomb number (§9.1).
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 30 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    fn signed(&mut self) -> Option<i32> {
        let number = self.unsigned()?;
        let magnitude = number.div_ceil(2) as i32;
        Some(if number % 2 == 1 { magnitude } else { -magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1280×720 as browsers send it (Constrained Baseline, level 3.1).
    const SPS_720P: [u8; 16] =
        [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80, 0x88, 0x45, 0x38, 0x00, 0x00];

    #[test]
    fn units_are_found_behind_start_codes_of_either_length() {
        let stream = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65, 2, 3, 0, 0, 1];
        let units: Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68], &[0x65, 2, 3]]);
    }

    #[test]
    fn streams_without_a_start_code_have_no_units() {
        for stream in [&[][..], &[0], &[0, 0], &[0, 0, 1], &[0, 0, 2, 1], &[1; 9]] {
            assert_eq!(nal_units(stream).count(), 0, "{stream:?}");
        }
    }

    #[test]
    fn the_start_code_search_agrees_with_the_plain_one() {
        for seed in 0..2_000u32 {
            let stream: Vec<u8> =
                (0..24).map(|n| (seed.wrapping_mul(2_654_435_761) >> (n % 16) & 3).min(2) as u8).collect();
            let plain = stream.windows(3).position(|bytes| bytes == [0, 0, 1]);
            assert_eq!(start_code(&stream), plain, "{stream:?}");
        }
    }

    #[test]
    fn a_parameter_set_tells_the_size_of_its_pictures() {
        let kind = picture_kind(&SPS_720P).expect("as browsers send it");
        assert_eq!((kind.width, kind.height, kind.color_space), (1280, 720, ColorSpace::default()));
    }

    #[test]
    fn a_damaged_parameter_set_tells_nothing() {
        for len in 0..9 {
            assert_eq!(picture_kind(&SPS_720P[..len]), None, "cut to {len}");
        }
        for seed in 0..20_000u32 {
            let mut sps = SPS_720P;
            for (at, byte) in sps.iter_mut().enumerate().skip(1) {
                *byte ^= (seed.wrapping_mul(2_246_822_519).rotate_left(at as u32 * 3) & 0xff) as u8;
            }
            // Any answer will do, as long as there is one.
            let _ = picture_kind(&sps);
        }
        assert_eq!(picture_kind(&[0x67; MAX_SPS_LEN + 2]), None);
    }
}
