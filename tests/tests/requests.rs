//! Requests over the wire: a manifest that a peer runs once, and one that it runs as a stream.

use std::sync::Arc;

use remotemedia_runtime_core::data::{RuntimeData, TransportData};
use remotemedia_runtime_core::transport::PipelineTransport;
use remotemedia_tests::{Room, manifest};
use serde_json::json;

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
