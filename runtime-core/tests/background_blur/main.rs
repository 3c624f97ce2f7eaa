//! How well `BackgroundBlur` does its work, on footage of which the truth is known.
//!
//! Thresholds are quality floors: what the node reached when they were set, less a margin. A change that makes
//! a picture better raises the floor; one that falls below it makes a picture worse.

mod footage;
mod measure;
mod quality;
mod shapes;

use std::sync::Arc;

use remotemedia_runtime_core::data::{NodeId, RuntimeData, SessionId, TransportData, VideoFrame};
use remotemedia_runtime_core::node::{DynNode, NodeContext, NodeError, NodeRegistry, Outputs};
use remotemedia_runtime_core::shm::HeapPool;
use serde_json::Value;

/// A node that ships, called as the executor would.
struct Bench {
    node: Box<dyn DynNode>,
    outputs: Outputs,
}

/// What a node gives out: port and picture.
type Given = Vec<(&'static str, VideoFrame)>;

impl Bench {
    fn new(node_type: &str, params: Value) -> Self {
        let context = NodeContext {
            node_id: NodeId::new("node").expect("a valid name"),
            session_id: SessionId::new("session").expect("a valid name"),
            stream: None,
            pool: Arc::new(HeapPool::default()),
        };
        let registry = NodeRegistry::with_builtins();
        let node = registry.factory(node_type).expect("it ships").create(&params, &context);
        Self { node: node.expect("valid params"), outputs: Outputs::default() }
    }

    fn process(&mut self, item: TransportData) -> Result<Given, NodeError> {
        self.node.process("in", item, &mut self.outputs)?;
        Ok(self.given())
    }

    fn given(&mut self) -> Given {
        let items = self.outputs.drain();
        items.map(|(port, item)| (port, picture(item))).collect()
    }
}

fn picture(item: TransportData) -> VideoFrame {
    match item.data {
        RuntimeData::Video(frame) => frame,
        other => panic!("{other:?} is no picture"),
    }
}
