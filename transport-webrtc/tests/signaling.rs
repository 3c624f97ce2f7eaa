//! The client against the real server, over real sockets.

use std::time::Duration;

use remotemedia_signaling::{ServerConfig, ServerHandle, SignalingServer};
use remotemedia_transport_webrtc::signaling::{
    AnnounceParams, CloseReason, Endpoint, ErrorCode, IceCandidate, LeaveReason, SignalingClient,
    SignalingClientConfig, SignalingError, SignalingEvent, SignalingEvents,
};
use tokio::time::timeout;

/// For what must happen; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

async fn server() -> ServerHandle {
    SignalingServer::start(ServerConfig::default()).await.expect("a server on a free port")
}

async fn client(server: &ServerHandle) -> (SignalingClient, SignalingEvents) {
    let endpoint = Endpoint::parse(&server.url()).expect("the server's own URL");
    SignalingClient::connect(&endpoint, SignalingClientConfig::default()).await.expect("a connection")
}

fn as_peer(session: &str, peer_id: &str) -> AnnounceParams {
    AnnounceParams { session: session.into(), peer_id: peer_id.into(), ..AnnounceParams::default() }
}

async fn next(events: &mut SignalingEvents) -> SignalingEvent {
    timeout(DEADLINE, events.recv()).await.expect("an event in time").expect("an open connection")
}

async fn close_reason(events: &mut SignalingEvents) -> CloseReason {
    loop {
        match timeout(DEADLINE, events.recv()).await.expect("an end in time") {
            Ok(_) => {}
            Err(SignalingError::Closed { reason }) => return reason,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn two_peers_find_each_other_and_shake_hands() {
    let server = server().await;
    let (a, mut a_events) = client(&server).await;
    let (b, mut b_events) = client(&server).await;
    let first = a.announce(as_peer("s", "a")).await.expect("a joins");
    assert!(first.peers.is_empty());
    let second = b.announce(as_peer("s", "b")).await.expect("b joins");
    assert_eq!(second.peers.iter().map(|p| p.peer_id.as_str()).collect::<Vec<_>>(), ["a"]);
    let joined = next(&mut a_events).await;
    assert!(matches!(&joined, SignalingEvent::PeerJoined { peer } if peer.peer_id == "b"), "{joined:?}");

    b.offer("a", "h1", "v=0 offer".into()).await.expect("an offer");
    let candidate = IceCandidate {
        candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: None,
    };
    b.ice_candidate("a", "h1", Some(candidate.clone())).await.expect("a candidate");
    b.ice_candidate("a", "h1", None).await.expect("the end of candidates");
    let (from, generation, handshake_id) = ("b".to_owned(), 1, "h1".to_owned());
    let offer = SignalingEvent::Offer {
        from: from.clone(),
        generation,
        handshake_id: handshake_id.clone(),
        sdp: "v=0 offer".into(),
    };
    assert_eq!(next(&mut a_events).await, offer);
    for candidate in [Some(candidate), None] {
        let (from, handshake_id) = (from.clone(), handshake_id.clone());
        let event = SignalingEvent::IceCandidate { from, generation, handshake_id, candidate };
        assert_eq!(next(&mut a_events).await, event);
    }
    a.answer("b", "h1", "v=0 answer".into()).await.expect("an answer");
    let answer = next(&mut b_events).await;
    assert!(matches!(&answer, SignalingEvent::Answer { from, .. } if from == "a"), "{answer:?}");

    b.close(DEADLINE).await;
    let left = SignalingEvent::PeerLeft { peer_id: "b".into(), generation: 1, reason: LeaveReason::Left };
    assert_eq!(next(&mut a_events).await, left);
    assert_eq!(close_reason(&mut b_events).await, CloseReason::ByUs);
    server.stop(DEADLINE).await.expect("all tasks end by themselves");
    let reason = close_reason(&mut a_events).await;
    assert!(matches!(reason, CloseReason::ByServer { code: 1001, .. }), "{reason}");
}

#[tokio::test]
async fn a_refusal_carries_its_code_its_sentence_and_its_values() {
    let server = server().await;
    let (a, _a_events) = client(&server).await;
    let (b, _b_events) = client(&server).await;
    a.announce(as_peer("s", "a")).await.expect("a joins");
    let error = b.announce(as_peer("s", "a")).await.expect_err("the id is taken");
    assert_eq!(error.code(), Some(ErrorCode::PeerIdTaken));
    let SignalingError::Refused { method, message, data: Some(data), .. } = error else { panic!("{error}") };
    assert_eq!(method, "peer.announce");
    assert!(message.contains("peer id a is taken in session s"), "{message}");
    assert_eq!(data, serde_json::json!({"name": "peer_id_taken", "session": "s", "peer_id": "a"}));
}
