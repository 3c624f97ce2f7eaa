//! Writes pictures to a YUV4MPEG2 file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::VideoFrame;

use super::ClipError;

/// Writes I420 pictures of one size to a YUV4MPEG2 file.
pub(crate) struct Y4mWriter {
    path: PathBuf,
    file: File,
    size: (u32, u32),
    /// One frame as it lies in the file, its marker first.
    frame: Vec<u8>,
}

impl Y4mWriter {
    /// Begins a clip.
    ///
    /// * `frame_rate`: frames of a second, kept to a thousandth.
    ///
    /// # Errors
    /// [`ClipError::File`] if the file cannot be written.
    pub(crate) fn create(path: &Path, width: u32, height: u32, frame_rate: f64) -> Result<Self, ClipError> {
        let rate = (frame_rate * 1000.0).round();
        let header = format!("YUV4MPEG2 W{width} H{height} F{rate}:1000 Ip C420mpeg2\n");
        let begin = || {
            let mut file = File::create(path)?;
            file.write_all(header.as_bytes())?;
            Ok(file)
        };
        let path = path.to_owned();
        match begin() {
            Ok(file) => Ok(Self { path, file, size: (width, height), frame: Vec::new() }),
            Err(source) => Err(failed(path, source)),
        }
    }

    /// Returns the size of the pictures, pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Appends a picture of the clip's size.
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
    use remotemedia_runtime_core::data::{PixelFormat, VideoLoan};
    use remotemedia_runtime_core::shm::HeapPool;

    use super::*;
    use crate::clip::Y4mReader;

    #[test]
    fn what_was_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("remotemedia-{}-written.y4m", std::process::id()));
        let pool = HeapPool::default();
        let mut writer = Y4mWriter::create(&path, 18, 16, 29.97).expect("writable");
        for shade in [40, 200] {
            let mut loan = VideoLoan::new(&pool, PixelFormat::I420, 18, 16).expect("small");
            for (plane, bytes) in loan.planes_mut().into_iter().enumerate() {
                bytes.fill(shade + plane as u8);
            }
            writer.write(&loan.freeze()).expect("writable");
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
