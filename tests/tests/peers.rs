//! Peers of a session: who connects to whom, what reaches whom, and how they leave.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::{Manifest, Topology};
use remotemedia_runtime_core::node::{
    Node, NodeContext, NodeError, NodeRegistry, NodeSpec, Outputs, PortSpec,
};
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_tests::{Room, manifest, numbered_picture};
use remotemedia_transport_webrtc::{
    ConnectError, PeerEvent, PeerState, SendError, WebRtcConfig, WebRtcTransport,
};
use serde_json::{Value, json};

/// Longest that anything awaited may take before the story has failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_session_with_a_host_whoever_joins_waits_for_the_hosts_offer() {
    let room = Room::open().await;
    let topology = Some(Topology::Host);
    let host = WebRtcConfig { topology, ..room.config("host").serves_pipeline() };
    let host = room.join_with(host).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    host.serve(pass).await.expect("a valid manifest");
    // One says what the session is, as who has the manifest does; the other knows only its name.
    let told = room.join_with(WebRtcConfig { topology, ..room.config("told") }).await;
    let untold = room.join("untold").await;
    for viewer in [&told, &untold] {
        viewer.connect(&Room::peer("host")).await.expect("the host offers");
        viewer.send_to(&Room::peer("host"), TransportData::new(json!(7))).await.expect("connected");
        assert!(matches!(&Room::next(viewer).await.data, RuntimeData::Json(number) if **number == json!(7)));
    }
    let refused = told.connect(&Room::peer("untold")).await.expect_err("neither may offer");
    assert!(matches!(refused, ConnectError::NotHost { .. }), "{refused}");
    for transport in [told, untold, host] {
        assert!(transport.close().await.complete);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_for_all_reaches_each_connected_peer_once_and_one_for_nobody_is_counted() {
    let room = Room::open().await;
    let mut config = room.config("speaker");
    config.max_peers = Some(2);
    let speaker = room.join_with(config).await;
    let report = speaker.send_to_all(TransportData::new(json!("to an empty room"))).await;
    assert_eq!((report.sent, report.failed.len()), (0, 0));
    let listeners = [room.join("first").await, room.join("second").await];
    for listener in &listeners {
        listener.connect(&Room::peer("speaker")).await.expect("a path on the loopback");
        speaker.connect(listener.peer_id()).await.expect("the same path");
    }
    // The third finds no place: it is in the session, and not connected.
    let third = room.join("third").await;
    let report = speaker.send_to_all(TransportData::new(json!("hello"))).await;
    assert_eq!((report.sent, report.failed.len()), (2, 0), "{report:?}");
    for listener in &listeners {
        let item = Room::next(listener).await;
        assert!(matches!(&item.data, RuntimeData::Json(text) if **text == json!("hello")), "{item:?}");
    }
    let refused = speaker.send_to(&Room::peer("nobody"), TransportData::new(json!(0))).await;
    assert!(matches!(refused, Err(SendError::NotConnected { .. })), "{refused:?}");
    let closed = speaker.close().await;
    assert_eq!(closed.unsent.dropped_total(), 1, "{closed:?}");
    assert!(closed.unsent.is_balanced());
    for transport in listeners.into_iter().chain([third]) {
        transport.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_nobody_takes_push_no_message_out() {
    let room = Room::open().await;
    let (reader, sender) = (room.join("reader").await, room.join("sender").await);
    let to = Room::peer("reader");
    sender.connect(&to).await.expect("a path on the loopback");
    sender.send_to(&to, TransportData::new(json!("keep me"))).await.expect("connected");
    let (runner, mut pace) = (Room::runner(), tokio::time::interval(Duration::from_millis(10)));
    let handed_over = async || {
        let reports = reader.quality().await;
        reports.first().map_or(0, |report| report.media.video_handed_over.delivered)
    };
    let mut number = 0;
    // More pictures than wait for a program.
    while handed_over().await < 80 {
        pace.tick().await;
        let picture = numbered_picture(&**runner.pool(), 160, 90, number);
        let at = MediaTime::ZERO + Duration::from_millis(10 * number);
        sender.send_to(&to, TransportData::new(picture).numbered(number).at(at)).await.expect("connected");
        number += 1;
    }
    let first = Room::next(&reader).await;
    assert!(matches!(&first.data, RuntimeData::Json(text) if **text == json!("keep me")), "{first:?}");
    assert!(sender.close().await.complete);
    assert!(reader.close().await.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_item_is_told_of_the_close() {
    let room = Room::open().await;
    let transport = std::sync::Arc::new(room.join("alone").await);
    let waiting = transport.clone();
    let waiting = tokio::spawn(async move { waiting.recv().await });
    tokio::task::yield_now().await;
    let closed = tokio::time::timeout(PATIENCE, transport.close()).await.expect("the close comes back");
    assert!(closed.complete, "{closed:?}");
    assert!(waiting.await.expect("no panic").is_none());
}

/// Takes an item and does not come back until the story lets it.
struct Stuck;

static GATE: (Mutex<Gate>, Condvar) = (Mutex::new(Gate { entered: false, open: false }), Condvar::new());

struct Gate {
    entered: bool,
    open: bool,
}

impl Node for Stuck {
    type Params = BTreeMap<String, Value>;
    const SPEC: NodeSpec = NodeSpec::new("Stuck", "Does not come back.")
        .inputs(&[PortSpec::new("in", &[])])
        .outputs(&[PortSpec::new("out", &[])]);

    fn create(_: Self::Params, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self)
    }

    fn process(&mut self, _: &str, _: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
        let mut gate = GATE.0.lock().unwrap_or_else(PoisonError::into_inner);
        gate.entered = true;
        GATE.1.notify_all();
        while !gate.open {
            gate = GATE.1.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hangs_does_not_keep_the_connections_up() {
    let room = Room::open().await;
    let mut registry = NodeRegistry::with_builtins();
    registry.register::<Stuck>().expect("a new name");
    let config = room.config("host").serves_pipeline();
    let host = WebRtcTransport::join(config, PipelineRunner::new(registry)).await.expect("the room is open");
    host.serve(manifest(json!([{"id": "stuck", "node_type": "Stuck"}]))).await.expect("a valid manifest");
    let guest = room.join("guest").await;
    guest.connect(&Room::peer("host")).await.expect("a path on the loopback");
    let mut events = guest.events();
    guest.send_to(&Room::peer("host"), TransportData::new(json!(1))).await.expect("connected");
    let entered = tokio::task::spawn_blocking(|| {
        let gate = GATE.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = GATE.1.wait_timeout_while(gate, PATIENCE, |gate| !gate.entered);
        waited.unwrap_or_else(PoisonError::into_inner).0.entered
    });
    assert!(entered.await.expect("no panic"), "the node got the item");
    host.close().await;
    let gone = async {
        loop {
            let event = events.recv().await.expect("the transport is open");
            if let PeerEvent::StateChanged { state: PeerState::Closed { .. }, .. } = event {
                return;
            }
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    GATE.0.lock().unwrap_or_else(PoisonError::into_inner).open = true;
    GATE.1.notify_all();
    gone.expect("the connection to the guest is closed");
    assert!(guest.close().await.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_no_data_does_not_keep_it_from_the_others() {
    const ITEMS: u64 = 3_000;
    let room = Room::open().await;
    let hub = room
        .serve(
            "hub",
            Arc::new(
                Manifest::parse(
                    r#"{
                        "version": "v1",
                        "nodes": [{"id": "pass", "node_type": "PassThrough"}],
                        "routes": [{"output": "pass", "to": "others"}]
                    }"#,
                )
                .expect("a manifest"),
            ),
        )
        .await;
    let to = Room::peer("hub");
    let (speaker, listener, deaf) =
        (room.join("speaker").await, room.join("listener").await, room.join("deaf").await);
    for peer in [&speaker, &listener, &deaf] {
        peer.connect(&to).await.expect("a path on the loopback");
    }
    // Far more than all queues and buffers on the way to one peer hold: 12 MB.
    let filling = "-".repeat(4_000);
    let speaking = async {
        for number in 0..ITEMS {
            let item = TransportData::new(json!([number, filling])).numbered(number);
            speaker.send_to(&to, item).await.expect("connected");
        }
    };
    let listening = async {
        let mut heard = Vec::new();
        while heard.last() != Some(&(ITEMS - 1)) {
            let item = Room::next(&listener).await;
            let RuntimeData::Json(value) = &item.data else { panic!("{item:?}") };
            heard.push(value[0].as_u64().expect("a number"));
        }
        heard
    };
    let ((), heard) = tokio::join!(speaking, listening);
    assert!(heard.is_sorted_by(|one, next| one < next), "in order, and each once");
    let unsent = async |peer: &str| {
        let reports = hub.quality().await;
        let report = reports.iter().find(|report| report.peer == Room::peer(peer)).expect("connected");
        assert!(report.unsent.is_balanced());
        report.unsent.dropped_total()
    };
    assert_eq!(
        heard.len() as u64 + unsent("listener").await,
        ITEMS,
        "what the listener did not get is counted"
    );
    assert!(unsent("deaf").await > 0, "what the deaf one did not take is counted");
    for transport in [speaker, listener, deaf, hub] {
        transport.close().await;
    }
}
