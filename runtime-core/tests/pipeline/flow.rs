//! Items find their way, in order, and are counted.

use std::collections::HashSet;

use remotemedia_runtime_core::data::{AudioFrame, DataKind, RuntimeData, TransportData};
use remotemedia_runtime_core::ledger::DropReason;
use remotemedia_runtime_core::session::SessionError;
use serde_json::json;

use super::nodes::Gate;
use super::{
    assert_balanced, chain, finish, item, manifest, next, numbers, rest, runner, said, start, within,
};

fn tone(n: u64) -> TransportData {
    let frame = AudioFrame::from_samples(&[0.5; 480], 48_000, 1).expect("10 ms");
    TransportData::new(frame).numbered(n)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_items_come_through_three_nodes_in_order_and_all_are_accounted_for() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Heavy", json!({})), ("PassThrough", json!({}))]);
    let (input, mut output) = start(nodes, edges).await.into_halves();
    let sender = input.clone();
    let sending = tokio::spawn(async move {
        for n in 0..1000 {
            sender.input(item(n, "pass")).await.expect("open");
        }
    });
    for n in 0..1000 {
        let taken = within(output.recv()).await.expect("an output");
        assert_eq!(taken.sequence, n);
        assert_eq!(taken.output.as_deref(), Some("c"));
    }
    sending.await.expect("no panic");
    let report = input.close().await;
    assert_eq!((report.pipeline.input.sent, report.pipeline.output.delivered), (1000, 1000));
    assert_eq!(report.pipeline.total.sent, 4000);
    assert!(report.is_balanced() && report.aborted.is_empty());
    assert_balanced(&report.pipeline);
    assert_eq!(report.pipeline.nodes[1].processing.count, 1000);
    assert_eq!(report.pipeline.nodes[1].queue_wait.count, 1000);
    assert_eq!(report.pipeline.latency.count, 1000);
}

#[tokio::test]
async fn what_is_sent_before_close_can_be_received_after_it() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Heavy", json!({}))]);
    let mut session = start(nodes, edges).await;
    for n in 0..100 {
        session.input(item(n, "pass")).await.expect("open");
    }
    let report = finish(&session).await;
    assert_eq!((report.outputs_waiting, report.is_balanced()), (100, true));
    assert_eq!(numbers(&rest(&mut session).await), (0..100).collect::<Vec<_>>());
    assert_balanced(&session.ledger());
    assert_eq!(session.close().await, report);
}

#[tokio::test]
async fn heavy_nodes_run_on_threads_of_their_name_and_light_ones_do_not() {
    let (nodes, edges) = chain(&[("Heavy", json!({}))]);
    let mut heavy = start(nodes, edges).await;
    heavy.input(item(0, "pass")).await.expect("open");
    assert_eq!(said(&next(&mut heavy).await, "thread"), "a");
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let mut light = start(nodes, edges).await;
    light.input(item(0, "pass")).await.expect("open");
    assert_ne!(next(&mut light).await["thread"], "a");
    finish(&heavy).await;
    finish(&light).await;
}

#[tokio::test]
async fn an_item_goes_to_every_entry_that_takes_its_kind_without_a_copy() {
    let nodes = json!([{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}]);
    let mut session = start(nodes, json!([])).await;
    let sent = tone(7);
    let RuntimeData::Audio(frame) = sent.data.clone() else { unreachable!("made above") };
    session.input(sent).await.expect("open");
    let mut outputs = HashSet::new();
    for _ in 0..2 {
        let taken = within(session.output()).await.expect("an output");
        let RuntimeData::Audio(received) = &taken.data else { panic!("{taken:?}") };
        assert_eq!(received.samples().as_ptr(), frame.samples().as_ptr());
        outputs.insert(taken.output.expect("a name").to_string());
    }
    assert_eq!(outputs, HashSet::from(["a".to_owned(), "b".to_owned()]));
    assert_balanced(&finish(&session).await.pipeline);
}

#[tokio::test]
async fn an_item_of_a_kind_that_no_node_takes_is_refused_and_counted() {
    let (nodes, edges) = chain(&[("Calculator", json!({}))]);
    let session = start(nodes, edges).await;
    let refused = session.input(tone(0)).await.expect_err("a calculator takes JSON only");
    assert!(matches!(refused, SessionError::NoInput { kind: DataKind::Audio, .. }));
    assert_eq!(refused.to_string(), "no node takes audio from outside, the pipeline takes json");
    let report = finish(&session).await.pipeline;
    assert_eq!(report.input.dropped[&DropReason::NoTaker], 1);
    assert_balanced(&report);
}

#[tokio::test]
async fn an_edge_keeps_back_what_the_next_node_does_not_take() {
    let (nodes, edges) = chain(&[("PassThrough", json!({})), ("Calculator", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(tone(0)).await.expect("the first takes it");
    session.input(TransportData::new(json!({"op": "add", "a": 1, "b": 2}))).await.expect("open");
    assert_eq!(next(&mut session).await["result"], 3);
    let report = finish(&session).await.pipeline;
    assert_eq!(report.nodes[1].ledger.dropped[&DropReason::NoTaker], 1);
    assert_balanced(&report);
}

#[tokio::test]
async fn both_ports_of_a_node_lead_out_under_their_names() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "pass")).await.expect("open");
    session.input(item(1, "side")).await.expect("open");
    let first = within(session.output()).await.expect("an output");
    let second = within(session.output()).await.expect("an output");
    assert_eq!(first.output.as_deref(), Some("a"));
    assert_eq!(second.output.as_deref(), Some("a.side"));
    finish(&session).await;
}

#[tokio::test]
async fn two_branches_that_meet_again_keep_each_stream_in_order() {
    let nodes = json!([
        {"id": "a", "node_type": "PassThrough"},
        {"id": "slow", "node_type": "Heavy"},
        {"id": "fast", "node_type": "Light"},
        {"id": "end", "node_type": "PassThrough"}]);
    let edges = json!([
        {"from": "a", "to": "slow"}, {"from": "a", "to": "fast"},
        {"from": "slow", "to": "end"}, {"from": "fast", "to": "end"}]);
    let mut session = start(nodes, edges).await;
    for n in 0..50 {
        session.input(item(n, "pass")).await.expect("open");
    }
    finish(&session).await;
    let outputs = rest(&mut session).await;
    let (slow, fast): (Vec<_>, Vec<_>) =
        outputs.into_iter().partition(|value| said(value, "thread") == "slow");
    assert_eq!(numbers(&slow), (0..50).collect::<Vec<_>>());
    assert_eq!(numbers(&fast), (0..50).collect::<Vec<_>>());
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn media_drops_its_oldest_at_the_entrance_while_data_beside_it_waits() {
    let (nodes, edges) = chain(&[("Light", json!({"gate": "entrance"}))]);
    let mut session = start(nodes, edges).await;
    // No await in between that lets the node run: all twenty meet a full queue.
    for n in 0..20 {
        session.input(tone(n)).await.expect("open");
    }
    session.input(item(20, "pass")).await.expect("open");
    finish(&session).await;
    let mut sequences = Vec::new();
    while let Some(taken) = within(session.output()).await {
        sequences.push(taken.sequence);
    }
    assert_eq!(sequences, [16, 17, 18, 19, 20]);
    let report = session.ledger();
    assert_eq!(report.input.dropped[&DropReason::QueueFull], 16);
    assert_balanced(&report);
}

#[tokio::test]
async fn one_item_runs_through_a_manifest_and_the_result_comes_back() {
    let (nodes, edges) = chain(&[("Calculator", json!({}))]);
    let input = TransportData::new(json!({"op": "multiply", "a": 6, "b": 7}));
    let output = runner().execute_unary(&manifest(nodes, edges), input).await.expect("a result");
    assert_eq!(super::value(output)["result"], 42);
}

#[tokio::test]
async fn a_unary_call_gives_what_a_node_held_back_until_the_end() {
    let (nodes, edges) = chain(&[("Heavy", json!({})), ("Light", json!({}))]);
    let output = runner().execute_unary(&manifest(nodes, edges), item(5, "hold")).await.expect("a result");
    assert_eq!(super::value(output)["n"], 5);
}

#[tokio::test]
async fn an_invalid_manifest_starts_nothing_and_lists_all_faults() {
    let nodes = json!([
        {"id": "a", "node_type": "Lihgt"},
        {"id": "b", "node_type": "Light", "params": {"level": 11}}]);
    let refused = runner().create_stream_session(&manifest(nodes, json!([]))).await.expect_err("two faults");
    let SessionError::InvalidManifest(faults) = refused else { panic!("{refused}") };
    assert_eq!(faults.error_count(), 2, "{faults}");
}

#[tokio::test]
async fn two_nodes_are_at_work_at_the_same_time() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "front"})), ("Heavy", json!({"gate": "back"}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "wait_behind")).await.expect("open");
    within(Gate::named("back").reached()).await;
    session.input(item(1, "wait")).await.expect("open");
    within(Gate::named("front").reached()).await;
    Gate::named("back").open();
    Gate::named("front").open();
    assert_eq!(
        (next(&mut session).await["n"].as_u64(), next(&mut session).await["n"].as_u64()),
        (Some(0), Some(1))
    );
    assert_balanced(&finish(&session).await.pipeline);
}
