//! A peer whose signaling breaks while its media goes on: nothing breaks with it.

use std::time::Duration;

use remotemedia_runtime_core::data::TransportData;
use remotemedia_runtime_core::manifest::Topology;
use remotemedia_tests::{CallBeside, Room, SignalingLine, manifest};
use remotemedia_transport_webrtc::{PeerEvent, PeerState, WebRtcConfig, WebRtcTransport};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

/// Longest that anything awaited may take before the story has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a peer has left for the server, its connection untouched.
async fn lost_to_the_server(events: &mut Receiver<PeerEvent>, lost: &str) {
    let search = async {
        loop {
            match events.recv().await.expect("the transport is open") {
                PeerEvent::Left { peer, reason } => {
                    assert_eq!((peer.as_str(), reason.as_str()), (lost, "disconnected"));
                    return;
                }
                PeerEvent::StateChanged { state: PeerState::Closed { cause }, .. } => panic!("{cause}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the server notices");
}

async fn echoing(room: &Room, config: WebRtcConfig) -> WebRtcTransport {
    let pipeline = room.join_with(config.serves_pipeline()).await;
    let echo = manifest(json!([{"id": "echo", "node_type": "PassThrough"}]));
    pipeline.serve(echo).await.expect("a valid manifest");
    pipeline
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_outlives_the_signaling_of_who_called() {
    let room = Room::open().await;
    let pipeline = echoing(&room, room.config("pipeline")).await;
    let mut events = pipeline.events();
    let line = SignalingLine::lay(&room).await;
    let mut call = CallBeside::start_as(line.config(&room, "film"), "pipeline").await;
    line.cut().await;
    lost_to_the_server(&mut events, "film").await;
    assert!(pipeline.peers().is_empty(), "{:?}", pipeline.peers());
    // Pictures go there and back, as before.
    call.goes_on().await;
    call.goes_on().await;
    call.end().await;
    pipeline.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_offers_anew_to_who_comes_back_and_lets_the_former_connection_go() {
    let room = Room::open().await;
    let topology = Some(Topology::Host);
    let host = echoing(&room, WebRtcConfig { topology, ..room.config("host") }).await;
    let (mut events, to) = (host.events(), Room::peer("host"));
    let line = SignalingLine::lay(&room).await;
    let viewer = room.join_with(line.config(&room, "viewer")).await;
    viewer.connect(&to).await.expect("the host offers");
    line.cut().await;
    lost_to_the_server(&mut events, "viewer").await;
    let again = room.join("viewer").await;
    again.connect(&to).await.expect("the host offers to the new life");
    again.send_to(&to, TransportData::new(json!(7))).await.expect("connected");
    Room::next(&again).await;
    for transport in [again, viewer, host] {
        transport.close().await;
    }
}
