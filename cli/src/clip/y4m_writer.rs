//! Writes pictures to a YUV4MPEG2 file.

use std::fs::File;
use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::VideoFrame;

use super::ClipError;

/// Writes I420 pictures of one size to a YUV4MPEG2 file.
pub(crate) struct Y4mWriter {
    path: PathBuf,
    encoder: y4m::Encoder<File>,
    size: (u32, u32),
    packed: [Vec<u8>; 3],
}

impl Y4mWriter {
    /// Begins a clip.
    ///
    /// * `frame_rate`: frames of a second, kept to a thousandth.
    ///
    /// # Errors
    /// [`ClipError::File`] if the file cannot be written.
    pub(crate) fn create(path: &Path, width: u32, height: u32, frame_rate: f64) -> Result<Self, ClipError> {
        let failed = |source| ClipError::File { action: "write", path: path.to_owned(), source };
        // Planes are written whole: a buffer would only copy them.
        let file = File::create(path).map_err(failed)?;
        let rate = y4m::Ratio::new((frame_rate * 1000.0).round() as usize, 1000);
        let encoder = y4m::encode(width as usize, height as usize, rate)
            .with_colorspace(y4m::Colorspace::C420mpeg2)
            .write_header(file)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        Ok(Self { path: path.to_owned(), encoder, size: (width, height), packed: Default::default() })
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
        for (plane, packed) in self.packed.iter_mut().enumerate() {
            packed.clear();
            (0..frame.plane_layout(plane).rows)
                .for_each(|row| packed.extend_from_slice(frame.row(plane, row)));
        }
        let [y, u, v] = &self.packed;
        self.encoder
            .write_frame(&y4m::Frame::new([y, u, v], None))
            .map_err(|error| self.failed(std::io::Error::other(error)))
    }

    fn failed(&self, source: std::io::Error) -> ClipError {
        ClipError::File { action: "write", path: self.path.clone(), source }
    }
}
