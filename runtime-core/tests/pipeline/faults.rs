//! A node that fails or panics fails its item, is counted and reported, and goes on.

use remotemedia_runtime_core::ledger::DropReason;
use remotemedia_runtime_core::session::{NodeFault, SessionError, SessionEvent};
use serde_json::json;

use super::{assert_balanced, chain, finish, item, manifest, next, numbers, rest, runner, start, within};

#[tokio::test]
async fn a_node_that_fails_an_item_goes_on_with_the_next() {
    for kind in ["Light", "Heavy"] {
        let (nodes, edges) = chain(&[(kind, json!({})), ("PassThrough", json!({}))]);
        let mut session = start(nodes, edges).await;
        let mut events = session.events();
        for (n, command) in ["pass", "fail", "pass"].into_iter().enumerate() {
            session.input(item(n as u64, command)).await.expect("open");
        }
        finish(&session).await;
        let outputs = rest(&mut session).await;
        assert_eq!(numbers(&outputs), [0, 2]);
        assert_eq!(outputs[1]["seen"], 3, "the instance is the same");
        let event = within(events.recv()).await.expect("an event");
        let SessionEvent::NodeFailed { node, stream: None, fault, untold: 0 } = event else {
            panic!("{event:?}")
        };
        assert_eq!((node.as_str(), fault.to_string()), ("a", "the node's work failed".to_owned()));
        let report = session.ledger();
        assert_eq!(report.nodes[0].ledger.dropped[&DropReason::NodeFailed], 1);
        assert_balanced(&report);
    }
}

#[tokio::test]
async fn a_node_that_panics_is_made_anew_for_the_next_item() {
    for kind in ["Light", "Heavy"] {
        let (nodes, edges) = chain(&[(kind, json!({"label": "mine"}))]);
        let mut session = start(nodes, edges).await;
        let mut events = session.events();
        for (n, command) in ["pass", "panic", "pass"].into_iter().enumerate() {
            session.input(item(n as u64, command)).await.expect("open");
        }
        finish(&session).await;
        let outputs = rest(&mut session).await;
        assert_eq!(numbers(&outputs), [0, 2]);
        assert_eq!((&outputs[1]["seen"], &outputs[1]["label"]), (&json!(1), &json!("mine")));
        let event = within(events.recv()).await.expect("an event");
        let SessionEvent::NodeFailed { fault: NodeFault::Panic { message }, .. } = event else {
            panic!("{event:?}")
        };
        assert_eq!(&*message, "told to panic");
        let report = session.ledger();
        assert_eq!(report.nodes[0].ledger.dropped[&DropReason::NodePanicked], 1);
        assert_balanced(&report);
    }
}

#[tokio::test]
async fn what_a_node_gave_out_before_it_failed_the_item_goes_nowhere() {
    let (nodes, edges) = chain(&[("Light", json!({})), ("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "half")).await.expect("open");
    session.input(item(1, "pass")).await.expect("open");
    finish(&session).await;
    assert_eq!(numbers(&rest(&mut session).await), [1]);
    let report = session.ledger();
    assert_eq!(report.nodes[1].ledger.sent, 1);
    assert_balanced(&report);
}

#[tokio::test]
async fn an_output_on_a_port_that_the_node_does_not_have_is_counted_and_reported() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    let mut events = session.events();
    session.input(item(0, "stray")).await.expect("open");
    let Some(SessionEvent::NodeFailed { fault, .. }) = within(events.recv()).await else {
        panic!("a failure")
    };
    assert_eq!(fault.to_string(), "Light has no output port nowhere");
    finish(&session).await;
    assert_eq!(rest(&mut session).await.len(), 0);
    let report = session.ledger();
    assert_eq!(report.nodes[0].unrouted.dropped[&DropReason::NoTaker], 1);
    assert_balanced(&report);
}

#[tokio::test]
async fn a_node_that_cannot_be_made_for_a_stream_fails_its_items() {
    for (kind, create) in [("Light", "fail"), ("Heavy", "panic")] {
        let (nodes, edges) = chain(&[(kind, json!({"create": create}))]);
        let session = start(nodes, edges).await;
        let mut events = session.events();
        session.input(item(0, "pass")).await.expect("open");
        session.input(item(1, "pass")).await.expect("open");
        assert!(matches!(within(events.recv()).await, Some(SessionEvent::NodeFailed { .. })));
        let report = finish(&session).await.pipeline;
        assert_eq!(report.nodes[0].ledger.dropped_total(), 2);
        assert_balanced(&report);
    }
}

#[tokio::test]
async fn a_node_that_is_there_from_the_start_and_cannot_be_made_stops_the_start() {
    for (kind, create, why) in [("Light", "fail", "work failed"), ("Heavy", "panic", "node panicked")] {
        let nodes =
            json!([{"id": "mixer", "node_type": kind, "scope": "session", "params": {"create": create}}]);
        let refused = runner().create_stream_session(&manifest(nodes, json!([]))).await;
        let Err(SessionError::NodeFailed { node, fault }) = refused else { panic!("it cannot start") };
        assert_eq!(node.as_str(), "mixer");
        assert!(fault.to_string().contains(why), "{fault}");
    }
}

#[tokio::test]
async fn a_unary_call_says_which_node_failed_and_why() {
    for (command, why) in [("fail", "the node's work failed"), ("panic", "node panicked: told to panic")] {
        let (nodes, edges) = chain(&[("PassThrough", json!({})), ("Heavy", json!({}))]);
        let failed = runner().execute_unary(&manifest(nodes, edges), item(0, command)).await;
        let Err(SessionError::NodeFailed { node, fault }) = failed else { panic!("{failed:?}") };
        assert_eq!((node.as_str(), fault.to_string().as_str()), ("b", why));
    }
}

#[tokio::test]
async fn a_unary_call_without_an_output_or_an_entrance_says_so() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let nothing = runner().execute_unary(&manifest(nodes, edges), item(0, "stray")).await;
    assert!(matches!(nothing, Err(SessionError::NodeFailed { .. })), "{nothing:?}");
    let nodes = json!([{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "Calculator"}]);
    let manifest = manifest(nodes, json!([{"from": "a", "to": "b"}]));
    let nothing = runner().execute_unary(&manifest, super::text("not JSON")).await;
    assert!(matches!(nothing, Err(SessionError::NoOutput)), "{nothing:?}");
    let source = json!([{"id": "a", "node_type": "Ticker", "params": {"count": 1, "interval_ms": 1}}]);
    let nowhere = runner().execute_unary(&super::manifest(source, json!([])), item(0, "pass")).await;
    assert!(matches!(nowhere, Err(SessionError::NoInput { .. })), "{nowhere:?}");
}

#[tokio::test]
async fn a_panic_in_one_session_leaves_another_alone() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let mut calm = start(nodes.clone(), edges.clone()).await;
    let troubled = start(nodes, edges).await;
    assert_ne!(calm.session_id(), troubled.session_id());
    calm.input(item(0, "pass")).await.expect("open");
    troubled.input(item(0, "panic")).await.expect("open");
    finish(&troubled).await;
    calm.input(item(1, "pass")).await.expect("open");
    assert_eq!(next(&mut calm).await["seen"], 1);
    assert_eq!(next(&mut calm).await["seen"], 2);
    assert_eq!(finish(&calm).await.pipeline.total.dropped_total(), 0);
}
