//! The manifest as its user writes it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::TransportSection;
use crate::data::PeerId;
use crate::node::NodeScope;
use crate::queue::FullPolicy;

/// A pipeline as its user writes it: nodes, connections, and, optionally, transport and routes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, always `"v1"`.
    pub version: String,
    /// Name and description, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ManifestMetadata>,
    /// The processing steps.
    pub nodes: Vec<NodeManifest>,
    /// What flows from which node to which.
    #[serde(default, deserialize_with = "null_as_default")]
    pub connections: Vec<ConnectionManifest>,
    /// How peers reach the pipeline; absent: only this process does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<TransportSection>,
    /// Who gets which output; an output without a route goes back to its sender if its node is
    /// stream-scoped, to all if it is session-scoped, and, if it is not its node's first, to this process's
    /// own user alone.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteManifest>,
}

/// Name and description of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestMetadata {
    /// Short name.
    #[serde(default)]
    pub name: String,
    /// What the pipeline does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One processing step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeManifest {
    /// Unique id within the manifest.
    pub id: String,
    /// Name of a registered node type.
    #[serde(alias = "nodeType")]
    pub node_type: String,
    /// Params for the node; absent means all defaults.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub params: Value,
    /// Kept for manifests written for other transports; every node here can stream.
    #[serde(default, alias = "isStreaming", skip_serializing_if = "Option::is_none")]
    pub is_streaming: Option<bool>,
    /// One instance per incoming stream or one for the session; absent: the node type's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<NodeScope>,
}

/// One edge: what flows from one node's port to another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionManifest {
    /// Id of the node that gives.
    pub from: String,
    /// Id of the node that takes.
    pub to: String,
    /// Output port; absent: the node type's first.
    #[serde(default, alias = "fromPort", skip_serializing_if = "Option::is_none")]
    pub from_port: Option<String>,
    /// Input port; absent: the node type's first.
    #[serde(default, alias = "toPort", skip_serializing_if = "Option::is_none")]
    pub to_port: Option<String>,
    /// What a full edge does; absent: `drop_oldest` if the ports carry only media, else `block`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<FullPolicy>,
    /// Most items that wait on the edge, 1..=1024; absent: 4 for media, 64 for data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

/// Who gets one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteManifest {
    /// A sink's output: `node` or `node.port`.
    pub output: String,
    /// Who gets it.
    pub to: RouteTarget,
}

/// Who gets an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// The peer whose stream it was made from.
    Sender,
    /// Every peer.
    All,
    /// Every peer but the one whose stream it was made from.
    Others,
    /// These peers.
    Peers(Vec<PeerId>),
    /// The destination that the node tagged the item with.
    Tagged,
    /// The peers whose bandwidth it fits best.
    ByBandwidth,
    /// Only this process's own user (`recv_output`).
    Local,
}

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sender => "sender",
            Self::All => "all",
            Self::Others => "others",
            Self::Tagged => "tagged",
            Self::ByBandwidth => "by_bandwidth",
            Self::Local => "local",
            Self::Peers(peers) => {
                let names: Vec<_> = peers.iter().map(PeerId::as_str).collect();
                return write!(f, "peers {}", names.join(", "));
            }
        })
    }
}

/// In YAML a key without a value is null; for optional fields that means absent.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
