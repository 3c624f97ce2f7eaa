//! What a track carries and in which coding.

use std::fmt;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrackKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// The coding that both ends agreed on for one track and direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiatedCodec {
    /// Media type, as in `video/H264` or `audio/opus`; compare without regard to case.
    pub mime_type: String,
    /// RTP payload type, 0..=127.
    pub payload_type: u8,
    /// Ticks of the RTP clock in a second: 90 000 for video, 48 000 for Opus.
    pub clock_rate: u32,
    /// Audio channels; 0 for video.
    pub channels: u16,
    /// Format parameters as they stand in the description, `key=value;key=value`.
    pub fmtp: String,
}

impl NegotiatedCodec {
    /// Whether the media type is `mime_type`, without regard to case.
    pub fn is(&self, mime_type: &str) -> bool {
        self.mime_type.eq_ignore_ascii_case(mime_type)
    }
}

impl fmt::Display for TrackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audio => "audio",
            Self::Video => "video",
        })
    }
}
