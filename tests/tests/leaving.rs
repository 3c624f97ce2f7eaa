//! A peer leaves in mid-stream: everything that was made for it is gone. Alone in its process, since it
//! counts the process's threads and files.

use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData};
use remotemedia_tests::{Room, manifest, numbered_picture};
use remotemedia_transport_webrtc::PeerEvent;
use serde_json::json;
use tokio::runtime::Handle;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Resources {
    threads: usize,
    files: usize,
    tasks: usize,
}

fn resources() -> Resources {
    let entries = |folder| std::fs::read_dir(folder).expect("/proc").count();
    Resources {
        threads: entries("/proc/self/task"),
        files: entries("/proc/self/fd"),
        tasks: Handle::current().metrics().num_alive_tasks(),
    }
}

/// Waits until no more is in use than `allowed`; the story fails if that never happens.
async fn settles_to(allowed: Resources) {
    let waiting = async {
        loop {
            let now = resources();
            if now.threads <= allowed.threads && now.files <= allowed.files && now.tasks <= allowed.tasks {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(settled.is_ok(), "{:?} in use, {allowed:?} expected", resources());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_leaves_in_mid_stream_takes_its_threads_sockets_and_tasks_with_it() {
    let room = Room::open().await;
    let blurring = manifest(json!([{"id": "blur", "node_type": "VideoBlur"}]));
    let blur = room.serve("blur", blurring).await;
    let mut events = blur.events();
    let alone = resources();
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
        settles_to(alone).await;
    }
    assert!(blur.close().await.complete);
}
