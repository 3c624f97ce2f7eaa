//! A peer that serves is dropped without a close: everything that was made for it is gone. Alone in its
//! process, since it counts the process's threads and files.

use remotemedia_runtime_core::data::TransportData;
use remotemedia_tests::{Resources, Room, manifest};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serving_peer_that_is_dropped_leaves_the_session_and_nothing_behind() {
    let room = Room::open().await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    let serve_one = async || {
        let serving = room.serve("serving", pass.clone()).await;
        let asking = room.join("asking").await;
        asking.connect(&Room::peer("serving")).await.expect("a path on the loopback");
        asking.send_to(&Room::peer("serving"), TransportData::new(json!(1))).await.expect("connected");
        assert_eq!(Room::next(&asking).await.data.kind().name(), "json");
        (serving, asking)
    };
    // The first session starts what lives as long as the process.
    let (serving, asking) = serve_one().await;
    assert!(serving.close().await.complete && asking.close().await.complete);
    drop((serving, asking));
    let alone = Resources::now();
    for _ in 0..5 {
        let (serving, asking) = serve_one().await;
        drop(serving);
        assert!(asking.close().await.complete);
    }
    alone.are_restored().await;
}
