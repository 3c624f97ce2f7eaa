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

/// A video coding that can be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoCodec {
    /// H.264 in the constrained baseline, baseline and main profiles, packetization mode 1 (RFC 6184).
    H264,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9, profile 0 (RFC 9628).
    Vp9,
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

impl VideoCodec {
    /// Returns the media type, as in `video/H264`.
    pub const fn mime_type(self) -> &'static str {
        match self {
            Self::H264 => "video/H264",
            Self::Vp8 => "video/VP8",
            Self::Vp9 => "video/VP9",
        }
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
