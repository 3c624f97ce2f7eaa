//! When a stranger may leave.

use remotemedia_tests::{Room, Stranger, StrangersConnection};
use remotemedia_transport_webrtc::{CloseCause, ConnectError, PeerEvent};

use crate::scene::{PIPELINE, STRANGER, Scene};

/// How a stranger goes, and what the pipeline is told of it.
#[derive(Debug, Clone, Copy)]
enum Goodbye {
    Leaves,
    Vanishes,
}

impl Goodbye {
    async fn say(self, stranger: Stranger) {
        match self {
            Self::Leaves => stranger.leave().await,
            Self::Vanishes => stranger.vanish().await,
        }
    }

    fn cause(self) -> CloseCause {
        let reason = match self {
            Self::Leaves => "left",
            Self::Vanishes => "disconnected",
        };
        CloseCause::PeerLeft { reason: reason.into() }
    }
}

const BOTH: [Goodbye; 2] = [Goodbye::Leaves, Goodbye::Vanishes];

/// Lets the stranger connect.
async fn connected(scene: &mut Scene, stranger: &mut Stranger) -> StrangersConnection {
    let mut connection = StrangersConnection::open().await;
    let offer = connection.offer().await;
    stranger.signaling.offer(PIPELINE, "h", offer).await.expect("taken");
    let (_, answer) = stranger.answer().await;
    connection.take_answer(&answer).await;
    connection.connected(stranger, PIPELINE, "h").await;
    scene.connected().await;
    connection
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_it_has_announced_itself() {
    let (mut scene, mut stranger) = Scene::open().await;
    for goodbye in BOTH {
        goodbye.say(stranger).await;
        scene.until(|event| matches!(event, PeerEvent::Left { peer, .. } if peer.as_str() == STRANGER)).await;
        let refused = scene.pipeline.connect(&Room::peer(STRANGER)).await.expect_err("it is gone");
        assert!(matches!(refused, ConnectError::Unknown { .. }), "{refused}");
        assert_eq!(refused.to_string(), "peer stranger is not in the session, which has film");
        stranger = scene.another_stranger().await;
    }
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_offer_has_come() {
    let (mut scene, mut stranger) = Scene::open().await;
    for goodbye in BOTH {
        let cause = scene
            .failed_call(async {
                stranger.offer().await;
                goodbye.say(stranger).await;
            })
            .await;
        assert_eq!(cause, goodbye.cause());
        stranger = scene.another_stranger().await;
    }
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_answer() {
    let (mut scene, mut stranger) = Scene::open().await;
    for goodbye in BOTH {
        let cause = scene
            .failed_call(async {
                let (handshake_id, offer) = stranger.offer().await;
                let connection = StrangersConnection::open().await;
                let answer = connection.answer_to(&offer).await;
                stranger.signaling.answer(PIPELINE, &handshake_id, answer).await.expect("taken");
                goodbye.say(stranger).await;
                connection.close().await;
            })
            .await;
        assert_eq!(cause, goodbye.cause());
        stranger = scene.another_stranger().await;
    }
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_offer() {
    let (mut scene, mut stranger) = Scene::open().await;
    for goodbye in BOTH {
        let connection = StrangersConnection::open().await;
        let offer = connection.offer().await;
        stranger.signaling.offer(PIPELINE, "h", offer).await.expect("taken");
        goodbye.say(stranger).await;
        assert_eq!(scene.closed().await, goodbye.cause());
        connection.close().await;
        stranger = scene.another_stranger().await;
    }
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_it_is_connected_with_a_word() {
    let (mut scene, mut stranger) = Scene::open().await;
    let connection = connected(&mut scene, &mut stranger).await;
    stranger.leave().await;
    assert_eq!(scene.closed().await, Goodbye::Leaves.cause());
    connection.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_it_is_connected_without_a_word_and_then_its_connection_says_whether_it_is_there() {
    let (mut scene, mut stranger) = Scene::open().await;
    let connection = connected(&mut scene, &mut stranger).await;
    stranger.vanish().await;
    scene.left("disconnected").await;
    assert!(scene.is_connected().await);
    connection.close().await;
    let cause = scene.closed().await;
    assert!(matches!(cause, CloseCause::ConnectionLost { .. } | CloseCause::ClosedByPeer), "{cause}");
    scene.beside_goes_on().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_word_and_come_back_as_another_life_of_itself() {
    let (mut scene, mut stranger) = Scene::open().await;
    let former = connected(&mut scene, &mut stranger).await;
    stranger.vanish().await;
    scene.left("disconnected").await;
    let mut stranger = scene.another_stranger().await;
    assert!(scene.is_connected().await, "it has offered nothing yet");
    let mut connection = StrangersConnection::open().await;
    let offer = connection.offer().await;
    stranger.signaling.offer(PIPELINE, "h2", offer).await.expect("taken");
    let replaced = CloseCause::PeerLeft { reason: "replaced".into() };
    assert_eq!(scene.closed().await, replaced);
    let (_, answer) = stranger.answer().await;
    connection.take_answer(&answer).await;
    connection.connected(&mut stranger, PIPELINE, "h2").await;
    scene.connected().await;
    former.close().await;
    stranger.leave().await;
    assert_eq!(scene.closed().await, Goodbye::Leaves.cause());
    connection.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_connection_without_its_signaling() {
    let (mut scene, mut stranger) = Scene::open().await;
    let connection = connected(&mut scene, &mut stranger).await;
    connection.close().await;
    // The engine tells nobody of a goodbye, so silence has to tell.
    let cause = scene.closed().await;
    assert!(matches!(cause, CloseCause::ConnectionLost { .. } | CloseCause::ClosedByPeer), "{cause}");
    scene.beside_goes_on().await;
    stranger.leave().await;
    scene.end().await;
}
