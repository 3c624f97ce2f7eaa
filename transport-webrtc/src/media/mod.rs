//! Tracks ⇄ frames: packets in, pictures and sound out, and the other way round.
//!
//! * In: [`VideoReceiver`] and [`AudioReceiver`] put packets in order, decode them and push
//!   [`TransportData`](remotemedia_runtime_core::data::TransportData) into a queue.
//! * Out: [`VideoSender`] and [`AudioSender`] take it from a queue, encode it and give packets to an
//!   [`RtpSink`].
//!
//! Video codecs run on a named thread of their own, Opus (some 40 µs a packet) in a task; each has a
//! handle that owns it, and ends when the handle is closed or dropped. Decisions (reordering, waiting,
//! clocks, payload formats) are pure and take `now`. This folder knows packets and frames, no peers, no
//! sockets and no engine.

mod audio_receiver;
mod audio_reorder;
mod audio_sender;
mod error;
mod h264_payload;
mod key_frames;
mod media_clock;
mod media_feed;
mod payload_formats;
mod rtp_stamp;
mod sequence;
mod stage_task;
mod stage_thread;
#[cfg(test)]
mod test_wire;
mod track;
mod video_decoding;
mod video_encoding;
mod video_receiver;
mod video_reorder;
mod video_sender;

pub use audio_receiver::{AudioReceiver, AudioReceiverParts, AudioReceiverReport};
pub use audio_sender::{AudioSender, AudioSenderReport};
pub use error::{MediaError, PayloadError};
pub use media_clock::{MediaClock, PeerTimeline};
pub use media_feed::MediaFeed;
pub use payload_formats::payload_format;
pub use video_receiver::{VideoReceiver, VideoReceiverParts, VideoReceiverReport};
pub use video_sender::{VideoSender, VideoSenderReport};

use async_trait::async_trait;
use bytes::Bytes;

use crate::rtc::{RtpPacket, SenderReport};

/// Gives packets on their way in, in the order of arrival: one track of a connection.
#[async_trait]
pub trait RtpSource: Send {
    /// Waits for the next packet; `None`: the track ended. Must be cancel safe.
    async fn recv(&mut self) -> Option<RtpPacket>;

    /// Returns the latest sender report of the track.
    fn sender_report(&self) -> Option<SenderReport>;
}

/// Takes packets on their way out: a track of a connection, or a fan-out to many.
#[async_trait]
pub trait RtpSink: Send + Sync {
    /// Whether packets reach somebody. While they do not, nothing is encoded, and pictures start with a key
    /// frame afterwards.
    fn is_ready(&self) -> bool {
        true
    }

    /// Sends one packet; may wait for room. While it waits, a sender drops its oldest frames *before*
    /// they are encoded, so that nothing encoded is lost. Must be cancel safe.
    ///
    /// # Errors
    /// [`SinkClosed`] if nothing can be sent any more; the sender then counts what it gets as dropped.
    async fn send(&self, packet: RtpPacket) -> Result<(), SinkClosed>;
}

/// The sink takes no more packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("RTP sink is closed")]
pub struct SinkClosed;

/// Carries a request for a key frame to the sender of a track (PLI, RFC 4585 §6.3.1).
pub trait KeyFrameRequester: Send + Sync {
    /// Asks once. Called at most once per [`KEY_FRAME_REQUEST_INTERVAL`]; must not wait.
    fn request_key_frame(&self);
}

/// How a video codec's bitstream travels in RTP payloads. One file per codec.
pub trait RtpPayloadFormat: Send {
    /// Splits one encoded picture into payloads of at most `max_payload` bytes, in order.
    ///
    /// # Errors
    /// [`PayloadError`] if the bitstream holds nothing to send or `max_payload` is too small.
    fn split(
        &mut self,
        bitstream: &Bytes,
        max_payload: usize,
        payloads: &mut Vec<Bytes>,
    ) -> Result<(), PayloadError>;

    /// Whether a payload is the first of a picture, as far as it can tell. Any bytes may be given.
    fn starts_picture(&self, payload: &[u8]) -> bool;

    /// Joins the payloads of one complete picture to a bitstream. Any bytes may be given.
    ///
    /// # Errors
    /// [`PayloadError`] if a payload breaks the format; the next picture starts afresh.
    fn join(&mut self, payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Bytes, PayloadError>;
}

/// Largest RTP payload sent, bytes: with headers, SRTP tag and a TURN channel it stays below 1280, the
/// least that every IPv6 path carries (RFC 8200 §5).
pub const MAX_RTP_PAYLOAD: usize = 1_200;

/// Least time between two key-frame requests to one sender. Long enough for a request, its key frame and
/// a retransmission on a path of 100 ms.
pub const KEY_FRAME_REQUEST_INTERVAL: std::time::Duration = std::time::Duration::from_millis(250);
