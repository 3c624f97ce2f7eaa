//! The task that owns the peers of a session: listens to the signaling server, admits, starts and ends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt;
use remotemedia_runtime_core::data::PeerId;
use remotemedia_signaling::protocol::{LeaveReason, PeerInfo, Role, SignalingEvent, Topology};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info, info_span, warn};

use super::actor::{PEER_COMMANDS, PeerActorSettings, PeerCommand, run_peer};
use super::early::{EarlyCandidate, EarlyCandidates};
use super::link::SharedLink;
use super::requests::Requests;
use super::wire::candidate_from_signaling;
use super::{CloseCause, ConnectError, PeerEvent, PeerInlet, PeerLink, PeerState, PeerSummary};
use crate::rtc::IceCandidate;
use crate::signaling::{SignalingClient, SignalingEvents};

/// What a manager's user asks for.
#[derive(Debug)]
pub(super) enum ManagerCommand {
    Connect { peer: PeerId, reply: oneshot::Sender<Result<ConnectBegun, ConnectError>> },
}

/// How a connection comes about.
#[derive(Debug)]
pub(super) enum ConnectBegun {
    /// There is a link.
    Link(SharedLink),
    /// The other side is the one to offer.
    OfferAwaited,
}

/// What the manager's task and its users both see.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) present: RwLock<BTreeMap<PeerId, PeerInfo>>,
    /// Replaced as a whole, so that who sends to all takes one reference and no lock while sending.
    pub(super) links: watch::Sender<Arc<[SharedLink]>>,
    pub(super) events: broadcast::Sender<PeerEvent>,
}

/// Listens to the signaling server, admits, starts and ends peers.
pub(super) struct ManagerActor {
    pub(super) settings: Arc<PeerActorSettings>,
    pub(super) max_peers: u32,
    pub(super) topology: Topology,
    pub(super) is_host: bool,
    pub(super) shared: Arc<Shared>,
    pub(super) signaling: SignalingClient,
    pub(super) inlet: Arc<dyn PeerInlet>,
    pub(super) links: HashMap<PeerId, SharedLink>,
    /// Peers whose connection goes on although the server lost them: what they say to it now, another life says.
    pub(super) departed: HashSet<PeerId>,
    pub(super) peers: JoinSet<PeerId>,
    /// Candidates of peers whose offer has not come yet.
    pub(super) early: EarlyCandidates<IceCandidate>,
    pub(super) refusals: TaskTracker,
    pub(super) cancel: CancellationToken,
}

impl ManagerActor {
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<ManagerCommand>,
        mut events: SignalingEvents,
    ) {
        let mut listening = true;
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                Some(ended) = self.peers.join_next(), if !self.peers.is_empty() => match ended {
                    Ok(peer) => self.forget(&peer),
                    Err(error) => warn!(%error, "telling of a peer failed"),
                },
                command = commands.recv() => match command {
                    Some(ManagerCommand::Connect { peer, reply }) => {
                        // Who asked may have stopped waiting.
                        reply.send(self.connect(&peer)).ok();
                    }
                    None => break,
                },
                event = events.recv(), if listening => match event {
                    Ok(event) => self.hear(event),
                    Err(error) => {
                        listening = false;
                        self.tell(PeerEvent::SignalingLost { reason: crate::sentence(&error) });
                    }
                },
            }
        }
        // Every actor has a child of the token: each ends by its own deadline.
        while self.peers.join_next().await.is_some() {}
        self.refusals.close();
        self.refusals.wait().await;
        self.links.clear();
        self.publish_links();
    }

    fn may_offer(&self) -> bool {
        self.topology == Topology::Mesh || self.is_host
    }

    pub(super) fn connect_to_present(&mut self) {
        if !self.may_offer() {
            return;
        }
        let present: Vec<PeerId> = self.present(|present| present.keys().cloned().collect());
        for peer in present {
            if let Err(error) = self.connect(&peer) {
                self.tell(PeerEvent::Refused { peer, reason: error.to_string() });
            }
        }
    }

    fn connect(&mut self, peer: &PeerId) -> Result<ConnectBegun, ConnectError> {
        let known = self.present(|present| present.get(peer).map(|info| (info.generation, info.role)));
        if let Some(link) = self.link_to(peer, known.map(|(generation, _)| generation)) {
            return Ok(ConnectBegun::Link(link));
        }
        let Some((generation, role)) = known else {
            let present = self.present(|present| present.keys().cloned().collect());
            return Err(ConnectError::Unknown { peer: peer.clone(), present });
        };
        if !self.may_offer() {
            return match role {
                Role::Host => Ok(ConnectBegun::OfferAwaited),
                Role::Peer | Role::Viewer => Err(ConnectError::NotHost { peer: peer.clone() }),
            };
        }
        let link = self.admit(peer, generation)?;
        self.command(&link, PeerCommand::Connect);
        Ok(ConnectBegun::Link(link))
    }

    /// Starts an actor for a peer, unless the session is full.
    fn admit(&mut self, peer: &PeerId, generation: u32) -> Result<SharedLink, ConnectError> {
        // The former self of the peer, if it is there, gives up its place.
        let others = self.links.values().filter(|link| link.is_alive() && link.peer() != peer);
        if others.count() >= self.max_peers as usize {
            return Err(ConnectError::Full { max_peers: self.max_peers });
        }
        if let Some(former) = self.links.get(peer) {
            former.end(CloseCause::PeerLeft { reason: LeaveReason::Replaced.to_string() });
        }
        self.departed.remove(peer);
        let (commands, command_receiver) = mpsc::channel(PEER_COMMANDS);
        let (state_sender, state) = watch::channel(PeerState::New);
        let link = Arc::new(PeerLink {
            peer: peer.clone(),
            generation,
            commands,
            gone: CancellationToken::new(),
            end: watch::Sender::new(None),
            state,
            ways: Default::default(),
            requests: Requests::default(),
            unsent: Default::default(),
        });
        let former = self.links.insert(peer.clone(), link.clone());
        let (cancel, inlet) = (self.cancel.child_token(), self.inlet.clone());
        let running = run_peer(
            self.settings.clone(),
            link.clone(),
            state_sender.clone(),
            command_receiver,
            self.signaling.clone(),
            inlet.clone(),
            cancel.clone(),
        );
        let (id, of) = (peer.clone(), peer.clone());
        let gone = link.gone.clone().drop_guard();
        let running = async move {
            let _gone = gone;
            // What its former self leaves behind is found by the peer's id: it must be gone.
            if let Some(former) = former {
                former.gone.cancelled().await;
            }
            if contained(running, state_sender).await.is_err() {
                cancel.cancel();
                inlet.peer_gone(&id).await;
            }
        };
        let watching = tell_states(link.clone(), self.shared.events.clone());
        let span = info_span!("peer", peer_id = %peer, generation);
        let both = async move {
            tokio::join!(running, watching);
            of
        };
        self.peers.spawn(both.instrument(span));
        self.publish_links();
        Ok(link)
    }

    fn hear(&mut self, event: SignalingEvent) {
        match event {
            SignalingEvent::PeerJoined { peer } => {
                let Some(id) = self.note_present(peer) else { return };
                info!(peer = %id, "peer joined");
                if let Some(info) = self.present(|present| present.get(&id).cloned()) {
                    self.tell(PeerEvent::Joined {
                        peer: PeerSummary::new(id.clone(), &info, PeerState::New),
                    });
                    // The host offers to each newcomer; in a mesh the newcomer offers to all.
                    if self.is_host
                        && let Err(error) = self.connect(&id)
                    {
                        self.tell(PeerEvent::Refused { peer: id, reason: error.to_string() });
                    }
                }
            }
            SignalingEvent::PeerLeft { peer_id, generation, reason } => {
                let Ok(peer) = PeerId::new(&peer_id) else { return };
                self.shared.present.write().unwrap_or_else(PoisonError::into_inner).remove(&peer);
                self.early.take(&peer_id);
                if let Some(link) = self.links.get(&peer).filter(|link| link.generation <= generation) {
                    if is_lost_to_the_server(reason) && link.is_up() {
                        self.departed.insert(peer.clone());
                    } else {
                        link.end(CloseCause::PeerLeft { reason: reason.to_string() });
                    }
                }
                self.tell(PeerEvent::Left { peer, reason: reason.to_string() });
            }
            SignalingEvent::Offer { from, generation, handshake_id, sdp } => {
                self.offered(&from, generation, handshake_id, sdp);
            }
            SignalingEvent::Answer { from, handshake_id, sdp, .. } => {
                self.pass(&from, PeerCommand::Answer { handshake_id, sdp });
            }
            SignalingEvent::IceCandidate { from, generation, handshake_id, candidate } => {
                let candidate = candidate.map(candidate_from_signaling);
                self.candidate_came(&from, generation, handshake_id, candidate);
            }
            SignalingEvent::CallEnded { from, call_id, reason, .. } => {
                let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
                self.pass(&from, PeerCommand::Refused { handshake_id: call_id, reason });
            }
            other => debug!(?other, "signaling event not used"),
        }
    }

    fn offered(&mut self, from: &str, generation: u32, handshake_id: String, sdp: String) {
        match self.link_of(from, generation) {
            Some(link) => {
                self.command(&link, PeerCommand::Offer { handshake_id, sdp });
                for EarlyCandidate { handshake_id, candidate } in self.early.take(from) {
                    self.command(&link, PeerCommand::Candidate { handshake_id, candidate });
                }
            }
            None => {
                let reason = ConnectError::Full { max_peers: self.max_peers }.to_string();
                if let Ok(peer) = PeerId::new(from) {
                    self.tell(PeerEvent::Refused { peer, reason: reason.clone() });
                }
                let (signaling, to) = (self.signaling.clone(), from.to_owned());
                let cancel = self.cancel.clone();
                self.refusals.spawn(async move {
                    let refusal = signaling.call_end(&to, &handshake_id, Some(reason));
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        // The peer's own deadline tells it if this does not arrive.
                        outcome = refusal => drop(outcome),
                    }
                });
            }
        }
    }

    /// A candidate may overtake its offer: it is kept until that comes. One of a connection that has
    /// ended is kept in vain, until the peer leaves.
    fn candidate_came(
        &mut self,
        from: &str,
        generation: u32,
        handshake_id: String,
        candidate: Option<IceCandidate>,
    ) {
        let link = PeerId::new(from).ok().and_then(|peer| self.link_to(&peer, Some(generation)));
        if let Some(link) = link {
            return self.command(&link, PeerCommand::Candidate { handshake_id, candidate });
        }
        self.early.keep(from, EarlyCandidate { handshake_id, candidate });
    }

    /// The link to a peer of that generation; one of an older generation is ended and replaced.
    fn link_of(&mut self, from: &str, generation: u32) -> Option<SharedLink> {
        let peer = PeerId::new(from).ok()?;
        self.link_to(&peer, Some(generation)).or_else(|| self.admit(&peer, generation).ok())
    }

    /// The living link to a peer, unless it is of a former life.
    ///
    /// * `generation`: the life that is asked for; `None`: the peer is not in the session, and any will do.
    fn link_to(&self, peer: &PeerId, generation: Option<u32>) -> Option<SharedLink> {
        let link = self.links.get(peer).filter(|link| link.is_alive())?;
        let is_current = |generation| link.generation >= generation && !self.departed.contains(peer);
        generation.is_none_or(is_current).then(|| link.clone())
    }

    fn pass(&mut self, from: &str, command: PeerCommand) {
        match self.links.get(from).cloned() {
            Some(link) => self.command(&link, command),
            None => debug!(from, "message of a peer that is not connected"),
        }
    }

    fn command(&self, link: &PeerLink, command: PeerCommand) {
        let is_candidate = matches!(command, PeerCommand::Candidate { .. });
        if !link.command(command) && !is_candidate {
            link.end(CloseCause::Flooded { waiting: PEER_COMMANDS });
        }
    }

    pub(super) fn note_present(&self, info: PeerInfo) -> Option<PeerId> {
        let peer = PeerId::new(&info.peer_id)
            .inspect_err(|error| warn!(%error, "signaling server names an invalid peer"))
            .ok()?;
        self.shared.present.write().unwrap_or_else(PoisonError::into_inner).insert(peer.clone(), info);
        Some(peer)
    }

    fn present<R>(&self, look: impl FnOnce(&BTreeMap<PeerId, PeerInfo>) -> R) -> R {
        look(&self.shared.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn forget(&mut self, peer: &PeerId) {
        // A newer actor of the same peer stays.
        if self.links.get(peer).is_some_and(|link| !link.is_alive()) {
            self.links.remove(peer);
            self.departed.remove(peer);
            self.publish_links();
        }
    }

    fn publish_links(&self) {
        let links: Arc<[SharedLink]> = self.links.values().cloned().collect();
        self.shared.links.send_replace(links);
    }

    fn tell(&self, event: PeerEvent) {
        // Nobody may be listening.
        self.shared.events.send(event).ok();
    }
}

/// Whether a peer is gone for the server alone, so that its connection says whether it is there.
fn is_lost_to_the_server(reason: LeaveReason) -> bool {
    matches!(reason, LeaveReason::Disconnected | LeaveReason::TooSlow)
}

/// The actor panicked.
#[derive(Debug, PartialEq, Eq)]
struct Panicked;

/// Runs a peer's actor; if it panics, the peer is closed and the others go on.
async fn contained(
    running: impl Future<Output = ()>,
    state: watch::Sender<PeerState>,
) -> Result<(), Panicked> {
    AssertUnwindSafe(running).catch_unwind().await.map_err(|_| {
        let cause = CloseCause::Engine { reason: "the peer's task panicked".to_owned() };
        warn!(%cause, "peer closed");
        state.send_replace(PeerState::Closed { cause });
        Panicked
    })
}

/// Tells the users of states until the actor is gone: each that lasts, and the last.
async fn tell_states(link: SharedLink, events: broadcast::Sender<PeerEvent>) {
    let mut states = link.state.clone();
    while states.changed().await.is_ok() {
        let state = states.borrow_and_update().clone();
        events.send(PeerEvent::StateChanged { peer: link.peer().clone(), state }).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_actor_that_panics_closes_its_peer() {
        let (sender, state) = watch::channel(PeerState::Connected);
        assert_eq!(contained(async { panic!("on purpose") }, sender).await, Err(Panicked));
        let PeerState::Closed { cause } = state.borrow().clone() else { panic!("still connected") };
        assert_eq!(cause.to_string(), "the connection failed: the peer's task panicked");
    }
}
