//! The handle to one remote peer: what the session and its user hold of it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use remotemedia_runtime_core::data::{PeerId, TransportData};
use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::actor::PeerCommand;
use super::intake::Intake;
use super::outlets::Outlets;
use super::requests::Requests;
use super::{CloseCause, Envelope, EnvelopeError, PeerState, RequestError};
use crate::media::{AudioReceiverReport, AudioSenderReport, VideoReceiverReport, VideoSenderReport};
use crate::rtc::ConnectionStats;

/// The handle to one remote peer.
#[derive(Debug)]
pub(crate) struct PeerLink {
    pub(super) peer: PeerId,
    pub(super) generation: u32,
    pub(super) commands: mpsc::Sender<PeerCommand>,
    /// Cancelled when the actor and all that was made for it are gone.
    pub(super) gone: CancellationToken,
    /// Why the actor is to end, once it is.
    pub(super) end: watch::Sender<Option<CloseCause>>,
    pub(super) state: watch::Receiver<PeerState>,
    /// Set once the connection is open.
    pub(super) ways: OnceLock<Ways>,
    pub(super) requests: Requests,
    /// What could not even be handed to an outlet.
    pub(super) unsent: Ledger,
}

/// The ways to and from one peer.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) out: Outlets,
    pub(super) intake: Intake,
}

/// Why an item did not go to a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No peer of that id is connected.
    #[error("peer {peer} is not connected")]
    NotConnected {
        /// The peer.
        peer: PeerId,
    },
    /// The item cannot be written as a message.
    #[error("item for peer {peer} cannot be sent")]
    Unsendable {
        /// The peer.
        peer: PeerId,
        /// Why.
        #[source]
        source: EnvelopeError,
    },
    /// The data channel took nothing.
    #[error("data channel to peer {peer} refused the item: {reason}")]
    DataChannel {
        /// The peer.
        peer: PeerId,
        /// What it said.
        reason: String,
    },
    /// The encoder for the peer cannot start.
    #[error("no {kind} encoder for peer {peer}: {reason}")]
    NoEncoder {
        /// The peer.
        peer: PeerId,
        /// Audio or video.
        kind: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Figures of one peer at one moment.
#[derive(Debug, Clone)]
pub struct PeerReport {
    /// The peer.
    pub peer: PeerId,
    /// Where its connection stands.
    pub state: PeerState,
    /// The connection's figures; default before it is open.
    pub connection: ConnectionStats,
    /// Frames and stage latencies of what is sent and received.
    pub media: MediaFigures,
    /// Items for which there was no connection or no encoder.
    pub unsent: LedgerReport,
}

/// Frames and stage latencies of one peer's media; `None`: nothing of that kind went that way.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct MediaFigures {
    /// Pictures to the peer.
    pub video_out: Option<VideoSenderReport>,
    /// Sound to the peer.
    pub audio_out: Option<AudioSenderReport>,
    /// Pictures from the peer.
    pub video_in: Option<VideoReceiverReport>,
    /// Sound from the peer.
    pub audio_in: Option<AudioReceiverReport>,
    /// Decoded pictures on their way to the pipeline or the program.
    pub video_handed_over: LedgerReport,
    /// Decoded sound on its way to the pipeline or the program.
    pub audio_handed_over: LedgerReport,
}

impl PeerLink {
    /// Returns the peer's id.
    pub(crate) fn peer(&self) -> &PeerId {
        &self.peer
    }

    /// Returns where the connection stands.
    pub(crate) fn state(&self) -> PeerState {
        self.state.borrow().clone()
    }

    /// Whether the connection is, or may still come about.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(*self.state.borrow(), PeerState::Closed { .. })
    }

    /// Whether media and data flow, or did and may come back.
    pub(super) fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), PeerState::Connected | PeerState::Recovering)
    }

    /// Whether media and data flow.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), PeerState::Connected)
    }

    /// Sends an item: media into the encoder of its kind, without waiting; data over the data channel,
    /// waiting for room. Cancel safe for media.
    pub(crate) async fn send(&self, item: TransportData) -> Result<(), SendError> {
        if item.data.kind().is_media() { self.send_media(item) } else { self.send_data(item).await }
    }

    /// Sends a picture or a stretch of sound; never waits.
    pub(crate) fn send_media(&self, item: TransportData) -> Result<(), SendError> {
        self.ways().and_then(|ways| ways.out.send_media(item)).inspect_err(|_| self.count_unsent())
    }

    /// Sends an item over the data channel; waits for room, and for the channel if it is not open yet.
    pub(crate) async fn send_data(&self, item: TransportData) -> Result<(), SendError> {
        let sent = self.send_envelope(&Envelope::Data(item)).await;
        if sent.is_err() {
            self.count_unsent();
        }
        sent
    }

    /// Sends a request and waits for its reply.
    ///
    /// * `make`: the request with the number it is given.
    pub(crate) async fn request(
        &self,
        make: impl FnOnce(u64) -> Envelope,
        within: Duration,
    ) -> Result<Envelope, RequestFailure> {
        let pending = self.requests.begin()?;
        self.send_envelope(&make(pending.id())).await?;
        Ok(pending.reply(within).await?)
    }

    /// Waits until the peer is connected; its cause if it closes first. Cancel safe.
    pub(crate) async fn connected(&self) -> Result<(), CloseCause> {
        let mut state = self.state.clone();
        let reached = state
            .wait_for(|state| matches!(state, PeerState::Connected | PeerState::Closed { .. }))
            .await
            .map(|state| state.clone());
        match reached {
            Ok(PeerState::Closed { cause }) => Err(cause),
            Ok(_) => Ok(()),
            // The actor is gone without a last word.
            Err(_) => Err(CloseCause::ClosedHere),
        }
    }

    /// Gives the actor a command; `false`: as many as may wait do.
    pub(super) fn command(&self, command: PeerCommand) -> bool {
        !matches!(self.commands.try_send(command), Err(TrySendError::Full(_)))
    }

    /// Ends the actor, whatever it was told before; the first cause stands.
    pub(super) fn end(&self, cause: CloseCause) {
        self.end.send_if_modified(|end| end.is_none() && end.replace(cause).is_none());
    }

    /// Waits until the actor is to end, and returns why. Cancel safe.
    pub(super) async fn ended(&self) -> CloseCause {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        // The sender is in this link: it lives as long.
        ended.ok().and_then(|cause| cause.clone()).unwrap_or(CloseCause::ClosedHere)
    }

    /// Sends a message over the data channel.
    pub(super) async fn send_envelope(&self, envelope: &Envelope) -> Result<(), SendError> {
        let peer = || self.peer.clone();
        let message = envelope.encode().map_err(|source| SendError::Unsendable { peer: peer(), source })?;
        self.ways()?.out.send_message(message).await
    }

    /// Returns the figures at this moment.
    pub(crate) async fn report(&self) -> PeerReport {
        let (connection, media) = match self.ways.get() {
            Some(ways) => (ways.out.connection_stats().await, ways.figures()),
            None => Default::default(),
        };
        let (peer, state) = (self.peer.clone(), self.state());
        PeerReport { peer, state, connection, media, unsent: self.unsent.report() }
    }

    fn ways(&self) -> Result<&Ways, SendError> {
        self.ways.get().ok_or_else(|| SendError::NotConnected { peer: self.peer.clone() })
    }

    /// Counts an item that was not sent.
    pub(crate) fn count_unsent(&self) {
        self.unsent.count_sent();
        self.unsent.count_dropped(DropReason::NotConnected, 1);
    }
}

impl Ways {
    fn figures(&self) -> MediaFigures {
        let [video_handed_over, audio_handed_over] = self.intake.handed_over();
        MediaFigures {
            video_out: self.out.video_report(),
            audio_out: self.out.audio_report(),
            video_in: self.intake.video_report(),
            audio_in: self.intake.audio_report(),
            video_handed_over,
            audio_handed_over,
        }
    }
}

/// Why a request to a peer has no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFailure {
    /// It was not sent.
    #[error("the request was not sent")]
    Unsent(#[from] SendError),
    /// It was sent and not answered.
    #[error("the request was not answered")]
    Unanswered(#[from] RequestError),
}

/// Handles to the same peer.
pub(crate) type SharedLink = Arc<PeerLink>;
