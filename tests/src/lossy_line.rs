//! Two rooms with a peer in each, who find each other as if they were in one, and a wire between them that
//! loses packets.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use remotemedia_transport_webrtc::signaling::{IceCandidate, SignalingClient, SignalingEvent};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use tokio::task::JoinHandle;

use crate::{LossyWire, Room, Stranger};

/// Sets the seed of what is lost, to see again what failed once.
const SEED: &str = "REMOTEMEDIA_TEST_SEED";

/// Ids of the two peers, by the end of the wire that they are at.
const PEERS: [&str; 2] = ["caller", "called"];

/// A call between two peers that can reach each other only over a wire that loses packets.
///
/// In the room of each, a stranger has the name of the other: what either says to it goes on to the other
/// room, the descriptions untouched, the candidates with addresses of the wire.
pub struct LossyLine {
    /// The peer that calls.
    pub caller: WebRtcTransport,
    /// The peer that is called.
    pub called: WebRtcTransport,
    /// What is between them.
    pub wire: Arc<LossyWire>,
    /// Of what is lost at random.
    pub seed: u64,
    _rooms: [Room; 2],
    forwarding: [JoinHandle<()>; 2],
}

impl LossyLine {
    /// Sets a call up: media can flow.
    ///
    /// * `change`: of the caller's config.
    pub async fn call(change: impl FnOnce(WebRtcConfig) -> WebRtcConfig) -> Self {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        let rooms = [Room::open().await, Room::open().await];
        let wire = Arc::new(LossyWire::lay(seed).await);
        let called = rooms[1].join(PEERS[1]).await;
        let in_place_of_called = Stranger::join(&rooms[0], PEERS[1]).await;
        let in_place_of_caller = Stranger::join(&rooms[1], PEERS[0]).await;
        let beyond = [in_place_of_caller.signaling.clone(), in_place_of_called.signaling.clone()];
        let [to_called, to_caller] = beyond;
        let forwarding = [
            tokio::spawn(forward(0, in_place_of_called, to_called, wire.clone())),
            tokio::spawn(forward(1, in_place_of_caller, to_caller, wire.clone())),
        ];
        let caller = rooms[0].join_with(change(rooms[0].config(PEERS[0]))).await;
        caller.connect(&Room::peer(PEERS[1])).await.expect("a path over the wire");
        Self { caller, called, wire, seed, _rooms: rooms, forwarding }
    }

    /// Returns the id of the peer that is called.
    pub fn called_id() -> &'static str {
        PEERS[1]
    }
}

#[allow(clippy::print_stderr, reason = "what a story that failed can be repeated with")]
impl Drop for LossyLine {
    fn drop(&mut self) {
        self.forwarding.iter().for_each(JoinHandle::abort);
        if std::thread::panicking() {
            eprintln!("to lose the same again: {SEED}={}", self.seed);
        }
    }
}

/// Tells the room beyond what the peer at an end says to the stranger in its own.
async fn forward(end: usize, mut stranger: Stranger, beyond: SignalingClient, wire: Arc<LossyWire>) {
    let to = PEERS[1 - end];
    while let Some(event) = stranger.next().await {
        let told = match event {
            SignalingEvent::Offer { handshake_id, sdp, .. } => beyond.offer(to, &handshake_id, sdp).await,
            SignalingEvent::Answer { handshake_id, sdp, .. } => beyond.answer(to, &handshake_id, sdp).await,
            SignalingEvent::IceCandidate { handshake_id, candidate: None, .. } => {
                beyond.ice_candidate(to, &handshake_id, None).await
            }
            SignalingEvent::IceCandidate { handshake_id, candidate: Some(candidate), .. } => {
                let Some(candidate) = plugged(end, candidate, &wire) else { continue };
                beyond.ice_candidate(to, &handshake_id, Some(candidate)).await
            }
            _ => continue,
        };
        told.expect("the room beyond is open");
    }
}

/// Plugs the peer at an end in by its candidate on the loopback; the others are not told of.
fn plugged(end: usize, candidate: IceCandidate, wire: &LossyWire) -> Option<IceCandidate> {
    let mut fields: Vec<String> = candidate.candidate.split(' ').map(Into::into).collect();
    let address: IpAddr = fields.get(4)?.parse().ok()?;
    let peer = SocketAddr::new(address, fields.get(5)?.parse().ok()?);
    if address != Ipv4Addr::LOCALHOST {
        return None;
    }
    let here = wire.plug(end, peer).expect("bound");
    (fields[4], fields[5]) = (here.ip().to_string(), here.port().to_string());
    Some(IceCandidate { candidate: fields.join(" "), ..candidate })
}
