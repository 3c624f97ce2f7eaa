//! What a stranger may answer.

use remotemedia_tests::{Stranger, StrangersConnection};
use remotemedia_transport_webrtc::CloseCause;

use crate::scene::{HANDSHAKE, PIPELINE, Scene};

/// Lets the pipeline call the stranger, who answers with `answer`, made from the offer; returns why that is
/// refused, which the stranger is told too.
async fn refused(scene: &mut Scene, stranger: &mut Stranger, answer: impl AsyncFn(&str) -> String) -> String {
    let told = std::cell::RefCell::new(String::new());
    let cause = scene
        .failed_call(async {
            let (handshake_id, offer) = stranger.offer().await;
            stranger.signaling.answer(PIPELINE, &handshake_id, answer(&offer).await).await.expect("taken");
            let (of, why) = stranger.refusal().await;
            assert_eq!(of, handshake_id);
            *told.borrow_mut() = why;
        })
        .await;
    let CloseCause::BadDescription { reason } = cause else { panic!("{cause}") };
    assert_eq!(*told.borrow(), reason);
    reason
}

/// A real answer, whose connection is gone.
async fn real_answer(offer: &str) -> String {
    let connection = StrangersConnection::open().await;
    let answer = connection.answer_to(offer).await;
    connection.close().await;
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_comes_ends_the_call_at_the_deadline() {
    let (mut scene, mut stranger) = Scene::open().await;
    let cause = scene.failed_call(async { drop(stranger.offer().await) }).await;
    let CloseCause::NoAnswer { waited_ms } = cause else { panic!("{cause}") };
    assert!(u128::from(waited_ms) >= HANDSHAKE.as_millis(), "{waited_ms} ms");
    // It is still there, and may be called again.
    let (again, _) = tokio::join!(scene.failed_call(async {}), stranger.offer());
    assert!(matches!(again, CloseCause::NoAnswer { .. }), "{again}");
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_no_description_is_refused_by_what_stands_there() {
    let (mut scene, mut stranger) = Scene::open().await;
    for (answer, words) in [
        ("", "it is empty"),
        ("hello", "\"hello\", expected letter=value"),
        ("{\"type\":\"answer\"}", "expected letter=value"),
        ("v=0\0", "expected letter=value"),
        ("o=- 1 1 IN IP4 0.0.0.0\r\n", "expected \"v=0\""),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "it has no media section"),
    ] {
        let reason = refused(&mut scene, &mut stranger, async |_: &str| answer.to_owned()).await;
        assert!(reason.contains(words), "{reason}");
    }
    scene.beside_goes_on().await;
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_cut_off_is_refused_wherever_it_is_cut() {
    let (mut scene, mut stranger) = Scene::open().await;
    for eighth in 1..8 {
        let reason = refused(&mut scene, &mut stranger, async |offer: &str| {
            let answer = real_answer(offer).await;
            answer[..answer.len() * eighth / 8].to_owned()
        })
        .await;
        let words = ["cut off", "expected letter=value", "media section"];
        assert!(words.iter().any(|word| reason.contains(word)), "{eighth}/8: {reason}");
    }
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_unknown_codecs_only_is_refused_with_both_lists() {
    let (mut scene, mut stranger) = Scene::open().await;
    let reason = refused(&mut scene, &mut stranger, async |offer: &str| {
        real_answer(offer).await.replace(" H264/", " THEORA/").replace(" opus/", " speex/")
    })
    .await;
    assert!(reason.contains("no common audio codec: remote has [speex"), "{reason}");
    assert!(reason.contains("local has [opus"), "{reason}");
    let reason = refused(&mut scene, &mut stranger, async |offer: &str| {
        real_answer(offer).await.replace(" H264/", " THEORA/")
    })
    .await;
    assert!(reason.contains("no common video codec") && reason.contains("THEORA"), "{reason}");
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_another_exchange_is_no_answer() {
    let (mut scene, mut stranger) = Scene::open().await;
    let cause = scene
        .failed_call(async {
            let (_, offer) = stranger.offer().await;
            let answer = real_answer(&offer).await;
            stranger.signaling.answer(PIPELINE, "of-another-exchange", answer).await.expect("taken");
        })
        .await;
    assert!(matches!(cause, CloseCause::NoAnswer { .. }), "{cause}");
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_without_a_peer_behind_it_ends_at_the_deadline_with_what_is_known_of_the_path() {
    let (mut scene, mut stranger) = Scene::open().await;
    let cause = scene
        .failed_call(async {
            let (handshake_id, offer) = stranger.offer().await;
            let answer = real_answer(&offer).await;
            stranger.signaling.answer(PIPELINE, &handshake_id, answer).await.expect("taken");
        })
        .await;
    let CloseCause::NoPath { reason, .. } = cause else { panic!("{cause}") };
    assert!(reason.contains("the peer sent no candidate"), "{reason}");
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_a_foreign_fingerprint_connects_to_nobody() {
    let (mut scene, mut stranger) = Scene::open().await;
    let mut connection = StrangersConnection::open().await;
    let cause = {
        let connecting = async {
            let (handshake_id, offer) = stranger.offer().await;
            let answer = connection.answer_to(&offer).await;
            let digest = answer.split("a=fingerprint:sha-256 ").nth(1).and_then(|rest| rest.lines().next());
            let digest = digest.expect("an answer has a fingerprint").to_owned();
            let foreign = digest.split(':').map(|_| "AB").collect::<Vec<_>>().join(":");
            let forged = answer.replace(&digest, &foreign);
            stranger.signaling.answer(PIPELINE, &handshake_id, forged).await.expect("taken");
            // What it makes of the other's refusal is its own affair.
            connection.settled(&mut stranger, PIPELINE, &handshake_id).await;
        };
        let (cause, ()) = tokio::join!(scene.failed_call(async {}), connecting);
        cause
    };
    let CloseCause::NoPath { reason, .. } = cause else { panic!("{cause}") };
    assert!(reason.contains("fingerprint"), "{reason}");
    assert!(!scene.is_connected().await);
    connection.close().await;
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_one_same_or_different_changes_nothing() {
    let (mut scene, mut stranger) = Scene::open().await;
    let mut connection = StrangersConnection::open().await;
    let peer = remotemedia_tests::Room::peer(crate::scene::STRANGER);
    let answering = async {
        let (handshake_id, offer) = stranger.offer().await;
        let answer = connection.answer_to(&offer).await;
        let other = real_answer(&offer).await;
        for answer in [&answer, &answer, &other, "nonsense"] {
            stranger.signaling.answer(PIPELINE, &handshake_id, answer.to_owned()).await.expect("taken");
        }
        connection.connected(&mut stranger, PIPELINE, &handshake_id).await;
        stranger.signaling.answer(PIPELINE, &handshake_id, other).await.expect("taken");
    };
    let (connected, ()) = tokio::join!(scene.pipeline.connect(&peer), answering);
    connected.expect("the first answer counts");
    scene.beside_goes_on().await;
    assert!(scene.is_connected().await);
    stranger.leave().await;
    let cause = scene.closed().await;
    assert!(matches!(cause, CloseCause::PeerLeft { .. }), "{cause}");
    connection.close().await;
    scene.end().await;
}
