//! One RTP packet as the media folder sees it.

use bytes::Bytes;

/// One RTP packet without what only the engine needs (extensions, padding, contributing sources).
///
/// Source: RFC 3550 §5.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacket {
    /// Position in the stream, wraps at 65 536.
    pub sequence_number: u16,
    /// Capture time on the RTP clock, wraps at 2^32; equal for all packets of one picture.
    pub timestamp: u32,
    /// Last packet of a picture; first of a talk spurt for audio.
    pub marker: bool,
    /// The codec's payload (RFC 6184 for H264, RFC 7587 for Opus).
    pub payload: Bytes,
}
