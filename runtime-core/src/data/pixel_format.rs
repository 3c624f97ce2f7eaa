//! Pixel formats and the layout of their planes.

use super::FrameError;
use super::video::VideoFrame;

/// How pixels lie in memory. What their numbers mean stands in the frame's [`ColorSpace`](super::ColorSpace).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelFormat {
    /// Three planes Y, U, V; chroma halved both ways (rounded up).
    I420,
    /// Two planes Y and interleaved UV; chroma halved both ways (rounded up).
    Nv12,
    /// One plane, three bytes a pixel.
    Rgb24,
    /// One plane, four bytes a pixel.
    Rgba,
}

/// Where one plane lies within a frame's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlaneLayout {
    /// First byte of the plane within the frame's memory.
    pub offset: usize,
    /// Bytes from the start of one row to the start of the next; at least `row_bytes`.
    pub stride: usize,
    /// Bytes of a row that carry pixels.
    pub row_bytes: usize,
    /// Rows.
    pub rows: usize,
}

impl PixelFormat {
    /// Returns the number of planes, 1 to 3.
    pub const fn plane_count(self) -> usize {
        match self {
            Self::I420 => 3,
            Self::Nv12 => 2,
            Self::Rgb24 | Self::Rgba => 1,
        }
    }

    /// Returns the planes of a picture laid out without gaps, and the bytes it needs.
    ///
    /// # Errors
    /// [`FrameError::Dimensions`] if a side is 0 or above [`VideoFrame::MAX_DIMENSION`].
    pub fn packed_layout(self, width: u32, height: u32) -> Result<([PlaneLayout; 3], usize), FrameError> {
        let sides = 1..=VideoFrame::MAX_DIMENSION;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(FrameError::Dimensions { width, height });
        }
        let (w, h) = (width as usize, height as usize);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let shapes: [(usize, usize); 3] = match self {
            Self::I420 => [(w, h), (cw, ch), (cw, ch)],
            Self::Nv12 => [(w, h), (2 * cw, ch), (0, 0)],
            Self::Rgb24 => [(3 * w, h), (0, 0), (0, 0)],
            Self::Rgba => [(4 * w, h), (0, 0), (0, 0)],
        };
        let mut offset = 0;
        let planes = shapes.map(|(row_bytes, rows)| {
            let plane = PlaneLayout { offset, stride: row_bytes, row_bytes, rows };
            offset += row_bytes * rows;
            plane
        });
        Ok((planes, offset))
    }
}

impl PlaneLayout {
    /// Returns the bytes of memory that the plane reaches to, its offset included.
    pub fn end(&self) -> usize {
        match self.rows {
            0 => self.offset,
            rows => self.offset + (rows - 1) * self.stride + self.row_bytes,
        }
    }
}
