//! Who is here: one actor per remote peer, and the manager that owns them.
//!
//! `PeerManager` listens to the signaling server, admits peers, starts one actor for each and ends
//! them by a deadline. An actor owns its peer's connection, runs the offer/answer exchange
//! (`negotiation`, pure) and the lifecycle (`lifecycle`, pure), and turns tracks into items and items
//! into tracks with the media folder. What comes in goes to the `PeerInlet`; this folder knows no
//! pipeline and no route.

mod actor;
mod courier;
mod data_reader;
mod early;
mod envelope;
mod event;
mod intake;
mod lifecycle;
mod link;
mod manager;
mod manager_actor;
mod negotiation;
mod outlets;
mod requests;
mod wire;

pub(crate) use actor::PeerActorSettings;
pub use envelope::{Envelope, EnvelopeError};
pub use event::{ConnectError, PeerEvent, PeerSummary};
pub use lifecycle::{CloseCause, LifecycleSettings, PeerState};
pub use link::{MediaFigures, PeerReport, RequestFailure, SendError};
pub(crate) use link::{PeerLink, SharedLink};
pub(crate) use manager::{PeerManager, PeerManagerSettings};
pub(crate) use outlets::OutletSettings;
pub use requests::RequestError;

use async_trait::async_trait;
use remotemedia_runtime_core::data::{PeerId, TransportData};

/// Where what comes in from peers goes.
#[async_trait]
pub(crate) trait PeerInlet: Send + Sync {
    /// Takes an item of a peer. Media never waits; data waits for room, which slows its sender down.
    async fn deliver(&self, item: TransportData);

    /// Answers a request of a peer; what it returns is sent back.
    async fn request(&self, link: &SharedLink, request: Envelope) -> Envelope;

    /// A peer is gone: its streams end.
    async fn peer_gone(&self, peer: &PeerId);
}
