//! What the executor costs: a hop between two nodes, in a task and on a thread, and a full pipeline.
//!
//! A hop is the difference between chains of different lengths: a wake-up, and no copy of the picture.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use remotemedia_runtime_core::data::{PixelFormat, TransportData, VideoFrame, VideoLoan};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::{
    Node, NodeContext, NodeError, NodeRegistry, NodeSpec, Outputs, PortSpec,
};
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::PipelineSession;
use remotemedia_runtime_core::shm::HeapPool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Runtime;

/// Hands every item on from a thread of its own.
struct Relay;

/// [`Relay`] takes no params.
#[derive(Deserialize, JsonSchema)]
struct RelayParams {}

impl Node for Relay {
    type Params = RelayParams;

    const SPEC: NodeSpec = NodeSpec::new("Relay", "Hands every item on from a thread of its own.")
        .inputs(&[PortSpec::new("in", &[])])
        .outputs(&[PortSpec::new("out", &[])])
        .heavy();

    fn create(_: RelayParams, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self)
    }

    fn process(&mut self, _: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        outputs.send(item);
        Ok(())
    }
}

/// Items sent before the first is taken back: as many as an entrance holds.
const IN_FLIGHT: u64 = 64;

fn chain(runtime: &Runtime, node_type: &str, length: usize) -> PipelineSession {
    let nodes = (0..length).map(|n| json!({"id": format!("n{n}"), "node_type": node_type}));
    let edges = (1..length).map(|n| json!({"from": format!("n{}", n - 1), "to": format!("n{n}")}));
    let manifest = json!({"version": "v1", "nodes": nodes.collect::<Vec<_>>(), "connections": edges.collect::<Vec<_>>()});
    let manifest = Manifest::parse(&manifest.to_string()).expect("a manifest");
    let mut runner = PipelineRunner::new(NodeRegistry::with_builtins());
    runner.register::<Relay>().expect("a name of its own");
    runtime.block_on(runner.create_stream_session(&manifest)).expect("a pipeline")
}

fn picture() -> VideoFrame {
    VideoLoan::new(&HeapPool::default(), PixelFormat::I420, 1280, 720).expect("within limits").freeze()
}

fn hop(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("there_and_back_720p");
    for (weight, node_type) in [("light", "PassThrough"), ("heavy", "Relay")] {
        for length in [1, 2, 4, 8] {
            let mut session = chain(&runtime, node_type, length);
            let picture = picture();
            group.bench_function(BenchmarkId::new(weight, length), |bench| {
                bench.iter(|| {
                    runtime.block_on(async {
                        session.input(TransportData::new(picture.clone())).await.expect("open");
                        black_box(session.output().await.expect("an output"))
                    })
                });
            });
            runtime.block_on(session.close());
        }
    }
    group.finish();
}

fn throughput(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("pipelined_json");
    group.throughput(Throughput::Elements(IN_FLIGHT));
    for (weight, node_type) in [("light", "PassThrough"), ("heavy", "Relay")] {
        let mut session = chain(&runtime, node_type, 4);
        let item = TransportData::new(json!({"n": 1}));
        group.bench_function(BenchmarkId::new(weight, 4), |bench| {
            bench.iter(|| {
                runtime.block_on(async {
                    for _ in 0..IN_FLIGHT {
                        session.input(item.clone()).await.expect("open");
                    }
                    for _ in 0..IN_FLIGHT {
                        black_box(session.output().await.expect("an output"));
                    }
                })
            });
        });
        runtime.block_on(session.close());
    }
    group.finish();
}

fn session(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("start_and_close");
    for (weight, node_type) in [("light", "PassThrough"), ("heavy", "Relay")] {
        group.bench_function(BenchmarkId::new(weight, 4), |bench| {
            bench.iter(|| {
                let mut session = chain(&runtime, node_type, 4);
                runtime.block_on(async {
                    session.input(TransportData::new(json!({"n": 1}))).await.expect("open");
                    session.output().await.expect("an output");
                    session.close().await
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hop, throughput, session);
criterion_main!(benches);
