//! How peers reach a pipeline.

use serde::{Deserialize, Serialize};

use super::IceServer;
use super::document::null_as_default;

/// The manifest's `transport`: how peers reach the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportSection {
    /// The transport, `"webrtc"`.
    pub kind: String,
    /// Who connects to whom. Default `mesh`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub topology: Topology,
    /// Most remote peers, 1..=10 in a mesh, 1..=1000 around a host; absent: 10 and 100.
    #[serde(default, alias = "maxPeers", skip_serializing_if = "Option::is_none")]
    pub max_peers: Option<u32>,
    /// Video codecs in order of preference (`H264`, `VP8`, `VP9`); absent: all that are built in.
    #[serde(
        default,
        alias = "videoCodecs",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub video_codecs: Vec<String>,
    /// Video bitrate per peer, bits per second, 50 000..=50 000 000; absent: by picture size.
    #[serde(default, alias = "videoBitrateBps", skip_serializing_if = "Option::is_none")]
    pub video_bitrate_bps: Option<u32>,
    /// Servers for ICE; none: host candidates only.
    #[serde(
        default,
        alias = "iceServers",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ice_servers: Vec<IceServer>,
    /// The signaling server's WebSocket URL (`ws://` or `wss://`); absent: given by the program.
    #[serde(default, alias = "signalingUrl", skip_serializing_if = "Option::is_none")]
    pub signaling_url: Option<String>,
}

/// Who connects to whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Everybody to everybody; the newcomer offers.
    #[default]
    Mesh,
    /// One host to all; only the host offers.
    Host,
}

impl Topology {
    /// Returns the most remote peers that a manifest may ask for: in a mesh 10, since everybody encodes
    /// for and sends to everybody; around a host 1000.
    pub const fn max_peers_limit(self) -> u32 {
        match self {
            Self::Mesh => 10,
            Self::Host => 1000,
        }
    }

    /// Returns the most remote peers if the manifest does not say: 10 in a mesh, 100 around a host.
    pub const fn max_peers_default(self) -> u32 {
        match self {
            Self::Mesh => 10,
            Self::Host => 100,
        }
    }
}
