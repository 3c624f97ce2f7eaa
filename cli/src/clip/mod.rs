//! Clips in files: pictures as YUV4MPEG2 (`.y4m`), sound as WAV.
//!
//! Nothing of the `y4m` and `hound` crates leaves this folder.

mod error;
mod wav_writer;
mod y4m_header;
mod y4m_reader;
mod y4m_writer;

pub(crate) use error::ClipError;
pub(crate) use wav_writer::WavWriter;
pub(crate) use y4m_reader::Y4mReader;
pub(crate) use y4m_writer::Y4mWriter;
