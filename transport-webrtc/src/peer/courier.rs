//! Carries one peer's descriptions and candidates to the signaling server, in order, so that its actor
//! never waits for the server.

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use remotemedia_runtime_core::data::PeerId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::rtc::IceCandidate;
use crate::signaling::{ErrorCode, SignalingClient, SignalingError};

/// Actor → courier. An exchange is one description and some 30 candidates; more means that the server
/// does not take them.
const COURIER_LETTERS: usize = 128;

/// Letters under way at once: on a slow path a candidate need not wait for the one before.
const LETTERS_UNDER_WAY: usize = 32;

/// What is to be carried.
#[derive(Debug)]
pub(super) enum Letter {
    Offer { handshake_id: String, sdp: String },
    Answer { handshake_id: String, sdp: String },
    Candidate { handshake_id: String, candidate: Option<IceCandidate> },
    Refusal { handshake_id: String, reason: String },
}

/// The way to one peer by way of the signaling server.
#[derive(Debug)]
pub(super) struct Courier {
    letters: mpsc::Sender<Letter>,
}

/// The courier's own end.
pub(super) struct CourierActor {
    peer: PeerId,
    signaling: SignalingClient,
    letters: mpsc::Receiver<Letter>,
    failures: mpsc::Sender<String>,
}

impl Courier {
    /// Makes a courier to `peer`; what the server refuses is told to `failures`.
    pub(super) fn new(
        peer: PeerId,
        signaling: SignalingClient,
        failures: mpsc::Sender<String>,
    ) -> (Self, CourierActor) {
        let (sender, letters) = mpsc::channel(COURIER_LETTERS);
        (Self { letters: sender }, CourierActor { peer, signaling, letters, failures })
    }

    /// Hands a letter over; `false`: the server is so far behind that none is taken.
    pub(super) fn post(&self, letter: Letter) -> bool {
        self.letters.try_send(letter).is_ok()
    }
}

impl CourierActor {
    /// Carries letters until the actor's end is dropped and all are delivered, or `cancel`.
    pub(super) async fn run(mut self, cancel: CancellationToken) {
        let mut under_way = FuturesOrdered::new();
        let mut open = true;
        while open || !under_way.is_empty() {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Some(outcome) = under_way.next() => {
                    if let Err(error) = outcome && is_failure(&error) {
                        // The actor may be gone already; then nobody needs to know.
                        self.failures.try_send(crate::sentence(&error)).ok();
                    }
                }
                letter = self.letters.recv(), if open && under_way.len() < LETTERS_UNDER_WAY => match letter {
                    Some(letter) => {
                        under_way.push_back(deliver(self.signaling.clone(), self.peer.clone(), letter));
                    }
                    None => open = false,
                },
            }
        }
    }
}

/// A peer that left while the letter was under way is none: the event that says so is there already.
fn is_failure(error: &SignalingError) -> bool {
    error.code() != Some(ErrorCode::UnknownPeer)
}

async fn deliver(signaling: SignalingClient, to: PeerId, letter: Letter) -> Result<(), SignalingError> {
    let to = to.as_str();
    match letter {
        Letter::Offer { handshake_id, sdp } => signaling.offer(to, &handshake_id, sdp).await,
        Letter::Answer { handshake_id, sdp } => signaling.answer(to, &handshake_id, sdp).await,
        Letter::Candidate { handshake_id, candidate } => {
            let candidate = candidate.map(super::wire::candidate_to_signaling);
            signaling.ice_candidate(to, &handshake_id, candidate).await
        }
        Letter::Refusal { handshake_id, reason } => signaling.call_end(to, &handshake_id, Some(reason)).await,
    }
}
