//! The end of a session: drained, or aborted and named.

use remotemedia_runtime_core::ledger::DropReason;
use remotemedia_runtime_core::session::{SessionError, SessionEvent};
use serde_json::json;

use super::nodes::{Gate, alive};
use super::{
    assert_balanced, chain, finish, item, next, numbers, rest, start, start_hurried, stream, within,
};

#[tokio::test]
async fn a_node_that_hangs_does_not_hang_the_close_and_is_named() {
    let nodes = [("Heavy", json!({"gate": "hang"})), ("Light", json!({}))];
    let mut session = start_hurried(&nodes).await;
    let mut events = session.events();
    session.input(item(0, "wait")).await.expect("open");
    Gate::named("hang").reached().await;
    for n in 1..4 {
        session.input(item(n, "pass")).await.expect("open");
    }
    let report = within(finish(&session)).await;
    let [aborted] = &report.aborted[..] else { panic!("{:?}", report.aborted) };
    assert_eq!((aborted.node.as_str(), aborted.still_running), ("a", true));
    assert_eq!(report.pipeline.input.dropped[&DropReason::Closed], 4);
    assert_balanced(&report.pipeline);
    assert!(matches!(within(events.recv()).await, Some(SessionEvent::NodeAborted { .. })));
    assert_eq!(rest(&mut session).await.len(), 0);
    // The node comes back: nobody counts its item again, and its output goes nowhere.
    Gate::named("hang").open();
    drop(session.close().await);
    assert_eq!(session.ledger().total, report.pipeline.total);
}

#[tokio::test]
async fn a_slow_node_gets_through_all_that_waits_within_the_deadline() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "slow"})), ("Light", json!({}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "wait")).await.expect("open");
    for n in 1..64 {
        session.input(item(n, "pass")).await.expect("open");
    }
    let handle = session.handle().clone();
    let closing = tokio::spawn(async move { handle.close().await });
    Gate::named("slow").reached().await;
    Gate::named("slow").open();
    let report = within(closing).await.expect("no panic");
    assert_eq!((report.aborted.len(), report.outputs_waiting), (0, 64));
    assert_eq!(numbers(&rest(&mut session).await), (0..64).collect::<Vec<_>>());
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn an_item_sent_after_the_close_is_refused_and_counted() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let session = start(nodes, edges).await;
    assert!(session.is_active());
    finish(&session).await;
    assert!(!session.is_active());
    let refused = session.input(item(0, "pass")).await;
    assert!(matches!(refused, Err(SessionError::Closed)), "{refused:?}");
    assert_eq!(session.ledger().input.dropped[&DropReason::Closed], 1);
    assert_balanced(&session.ledger());
}

#[tokio::test]
async fn two_closes_at_once_give_the_same_report() {
    let (nodes, edges) = chain(&[("Heavy", json!({}))]);
    let session = start(nodes, edges).await;
    session.input(item(0, "pass")).await.expect("open");
    let (first, second) = tokio::join!(session.close(), session.close());
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_close_that_was_cancelled_can_be_called_again() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "cancelled"}))]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "wait")).await.expect("open");
    Gate::named("cancelled").reached().await;
    tokio::select! {
        biased;
        _ = session.close() => panic!("the node waits at its gate"),
        () = tokio::task::yield_now() => {}
    }
    Gate::named("cancelled").open();
    assert_eq!(finish(&session).await.aborted, []);
    assert_eq!(numbers(&rest(&mut session).await), [0]);
}

#[tokio::test]
async fn a_sender_that_waits_for_room_is_released_by_the_close() {
    let session = start_hurried(&[("Heavy", json!({"gate": "full"}))]).await;
    let sender = session.handle().clone();
    let sending = tokio::spawn(async move {
        let mut n = 0;
        loop {
            match sender.input(item(n, "wait")).await {
                Ok(()) => n += 1,
                Err(error) => return (n, error),
            }
        }
    });
    Gate::named("full").reached().await;
    let report = within(finish(&session)).await;
    let (sent, refused) = within(sending).await.expect("no panic");
    assert!(sent <= 65 && matches!(refused, SessionError::Closed), "{sent} {refused}");
    assert_eq!(report.aborted.len(), 1);
    assert_balanced(&session.ledger());
    Gate::named("full").open();
}

#[tokio::test]
async fn a_session_that_is_dropped_ends_its_nodes() {
    let counted = json!({"counted_as": "dropped"});
    let (nodes, edges) = chain(&[("Light", counted.clone()), ("Heavy", counted)]);
    let mut session = start(nodes, edges).await;
    session.input(item(0, "pass")).await.expect("open");
    next(&mut session).await;
    assert_eq!(alive("dropped"), 2);
    let handle = session.handle().clone();
    drop(session);
    assert_eq!(alive("dropped"), 2, "a handle is left");
    drop(handle);
    within(async {
        while alive("dropped") > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn all_instances_are_gone_when_the_close_returns() {
    let counted = json!({"counted_as": "closed"});
    let (nodes, edges) = chain(&[("Light", counted.clone()), ("Heavy", counted)]);
    let session = start(nodes, edges).await;
    for peer in ["ann", "bob"] {
        session.input(item(0, "pass").from_stream(stream(peer))).await.expect("open");
    }
    finish(&session).await;
    assert_eq!(alive("closed"), 0);
}

#[tokio::test]
async fn without_its_output_half_a_session_goes_on_and_counts_what_nobody_takes() {
    let (nodes, edges) = chain(&[("Light", json!({}))]);
    let (input, output) = start(nodes, edges).await.into_halves();
    drop(output);
    for n in 0..200 {
        input.input(item(n, "pass")).await.expect("open");
    }
    let report = input.close().await.pipeline;
    assert_eq!(report.nodes[0].ledger.delivered, 200);
    assert_eq!(report.output.dropped[&DropReason::Closed], 200);
    assert_balanced(&report);
}

#[tokio::test]
async fn a_stream_whose_node_hangs_is_given_up_and_the_others_go_on() {
    let mut session = start_hurried(&[("Heavy", json!({"gate": "one hangs"}))]).await;
    session.input(item(0, "wait").from_stream(stream("ann"))).await.expect("open");
    Gate::named("one hangs").reached().await;
    let aborted = within(session.close_stream(&stream("ann"))).await;
    assert_eq!(aborted.iter().map(|node| node.stream.clone()).collect::<Vec<_>>(), [Some(stream("ann"))]);
    session.input(item(1, "pass").from_stream(stream("bob"))).await.expect("open");
    assert_eq!(next(&mut session).await["n"], 1);
    let report = finish(&session).await;
    assert_eq!((report.aborted.len(), report.is_balanced()), (0, true));
    assert_balanced(&report.pipeline);
    Gate::named("one hangs").open();
}

#[tokio::test]
async fn a_unary_call_whose_node_hangs_names_it_when_its_time_is_up() {
    let (nodes, edges) = chain(&[("Heavy", json!({"gate": "unary"}))]);
    let mut deadlines = super::short_deadlines();
    deadlines.unary = deadlines.drain;
    let runner = super::runner().with_deadlines(deadlines);
    let late = within(runner.execute_unary(&super::manifest(nodes, edges), item(0, "wait"))).await;
    let Err(SessionError::Timeout { awaited, .. }) = late else { panic!("{late:?}") };
    assert_eq!(awaited, "node a");
    Gate::named("unary").open();
}
