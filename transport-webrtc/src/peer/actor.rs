//! One remote peer: carries things between its connection, the exchange, the lifecycle and its media.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::PeerId;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::courier::{Courier, Letter};
use super::data_reader::read_data;
use super::intake::Intake;
use super::lifecycle::{Lifecycle, LifecycleInput};
use super::link::Ways;
use super::negotiation::{Negotiation, NegotiationAction, NegotiationInput, is_polite};
use super::outlets::{OutletSettings, Outlets};
use super::{CloseCause, LifecycleSettings, PeerInlet, PeerLink, PeerState};
use crate::rtc::{
    Connection, ConnectionConfig, ConnectionError, ConnectionEvent, ConnectionEvents, ConnectionState,
    IceCandidate, SdpKind,
};
use crate::signaling::SignalingClient;

/// Manager → actor. Control: an exchange is some 30 messages. Full means that the peer floods: a candidate
/// more is dropped, anything else ends it.
pub(super) const PEER_COMMANDS: usize = 128;

/// How often the path's figures are looked at. A receiver report comes about once a second.
const PATH_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Label of the data channel that carries envelopes.
const DATA_LABEL: &str = "data";

/// What an actor is told.
#[derive(Debug)]
pub(super) enum PeerCommand {
    /// Begin an exchange, unless one is under way or done.
    Connect,
    /// The peer offered.
    Offer { handshake_id: String, sdp: String },
    /// The peer answered.
    Answer { handshake_id: String, sdp: String },
    /// The peer found a candidate.
    Candidate { handshake_id: String, candidate: Option<IceCandidate> },
    /// The peer refused our offer or our answer.
    Refused { handshake_id: String, reason: String },
}

/// What an actor needs, the same for all peers of a session.
pub(crate) struct PeerActorSettings {
    pub(crate) local: PeerId,
    pub(crate) connection: ConnectionConfig,
    pub(crate) lifecycle: LifecycleSettings,
    pub(crate) outlets: OutletSettings,
    pub(crate) close_within: Duration,
}

/// One remote peer's task.
pub(super) struct PeerActor {
    settings: Arc<PeerActorSettings>,
    link: Arc<PeerLink>,
    state: watch::Sender<PeerState>,
    commands: mpsc::Receiver<PeerCommand>,
    connection: Connection,
    events: ConnectionEvents,
    negotiation: Negotiation<IceCandidate>,
    lifecycle: Lifecycle,
    /// The exchange that we began last, to know which refusal is meant for us.
    offered: Option<String>,
    courier: Courier,
    courier_failures: mpsc::Receiver<String>,
    inlet: Arc<dyn PeerInlet>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    /// Ends the reader of the data channel.
    reading: CancellationToken,
}

/// Runs one remote peer until it is closed; returns when its connection and all its tasks are gone.
pub(super) async fn run_peer(
    settings: Arc<PeerActorSettings>,
    link: Arc<PeerLink>,
    state: watch::Sender<PeerState>,
    commands: mpsc::Receiver<PeerCommand>,
    signaling: SignalingClient,
    inlet: Arc<dyn PeerInlet>,
    cancel: CancellationToken,
) {
    let peer = link.peer().clone();
    let opened = Connection::open(settings.connection.clone()).await;
    let (connection, events) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let cause = CloseCause::Engine { reason: crate::sentence(&error) };
            warn!(%peer, %cause, "peer cannot be connected");
            state.send_replace(PeerState::Closed { cause });
            return;
        }
    };
    let out = Outlets::new(peer.clone(), connection.clone(), settings.outlets.clone());
    let codecs = settings.outlets.codecs.clone();
    let intake = Intake::new(peer.clone(), codecs, connection.clone(), inlet.clone());
    // Set once, here: the link was made for this actor alone.
    link.ways.set(Ways { out, intake }).ok();
    let (failures, courier_failures) = mpsc::channel(1);
    let (courier, courier_actor) = Courier::new(peer.clone(), signaling, failures);
    let tasks = TaskTracker::new();
    tasks.spawn(courier_actor.run(cancel.clone()));
    let polite = is_polite(settings.local.as_str(), peer.as_str());
    let actor = PeerActor {
        negotiation: Negotiation::new(polite),
        lifecycle: Lifecycle::new(settings.lifecycle),
        offered: None,
        settings,
        link,
        state,
        commands,
        connection,
        events,
        courier,
        courier_failures,
        inlet,
        tasks,
        reading: cancel.child_token(),
        cancel,
    };
    actor.run().await;
}

impl PeerActor {
    async fn run(mut self) {
        let mut path_looks = tokio::time::interval(PATH_LOOK_INTERVAL);
        path_looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !matches!(self.lifecycle.state(), PeerState::Closed { .. }) {
            let deadline = self.lifecycle.deadline();
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => self.live(LifecycleInput::End(CloseCause::ClosedHere)),
                cause = self.link.ended() => self.live(LifecycleInput::End(cause)),
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => self.live(LifecycleInput::End(CloseCause::ClosedHere)),
                },
                Some(reason) = self.courier_failures.recv() => self.signaling_failed(reason),
                event = self.events.recv() => match event {
                    Some(event) => self.notice(event).await,
                    None => self.live(LifecycleInput::End(CloseCause::ClosedByPeer)),
                },
                _ = path_looks.tick() => self.look_at_path().await,
                () = expired(deadline) => {
                    let connection = &self.connection;
                    if self.lifecycle.expire(Instant::now(), || connection.path_fault()).is_some() {
                        self.publish();
                    }
                }
            }
        }
        self.shut_down().await;
    }

    async fn obey(&mut self, command: PeerCommand) {
        match command {
            PeerCommand::Connect => {
                if self.negotiation.is_stable() && !self.negotiation.has_remote() {
                    self.offer(false).await;
                }
            }
            PeerCommand::Offer { handshake_id, sdp } => {
                self.live(LifecycleInput::Started);
                self.negotiate(NegotiationInput::RemoteOffer { handshake_id, sdp }).await;
            }
            PeerCommand::Answer { handshake_id, sdp } => {
                self.negotiate(NegotiationInput::RemoteAnswer { handshake_id, sdp }).await;
            }
            PeerCommand::Candidate { handshake_id, candidate } => {
                self.negotiate(NegotiationInput::RemoteCandidate { handshake_id, candidate }).await;
            }
            PeerCommand::Refused { handshake_id, reason } => {
                let connected = self.lifecycle.is_up();
                let is_ours = self.offered.as_ref() == Some(&handshake_id);
                if (is_ours || self.negotiation.has_answered(&handshake_id)) && !connected {
                    self.live(LifecycleInput::End(CloseCause::Refused { reason }));
                }
            }
        }
    }

    async fn notice(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::LocalCandidate(candidate) => {
                let candidate = (!candidate.is_end()).then_some(candidate);
                self.negotiate(NegotiationInput::LocalCandidate(candidate)).await;
            }
            ConnectionEvent::StateChanged(state) => self.path_changed(state),
            ConnectionEvent::TrackOpened { kind, codec, receiver } => {
                let Some(ways) = self.link.ways.get() else { return };
                if let Err(error) = ways.intake.open(kind, &codec, receiver) {
                    warn!(peer = %self.link.peer(), %kind, error = crate::sentence(&error), "track refused");
                }
            }
            ConnectionEvent::DataOpened { label, sender, receiver } if label == DATA_LABEL => {
                if let Some(ways) = self.link.ways.get() {
                    ways.out.data_opened(sender);
                }
                // The newest is the one; what is said on a former one is not read any more.
                self.reading.cancel();
                self.reading = self.cancel.child_token();
                let stop = self.reading.clone();
                self.tasks.spawn(read_data(self.link.clone(), receiver, self.inlet.clone(), stop));
            }
            ConnectionEvent::DataOpened { label, .. } => {
                debug!(peer = %self.link.peer(), label, "data channel of an unknown label is not read");
            }
            ConnectionEvent::KeyFrameRequested => {
                if let Some(ways) = self.link.ways.get() {
                    ways.out.request_key_frame();
                }
            }
        }
    }

    /// Tells the decoders how long a lost packet takes to come again.
    async fn look_at_path(&self) {
        if let Some(ways) = self.link.ways.get()
            && let Some(rtt) = self.connection.stats().await.rtt
        {
            ways.intake.set_rtt(rtt);
        }
    }

    fn path_changed(&mut self, state: ConnectionState) {
        let input = match state {
            ConnectionState::New | ConnectionState::Connecting => return,
            ConnectionState::Connected => LifecycleInput::PathUp,
            ConnectionState::Disconnected => LifecycleInput::PathDown,
            ConnectionState::Failed { cause } => LifecycleInput::PathFailed { reason: cause },
            ConnectionState::Closed => LifecycleInput::End(CloseCause::ClosedByPeer),
        };
        self.live(input);
    }

    fn signaling_failed(&mut self, reason: String) {
        // A call that runs does not need the server.
        if matches!(self.lifecycle.state(), PeerState::New | PeerState::Connecting) {
            self.live(LifecycleInput::End(CloseCause::Signaling { reason }));
        }
    }

    async fn offer(&mut self, ice_restart: bool) {
        self.live(LifecycleInput::Started);
        let handshake_id = format!("{}-{}", self.settings.local, crate::ids::random_hex());
        self.offered = Some(handshake_id.clone());
        self.negotiate(NegotiationInput::Wanted { ice_restart, handshake_id }).await;
    }

    async fn negotiate(&mut self, input: NegotiationInput<IceCandidate>) {
        let mut actions: VecDeque<_> = self.negotiation.handle(input).into();
        while let Some(action) = actions.pop_front() {
            actions.extend(self.perform(action).await);
        }
        if let Some(ice_restart) = self.negotiation.take_wanted() {
            // Our own first offer lost against theirs, which carries all that ours did.
            if ice_restart {
                Box::pin(self.offer(true)).await;
            }
        }
    }

    /// Carries out one action; returns those that follow from it.
    async fn perform(
        &mut self,
        action: NegotiationAction<IceCandidate>,
    ) -> Vec<NegotiationAction<IceCandidate>> {
        match action {
            NegotiationAction::CreateOffer { ice_restart } => match self.make_offer(ice_restart).await {
                Ok(sdp) => return self.negotiation.handle(NegotiationInput::OfferCreated { sdp }),
                Err(error) => self.refused(None, crate::sentence(&error)),
            },
            NegotiationAction::Rollback => {
                if let Err(error) = self.connection.rollback().await {
                    self.refused(None, crate::sentence(&error));
                }
            }
            NegotiationAction::ApplyOffer { handshake_id, sdp } => match self.answer_to(&sdp).await {
                Ok(sdp) => {
                    self.live(LifecycleInput::Described);
                    return self.negotiation.handle(NegotiationInput::AnswerCreated { sdp });
                }
                Err(error) => self.refused(Some(handshake_id), crate::sentence(&error)),
            },
            NegotiationAction::ApplyAnswer { sdp } => {
                match self.connection.set_remote(SdpKind::Answer, &sdp).await {
                    Ok(()) => self.live(LifecycleInput::Described),
                    Err(error) => self.refused(self.offered.clone(), crate::sentence(&error)),
                }
            }
            NegotiationAction::ApplyCandidate(candidate) => {
                let candidate = candidate.unwrap_or_else(IceCandidate::end);
                if let Err(error) = self.connection.add_candidate(candidate).await {
                    debug!(peer = %self.link.peer(), %error, "remote candidate not used");
                }
            }
            NegotiationAction::SendOffer { handshake_id, sdp } => {
                self.post(Letter::Offer { handshake_id, sdp });
            }
            NegotiationAction::SendAnswer { handshake_id, sdp } => {
                self.post(Letter::Answer { handshake_id, sdp });
            }
            NegotiationAction::SendCandidate { handshake_id, candidate } => {
                self.post(Letter::Candidate { handshake_id, candidate });
            }
        }
        Vec::new()
    }

    async fn make_offer(&self, ice_restart: bool) -> Result<String, ConnectionError> {
        let offer = self.connection.create_offer(ice_restart).await?;
        self.connection.set_local(SdpKind::Offer, &offer).await?;
        Ok(offer)
    }

    async fn answer_to(&self, offer: &str) -> Result<String, ConnectionError> {
        self.connection.set_remote(SdpKind::Offer, offer).await?;
        let answer = self.connection.create_answer().await?;
        self.connection.set_local(SdpKind::Answer, &answer).await?;
        Ok(answer)
    }

    /// A description could not be used. The other side is told if it was its own, of the exchange `theirs`; a
    /// connection that lives goes on as it was.
    fn refused(&mut self, theirs: Option<String>, reason: String) {
        self.negotiation.handle(NegotiationInput::EngineRefused);
        if let Some(handshake_id) = theirs {
            self.post(Letter::Refusal { handshake_id, reason: reason.clone() });
        }
        warn!(peer = %self.link.peer(), reason, "description refused");
        if !self.lifecycle.is_up() {
            self.live(LifecycleInput::End(CloseCause::BadDescription { reason }));
        }
    }

    fn post(&mut self, letter: Letter) {
        if !self.courier.post(letter) {
            self.signaling_failed("the signaling server takes no messages".to_owned());
        }
    }

    fn live(&mut self, input: LifecycleInput) {
        if self.lifecycle.handle(input, Instant::now()).is_some() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let (peer, state) = (self.link.peer(), self.lifecycle.state());
        let setup_ms = self.lifecycle.setup().map(|setup| setup.as_millis() as u64);
        match state {
            PeerState::Connected => info!(%peer, setup_ms, "peer connected"),
            PeerState::Closed { cause } => info!(%peer, %cause, "peer closed"),
            _ => debug!(%peer, ?state, "peer state changed"),
        }
        self.state.send_replace(state.clone());
    }

    /// Ends in order: no more requests, codecs, connection, tasks, what was made for the peer. All of it
    /// within the deadline; codecs that do not end, say because a pipeline takes nothing, get half of it.
    async fn shut_down(self) {
        let within = self.settings.close_within;
        let begun = tokio::time::Instant::now();
        let (codecs_until, until) = (begun + within / 2, begun + within);
        debug!(peer = %self.link.peer(), negotiation = ?self.negotiation.report(), "peer ends");
        self.link.requests.end();
        // What is still on its way to the server (a refusal, say) may go out; then the courier ends.
        drop(self.courier);
        if let Some(ways) = self.link.ways.get() {
            tokio::join!(ways.out.close(codecs_until), ways.intake.close(codecs_until));
        }
        self.connection.close(until.saturating_duration_since(tokio::time::Instant::now())).await;
        self.tasks.close();
        if tokio::time::timeout_at(codecs_until, self.tasks.wait()).await.is_err() {
            self.cancel.cancel();
            self.tasks.wait().await;
        }
        // After the tasks, so that no request of the peer makes anything more.
        let gone = self.inlet.peer_gone(self.link.peer());
        if tokio::time::timeout_at(until, gone).await.is_err() {
            warn!(peer = %self.link.peer(), "what ran for the peer took too long to end");
        }
    }
}

/// Waits for a deadline; for ever if there is none.
async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
