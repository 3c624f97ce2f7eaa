//! The executor and its sessions, with nodes that do what their items say.

mod closing;
mod control;
mod faults;
mod flow;
mod nodes;
mod sources;
mod streams;

use std::future::Future;
use std::time::Duration;

use remotemedia_runtime_core::data::{PeerId, RuntimeData, StreamId, TrackId, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::{PipelineReport, PipelineSession, SessionDeadlines, SessionReport};
use serde_json::{Value, json};

use crate::nodes::{Heavy, Light, Ticker};

/// A runner that knows the test's nodes and those that ship, with deadlines that no busy machine misses.
fn runner() -> PipelineRunner {
    let deadlines = SessionDeadlines { drain: Duration::from_secs(15), ..SessionDeadlines::default() };
    let mut runner = PipelineRunner::new(NodeRegistry::with_builtins()).with_deadlines(deadlines);
    runner.register::<Light>().expect("a name of its own");
    runner.register::<Heavy>().expect("a name of its own");
    runner.register::<Ticker>().expect("a name of its own");
    runner
}

/// Starts a chain of nodes with deadlines that a test can wait for.
async fn start_hurried(nodes: &[(&str, Value)]) -> PipelineSession {
    let (nodes, edges) = chain(nodes);
    let runner = runner().with_deadlines(short_deadlines());
    runner.create_stream_session(&manifest(nodes, edges)).await.expect("a pipeline")
}

/// Starts a pipeline of `nodes` and `connections`, as they stand in a manifest.
async fn start(nodes: Value, connections: Value) -> PipelineSession {
    let session = runner().create_stream_session(&manifest(nodes, connections)).await;
    session.unwrap_or_else(|error| panic!("{error}"))
}

fn manifest(nodes: Value, connections: Value) -> Manifest {
    let manifest = json!({"version": "v1", "nodes": nodes, "connections": connections});
    Manifest::parse(&manifest.to_string()).expect("a manifest")
}

/// Deadlines short enough that a test can wait for them to pass.
fn short_deadlines() -> SessionDeadlines {
    let drain = Duration::from_millis(100);
    SessionDeadlines { drain, join: drain, answer: drain, ..SessionDeadlines::default() }
}

/// A chain of nodes `a`, `b`, … of the given types, each with its params.
fn chain(nodes: &[(&str, Value)]) -> (Value, Value) {
    let ids = ["a", "b", "c", "d"];
    let listed = nodes.iter().zip(ids);
    let listed = listed.map(|((kind, params), id)| json!({"id": id, "node_type": kind, "params": params}));
    let edges = ids[..nodes.len()].windows(2).map(|ends| json!({"from": ends[0], "to": ends[1]}));
    (listed.collect(), edges.collect())
}

fn item(n: u64, command: &str) -> TransportData {
    TransportData::new(json!({"n": n, "do": command})).numbered(n)
}

fn text(text: &str) -> TransportData {
    TransportData::new(RuntimeData::text(text))
}

fn stream(peer: &str) -> StreamId {
    StreamId::new(PeerId::new(peer).expect("a name"), TrackId::new("data").expect("a name"))
}

/// The next output's JSON.
async fn next(session: &mut PipelineSession) -> Value {
    value(within(session.output()).await.expect("an output"))
}

/// All outputs until the session has ended.
async fn rest(session: &mut PipelineSession) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some(item) = within(session.output()).await {
        values.push(value(item));
    }
    values
}

fn value(item: TransportData) -> Value {
    let RuntimeData::Json(value) = &item.data else { panic!("{item:?} is not JSON") };
    value.as_ref().clone()
}

/// A value that only a test node's output has.
#[track_caller]
fn said<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn numbers(values: &[Value]) -> Vec<u64> {
    values.iter().map(|value| value["n"].as_u64().expect("a number")).collect()
}

/// Waits for something that must happen.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("must happen")
}

/// Every ledger adds up, by node, by edge and overall.
#[track_caller]
fn assert_balanced(report: &PipelineReport) {
    assert!(report.total.is_balanced(), "{report:#?}");
    for edge in &report.edges {
        assert!(edge.ledger.is_balanced(), "{edge:#?}");
    }
    let edges: u64 = report.edges.iter().map(|edge| edge.ledger.sent).sum();
    let unrouted: u64 = report.nodes.iter().map(|node| node.unrouted.sent).sum();
    assert!(report.total.sent >= edges + unrouted, "{report:#?}");
}

/// Ends a session, and sees that of every item it is known where it went.
async fn finish(session: &PipelineSession) -> SessionReport {
    let report = session.close().await;
    let waiting = report.outputs_waiting;
    for ledger in report.pipeline.edges.iter().map(|edge| &edge.ledger).chain([&report.pipeline.total]) {
        assert!(ledger.sent >= ledger.delivered + ledger.dropped_total(), "{report:#?}");
    }
    let under_way: u64 = report.pipeline.edges.iter().map(|edge| edge.ledger.under_way()).sum();
    assert_eq!((report.pipeline.total.under_way(), under_way), (waiting, waiting), "{report:#?}");
    report
}
