//! The manifest as the executor runs it: checked, resolved, complete.

use std::sync::Arc;

use serde_json::Value;

use super::{RouteTarget, TransportSection};
use crate::data::NodeId;
use crate::node::{NodeFactory, NodeScope, NodeSpec};
use crate::queue::FullPolicy;

/// A checked pipeline. Nodes stand in an order in which every edge goes forward; edges and routes name
/// them by position.
#[derive(Clone)]
pub struct PipelineGraph {
    /// The nodes, givers before takers.
    pub nodes: Vec<NodeSettings>,
    /// The edges.
    pub edges: Vec<EdgeSettings>,
    /// One route per open output (an output port that no edge takes from), in the nodes' order.
    pub routes: Vec<RouteSettings>,
    /// How peers reach the pipeline.
    pub transport: Option<TransportSection>,
}

/// A node, resolved.
#[derive(Clone)]
pub struct NodeSettings {
    /// Its id.
    pub id: NodeId,
    /// Its type's description.
    pub spec: NodeSpec,
    /// What makes its instances.
    pub factory: Arc<dyn NodeFactory>,
    /// Its params, checked against the type's schema, keys in snake_case.
    pub params: Value,
    /// How many instances it has.
    pub scope: NodeScope,
}

/// An edge, resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeSettings {
    /// Position of the node that gives.
    pub from: usize,
    /// Its output port's name.
    pub from_port: &'static str,
    /// Position of the node that takes.
    pub to: usize,
    /// Its input port's name.
    pub to_port: &'static str,
    /// What a full edge does.
    pub policy: FullPolicy,
    /// Most items that wait.
    pub capacity: usize,
}

/// Who gets one open output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSettings {
    /// The output's name: the node's id, with `.port` behind it unless it is the first port.
    pub output: Arc<str>,
    /// Position of the node that gives it.
    pub node: usize,
    /// The output port's name.
    pub port: &'static str,
    /// Who gets it.
    pub to: RouteTarget,
}

impl std::fmt::Debug for NodeSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeSettings")
            .field("id", &self.id)
            .field("node_type", &self.spec.node_type)
            .field("params", &self.params)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PipelineGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipelineGraph")
            .field("nodes", &self.nodes)
            .field("edges", &self.edges)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
