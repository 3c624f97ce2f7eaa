//! Writes sound to a WAV file.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::AudioFrame;

use super::ClipError;

/// Writes sound of one shape to a WAV file, 32-bit float.
pub(crate) struct WavWriter {
    path: PathBuf,
    writer: hound::WavWriter<BufWriter<File>>,
}

impl WavWriter {
    /// Begins a file for sound of this shape.
    ///
    /// # Errors
    /// [`ClipError::File`] if the file cannot be written.
    pub(crate) fn create(path: &Path, sample_rate: u32, channels: u8) -> Result<Self, ClipError> {
        let spec = hound::WavSpec {
            channels: u16::from(channels),
            sample_rate,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let writer = hound::WavWriter::create(path, spec).map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Appends sound.
    ///
    /// # Errors
    /// [`ClipError::File`] if it cannot be written.
    pub(crate) fn write(&mut self, frame: &AudioFrame) -> Result<(), ClipError> {
        let written = frame.samples().iter().try_for_each(|sample| self.writer.write_sample(*sample));
        written.map_err(|error| failed(&self.path, error))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ClipError::File`] if the last bytes cannot be written.
    pub(crate) fn finish(self) -> Result<(), ClipError> {
        self.writer.finalize().map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: hound::Error) -> ClipError {
    ClipError::File { action: "write", path: path.to_owned(), source: std::io::Error::other(error) }
}
