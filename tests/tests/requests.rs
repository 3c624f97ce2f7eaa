//! Requests over the wire: a manifest that a peer runs once, and one that it runs as a stream.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use remotemedia_runtime_core::data::{RuntimeData, TransportData};
use remotemedia_runtime_core::node::{
    Node, NodeContext, NodeError, NodeRegistry, NodeSpec, Outputs, PortSpec,
};
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::transport::PipelineTransport;
use remotemedia_tests::{Room, manifest};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_computes_what_it_is_asked() {
    let room = Room::open().await;
    let worker = room.join_with(room.config("worker").accept_manifests()).await;
    let asker = room.join_with(room.config("asker").pipeline_peer("worker")).await;
    let calculator = manifest(json!([{"id": "calculator", "node_type": "Calculator"}]));
    let sum = json!({"operation": "add", "operands": [2, 40]});
    let output = asker.execute(calculator.clone(), TransportData::new(sum)).await.expect("a result");
    let RuntimeData::Json(result) = &output.data else { panic!("{output:?}") };
    assert_eq!(result["result"], 42, "{result}");

    let zero = json!({"operation": "divide", "operands": [1, 0]});
    let refused = asker.execute(calculator, TransportData::new(zero)).await.expect_err("no number");
    let told = format!("{:#}", anyhow::Error::new(refused));
    assert!(told.contains("peer refused") && told.contains("calculator"), "{told}");
    asker.close().await;
    worker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_runs_no_manifests_of_others_says_so() {
    let room = Room::open().await;
    let closed = room.join("closed").await;
    let asker = room.join_with(room.config("asker").pipeline_peer("closed")).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    let refused = asker.execute(pass.clone(), TransportData::new(json!(1))).await.expect_err("refused");
    assert!(format!("{:#}", anyhow::Error::new(refused)).contains("runs no manifests of others"));
    let refused = asker.stream(pass).await.err().expect("refused");
    assert!(format!("{:#}", anyhow::Error::new(refused)).contains("runs no manifests of others"));
    asker.close().await;
    closed.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_too_large_for_the_data_channel_is_refused_before_it_is_sent() {
    let room = Room::open().await;
    let worker = room.join_with(room.config("worker").accept_manifests()).await;
    let asker = room.join_with(room.config("asker").pipeline_peer("worker")).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    let send = |bytes: usize| {
        let (asker, pass) = (&asker, pass.clone());
        let item = TransportData::new(RuntimeData::Binary(vec![7; bytes].into()));
        async move { asker.execute(pass, item).await }
    };
    let output = send(200_000).await.expect("fits");
    assert!(matches!(&output.data, RuntimeData::Binary(bytes) if bytes.len() == 200_000));
    let refused = format!("{:#}", anyhow::Error::new(send(262_144).await.expect_err("too large")));
    assert!(refused.contains("is larger than the 262144 bytes of a data channel message"), "{refused}");
    asker.close().await;
    worker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_runs_at_a_peer_delivers_all_in_order_and_ends() {
    let room = Room::open().await;
    let worker = room.join_with(room.config("worker").accept_manifests()).await;
    let asker = room.join_with(room.config("asker").pipeline_peer("worker")).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    let session = asker.stream(Arc::clone(&pass)).await.expect("accepted");
    let (input, mut output) = session.split();
    let sending = tokio::spawn(async move {
        for n in 0..200_u64 {
            input.send(TransportData::new(json!({"n": n})).numbered(n)).await.expect("open");
        }
        input.close().await
    });
    let mut numbers = Vec::new();
    while let Some(item) = output.recv().await {
        numbers.push(item.sequence);
    }
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    let report = sending.await.expect("no panic");
    let account = report.pipeline.total;
    assert!(account.sent >= 200 && account.is_balanced(), "{account:?}");
    asker.close().await;
    worker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_whose_outputs_nobody_reads_is_closed_with_its_account_and_read_afterwards() {
    /// More than wait for a user.
    const ITEMS: u64 = 1_500;
    let room = Room::open().await;
    let worker = room.join_with(room.config("worker").accept_manifests()).await;
    let asker = room.join_with(room.config("asker").pipeline_peer("worker")).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    let (input, mut output) = asker.stream(pass).await.expect("accepted").split();
    for n in 0..ITEMS {
        input.send(TransportData::new(json!(n)).numbered(n)).await.expect("open");
    }
    let account = input.close().await.pipeline.total;
    assert!(account.sent >= ITEMS && account.is_balanced(), "{account:?}");
    drop(input);
    let mut numbers = Vec::new();
    while let Some(item) = output.recv().await {
        numbers.push(item.sequence);
    }
    assert_eq!(numbers, (0..ITEMS).collect::<Vec<_>>());
    asker.close().await;
    worker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_comes_back_at_once_has_its_place_and_its_stream_again() {
    let room = Room::open().await;
    let worker = WebRtcConfig { max_peers: Some(1), ..room.config("worker").accept_manifests() };
    let worker = room.join_with(worker).await;
    let pass = manifest(json!([{"id": "pass", "node_type": "PassThrough"}]));
    for round in 0..5_u64 {
        let asker = room.join_with(room.config("asker").pipeline_peer("worker")).await;
        let mut session = asker.stream(pass.clone()).await.expect("accepted");
        for n in 0..20 {
            session.send_input(TransportData::new(json!(round)).numbered(n)).await.expect("open");
            let item = session.recv_output().await.expect("the stream goes on");
            assert_eq!(item.sequence, n, "in round {round}");
        }
        asker.close().await;
    }
    assert!(worker.close().await.complete);
}

/// Takes as long to be made as the story wants.
struct SlowToStart;

static STARTS: Semaphore = Semaphore::const_new(0);
static MAY_START: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

impl Node for SlowToStart {
    type Params = BTreeMap<String, Value>;
    const SPEC: NodeSpec = NodeSpec::new("SlowToStart", "Takes long to be made.")
        .inputs(&[PortSpec::new("in", &[])])
        .outputs(&[PortSpec::new("out", &[])])
        .session_scoped()
        .heavy();

    fn create(_: Self::Params, _: &NodeContext) -> Result<Self, NodeError> {
        STARTS.add_permits(1);
        let may = MAY_START.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(MAY_START.1.wait_while(may, |may| !*may));
        Ok(Self)
    }

    fn process(&mut self, _: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        outputs.send(item);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_waits_for_any_more_takes_no_items_of_its_peer() {
    let room = Room::open().await;
    let runner = || {
        let mut registry = NodeRegistry::with_builtins();
        registry.register::<SlowToStart>().expect("a new name");
        PipelineRunner::new(registry)
    };
    let join = async |config| WebRtcTransport::join(config, runner()).await.expect("the room is open");
    let worker = join(room.config("worker").accept_manifests()).await;
    let asker = Arc::new(join(room.config("asker").pipeline_peer("worker")).await);
    let slow = manifest(json!([{"id": "slow", "node_type": "SlowToStart"}]));
    let asking = asker.clone();
    let asking = tokio::spawn(async move { asking.stream(slow).await.map(|_| ()) });
    STARTS.acquire().await.expect("never closed").forget();
    asking.abort();
    assert!(asking.await.expect_err("aborted").is_cancelled());
    *MAY_START.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    MAY_START.1.notify_all();
    // The stream ends when it has come about; until then what comes from the peer is its own.
    let (to, mut number) = (Room::peer("asker"), 0_u64);
    let received = async {
        loop {
            worker.send_to(&to, TransportData::new(json!(number))).await.expect("connected");
            number += 1;
            let waited = tokio::time::timeout(Duration::from_millis(50), Room::next(&asker)).await;
            if let Ok(item) = waited {
                return item;
            }
        }
    };
    let item = tokio::time::timeout(Duration::from_secs(30), received).await.expect("the program gets items");
    assert!(matches!(item.data, RuntimeData::Json(_)), "{item:?}");
    assert!(worker.close().await.complete);
    asker.close().await;
}
