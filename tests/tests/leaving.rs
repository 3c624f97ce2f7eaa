//! A peer leaves in mid-stream: everything that was made for it is gone. Alone in its process, since it
//! counts the process's threads and files.

use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData};
use remotemedia_tests::{Resources, Room, manifest, numbered_picture};
use remotemedia_transport_webrtc::PeerEvent;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_leaves_in_mid_stream_takes_its_threads_sockets_and_tasks_with_it() {
    let room = Room::open().await;
    let blurring = manifest(json!([{"id": "blur", "node_type": "VideoBlur"}]));
    let blur = room.serve("blur", blurring).await;
    let mut events = blur.events();
    let alone = Resources::now();
    for _ in 0..3 {
        let film = room.join("film").await;
        let to = Room::peer("blur");
        film.connect(&to).await.expect("a path on the loopback");
        let runner = Room::runner();
        let (mut pace, mut sent) = (tokio::time::interval(Duration::from_millis(33)), 0);
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    let picture = numbered_picture(&**runner.pool(), 320, 180, sent);
                    let at = MediaTime::ZERO + Duration::from_millis(33 * sent);
                    film.send_to(&to, TransportData::new(picture).numbered(sent).at(at)).await.expect("connected");
                    sent += 1;
                }
                item = Room::next(&film) => if matches!(item.data, RuntimeData::Video(_)) {
                    break;
                },
            }
        }
        let closed = film.close().await;
        assert!(closed.complete, "{closed:?}");
        drop(film);
        loop {
            if let PeerEvent::Left { peer, .. } = events.recv().await.expect("the transport is open") {
                assert_eq!(peer, Room::peer("film"));
                break;
            }
        }
        alone.are_restored().await;
    }
    assert!(blur.close().await.complete);
}
