//! What candidates a stranger may send.

use remotemedia_tests::StrangersConnection;
use remotemedia_transport_webrtc::CloseCause;

use crate::scene::{PIPELINE, Scene};

/// Lines that are no candidates, or none that can be used.
const GARBAGE: [&str; 10] = [
    "hello",
    "candidate:",
    "candidate:1 1 udp",
    "candidate:1 1 udp 1 256.256.256.256 9 typ host",
    "candidate:1 1 udp 1 127.0.0.1 99999 typ host",
    "candidate:1 1 udp 1 127.0.0.1 9 typ nonsense",
    "candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active",
    "candidate:1 2 udp 1 127.0.0.1 9 typ host",
    "candidate:1 1 udp 1 00000000-0000-0000-0000-000000000000.local 9 typ host",
    "candidate:1 1 udp 99999999999999999999 \u{1f600} -1 typ host",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_among_them_keeps_nobody_from_connecting() {
    let (mut scene, mut stranger) = Scene::open().await;
    let mut connection = StrangersConnection::open().await;
    // Before the offer, between offer and answer, and after.
    for line in GARBAGE {
        stranger.candidate(PIPELINE, "h", line).await;
    }
    let offer = connection.offer().await;
    stranger.signaling.offer(PIPELINE, "h", offer).await.expect("taken");
    for line in GARBAGE {
        stranger.candidate(PIPELINE, "h", line).await;
    }
    let (_, answer) = stranger.answer().await;
    connection.take_answer(&answer).await;
    for line in GARBAGE {
        stranger.candidate(PIPELINE, "h", line).await;
    }
    connection.connected(&mut stranger, PIPELINE, "h").await;
    scene.connected().await;
    scene.beside_goes_on().await;
    stranger.leave().await;
    scene.closed().await;
    connection.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_hundred_of_them_change_nothing_for_anybody() {
    let (mut scene, mut stranger) = Scene::open().await;
    let mut connection = StrangersConnection::open().await;
    let offer = connection.offer().await;
    stranger.signaling.offer(PIPELINE, "h", offer).await.expect("taken");
    let (_, answer) = stranger.answer().await;
    connection.take_answer(&answer).await;
    connection.connected(&mut stranger, PIPELINE, "h").await;
    scene.connected().await;
    // Fewer than the server takes at once; none of these addresses answers (RFC 5737).
    for n in 0..900 {
        let line = format!("candidate:{n} 1 udp {n} 192.0.2.{} {} typ host", n % 250 + 1, 10_000 + n);
        stranger.candidate(PIPELINE, "h", &line).await;
    }
    scene.beside_goes_on().await;
    assert!(scene.is_connected().await);
    stranger.leave().await;
    let cause = scene.closed().await;
    assert!(matches!(cause, CloseCause::PeerLeft { .. }), "{cause}");
    connection.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_a_peer_that_never_offers_are_forgotten_with_it() {
    let (mut scene, stranger) = Scene::open().await;
    for n in 0..900 {
        stranger.candidate(PIPELINE, &format!("h{n}"), "candidate:1 1 udp 1 192.0.2.1 9 typ host").await;
    }
    // A good peer's early candidate is not pushed out: it connects although its candidates come first.
    let mut early = remotemedia_tests::Stranger::join(&scene.room, "early").await;
    let mut connection = StrangersConnection::open().await;
    let offer = connection.offer().await;
    let line = connection.first_candidate().await;
    early.candidate(PIPELINE, "h", &line).await;
    early.signaling.offer(PIPELINE, "h", offer).await.expect("taken");
    let (_, answer) = early.answer().await;
    connection.take_answer(&answer).await;
    connection.connected(&mut early, PIPELINE, "h").await;
    early.leave().await;
    connection.close().await;
    stranger.leave().await;
    scene.beside_goes_on().await;
    scene.end().await;
}
