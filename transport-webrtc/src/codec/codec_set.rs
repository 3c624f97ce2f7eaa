//! Makes codecs by name.

use std::sync::Arc;

use remotemedia_runtime_core::shm::FramePool;

use super::h264_decoder::H264Decoder;
use super::h264_encoder::H264Encoder;
use super::opus_decoder::OpusDecoder;
use super::opus_encoder::OpusEncoder;
use super::{
    AudioCodec, AudioDecoder, AudioDecoderSettings, AudioEncoder, AudioEncoderSettings, CodecError,
    VideoCodec, VideoDecoder, VideoDecoderSettings, VideoEncoder, VideoEncoderSettings,
};

/// Makes the codecs of this build. Decoders write into frames of its pool. Cloning shares the pool.
#[derive(Debug, Clone)]
pub struct CodecSet {
    pool: Arc<dyn FramePool>,
}

impl CodecSet {
    /// Makes a set whose decoders write into frames of `pool`.
    pub fn new(pool: Arc<dyn FramePool>) -> Self {
        Self { pool }
    }

    /// Makes a video encoder.
    ///
    /// # Errors
    /// [`CodecError`] if a setting is outside its range or the codec's library does not start.
    pub fn video_encoder(
        &self,
        codec: VideoCodec,
        settings: VideoEncoderSettings,
    ) -> Result<Box<dyn VideoEncoder>, CodecError> {
        settings.check()?;
        Ok(match codec {
            VideoCodec::H264 => Box::new(H264Encoder::new(settings)?),
        })
    }

    /// Makes a video decoder.
    ///
    /// # Errors
    /// [`CodecError`] if a setting is outside its range or the codec's library does not start.
    pub fn video_decoder(
        &self,
        codec: VideoCodec,
        settings: VideoDecoderSettings,
    ) -> Result<Box<dyn VideoDecoder>, CodecError> {
        settings.check()?;
        Ok(match codec {
            VideoCodec::H264 => Box::new(H264Decoder::new(settings, self.pool.clone())?),
        })
    }

    /// Makes an audio encoder.
    ///
    /// # Errors
    /// [`CodecError`] if a setting is outside its range or the codec's library does not start.
    pub fn audio_encoder(
        &self,
        codec: AudioCodec,
        settings: AudioEncoderSettings,
    ) -> Result<Box<dyn AudioEncoder>, CodecError> {
        settings.check()?;
        Ok(match codec {
            AudioCodec::Opus => Box::new(OpusEncoder::new(settings)?),
        })
    }

    /// Makes an audio decoder.
    ///
    /// # Errors
    /// [`CodecError`] if a setting is outside its range or the codec's library does not start.
    pub fn audio_decoder(
        &self,
        codec: AudioCodec,
        settings: AudioDecoderSettings,
    ) -> Result<Box<dyn AudioDecoder>, CodecError> {
        settings.check()?;
        Ok(match codec {
            AudioCodec::Opus => Box::new(OpusDecoder::new(settings, self.pool.clone())?),
        })
    }
}
