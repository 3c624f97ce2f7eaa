//! What a stranger may offer.

use remotemedia_tests::StrangersConnection;
use remotemedia_transport_webrtc::CloseCause;

use crate::scene::{PIPELINE, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_used_is_refused_with_why_each_time_it_comes() {
    let (mut scene, mut stranger) = Scene::open().await;
    let connection = StrangersConnection::open().await;
    let real = connection.offer().await;
    connection.close().await;
    let cut = real.split("a=mid").next().expect("a first part");
    for (name, offer, words) in [
        ("nothing", String::new(), "it is empty"),
        ("prose", "hello".to_owned(), "expected letter=value"),
        ("session-only", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned(), "no media section"),
        ("cut", cut.to_owned(), "has no a=mid: is the description cut off?"),
        ("codecs", real.replace(" H264/", " THEORA/").replace(" opus/", " speex/"), "no common audio codec"),
        ("large", format!("v=0\r\n{}", "a=x\r\n".repeat(20_000)), "no media section"),
    ] {
        for time in 1..=2 {
            let handshake_id = format!("{name}-{time}");
            stranger.signaling.offer(PIPELINE, &handshake_id, offer.clone()).await.expect("taken");
            let (of, why) = stranger.refusal().await;
            assert_eq!(of, handshake_id);
            assert!(why.contains(words), "{name}: {why}");
            let cause = scene.closed().await;
            assert_eq!(cause, CloseCause::BadDescription { reason: why });
        }
    }
    scene.beside_goes_on().await;
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_longer_than_may_be_is_refused_by_the_server_and_disturbs_nobody() {
    let (mut scene, stranger) = Scene::open().await;
    let long = format!("v=0\r\n{}", "a=x\r\n".repeat(60_000));
    let refused = stranger.signaling.offer(PIPELINE, "long", long).await.expect_err("too long");
    assert!(refused.to_string().contains("262144"), "{refused}");
    scene.beside_goes_on().await;
    stranger.leave().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_twice_gets_the_same_answer_twice_and_connects() {
    let (mut scene, mut stranger) = Scene::open().await;
    let mut connection = StrangersConnection::open().await;
    let offer = connection.offer().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        stranger.signaling.offer(PIPELINE, "twice", offer.clone()).await.expect("taken");
        answers.push(stranger.answer().await);
    }
    assert_eq!(answers[0], answers[1]);
    connection.take_answer(&answers[0].1).await;
    connection.connected(&mut stranger, PIPELINE, "twice").await;
    scene.connected().await;
    stranger.leave().await;
    let cause = scene.closed().await;
    assert!(matches!(cause, CloseCause::PeerLeft { .. }), "{cause}");
    connection.close().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_end_with_their_sender() {
    let (mut scene, stranger) = Scene::open().await;
    for n in 0..100 {
        stranger.signaling.offer(PIPELINE, &format!("h{n}"), "hello".into()).await.expect("taken");
    }
    stranger.leave().await;
    scene.beside_goes_on().await;
    scene.end().await;
}
