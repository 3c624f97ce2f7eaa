//! Servers by which peers find a path to each other.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A STUN or TURN server, as browsers write it (`RTCIceServer`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IceServer {
    /// Its addresses: `stun:host:port`, `turn:host:port`, `turns:host:port`.
    pub urls: Vec<String>,
    /// User name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password, for TURN. Whoever can reach the signaling server can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// The password is left out: logs are read by more people than the server's clients.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls, username, .. } = self;
        f.debug_struct("IceServer").field("urls", urls).field("username", username).finish_non_exhaustive()
    }
}
