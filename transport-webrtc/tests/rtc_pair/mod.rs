//! Two connections in one process, wired together as signaling would.

use std::net::SocketAddr;
use std::time::Duration;

use remotemedia_transport_webrtc::rtc::{
    CandidateError, Connection, ConnectionConfig, ConnectionEvent, ConnectionEvents, ConnectionState, SdpKind,
};
use tokio::sync::mpsc;

/// No step of a test on loopback takes this long, unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// One end: the connection, and its events but for the candidates, which go to the other end by themselves.
pub(crate) struct End {
    pub(crate) connection: Connection,
    pub(crate) events: mpsc::Receiver<ConnectionEvent>,
}

impl End {
    /// Waits for the first event that `pick` takes; the others before it are let go.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(ConnectionEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("events end only after the test");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(DEADLINE, search).await.expect("the event comes in time")
    }

    /// Waits until the state is connected.
    pub(crate) async fn connected(&mut self) {
        self.until(|event| match event {
            ConnectionEvent::StateChanged(ConnectionState::Connected) => Some(()),
            ConnectionEvent::StateChanged(ConnectionState::Failed { cause }) => panic!("{cause}"),
            _ => None,
        })
        .await;
    }
}

/// Loopback only, as fast as the defaults.
pub(crate) fn config() -> ConnectionConfig {
    ConnectionConfig {
        bind_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..ConnectionConfig::default()
    }
}

/// Opens two connections and trickles the candidates of each to the other.
pub(crate) async fn open(offerer: ConnectionConfig, answerer: ConnectionConfig) -> (End, End) {
    let (offerer, offerer_events) = Connection::open(offerer).await.expect("opens");
    let (answerer, answerer_events) = Connection::open(answerer).await.expect("opens");
    let first = trickle(offerer_events, answerer.clone());
    let second = trickle(answerer_events, offerer.clone());
    (End { connection: offerer, events: first }, End { connection: answerer, events: second })
}

/// Exchanges offer and answer.
pub(crate) async fn negotiate(offerer: &Connection, answerer: &Connection) {
    let offer = offerer.create_offer(false).await.expect("offer");
    offerer.set_local(SdpKind::Offer, &offer).await.expect("local offer");
    answerer.set_remote(SdpKind::Offer, &offer).await.expect("remote offer");
    let answer = answerer.create_answer().await.expect("answer");
    answerer.set_local(SdpKind::Answer, &answer).await.expect("local answer");
    offerer.set_remote(SdpKind::Answer, &answer).await.expect("remote answer");
}

fn trickle(mut events: ConnectionEvents, to: Connection) -> mpsc::Receiver<ConnectionEvent> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match event {
                // One that comes before the description waits for it, as in a real peer.
                ConnectionEvent::LocalCandidate(candidate) => {
                    while let Err(CandidateError::TooEarly { .. }) = to.add_candidate(candidate.clone()).await
                    {
                        tokio::task::yield_now().await;
                    }
                }
                other => drop(sender.send(other).await),
            }
        }
    });
    receiver
}
