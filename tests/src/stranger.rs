//! A peer whose every message is the story's: it announces itself as any other, and then does what it wants.

use std::net::SocketAddr;
use std::time::Duration;

use remotemedia_transport_webrtc::rtc::{
    CandidateError, Connection, ConnectionConfig, ConnectionEvent, ConnectionEvents, ConnectionState,
    IceCandidate, SdpKind,
};
use remotemedia_transport_webrtc::signaling::{
    AnnounceParams, Endpoint, IceCandidate as SignaledCandidate, SignalingClient, SignalingClientConfig,
    SignalingEvent, SignalingEvents,
};

use crate::{Room, SignalingLine};

/// How long anything awaited may take before the story has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A peer whose every message is the story's.
pub struct Stranger {
    /// Says what the story wants.
    pub signaling: SignalingClient,
    events: SignalingEvents,
    line: SignalingLine,
}

/// A real connection, for a stranger that goes as far as that.
pub struct StrangersConnection {
    connection: Connection,
    events: ConnectionEvents,
}

impl Stranger {
    /// Joins the room.
    pub async fn join(room: &Room, peer: &str) -> Self {
        let line = SignalingLine::lay(room).await;
        let endpoint = Endpoint::parse(line.url()).expect("the line's own URL");
        let connecting = SignalingClient::connect(&endpoint, SignalingClientConfig::default());
        let (signaling, events) = connecting.await.expect("the room is open");
        let params =
            AnnounceParams { session: "room".into(), peer_id: peer.into(), ..AnnounceParams::default() };
        signaling.announce(params).await.expect("the room has a place");
        Self { signaling, events, line }
    }

    /// Waits for the next event that `pick` takes; the others before it are let go.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(SignalingEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = pick(self.events.recv().await.expect("the server is up")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the event comes in time")
    }

    /// Waits for the next event; `None`: the server is gone.
    pub async fn next(&mut self) -> Option<SignalingEvent> {
        self.events.recv().await.ok()
    }

    /// Waits for an offer, and returns its handshake id and description.
    pub async fn offer(&mut self) -> (String, String) {
        self.until(|event| match event {
            SignalingEvent::Offer { handshake_id, sdp, .. } => Some((handshake_id, sdp)),
            _ => None,
        })
        .await
    }

    /// Waits for an answer, and returns its handshake id and description.
    pub async fn answer(&mut self) -> (String, String) {
        self.until(|event| match event {
            SignalingEvent::Answer { handshake_id, sdp, .. } => Some((handshake_id, sdp)),
            _ => None,
        })
        .await
    }

    /// Waits until a description is refused, and returns its handshake id and why.
    pub async fn refusal(&mut self) -> (String, String) {
        self.until(|event| match event {
            SignalingEvent::CallEnded { call_id, reason, .. } => Some((call_id, reason.unwrap_or_default())),
            _ => None,
        })
        .await
    }

    /// Sends a candidate.
    pub async fn candidate(&self, to: &str, handshake_id: &str, line: &str) {
        let candidate = SignaledCandidate {
            candidate: line.into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
            username_fragment: None,
        };
        self.signaling.ice_candidate(to, handshake_id, Some(candidate)).await.expect("the server takes it");
    }

    /// Says goodbye and goes.
    pub async fn leave(self) {
        self.signaling.close(PATIENCE).await;
    }

    /// Goes without a word, as one whose network is gone.
    pub async fn vanish(self) {
        self.line.cut().await;
    }
}

impl StrangersConnection {
    /// Opens one that is reached over the loopback.
    pub async fn open() -> Self {
        let config = ConnectionConfig {
            bind_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ..ConnectionConfig::default()
        };
        let (connection, events) = Connection::open(config).await.expect("opens");
        Self { connection, events }
    }

    /// Makes the answer to an offer.
    pub async fn answer_to(&self, offer: &str) -> String {
        self.connection.set_remote(SdpKind::Offer, offer).await.expect("a good offer");
        let answer = self.connection.create_answer().await.expect("an answer");
        self.connection.set_local(SdpKind::Answer, &answer).await.expect("its own answer");
        answer
    }

    /// Makes an offer.
    pub async fn offer(&self) -> String {
        let offer = self.connection.create_offer(false).await.expect("an offer");
        self.connection.set_local(SdpKind::Offer, &offer).await.expect("its own offer");
        offer
    }

    /// Takes the answer to its offer.
    pub async fn take_answer(&self, answer: &str) {
        self.connection.set_remote(SdpKind::Answer, answer).await.expect("a good answer");
    }

    /// Exchanges candidates over signaling until it is connected.
    pub async fn connected(&mut self, stranger: &mut Stranger, peer: &str, handshake_id: &str) {
        let state = self.settled(stranger, peer, handshake_id).await;
        assert_eq!(state, ConnectionState::Connected);
    }

    /// Exchanges candidates over signaling until it is connected, failed or closed.
    pub async fn settled(
        &mut self,
        stranger: &mut Stranger,
        peer: &str,
        handshake_id: &str,
    ) -> ConnectionState {
        let exchange = async {
            loop {
                tokio::select! {
                    event = self.events.recv() => match event.expect("open") {
                        ConnectionEvent::LocalCandidate(candidate) if !candidate.is_end() => {
                            stranger.candidate(peer, handshake_id, &candidate.candidate).await;
                        }
                        ConnectionEvent::StateChanged(
                            state @ (ConnectionState::Connected
                            | ConnectionState::Failed { .. }
                            | ConnectionState::Closed),
                        ) => return state,
                        _ => {}
                    },
                    event = stranger.events.recv() => {
                        if let SignalingEvent::IceCandidate { candidate: Some(candidate), .. } = event.expect("up") {
                            self.take(candidate).await;
                        }
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("an end of the handshake")
    }

    /// Waits for its first candidate.
    pub async fn first_candidate(&mut self) -> String {
        loop {
            if let ConnectionEvent::LocalCandidate(candidate) = self.events.recv().await.expect("open") {
                return candidate.candidate;
            }
        }
    }

    /// Closes it.
    pub async fn close(self) {
        self.connection.close(PATIENCE).await;
    }

    async fn take(&self, candidate: SignaledCandidate) {
        let candidate = IceCandidate { candidate: candidate.candidate, ..IceCandidate::default() };
        match self.connection.add_candidate(candidate).await {
            Ok(()) | Err(CandidateError::Closed) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
