//! The hold on the peers of a session: who is there, links to them, connecting, closing.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use remotemedia_runtime_core::data::PeerId;
use remotemedia_signaling::protocol::{AnnounceResult, Role};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use super::actor::PeerActorSettings;
use super::early::EarlyCandidates;
use super::link::SharedLink;
use super::manager_actor::{ConnectBegun, ManagerActor, ManagerCommand, Shared};
use super::{ConnectError, PeerEvent, PeerInlet, PeerState, PeerSummary};
use crate::signaling::{SignalingClient, SignalingEvents};

/// User → manager. Control: waits.
const MANAGER_COMMANDS: usize = 32;

/// Manager → users. A user that is further behind loses the oldest and is told how many.
const PEER_EVENTS: usize = 256;

/// The peers of one session.
#[derive(Debug)]
pub(crate) struct PeerManager {
    shared: Arc<Shared>,
    commands: mpsc::Sender<ManagerCommand>,
    /// How long the host's offer is waited for.
    offer_within: Duration,
    cancel: CancellationToken,
    /// Falls to true when the manager's task and all its peers are gone.
    ended: watch::Receiver<bool>,
}

/// What a manager works with.
pub(crate) struct PeerManagerSettings {
    pub(crate) actor: PeerActorSettings,
    pub(crate) max_peers: u32,
    /// The part that this peer announced.
    pub(crate) role: Role,
}

impl PeerManager {
    /// Starts with who is there and connects to them, if this side offers.
    pub(crate) fn start(
        settings: PeerManagerSettings,
        announced: &AnnounceResult,
        signaling: SignalingClient,
        events: SignalingEvents,
        inlet: Arc<dyn PeerInlet>,
    ) -> Self {
        let shared = Arc::new(Shared {
            present: RwLock::default(),
            links: watch::Sender::new(Arc::from([])),
            events: broadcast::channel(PEER_EVENTS).0,
        });
        let offer_within = settings.actor.lifecycle.handshake;
        let (commands, command_receiver) = mpsc::channel(MANAGER_COMMANDS);
        let (ended_sender, ended) = watch::channel(false);
        let cancel = CancellationToken::new();
        let mut actor = ManagerActor {
            // The session's own, whatever this peer expected.
            topology: announced.topology,
            is_host: settings.role == Role::Host,
            max_peers: settings.max_peers,
            settings: Arc::new(settings.actor),
            shared: shared.clone(),
            signaling,
            inlet,
            links: HashMap::new(),
            departed: HashSet::new(),
            peers: JoinSet::new(),
            early: EarlyCandidates::new(),
            refusals: TaskTracker::new(),
            cancel: cancel.clone(),
        };
        for peer in &announced.peers {
            actor.note_present(peer.clone());
        }
        let span = info_span!("session", session_id = announced.session, peer_id = announced.peer_id);
        let running = async move {
            actor.connect_to_present();
            actor.run(command_receiver, events).await;
            ended_sender.send_replace(true);
        };
        tokio::spawn(running.instrument(span));
        Self { shared, commands, offer_within, cancel, ended }
    }

    /// Returns who is in the session, this peer left out.
    pub(crate) fn peers(&self) -> Vec<PeerSummary> {
        let present = self.shared.present.read().unwrap_or_else(PoisonError::into_inner);
        let links = self.links();
        present
            .iter()
            .map(|(peer, info)| {
                let link = links.iter().find(|link| link.peer() == peer);
                PeerSummary::new(peer.clone(), info, link.map_or(PeerState::New, |link| link.state()))
            })
            .collect()
    }

    /// Returns the handles to all peers that are connected or being connected.
    pub(crate) fn links(&self) -> Arc<[SharedLink]> {
        self.shared.links.borrow().clone()
    }

    /// Returns the handle to one peer.
    pub(crate) fn link(&self, peer: &PeerId) -> Option<SharedLink> {
        self.links().iter().find(|link| link.peer() == peer).cloned()
    }

    /// Connects to a peer of the session and waits until media can flow; at once if it does already.
    pub(crate) async fn connect(&self, peer: &PeerId) -> Result<SharedLink, ConnectError> {
        let (reply, answer) = oneshot::channel();
        let command = ManagerCommand::Connect { peer: peer.clone(), reply };
        self.commands.send(command).await.map_err(|_| ConnectError::Closed)?;
        let link = match answer.await.map_err(|_| ConnectError::Closed)?? {
            ConnectBegun::Link(link) => link,
            ConnectBegun::OfferAwaited => self.offered_by(peer).await?,
        };
        match link.connected().await {
            Ok(()) => Ok(link),
            Err(cause) => Err(ConnectError::Failed { peer: peer.clone(), cause }),
        }
    }

    /// Waits for the link that an offer of the peer makes. Cancel safe.
    async fn offered_by(&self, peer: &PeerId) -> Result<SharedLink, ConnectError> {
        let mut links = self.shared.links.subscribe();
        let of_peer = |link: &&SharedLink| link.peer() == peer && link.is_alive();
        let offered = async {
            loop {
                if let Some(link) = links.borrow_and_update().iter().find(of_peer) {
                    return Ok(link.clone());
                }
                links.changed().await.map_err(|_| ConnectError::Closed)?;
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ConnectError::Closed),
            offered = tokio::time::timeout(self.offer_within, offered) => offered.unwrap_or_else(|_| {
                let waited_ms = self.offer_within.as_millis() as u64;
                Err(ConnectError::NoOffer { peer: peer.clone(), waited_ms })
            }),
        }
    }

    /// Returns a new receiver of what happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<PeerEvent> {
        self.shared.events.subscribe()
    }

    /// Ends all peers and returns at once.
    pub(crate) fn end(&self) {
        self.cancel.cancel();
    }

    /// Ends all peers and waits until they are gone; `false`: not within the deadline.
    pub(crate) async fn close(&self, within: Duration) -> bool {
        self.end();
        let mut ended = self.ended.clone();
        // An error means that the task itself is gone.
        tokio::time::timeout(within, ended.wait_for(|ended| *ended)).await.is_ok()
    }
}

impl Drop for PeerManager {
    fn drop(&mut self) {
        self.end();
    }
}
