//! Encoders and decoders behind traits of our own.
//!
//! Each codec is one file per direction and one line in the table of [`CodecSet`]; nothing of the
//! `openh264` and `opus` crates leaves the files that import them. A codec is a plain object: it knows
//! no network, no queue, no thread and no clock; `media/` runs it. Pictures go in as borrowed planes and
//! come out in memory loaned from a [`FramePool`](remotemedia_runtime_core::shm::FramePool).

mod codec_set;
mod error;
pub(crate) mod h264_bitstream;
mod h264_decoder;
mod h264_encoder;
mod h264_options;
mod opus_decoder;
mod opus_encoder;
mod settings;
#[cfg(test)]
pub(crate) mod test_picture;

pub use codec_set::CodecSet;
pub use error::{CodecError, DecodeError, EncodeError};
pub use settings::{AudioDecoderSettings, AudioEncoderSettings, VideoDecoderSettings, VideoEncoderSettings};

use std::time::Duration;

use bytes::Bytes;
use remotemedia_runtime_core::data::{AudioFrame, MediaTime, VideoFrame};

pub use crate::codec_name::{AudioCodec, UnknownCodec, VideoCodec};

/// Turns pictures into a bitstream.
pub trait VideoEncoder: Send {
    /// Returns the codec of the bitstream.
    fn codec(&self) -> VideoCodec;

    /// Encodes one picture, I420. Its planes are read where they lie.
    ///
    /// * `at`: capture time; it steers the rate control and must not go backwards (a step back counts
    ///   as no step).
    /// * `key_frame`: make it decodable without its predecessors. The first picture and the first of a
    ///   new size are so anyhow.
    /// * Returns `None` if the encoder left the picture out.
    ///
    /// # Errors
    /// [`EncodeError`]; the encoder stays usable, and its next picture is a key frame if the failed call
    /// may have broken the chain of pictures.
    fn encode(
        &mut self,
        frame: &VideoFrame,
        at: MediaTime,
        key_frame: bool,
    ) -> Result<Option<EncodedFrame>, EncodeError>;

    /// Changes the bitrate from the next picture on, without a key frame.
    ///
    /// # Errors
    /// [`EncodeError::Bitrate`] outside [`VideoEncoderSettings::BITRATE_BPS`]; the old one stays.
    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError>;

    /// Returns the bitrate aimed at, bits per second; `None`: nothing set and no picture seen yet.
    fn bitrate_bps(&self) -> Option<u32>;
}

/// Turns a bitstream into pictures.
pub trait VideoDecoder: Send {
    /// Returns the codec of the bitstream.
    fn codec(&self) -> VideoCodec;

    /// Decodes one encoded picture into memory on loan from the decoder's pool, I420.
    ///
    /// * `bitstream`: all of one picture, as [`EncodedFrame::bitstream`].
    /// * Returns `None` if it held no picture (parameter sets alone).
    ///
    /// # Errors
    /// [`DecodeError::NeedsKeyFrame`] if the picture is damaged or builds on a missing one: ask the
    /// sender for a key frame, everything before it fails. The decoder stays usable.
    fn decode(&mut self, bitstream: &[u8]) -> Result<Option<VideoFrame>, DecodeError>;

    /// Says that pictures were lost: all that builds on them is refused until a key frame comes.
    fn expect_key_frame(&mut self);
}

/// Turns sound into packets of 10 ms.
pub trait AudioEncoder: Send {
    /// Returns the codec of the packets.
    fn codec(&self) -> AudioCodec;

    /// Takes sound of any length and appends the packets that it completes to `packets`; the rest waits
    /// for the next call.
    ///
    /// * `at`: capture time of the first sample. A gap to the call before ends the block in hand, filled
    ///   up with silence.
    ///
    /// # Errors
    /// [`EncodeError`] names what of the frame's shape the codec does not take; nothing of it was used.
    fn encode(
        &mut self,
        frame: &AudioFrame,
        at: MediaTime,
        packets: &mut Vec<EncodedPacket>,
    ) -> Result<(), EncodeError>;

    /// Changes the bitrate from the next packet on.
    ///
    /// # Errors
    /// [`EncodeError::Bitrate`] outside [`AudioEncoderSettings::BITRATE_BPS`]; the old one stays.
    fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), EncodeError>;

    /// Says what share of the packets gets lost, 0.0..=1.0, so that forward error correction (if on)
    /// spends accordingly.
    fn set_expected_loss(&mut self, loss_ratio: f32);
}

/// Turns packets into sound.
pub trait AudioDecoder: Send {
    /// Returns the codec of the packets.
    fn codec(&self) -> AudioCodec;

    /// Decodes, repairs or conceals one packet into memory on loan from the decoder's pool.
    ///
    /// * Returns interleaved `f32` at 48 000 Hz with the channels of the settings.
    ///
    /// # Errors
    /// [`DecodeError::Corrupt`] if the packet is none of this codec; the decoder stays usable.
    fn decode(&mut self, packet: AudioPacket<'_>) -> Result<AudioFrame, DecodeError>;
}

/// What an audio decoder is given in place of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioPacket<'a> {
    /// The packet.
    Received(&'a [u8]),
    /// It is lost; its sound is guessed from what went before. It lasts as long as the last packet.
    Lost,
    /// It is lost, and this is the packet after it, which may carry a coarse copy of it. The packet after
    /// it still has to be given as [`Received`](Self::Received).
    LostBefore(&'a [u8]),
}

/// One encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// H264: an access unit with start codes (Annex B), parameter sets before every key frame.
    pub bitstream: Bytes,
    /// Whether it can be decoded without its predecessors.
    pub key_frame: bool,
    /// Capture time.
    pub media_time: MediaTime,
    /// Width as encoded, pixels.
    pub width: u32,
    /// Height as encoded, pixels.
    pub height: u32,
}

/// One encoded stretch of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPacket {
    /// One RTP payload.
    pub payload: Bytes,
    /// Capture time of its first sample.
    pub media_time: MediaTime,
    /// How long its sound lasts.
    pub duration: Duration,
}

/// Whether H264 was built with its assembly. Without it every picture takes 2.4 to 2.8 times as long
/// (measured, 720p); the build says so too.
pub const fn h264_is_accelerated() -> bool {
    cfg!(h264_assembly)
}

#[cfg(all(test, target_arch = "x86_64", h264_assembly))]
mod tests {
    #[test]
    fn openh264_is_built_with_avx2() {
        let program = std::env::current_exe().expect("a test is a program");
        let program = std::fs::read(program).expect("it can be read");
        // One function in assembly, and one in C++, which the two variables bring in.
        for symbol in ["WelsSampleSatd16x16_avx2", "GeneralBilinearFastDownsamplerWrap_avx2"] {
            let found = program.windows(symbol.len()).any(|bytes| bytes == symbol.as_bytes());
            assert!(found, "{symbol} is missing: see .cargo/config.toml");
        }
    }
}
