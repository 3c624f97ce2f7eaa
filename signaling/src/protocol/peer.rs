//! Who a peer is and what it can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The part a peer plays in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One among equals.
    #[default]
    Peer,
    /// The one that offers to all in a session of topology [`Topology::Host`].
    Host,
    /// One that receives from the host and never offers in a session of topology [`Topology::Host`].
    Viewer,
}

/// Who connects to whom in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Everybody with everybody: the newcomer offers to all who are there.
    #[default]
    Mesh,
    /// The host with everybody: only the host offers.
    Host,
}

/// What a peer can send and receive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Capabilities {
    /// Video codecs in order of preference, for example `H264`. At most 16 names of at most 32 characters.
    pub video: Vec<String>,
    /// Audio codecs in order of preference, for example `opus`. At most 16 names of at most 32 characters.
    pub audio: Vec<String>,
    /// Whether the peer runs a pipeline: it takes what it is sent and returns what the pipeline makes of it.
    pub pipeline: bool,
}

/// A peer of a session, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PeerInfo {
    /// Its id, unique in the session at any time.
    pub peer_id: String,
    /// Its part in the session.
    #[serde(default)]
    pub role: Role,
    /// A name for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it can send and receive.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Rises by one each time this id joins the session, from 1: tells a peer that came back from its former self.
    pub generation: u32,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Peer => "peer",
            Self::Host => "host",
            Self::Viewer => "viewer",
        })
    }
}

impl std::fmt::Display for Topology {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mesh => "mesh",
            Self::Host => "host",
        })
    }
}
