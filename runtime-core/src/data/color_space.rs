//! What the numbers of a picture's pixels mean.

/// What the numbers of a picture's pixels mean, in code points of ITU-T H.273, as bitstreams carry them.
///
/// Nodes compute on the numbers and keep the meaning: a picture made of another has its colour space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ColorSpace {
    /// Colour primaries (§8.1): 1 is BT.709, 6 is BT.601 for 525 lines, 9 is BT.2020.
    pub primaries: u8,
    /// Transfer characteristics (§8.2): 1 is BT.709, 6 is BT.601, 13 is sRGB.
    pub transfer: u8,
    /// How luma and chroma are made of red, green and blue (§8.3): 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020.
    pub matrix: u8,
    /// Luma of 0 to 255 and chroma of 0 to 255 (§8.3), and not 16 to 235 and 16 to 240.
    pub full_range: bool,
}

impl ColorSpace {
    /// BT.601 in the limited range: what is meant where nothing is said.
    pub const BT601: Self = Self { primaries: 6, transfer: 6, matrix: 6, full_range: false };
    /// BT.709 in the limited range.
    pub const BT709: Self = Self { primaries: 1, transfer: 1, matrix: 1, full_range: false };

    /// Returns the weights of red and blue in luma, Kr and Kb (H.273 table 4); those of BT.601 for matrices that
    /// have none.
    pub const fn luma_weights(self) -> (f64, f64) {
        match self.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            7 => (0.212, 0.087),
            9 | 10 => (0.2627, 0.0593),
            _ => (0.299, 0.114),
        }
    }
}

impl Default for ColorSpace {
    fn default() -> Self {
        Self::BT601
    }
}
