//! WebRTC for RemoteMedia pipelines: peers that find each other through a signaling server send their
//! tracks into a pipeline and receive what it makes of them.
//!
//! Floors, imports go down only: `transport → session → peer → media → {signaling, rtc, codec}`.

pub mod codec;
mod codec_name;
pub mod config;
mod ids;
pub mod media;
pub mod peer;
pub mod rtc;
pub mod session;
pub mod signaling;
mod support;
mod transport;

pub use config::{ConfigError, Deadlines, WebRtcConfig};
pub use peer::{
    CloseCause, ConnectError, MediaFigures, PeerEvent, PeerReport, PeerState, PeerSummary, SendError,
};
pub use support::WebRtcSupport;
pub use transport::{CloseReport, JoinError, SendReport, WebRtcTransport};

/// Writes an error and its causes as one sentence: `what failed: why: why that`.
pub(crate) fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}
