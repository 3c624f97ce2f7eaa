//! What flows through a pipeline: audio, video, tensors, JSON, text, bytes and control items.
//!
//! [`RuntimeData`] is the item, [`TransportData`] the item with its place in a stream: source, media
//! time, sequence number, destination. Cloning either copies pointers, never samples or pixels.

mod audio;
mod color_space;
mod identity;
mod kind;
mod media_time;
mod pixel_format;
mod runtime_data;
mod tensor;
mod transport_data;
mod video;

pub use audio::{AudioFrame, AudioLoan};
pub use color_space::ColorSpace;
pub use identity::{Destination, IdentityError, NodeId, PeerId, SessionId, StreamId, TrackId};
pub use kind::DataKind;
pub use media_time::MediaTime;
pub use pixel_format::{PixelFormat, PlaneLayout};
pub use runtime_data::{ControlMessage, RuntimeData};
pub use tensor::{ElementType, Tensor};
pub use transport_data::{Metadata, TransportData};
pub use video::{VideoFrame, VideoLoan};

use crate::shm::PoolError;

/// Why a frame could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Width or height is 0 or above [`VideoFrame::MAX_DIMENSION`].
    #[error("picture of {width}x{height} is outside 1x1 to {max}x{max}", max = VideoFrame::MAX_DIMENSION)]
    Dimensions {
        /// Width asked for, pixels.
        width: u32,
        /// Height asked for, pixels.
        height: u32,
    },
    /// Sample rate or channel count is outside what a frame can carry.
    #[error(
        "audio of {sample_rate} Hz and {channels} channels is outside 8000 to 192000 Hz and 1 to 8 channels"
    )]
    AudioShape {
        /// Sample rate asked for, Hz.
        sample_rate: u32,
        /// Channels asked for.
        channels: u8,
    },
    /// The memory is too short for the layout or not a whole number of elements.
    #[error("frame memory has {got} bytes, its layout needs {needed}")]
    Length {
        /// Bytes given.
        got: usize,
        /// Bytes that the layout needs.
        needed: usize,
    },
    /// The pool lent no memory.
    #[error("no memory for the frame")]
    Pool(#[from] PoolError),
}
