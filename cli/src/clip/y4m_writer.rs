//! Writes pictures to a YUV4MPEG2 file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::VideoFrame;

use super::ClipError;
use super::y4m_header::header_line;

/// Writes I420 pictures of one size and one range of colours to a YUV4MPEG2 file.
pub(crate) struct Y4mWriter {
    path: PathBuf,
    file: File,
    size: (u32, u32),
    full_range: bool,
    /// One frame as it lies in the file, its marker first.
    frame: Vec<u8>,
}

impl Y4mWriter {
    /// Begins a clip for pictures like `first`, which is not written yet.
    ///
    /// * `frame_rate`: frames of a second, kept to a thousandth.
    ///
    /// # Errors
    /// [`ClipError::File`] if the file cannot be written.
    pub(crate) fn create(path: &Path, first: &VideoFrame, frame_rate: f64) -> Result<Self, ClipError> {
        let (size, color_space) = ((first.width(), first.height()), first.color_space());
        let header = header_line(size.0, size.1, frame_rate, color_space);
        let begin = || {
            let mut file = File::create(path)?;
            writeln!(file, "{header}")?;
            Ok(file)
        };
        let path = path.to_owned();
        match begin() {
            Ok(file) => Ok(Self { path, file, size, full_range: color_space.full_range, frame: Vec::new() }),
            Err(source) => Err(failed(path, source)),
        }
    }

    /// Whether a picture is of the clip's size and range of colours.
    pub(crate) fn takes(&self, frame: &VideoFrame) -> bool {
        self.size == (frame.width(), frame.height()) && self.full_range == frame.color_space().full_range
    }

    /// Appends a picture that the clip [takes](Self::takes).
    ///
    /// # Errors
    /// [`ClipError::File`] if it cannot be written.
    pub(crate) fn write(&mut self, frame: &VideoFrame) -> Result<(), ClipError> {
        self.frame.clear();
        self.frame.extend_from_slice(b"FRAME\n");
        for plane in 0..PLANES {
            for row in 0..frame.plane_layout(plane).rows {
                self.frame.extend_from_slice(frame.row(plane, row));
            }
        }
        // One write a frame: a clip that is cut short, as by a kill, ends between frames.
        self.file.write_all(&self.frame).map_err(|source| failed(self.path.clone(), source))
    }
}

fn failed(path: PathBuf, source: io::Error) -> ClipError {
    ClipError::File { action: "write", path, source }
}

/// Luma and two colours.
const PLANES: usize = 3;

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::{ColorSpace, PixelFormat, VideoLoan};
    use remotemedia_runtime_core::shm::HeapPool;

    use super::*;
    use crate::clip::Y4mReader;

    fn picture(width: u32, shade: u8, full_range: bool) -> VideoFrame {
        let loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, 16).expect("small");
        let mut loan = loan.with_color_space(ColorSpace { full_range, ..ColorSpace::BT709 });
        for (plane, bytes) in loan.planes_mut().into_iter().enumerate() {
            bytes.fill(shade + plane as u8);
        }
        loan.freeze()
    }

    #[test]
    fn the_range_of_the_colours_is_written_and_read_again() {
        for full_range in [true, false] {
            let path = std::env::temp_dir()
                .join(format!("remotemedia-{}-range-{full_range}.y4m", std::process::id()));
            let frame = picture(18, 40, full_range);
            let mut writer = Y4mWriter::create(&path, &frame, 30.0).expect("writable");
            writer.write(&frame).expect("writable");
            assert!(writer.takes(&picture(18, 90, full_range)));
            assert!(!writer.takes(&picture(18, 40, !full_range)));
            assert!(!writer.takes(&picture(20, 40, full_range)));
            let mut reader = Y4mReader::open(&path).expect("a whole clip");
            let read = reader.read(&HeapPool::default()).expect("whole").expect("a frame").freeze();
            assert_eq!(read.color_space(), ColorSpace { full_range, ..ColorSpace::BT601 });
            std::fs::remove_file(path).ok();
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("remotemedia-{}-written.y4m", std::process::id()));
        let pool = HeapPool::default();
        let mut writer = Y4mWriter::create(&path, &picture(18, 40, false), 29.97).expect("writable");
        for shade in [40, 200] {
            writer.write(&picture(18, shade, false)).expect("writable");
        }
        let mut reader = Y4mReader::open(&path).expect("a whole clip");
        assert_eq!((reader.width(), reader.height(), reader.frame_rate()), (18, 16, 29.97));
        for shade in [40, 200] {
            let frame = reader.read(&pool).expect("whole").expect("two frames").freeze();
            for plane in 0..PLANES {
                let rows = 0..frame.plane_layout(plane).rows;
                let is_same = |row: &[u8]| row.iter().all(|byte| *byte == shade + plane as u8);
                assert!(rows.into_iter().all(|row| is_same(frame.row(plane, row))), "plane {plane}");
            }
        }
        assert!(reader.read(&pool).expect("whole").is_none());
        std::fs::remove_file(path).ok();
    }
}
