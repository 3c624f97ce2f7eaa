//! What is wrong with a clip.

use std::path::PathBuf;

use remotemedia_runtime_core::data::FrameError;

/// Why a clip is not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClipError {
    /// The file cannot be opened, read, read again or written.
    #[error("cannot {action} {path}")]
    File {
        /// `open`, `read`, `rewind` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no YUV4MPEG2.
    #[error(
        "{path} is not a YUV4MPEG2 clip: {reason}; make one of a video with: ffmpeg -i {path} -pix_fmt yuv420p OUTPUT.y4m"
    )]
    NotAClip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The pixels are of another format.
    #[error(
        "{path} has pixel format {got}, expected 8-bit 4:2:0 (C420); convert it with: ffmpeg -i {path} -pix_fmt yuv420p OUTPUT.y4m"
    )]
    PixelFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        got: String,
    },
    /// The picture's sides cannot be encoded.
    #[error(
        "{path} is {width}x{height}, expected even sides from 16 to 8192; crop it with: ffmpeg -i {path} -vf crop=trunc(iw/2)*2:trunc(ih/2)*2 OUTPUT.y4m"
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Its width, pixels.
        width: u32,
        /// Its height, pixels.
        height: u32,
    },
    /// The frame rate cannot be played.
    #[error("{path} has {got} frames a second, expected 1 to 120")]
    FrameRate {
        /// The file.
        path: PathBuf,
        /// Its frame rate.
        got: String,
    },
    /// The file ends inside a frame.
    #[error("{path} is truncated: it ends inside frame {frame}, {got} of {expected} bytes are there")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Number of the frame, from 0.
        frame: u64,
        /// Bytes of its picture.
        got: u64,
        /// Bytes of a whole picture.
        expected: u64,
    },
    /// The file holds no frame.
    #[error("{path} holds no frame")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A frame has no memory.
    #[error("no memory for a frame of {path}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FrameError,
    },
}
