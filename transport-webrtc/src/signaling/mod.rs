//! The client's end of signaling.
//!
//! [`SignalingClient::connect`] opens a connection, checks the server's protocol, and subscribes; requests are
//! methods of the client, and events come out of [`SignalingEvents`]. The protocol itself, messages and rules, is the
//! crate `remotemedia_signaling`; what of it a user needs is re-exported here.
//!
//! `wire` puts a WebSocket under jsonrpsee's transport traits and is, with `client`, all that knows jsonrpsee. There is
//! no reconnecting here: a connection that is over stays over and says why, see [`CloseReason`].

mod client;
mod config;
mod error;
mod events;
mod wire;

pub use client::SignalingClient;
pub use config::SignalingClientConfig;
pub use error::{CloseReason, SignalingError};
pub use events::SignalingEvents;
pub use remotemedia_signaling::protocol::{
    AnnounceParams, AnnounceResult, Capabilities, ErrorCode, IceCandidate, LeaveReason, PeerInfo,
    ProtocolLimits, Role, ServerInfo, SessionSummary, SignalingEvent, Topology,
};
pub use remotemedia_signaling::websocket::{ConnectError, Endpoint, EndpointError};
