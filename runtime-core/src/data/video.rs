//! Pictures.

use std::time::Duration;

use super::{ColorSpace, FrameError, PixelFormat, PlaneLayout};
use crate::shm::{FrameLoan, FramePool, SharedFrame};

/// One picture: shared, immutable memory and the layout of its planes.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    memory: SharedFrame,
    format: PixelFormat,
    width: u32,
    height: u32,
    planes: [PlaneLayout; 3],
    color_space: ColorSpace,
}

/// A picture that is being written, in memory on loan from a pool.
#[derive(Debug)]
pub struct VideoLoan {
    memory: FrameLoan,
    format: PixelFormat,
    width: u32,
    height: u32,
    planes: [PlaneLayout; 3],
    color_space: ColorSpace,
}

impl VideoFrame {
    /// Largest width and height, pixels (8K).
    pub const MAX_DIMENSION: u32 = 8192;

    /// Interprets memory as a picture.
    ///
    /// * `planes`: offset and stride of each plane; entries beyond the format's planes are ignored.
    ///
    /// # Errors
    /// [`FrameError::Dimensions`] for a side of 0 or above 8192; [`FrameError::Length`] if a plane
    /// reaches beyond the memory or its rows are shorter than the format needs.
    pub fn new(
        memory: SharedFrame,
        format: PixelFormat,
        width: u32,
        height: u32,
        planes: [PlaneLayout; 3],
    ) -> Result<Self, FrameError> {
        let (packed, _) = format.packed_layout(width, height)?;
        let got = memory.bytes().len();
        for (plane, needed) in planes.iter().zip(&packed).take(format.plane_count()) {
            let rows_fit = plane.rows >= needed.rows && plane.row_bytes >= needed.row_bytes;
            if !rows_fit || plane.stride < plane.row_bytes || plane.end() > got {
                return Err(FrameError::Length { got, needed: plane.end().max(needed.end()) });
            }
        }
        Ok(Self { memory, format, width, height, planes, color_space: ColorSpace::default() })
    }

    /// Says what its numbers mean; BT.601 in the limited range if nothing is said.
    #[must_use]
    pub fn with_color_space(mut self, color_space: ColorSpace) -> Self {
        self.color_space = color_space;
        self
    }

    /// Returns what its numbers mean. Of RGB: what YUV it was made of, or is to be made into.
    pub fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    /// Returns the pixel format.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Returns the width, pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height, pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Returns the layout of plane `index` (I420: 0 Y, 1 U, 2 V).
    ///
    /// # Panics
    /// If the format has no such plane.
    pub fn plane_layout(&self, index: usize) -> PlaneLayout {
        assert!(index < self.format.plane_count(), "{:?} has no plane {index}", self.format);
        self.planes[index]
    }

    /// Returns the bytes of plane `index`: its rows, `plane_layout(index).stride` bytes apart.
    ///
    /// # Panics
    /// If the format has no such plane.
    pub fn plane(&self, index: usize) -> &[u8] {
        let plane = self.plane_layout(index);
        &self.memory.bytes()[plane.offset..plane.end()]
    }

    /// Returns row `row` of plane `index`, without the gap behind it.
    ///
    /// # Panics
    /// If the format has no such plane or the plane no such row.
    pub fn row(&self, index: usize, row: usize) -> &[u8] {
        let plane = self.plane_layout(index);
        assert!(row < plane.rows, "plane {index} has no row {row}");
        let start = plane.offset + row * plane.stride;
        &self.memory.bytes()[start..start + plane.row_bytes]
    }

    /// Returns the memory that holds the planes.
    pub fn memory(&self) -> &SharedFrame {
        &self.memory
    }

    /// Returns the time between two frames at `fps` frames a second.
    pub fn interval(fps: f64) -> Duration {
        Duration::from_secs_f64(1.0 / fps.clamp(0.1, 1000.0))
    }
}

impl VideoLoan {
    /// Borrows memory for a picture whose planes lie without gaps; its pixels are unspecified.
    ///
    /// # Errors
    /// [`FrameError::Dimensions`] for a side of 0 or above 8192; [`FrameError::Pool`] if the pool has
    /// no memory.
    pub fn new(
        pool: &dyn FramePool,
        format: PixelFormat,
        width: u32,
        height: u32,
    ) -> Result<Self, FrameError> {
        let (planes, len) = format.packed_layout(width, height)?;
        let color_space = ColorSpace::default();
        Ok(Self { memory: pool.loan(len)?, format, width, height, planes, color_space })
    }

    /// Borrows memory for a picture of the format, the size and the colour space of another one.
    ///
    /// # Errors
    /// [`FrameError::Pool`] if the pool has no memory.
    pub fn like(pool: &dyn FramePool, frame: &VideoFrame) -> Result<Self, FrameError> {
        let loan = Self::new(pool, frame.format, frame.width, frame.height)?;
        Ok(loan.with_color_space(frame.color_space))
    }

    /// Says what its numbers mean; BT.601 in the limited range if nothing is said.
    #[must_use]
    pub fn with_color_space(mut self, color_space: ColorSpace) -> Self {
        self.color_space = color_space;
        self
    }

    /// Returns the width, pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height, pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Returns the layout of plane `index`.
    ///
    /// # Panics
    /// If the format has no such plane.
    pub fn plane_layout(&self, index: usize) -> PlaneLayout {
        assert!(index < self.format.plane_count(), "{:?} has no plane {index}", self.format);
        self.planes[index]
    }

    /// Returns the writable bytes of plane `index`.
    ///
    /// # Panics
    /// If the format has no such plane.
    pub fn plane_mut(&mut self, index: usize) -> &mut [u8] {
        let plane = self.plane_layout(index);
        &mut self.memory.bytes_mut()[plane.offset..plane.end()]
    }

    /// Returns all planes at once, writable; those beyond the format's are empty.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let [first, second, _] = self.planes;
        let (a, rest) = self.memory.bytes_mut().split_at_mut(first.end());
        let (b, c) = rest.split_at_mut(second.end() - first.end());
        [a, b, c]
    }

    /// Ends writing.
    pub fn freeze(self) -> VideoFrame {
        let Self { memory, format, width, height, planes, color_space } = self;
        VideoFrame { memory: memory.freeze(), format, width, height, planes, color_space }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::HeapPool;

    #[test]
    fn a_picture_of_odd_size_has_chroma_rounded_up() {
        let pool = HeapPool::default();
        let mut loan = VideoLoan::new(&pool, PixelFormat::I420, 5, 3).expect("small picture");
        let [y, u, v] = loan.planes_mut();
        assert_eq!((y.len(), u.len(), v.len()), (15, 6, 6));
        v.fill(9);
        assert_eq!(loan.freeze().row(2, 1), &[9, 9, 9]);
    }

    #[test]
    fn the_largest_side_is_taken_and_one_more_refused() {
        let max = VideoFrame::MAX_DIMENSION;
        assert!(PixelFormat::I420.packed_layout(max, 1).is_ok());
        assert_eq!(
            PixelFormat::I420.packed_layout(max + 1, 1),
            Err(FrameError::Dimensions { width: max + 1, height: 1 })
        );
        assert!(PixelFormat::Rgba.packed_layout(0, 1).is_err());
    }

    #[test]
    fn memory_shorter_than_its_planes_is_refused() {
        let (planes, len) = PixelFormat::I420.packed_layout(4, 4).expect("small picture");
        let short = SharedFrame::from_vec(vec![0; len - 1]);
        let refused = VideoFrame::new(short, PixelFormat::I420, 4, 4, planes).expect_err("one byte short");
        assert_eq!(refused, FrameError::Length { got: len - 1, needed: len });
        let exact = SharedFrame::from_vec(vec![0; len]);
        assert!(VideoFrame::new(exact, PixelFormat::I420, 4, 4, planes).is_ok());
    }

    #[test]
    fn a_picture_like_another_has_its_shape_and_its_colour_space() {
        let pool = HeapPool::default();
        let full = ColorSpace { full_range: true, ..ColorSpace::BT709 };
        let loan = VideoLoan::new(&pool, PixelFormat::Nv12, 6, 4).expect("small picture");
        let frame = loan.with_color_space(full).freeze();
        let like = VideoLoan::like(&pool, &frame).expect("small picture").freeze();
        assert_eq!((like.format(), like.width(), like.height()), (PixelFormat::Nv12, 6, 4));
        assert_eq!(like.color_space(), full);
        assert_eq!(like.with_color_space(ColorSpace::BT601).color_space(), ColorSpace::default());
    }

    #[test]
    fn a_clone_shares_the_pixels() {
        let pool = HeapPool::default();
        let frame = VideoLoan::new(&pool, PixelFormat::I420, 64, 64).expect("small picture").freeze();
        let copy = frame.clone();
        assert_eq!(frame.plane(0).as_ptr(), copy.plane(0).as_ptr());
        drop((frame, copy));
        assert_eq!(pool.report().frames_in_use, 0);
    }
}
