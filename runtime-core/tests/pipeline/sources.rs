//! Nodes without inputs give out what is due, in virtual time.

use std::time::Duration;

use remotemedia_runtime_core::session::{NodeFault, SessionEvent};
use serde_json::json;
use tokio::time::Instant;

use super::{assert_balanced, chain, finish, next, numbers, start, within};

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_at_the_times_that_it_names() {
    let (nodes, edges) = chain(&[("Ticker", json!({"count": 5, "interval_ms": 40})), ("Light", json!({}))]);
    let begun = Instant::now();
    let mut session = start(nodes, edges).await;
    let mut outputs = Vec::new();
    for n in 0..5 {
        outputs.push(next(&mut session).await);
        assert!(begun.elapsed() >= Duration::from_millis(n * 40));
        assert!(outputs[n as usize]["elapsed_ms"].as_u64() >= Some(n * 40));
    }
    assert_eq!(numbers(&outputs), [0, 1, 2, 3, 4]);
    let report = finish(&session).await;
    assert_eq!((report.aborted.len(), report.pipeline.output.delivered), (0, 5));
    assert_balanced(&report.pipeline);
}

#[tokio::test]
async fn a_heavy_pipeline_behind_a_source_is_stopped_by_the_close() {
    let (nodes, edges) =
        chain(&[("Ticker", json!({"count": 1_000_000_000_u64, "interval_ms": 1})), ("Heavy", json!({}))]);
    let mut session = start(nodes, edges).await;
    for n in 0..10 {
        assert_eq!(next(&mut session).await["n"], n);
    }
    let report = within(finish(&session)).await;
    assert_eq!((report.aborted.len(), report.is_balanced()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_made_anew_a_while_later() {
    let (nodes, edges) = chain(&[("Ticker", json!({"count": 9, "interval_ms": 5, "panic_at": 2}))]);
    let mut session = start(nodes, edges).await;
    let mut events = session.events();
    let mut outputs = Vec::new();
    for _ in 0..4 {
        outputs.push(next(&mut session).await);
    }
    assert_eq!(numbers(&outputs), [0, 1, 0, 1]);
    let event = within(events.recv()).await;
    assert!(matches!(event, Some(SessionEvent::NodeFailed { fault: NodeFault::Panic { .. }, .. })));
    assert_balanced(&finish(&session).await.pipeline);
}
