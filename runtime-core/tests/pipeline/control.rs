//! Control items overtake what waits and go where they are meant to.

use std::sync::Arc;

use remotemedia_runtime_core::data::{ControlMessage, NodeId, RuntimeData, TransportData};
use remotemedia_runtime_core::ledger::DropReason;
use remotemedia_runtime_core::session::{NodeFault, SessionError, SessionEvent};
use serde_json::{Value, json};

use super::nodes::Gate;
use super::{assert_balanced, chain, finish, item, next, rest, start, start_hurried, stream, within};

fn node(id: &str) -> NodeId {
    NodeId::new(id).expect("a name")
}

fn control(message: ControlMessage) -> TransportData {
    TransportData::new(RuntimeData::Control(Arc::new(message)))
}

fn labels(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| super::said(value, "label")).collect()
}

#[tokio::test]
async fn new_params_overtake_the_items_that_wait() {
    let (nodes, edges) = chain(&[("Heavy", json!({"label": "old", "gate": "overtaken"}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "wait")).await.expect("open");
    Gate::named("overtaken").reached().await;
    for n in 1..4 {
        session.input(item(n, "pass")).await.expect("open");
    }
    let handle = session.handle().clone();
    let telling = tokio::spawn(async move { handle.reconfigure(&node("a"), json!({"label": "new"})).await });
    tokio::task::yield_now().await;
    Gate::named("overtaken").open();
    within(telling).await.expect("no panic").expect("taken");
    finish(&session).await;
    assert_eq!(labels(&rest(&mut session).await), ["old", "new", "new", "new"]);
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn new_params_reach_all_instances_and_those_made_later_and_survive_a_panic() {
    let (nodes, edges) = chain(&[("Light", json!({"label": "old"}))]);
    let mut session = start(nodes, edges).await;
    for peer in ["ann", "bob"] {
        session.input(item(0, "pass").from_stream(stream(peer))).await.expect("open");
        assert_eq!(next(&mut session).await["label"], "old");
    }
    session.reconfigure(&node("a"), json!({"label": "new"})).await.expect("taken");
    session.input(item(1, "panic").from_stream(stream("bob"))).await.expect("open");
    for peer in ["ann", "bob", "eve"] {
        session.input(item(2, "pass").from_stream(stream(peer))).await.expect("open");
        assert_eq!(next(&mut session).await["label"], "new", "{peer}");
    }
    finish(&session).await;
}

#[tokio::test]
async fn params_that_will_not_do_are_refused_with_the_reason_and_the_old_ones_stay() {
    let (nodes, edges) = chain(&[("Light", json!({"label": "old", "level": 10}))]);
    let mut session = start(nodes, edges).await;
    for instance in [false, true] {
        let refused = session.reconfigure(&node("b"), json!({})).await.expect_err("no such node");
        assert_eq!(refused.to_string(), "pipeline has no node b");
        let refused =
            session.reconfigure(&node("a"), json!({"level": 11})).await.expect_err("past the limit");
        let source = std::error::Error::source(&refused).expect("the faults").to_string();
        assert!(source.contains("params.level") && source.contains("11"), "{source}");
        let wrong = if instance { json!({"label": "refused"}) } else { json!({"create": "fail"}) };
        let refused = session.reconfigure(&node("a"), wrong).await.expect_err("the node's own word");
        assert_eq!(refused.to_string(), "node a did not take its new params");
        session.input(item(0, "pass")).await.expect("open");
        let output = next(&mut session).await;
        assert_eq!((&output["label"], &output["level"]), (&json!("old"), &json!(10)));
    }
    finish(&session).await;
    let refused = session.reconfigure(&node("a"), json!({})).await;
    assert!(matches!(refused, Err(SessionError::Closed)), "{refused:?}");
}

#[tokio::test]
async fn keys_of_new_params_may_be_in_camel_case() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let session = start(nodes, edges).await;
    session.reconfigure(&node("a"), json!({"countedAs": "camel"})).await.expect("taken");
    session.input(item(0, "pass")).await.expect("open");
    finish(&session).await;
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named() {
    let session = start_hurried(&[("Heavy", json!({"gate": "no answer"}))]).await;
    session.input(item(0, "wait")).await.expect("open");
    Gate::named("no answer").reached().await;
    let late = within(session.reconfigure(&node("a"), json!({}))).await.expect_err("it hangs");
    assert!(late.to_string().starts_with("node a did not answer within"), "{late}");
    Gate::named("no answer").open();
    finish(&session).await;
}

#[tokio::test]
async fn params_that_came_too_late_are_not_taken() {
    let mut session = start_hurried(&[("Heavy", json!({"gate": "too late", "label": "old"}))]).await;
    session.input(item(0, "wait")).await.expect("open");
    Gate::named("too late").reached().await;
    within(session.reconfigure(&node("a"), json!({"gate": "too late", "label": "new"})))
        .await
        .expect_err("it hangs");
    Gate::named("too late").open();
    next(&mut session).await;
    session.input(item(1, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["label"], "old");
    finish(&session).await;
}

#[tokio::test]
async fn where_one_of_several_instances_does_not_answer_all_keep_their_params() {
    let mut session = start_hurried(&[("Heavy", json!({"gate": "one of two", "label": "old"}))]).await;
    for peer in ["ann", "bob", "eve"] {
        session.input(item(0, "pass").from_stream(stream(peer))).await.expect("open");
        next(&mut session).await;
    }
    session.input(item(1, "wait").from_stream(stream("bob"))).await.expect("open");
    Gate::named("one of two").reached().await;
    let new = json!({"gate": "one of two", "label": "new"});
    within(session.reconfigure(&node("a"), new)).await.expect_err("one hangs");
    Gate::named("one of two").open();
    next(&mut session).await;
    for peer in ["ann", "bob", "eve", "dan"] {
        session.input(item(2, "pass").from_stream(stream(peer))).await.expect("open");
        assert_eq!(next(&mut session).await["label"], "old", "{peer}");
    }
    finish(&session).await;
}

#[tokio::test]
async fn new_params_pass_by_a_stream_that_is_closing() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "closing", "label": "old"}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "pass").from_stream(stream("ann"))).await.expect("open");
    next(&mut session).await;
    session.input(item(1, "wait").from_stream(stream("bob"))).await.expect("open");
    Gate::named("closing").reached().await;
    let handle = session.handle().clone();
    let leaving = tokio::spawn(async move { handle.close_stream(&stream("bob")).await });
    let handle = session.handle().clone();
    let new = json!({"gate": "closing", "label": "new"});
    let telling = tokio::spawn(async move { handle.reconfigure(&node("a"), new).await });
    tokio::task::yield_now().await;
    Gate::named("closing").open();
    within(leaving).await.expect("no panic");
    within(telling).await.expect("no panic").expect("taken");
    next(&mut session).await;
    for peer in ["ann", "eve"] {
        session.input(item(2, "pass").from_stream(stream(peer))).await.expect("open");
        assert_eq!(next(&mut session).await["label"], "new", "{peer}");
    }
    finish(&session).await;
}

#[tokio::test]
async fn a_control_item_among_the_input_reconfigures_its_node() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Light", json!({"label": "old"}))]);
    let mut session = start(nodes, edges).await;
    let message = ControlMessage::Reconfigure { node: node("b"), params: json!({"label": "new"}) };
    session.input(control(message)).await.expect("taken");
    session.input(item(0, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["label"], "new");
    let message = ControlMessage::Reconfigure { node: node("b"), params: json!({"level": 0}) };
    let refused = session.input(control(message)).await;
    assert!(matches!(refused, Err(SessionError::Reconfigure(_))), "{refused:?}");
    assert_eq!(finish(&session).await.pipeline.input.sent, 1, "control items are not counted");
}

#[tokio::test]
async fn a_flush_frees_what_every_node_on_its_way_holds_back() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Heavy", json!({})), ("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "hold")).await.expect("open");
    let mut outputs = Vec::new();
    while outputs.is_empty() {
        session.input(control(ControlMessage::Flush)).await.expect("open");
        // Each flush overtakes the item that the one before it freed, which the next node then holds.
        outputs.extend(tokio::time::timeout(std::time::Duration::from_millis(20), session.output()).await);
    }
    assert_eq!(super::value(outputs.remove(0).expect("an output"))["n"], 0);
    assert_balanced(&finish(&session).await.pipeline);
}

#[tokio::test]
async fn a_flush_of_one_stream_leaves_the_others_alone() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    for (n, peer) in [(0, "ann"), (1, "bob")] {
        session.input(item(n, "hold").from_stream(stream(peer))).await.expect("open");
        session.input(item(n + 10, "pass").from_stream(stream(peer))).await.expect("open");
        assert_eq!(next(&mut session).await["n"], n + 10);
    }
    session.input(control(ControlMessage::Flush).from_stream(stream("bob"))).await.expect("open");
    assert_eq!(next(&mut session).await["n"], 1);
    session.input(control(ControlMessage::Flush)).await.expect("open");
    assert_eq!(next(&mut session).await["n"], 0);
    finish(&session).await;
}

#[tokio::test]
async fn a_node_can_tell_those_behind_it() {
    let (nodes, edges) =
        chain(&[("Light", json!({})), ("Light", json!({})), ("Heavy", json!({"label": "old"}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["label"], "old");
    let mut events = session.events();
    for params in [json!({"label": "new"}), json!({"label": "new", "level": 11})] {
        let message = json!({"type": "reconfigure", "node": "c", "params": params});
        let told = TransportData::new(json!({"n": 1, "do": "tell", "message": message}));
        session.input(told).await.expect("open");
        next(&mut session).await;
    }
    let Some(SessionEvent::NodeFailed { node, fault: NodeFault::Error(_), .. }) = within(events.recv()).await
    else {
        panic!("a refusal")
    };
    assert_eq!(node.as_str(), "c");
    session.input(item(2, "pass")).await.expect("open");
    assert_eq!(next(&mut session).await["label"], "new");
    let report = finish(&session).await.pipeline;
    assert_eq!(report.total.dropped.get(&DropReason::NodeFailed), None);
    assert_balanced(&report);
}
