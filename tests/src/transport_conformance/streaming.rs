//! Many items in, many out.

use bytes::Bytes;
use remotemedia_runtime_core::data::{RuntimeData, TransportData};
use remotemedia_runtime_core::ledger::DropReason;
use remotemedia_runtime_core::session::SessionError;
use serde_json::json;

use super::{TransportFixture, calculator, numbered, open, pass_through, value, within};

/// JSON, text and bytes of several sizes arrive as they were, in the order in which they were sent.
pub async fn json_text_and_bytes_arrive_whole_and_in_order(fixture: &impl TransportFixture) {
    let mut session = open(fixture, pass_through()).await;
    for n in 0..30_usize {
        let bytes: Vec<u8> = (0..n * 500).map(|at| (at * 7 + n) as u8).collect();
        let items = [
            RuntimeData::json(json!({"n": n, "nested": {"list": [1, null, "ü"]}})),
            RuntimeData::text(format!("text {n} äöü \u{1f600} \n\"quoted\"")),
            RuntimeData::Binary(Bytes::from(bytes)),
        ];
        for item in &items {
            let sent = TransportData::new(item.clone()).numbered(n as u64);
            within(session.send_input(sent)).await.expect("open");
        }
        for item in &items {
            let received = within(session.recv_output()).await.expect("an output");
            match (item, &received.data) {
                (RuntimeData::Json(sent), RuntimeData::Json(received)) => assert_eq!(sent, received),
                (RuntimeData::Text(sent), RuntimeData::Text(received)) => assert_eq!(sent, received),
                (RuntimeData::Binary(sent), RuntimeData::Binary(received)) => assert_eq!(sent, received),
                (sent, received) => panic!("sent {sent:?}, received {received:?}"),
            }
        }
    }
    within(session.close()).await;
}

/// Input and output can be served by two tasks; then no amount of items makes one wait for the other.
pub async fn two_tasks_serve_the_two_halves_of_a_session(fixture: &impl TransportFixture) {
    let (input, mut output) = open(fixture, pass_through()).await.split();
    let sending = tokio::spawn(async move {
        for n in 0..500 {
            within(input.send(numbered(n))).await.expect("open");
        }
        input
    });
    for n in 0..500 {
        let received = within(output.recv()).await.expect("an output");
        assert_eq!(value(received)["n"], n);
    }
    let input = within(sending).await.expect("no panic");
    let report = within(input.close()).await;
    assert!(report.is_balanced(), "{report:#?}");
    assert!(within(output.recv()).await.is_none());
}

/// Sessions have different ids and get their own items only, at once or one after another.
pub async fn sessions_share_nothing(fixture: &impl TransportFixture) {
    let mut ids = std::collections::HashSet::new();
    for round in 0..2 {
        let mut sessions = Vec::new();
        for _ in 0..fixture.sessions_at_once() {
            sessions.push(open(fixture, pass_through()).await);
        }
        for (at, session) in sessions.iter_mut().enumerate() {
            assert!(ids.insert(session.session_id().clone()));
            let text = RuntimeData::text(format!("{round} {at}"));
            within(session.send_input(TransportData::new(text))).await.expect("open");
        }
        for (at, session) in sessions.iter_mut().enumerate() {
            let received = within(session.recv_output()).await.expect("an output");
            let RuntimeData::Text(text) = &received.data else { panic!("{received:?}") };
            assert_eq!(**text, format!("{round} {at}"));
            within(session.close()).await;
            assert!(within(session.recv_output()).await.is_none());
        }
    }
}

/// An item that no node takes is refused, or counted where the pipeline runs; the next one goes through.
pub async fn an_item_that_no_node_takes_is_refused_or_counted(fixture: &impl TransportFixture) {
    let mut session = open(fixture, calculator()).await;
    let text = TransportData::new(RuntimeData::text("not JSON"));
    let told = match within(session.send_input(text)).await {
        Ok(()) => false,
        Err(SessionError::NoInput { .. }) => true,
        Err(other) => panic!("{other}"),
    };
    let sum = TransportData::new(json!({"op": "add", "a": 1, "b": 1}));
    within(session.send_input(sum)).await.expect("open");
    assert_eq!(value(within(session.recv_output()).await.expect("an output"))["result"], 2);
    let report = within(session.close()).await;
    assert!(told || report.pipeline.total.dropped.contains_key(&DropReason::NoTaker), "{report:#?}");
    assert!(report.is_balanced(), "{report:#?}");
}

/// An item that a node fails is counted, and those before and after it come through.
pub async fn an_item_that_a_node_fails_costs_only_itself(fixture: &impl TransportFixture) {
    let mut session = open(fixture, calculator()).await;
    for divisor in [2, 0, 4] {
        let item = TransportData::new(json!({"op": "divide", "a": 8, "b": divisor}));
        within(session.send_input(item)).await.expect("open");
    }
    for result in [4, 2] {
        let received = within(session.recv_output()).await.expect("an output");
        assert_eq!(value(received)["result"], result);
    }
    let report = within(session.close()).await;
    assert_eq!(report.pipeline.total.dropped.get(&DropReason::NodeFailed), Some(&1));
    assert!(report.is_balanced(), "{report:#?}");
}
