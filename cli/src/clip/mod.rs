//! Clips in files: pictures as YUV4MPEG2 (`.y4m`), sound as WAV.
//!
//! Of a picture's colour space YUV4MPEG2 knows the range alone, and that by the extension `XCOLORRANGE` that ffmpeg
//! writes: without it a clip is of the limited range, and all clips are of BT.601.
//!
//! Nothing of the `hound` crate leaves this folder.

mod error;
mod recording;
mod wav_writer;
mod y4m_header;
mod y4m_reader;
mod y4m_writer;

pub(crate) use error::ClipError;
pub(crate) use recording::{Recording, RecordingReport};
use wav_writer::WavWriter;
pub(crate) use y4m_reader::Y4mReader;
use y4m_writer::Y4mWriter;
