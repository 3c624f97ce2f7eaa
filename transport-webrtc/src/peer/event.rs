//! What the users of the peers hear of: who is there, what happens to them, why one was not connected.

use remotemedia_runtime_core::data::PeerId;
use remotemedia_signaling::protocol::PeerInfo;

use super::{CloseCause, PeerState};

/// Something that happened to a peer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PeerEvent {
    /// A peer joined the session; a connection may follow.
    Joined {
        /// The peer.
        peer: PeerSummary,
    },
    /// A connection changed its state. Of states that follow each other at once, only the last is told.
    StateChanged {
        /// The peer.
        peer: PeerId,
        /// Where its connection stands.
        state: PeerState,
    },
    /// A peer left the session. If the server lost it, a connection that is up goes on until it fails itself.
    Left {
        /// The peer.
        peer: PeerId,
        /// The signaling server's reason.
        reason: String,
    },
    /// A peer was not admitted.
    Refused {
        /// The peer.
        peer: PeerId,
        /// Why.
        reason: String,
    },
    /// The signaling server is gone; calls that run go on.
    SignalingLost {
        /// Why.
        reason: String,
    },
}

/// A peer of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSummary {
    /// Its id.
    pub peer: PeerId,
    /// Its name for people.
    pub display_name: Option<String>,
    /// Whether it runs a pipeline.
    pub has_pipeline: bool,
    /// Where the connection to it stands.
    pub state: PeerState,
}

/// Why a peer was not connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No such peer is in the session.
    #[error("peer {peer} is not in the session, which has {}", names(.present))]
    Unknown {
        /// The peer.
        peer: PeerId,
        /// Who is.
        present: Vec<PeerId>,
    },
    /// As many peers as may be are connected.
    #[error("session is full: {max_peers} peers")]
    Full {
        /// The limit.
        max_peers: u32,
    },
    /// In a host topology only the host offers, and neither this peer nor the other is it.
    #[error("peer {peer} is not the host of this session, and only the host connects to others")]
    NotHost {
        /// The peer.
        peer: PeerId,
    },
    /// The host, who is to offer, did not.
    #[error("the host {peer} made no offer within {waited_ms} ms")]
    NoOffer {
        /// The host.
        peer: PeerId,
        /// How long was waited, milliseconds.
        waited_ms: u64,
    },
    /// The connection ended before it was up.
    #[error("peer {peer} could not be connected")]
    Failed {
        /// The peer.
        peer: PeerId,
        /// Why.
        #[source]
        cause: CloseCause,
    },
    /// This side is closing.
    #[error("the transport is closed")]
    Closed,
}

fn names(peers: &[PeerId]) -> String {
    match peers {
        [] => "nobody else".to_owned(),
        peers => peers.iter().map(PeerId::as_str).collect::<Vec<_>>().join(", "),
    }
}

impl PeerSummary {
    /// Takes what a peer announced and where its connection stands.
    pub(super) fn new(peer: PeerId, info: &PeerInfo, state: PeerState) -> Self {
        let (display_name, has_pipeline) = (info.display_name.clone(), info.capabilities.pipeline);
        Self { peer, display_name, has_pipeline, state }
    }
}
