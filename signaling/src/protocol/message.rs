//! Parameters and results of the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capabilities, IceServer, PeerInfo, Role, Topology};

/// The result of a method that has nothing to say but that it was done: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Done {}

/// Result of `server.info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// The server's name, as its operator set it.
    pub name: String,
    /// The server's version.
    pub version: String,
    /// The protocol's version, see [`super::PROTOCOL_VERSION`].
    pub protocol: u32,
    /// What the server takes at most.
    pub limits: ProtocolLimits,
    /// STUN and TURN servers for its clients, at most 16; absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

/// What a server takes at most, as it reports it to its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolLimits {
    /// Longest message without a session description, bytes.
    pub control_bytes: u32,
    /// Longest message with a session description (`peer.offer`, `peer.answer`), bytes.
    pub sdp_bytes: u32,
    /// Requests a connection may send per second in the long run.
    pub requests_per_second: u32,
    /// Requests a connection may send at once after a pause.
    #[serde(default)]
    pub request_burst: u32,
    /// Most peers in one session.
    pub peers_per_session: u32,
    /// Most sessions at a time.
    pub sessions: u32,
}

/// Result of `session.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// The sessions there are, by name.
    pub sessions: Vec<SessionSummary>,
}

/// One session in a [`SessionList`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSummary {
    /// Its name.
    pub session: String,
    /// Peers in it now.
    pub peers: u32,
    /// Peers it takes at most.
    pub max_peers: u32,
    /// Who connects to whom in it.
    pub topology: Topology,
}

/// Parameters of `events.unsubscribe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnsubscribeParams {
    /// The subscription id, as `events.subscribe` returned it.
    pub subscription: u64,
}

/// Parameters of `peer.announce`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceParams {
    /// The session to join; it begins with its first peer and ends with its last.
    pub session: String,
    /// The id to have in it.
    pub peer_id: String,
    /// The part to play. Default `peer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A name for people to read, at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the peer can send and receive. Default: nothing said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// The token of an earlier announcement of this id: proves that the same peer comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_token: Option<String>,
    /// Counts for the first peer of a session only. Default: `host` for a host or viewer, else `mesh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
    /// Peers the session takes at most, this one included. Counts for the first peer of a session only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_peers: Option<u32>,
}

/// Result of `peer.announce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnnounceResult {
    /// The session that was joined.
    pub session: String,
    /// The id in it.
    pub peer_id: String,
    /// Which life of this id this is, from 1.
    pub generation: u32,
    /// Proves in a later announcement that the same peer comes back. A secret.
    pub resume_token: String,
    /// The topology that the session has.
    pub topology: Topology,
    /// Peers the session takes at most, this one included.
    pub max_peers: u32,
    /// Who was there at that moment, by id. Everyone who comes later is a `peer_joined` event.
    pub peers: Vec<PeerInfo>,
}

/// Result of `peer.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PeerList {
    /// The others in the caller's session, by id.
    pub peers: Vec<PeerInfo>,
}

/// Parameters of `peer.offer` and `peer.answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SdpParams {
    /// The peer it is for.
    pub to: String,
    /// Tells handshakes apart: an answer and the candidates carry the id of their offer.
    pub handshake_id: String,
    /// The session description.
    pub sdp: String,
}

/// Parameters of `peer.ice_candidate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IceCandidateParams {
    /// The peer it is for.
    pub to: String,
    /// The handshake it belongs to.
    pub handshake_id: String,
    /// The candidate; null when there are no more.
    pub candidate: Option<IceCandidate>,
}

/// An ICE candidate as browsers write it (`RTCIceCandidateInit`, in snake case).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct IceCandidate {
    /// The candidate attribute, `candidate:…`.
    pub candidate: String,
    /// The media section it belongs to, by `a=mid`.
    #[serde(default)]
    pub sdp_mid: Option<String>,
    /// The media section it belongs to, by position from 0.
    #[serde(default)]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment it belongs to, which tells restarts apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// Parameters of `call.start` and `call.accept`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallParams {
    /// The peer it is for.
    pub to: String,
    /// Tells calls apart.
    pub call_id: String,
}

/// Parameters of `call.end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallEndParams {
    /// The peer it is for.
    pub to: String,
    /// Tells calls apart.
    pub call_id: String,
    /// Why, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
