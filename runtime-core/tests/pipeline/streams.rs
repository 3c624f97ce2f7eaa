//! One instance per stream, or one for all.

use std::collections::HashMap;

use remotemedia_runtime_core::data::{AudioFrame, TransportData};
use remotemedia_runtime_core::session::SessionError;
use serde_json::{Value, json};

use super::nodes::Gate;
use super::{assert_balanced, chain, finish, item, next, numbers, rest, said, start, stream, value, within};

fn from(peer: &str, n: u64, command: &str) -> TransportData {
    item(n, command).from_stream(stream(peer))
}

fn for_all(kind: &str, params: Value) -> Value {
    json!({"id": "all", "node_type": kind, "scope": "session", "params": params})
}

#[tokio::test]
async fn a_stream_scoped_node_has_an_instance_per_stream_and_one_for_the_user() {
    for kind in ["Light", "Heavy"] {
        let (nodes, edges) = chain(&[(kind, json!({})), ("Light", json!({}))]);
        let mut session = start(nodes, edges).await;
        for sent in [from("ann", 0, "pass"), from("bob", 1, "pass"), from("ann", 2, "pass"), item(3, "pass")]
        {
            session.input(sent).await.expect("open");
        }
        let mut seen = HashMap::new();
        for _ in 0..4 {
            let output = within(session.output()).await.expect("an output");
            let source = output.source.clone().map(|source| source.to_string());
            let output = value(output);
            assert_eq!(output["stream"].as_str().map(str::to_owned), source);
            seen.insert(output["n"].as_u64(), output["seen"].as_u64());
        }
        assert_eq!((seen[&Some(2)], seen[&Some(1)], seen[&Some(3)]), (Some(2), Some(1), Some(1)));
        assert_eq!(session.ledger().nodes[0].instances, 3);
        assert_balanced(&finish(&session).await.pipeline);
        assert_eq!(session.ledger().nodes[0].instances, 0);
    }
}

#[tokio::test]
async fn a_session_scoped_node_sees_all_streams() {
    let mut session = start(json!([for_all("Heavy", json!({}))]), json!([])).await;
    session.input(from("ann", 0, "pass")).await.expect("open");
    session.input(from("bob", 1, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["seen"], 1);
    assert_eq!(next(&mut session).await["seen"], 2);
    assert_eq!(session.ledger().nodes[0].instances, 1);
    finish(&session).await;
}

#[tokio::test]
async fn a_closed_stream_is_drained_and_flushed_and_the_next_item_begins_it_anew() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Heavy", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(from("ann", 0, "hold")).await.expect("open");
    session.input(from("bob", 1, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["n"], 1);
    assert_eq!(session.close_stream(&stream("ann")).await, []);
    assert_eq!(next(&mut session).await["n"], 0);
    assert_eq!(session.ledger().nodes.iter().map(|node| node.instances).collect::<Vec<_>>(), [1, 1]);
    session.input(from("ann", 2, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["seen"], 1);
    session.input(from("bob", 3, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["seen"], 2);
    assert_balanced(&finish(&session).await.pipeline);
}

#[tokio::test]
async fn a_session_scoped_node_hears_of_a_streams_end_after_its_last_item() {
    let nodes = json!([{"id": "a", "node_type": "Heavy"}, for_all("Light", json!({}))]);
    let mut session = start(nodes, json!([{"from": "a", "to": "all"}])).await;
    for n in 0..20 {
        session.input(from("ann", n, "pass")).await.expect("open");
    }
    session.close_stream(&stream("ann")).await;
    let mut outputs = Vec::new();
    for _ in 0..21 {
        outputs.push(next(&mut session).await);
    }
    assert_eq!(said(&outputs[20], "ended"), "ann/data");
    assert_eq!(numbers(&outputs[..20]), (0..20).collect::<Vec<_>>());
    assert_balanced(&finish(&session).await.pipeline);
}

#[tokio::test]
async fn closing_a_stream_that_never_sent_does_nothing() {
    let session = start(json!([for_all("Light", json!({}))]), json!([])).await;
    assert_eq!(session.close_stream(&stream("nobody")).await, []);
    finish(&session).await;
}

#[tokio::test]
async fn items_of_a_stream_are_refused_while_it_is_being_closed() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "closing stream"}))]);
    let mut session = start(nodes, edges).await;
    session.input(from("ann", 0, "wait")).await.expect("open");
    let gate = Gate::named("closing stream");
    gate.reached().await;
    let handle = session.handle().clone();
    let closing = tokio::spawn(async move { handle.close_stream(&stream("ann")).await });
    tokio::task::yield_now().await;
    let refused = session.input(from("ann", 1, "pass")).await;
    assert!(matches!(refused, Err(SessionError::Closed)), "{refused:?}");
    session.input(from("bob", 2, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["n"], 2);
    gate.open();
    assert_eq!(within(closing).await.expect("no panic"), []);
    assert_eq!(next(&mut session).await["n"], 0);
    assert_balanced(&finish(&session).await.pipeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_streams_at_once_each_keep_their_order_through_a_node_for_all() {
    let nodes = json!([
        {"id": "a", "node_type": "Light"}, for_all("Heavy", json!({})), {"id": "b", "node_type": "Light"}]);
    let edges = json!([{"from": "a", "to": "all"}, {"from": "all", "to": "b"}]);
    let (input, mut output) = start(nodes, edges).await.into_halves();
    let senders = (0..10).map(|peer| {
        let input = input.clone();
        tokio::spawn(async move {
            for n in 0..100 {
                input.input(from(&format!("p{peer}"), n, "pass")).await.expect("open");
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut due: HashMap<_, u64> = HashMap::new();
    for _ in 0..1000 {
        let taken = within(output.recv()).await.expect("an output");
        let due = due.entry(taken.source.clone().expect("a source")).or_default();
        assert_eq!(taken.sequence, *due);
        *due += 1;
    }
    for sender in senders {
        sender.await.expect("no panic");
    }
    let report = input.close().await;
    assert_eq!(report.pipeline.total.dropped_total(), 0);
    assert_balanced(&report.pipeline);
}

#[tokio::test]
async fn a_burst_of_one_stream_costs_another_nothing_at_a_node_for_all() {
    let mut session = start(json!([for_all("Light", json!({}))]), json!([])).await;
    let tone = AudioFrame::from_samples(&[0.5; 480], 48_000, 1).expect("10 ms");
    let tone = |peer, n| TransportData::new(tone.clone()).numbered(n).from_stream(stream(peer));
    session.input(tone("bob", 0)).await.expect("open");
    for n in 0..50 {
        session.input(tone("ann", n)).await.expect("open");
    }
    session.input(tone("bob", 1)).await.expect("open");
    finish(&session).await;
    let mut of_bob = 0;
    while let Some(taken) = within(session.output()).await {
        of_bob += u32::from(taken.source == Some(stream("bob")));
    }
    assert_eq!(of_bob, 2);
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn stream_256_is_taken_and_stream_257_refused_until_one_is_closed() {
    let (nodes, edges) = chain(&[("PassThrough", json!({}))]);
    let mut session = start(nodes, edges).await;
    for n in 0..256 {
        session.input(from(&format!("p{n}"), n, "pass")).await.expect("within the limit");
    }
    let refused = session.input(from("late", 256, "pass")).await.expect_err("one past the limit");
    assert_eq!(refused.to_string(), "session has 256 streams already, close one first");
    session.close_stream(&stream("p7")).await;
    session.input(from("late", 257, "pass")).await.expect("room again");
    finish(&session).await;
    assert_eq!(rest(&mut session).await.len(), 257);
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn an_output_made_from_nothing_gets_the_stream_and_the_entry_time_of_its_instance() {
    let (nodes, edges) = chain(&[("Heavy", json!({}))]);
    let mut session = start(nodes, edges).await;
    let sent = from("ann", 0, "new");
    let entered = sent.entered;
    session.input(sent).await.expect("open");
    let output = within(session.output()).await.expect("an output");
    assert_eq!((output.source, output.entered), (Some(stream("ann")), entered));
    finish(&session).await;
}
