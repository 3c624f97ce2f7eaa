//! The messages of the protocol, version [`PROTOCOL_VERSION`].
//!
//! Types only: what goes over the wire, under the names it has there. Rules about who may send what are in
//! [`crate::room`]; the page for those who write a client is `docs/signaling.md`. Fields and events may be added
//! within a version, so readers ignore fields they do not know, [`SignalingEvent::Unknown`] and
//! [`LeaveReason::Other`] included.

mod code;
mod event;
mod ice_server;
mod message;
mod method;
mod name;
mod peer;

pub use code::ErrorCode;
pub use event::{LeaveReason, SignalingEvent};
pub use ice_server::IceServer;
pub use message::{
    AnnounceParams, AnnounceResult, CallEndParams, CallParams, Done, IceCandidate, IceCandidateParams,
    PeerList, ProtocolLimits, SdpParams, ServerInfo, SessionList, SessionSummary, UnsubscribeParams,
};
pub use method::{METHODS, MethodSpec, SizeClass};
pub use name::{NameError, check_label, check_name};
pub use peer::{Capabilities, PeerInfo, Role, Topology};

/// The version of the protocol that this crate speaks, as `server.info` reports it.
pub const PROTOCOL_VERSION: u32 = 1;

/// The JSON-RPC method of every event notification.
pub const EVENTS_METHOD: &str = "events";

/// Longest display name, characters.
pub const MAX_DISPLAY_NAME_CHARS: usize = 64;

/// Most codecs a peer may name per kind of media.
pub const MAX_CODECS: usize = 16;

/// Longest codec name, characters.
pub const MAX_CODEC_NAME_CHARS: usize = 32;
