//! What can go wrong in a codec.

use remotemedia_runtime_core::data::{FrameError, PixelFormat};

/// A codec could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A setting is outside its range.
    #[error("{setting} is {value}, expected {expected}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// Its range.
        expected: String,
    },
    /// The codec's library refused to start.
    #[error("{library} did not start: {reason}")]
    Library {
        /// The library.
        library: &'static str,
        /// What it said.
        reason: String,
    },
}

/// A picture or a stretch of sound could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The encoder takes I420 only.
    #[error(
        "picture is {format:?}, expected I420: put a VideoConvert node with format i420 before the output"
    )]
    Format {
        /// The picture's format.
        format: PixelFormat,
    },
    /// The picture is too small or too large for the codec.
    #[error("picture of {width}x{height} is outside what the encoder takes: {expected}")]
    Dimensions {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// The range.
        expected: &'static str,
    },
    /// The two chroma planes lie differently in memory.
    #[error("chroma planes have strides of {u_stride} and {v_stride} bytes, expected equal ones")]
    ChromaStrides {
        /// Bytes from row to row of plane 1.
        u_stride: usize,
        /// Bytes from row to row of plane 2.
        v_stride: usize,
    },
    /// The bitrate is outside its range.
    #[error("bitrate of {bitrate_bps} bit/s is outside {min_bps} to {max_bps}")]
    Bitrate {
        /// Bitrate asked for, bits per second.
        bitrate_bps: u32,
        /// Least bits per second.
        min_bps: u32,
        /// Most bits per second.
        max_bps: u32,
    },
    /// The codec knows no such sample rate.
    #[error(
        "audio at {sample_rate} Hz, expected 8000, 12000, 16000, 24000 or 48000: put a Resample node before the output"
    )]
    SampleRate {
        /// The rate, Hz.
        sample_rate: u32,
    },
    /// More channels than the codec carries.
    #[error(
        "audio of {channels} channels, expected 1 or 2: put a node before the output that mixes them down"
    )]
    Channels {
        /// The channels.
        channels: u8,
    },
    /// The codec's library failed.
    #[error("{library} failed: {reason}")]
    Library {
        /// The library.
        library: &'static str,
        /// What it said.
        reason: String,
    },
}

/// An encoded picture or packet could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The picture is damaged, or one it builds on is missing: ask for a key frame.
    #[error("picture cannot be decoded before the next key frame")]
    NeedsKeyFrame,
    /// The picture is larger than the decoder's limit.
    #[error("picture of {width}x{height} is above the limit of {max_pixels} pixels")]
    TooLarge {
        /// Width, pixels.
        width: u32,
        /// Height, pixels.
        height: u32,
        /// Most pixels of a picture.
        max_pixels: u32,
    },
    /// The packet is none of this codec.
    #[error("packet of {len} bytes is corrupt")]
    Corrupt {
        /// Its length, bytes.
        len: usize,
    },
    /// No memory for the decoded frame.
    #[error("no frame for the decoder's output")]
    Frame(#[from] FrameError),
}

impl DecodeError {
    /// Whether the sender should be asked for a key frame.
    pub const fn needs_key_frame(&self) -> bool {
        matches!(self, Self::NeedsKeyFrame)
    }
}
