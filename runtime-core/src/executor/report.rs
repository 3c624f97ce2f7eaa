//! A pipeline's figures at one moment.

use serde::Serialize;

use super::pipeline::Pipeline;
use super::plan::Place;
use crate::data::{NodeId, StreamId};
use crate::latency::LatencyReport;
use crate::ledger::LedgerReport;

/// A pipeline's figures at one moment.
///
/// The sum of all ledgers is `total`; of these `input` are the edges from the session's user, `output` those
/// to it. What is [under way](LedgerReport::under_way) waits somewhere or is being worked on; when all nodes
/// have ended, it is exactly the outputs that wait to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PipelineReport {
    /// All that was sent anywhere in the pipeline: each item once per edge it went over.
    pub total: LedgerReport,
    /// What the user sent, with what no node took.
    pub input: LedgerReport,
    /// What the user was given.
    pub output: LedgerReport,
    /// Each node, in the graph's order.
    pub nodes: Vec<NodeReport>,
    /// Each edge, with those from and to the user.
    pub edges: Vec<EdgeReport>,
    /// From an item's entry into the process until the user took what was made of it.
    pub latency: LatencyReport,
}

impl PipelineReport {
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let mut report = Self { latency: pipeline.outlet.latency.report(), ..Self::default() };
        for stage in &pipeline.stages {
            report.nodes.push(NodeReport {
                node: stage.settings.id.clone(),
                node_type: stage.settings.spec.node_type,
                instances: stage.instances().iter().filter(|instance| !instance.is_ended()).count(),
                ledger: LedgerReport::default(),
                unrouted: stage.unrouted.report(),
                processing: stage.processing.report(),
                queue_wait: stage.queue_wait.report(),
            });
        }
        let name = |place, port, user: &str| match place {
            Place::Node(at) => format!("{}.{port}", pipeline.stages[at].settings.id),
            Place::User => user.to_owned(),
        };
        for (account, ledger) in &pipeline.accounts {
            let ledger = ledger.report();
            match account.to {
                Place::Node(to) => report.nodes[to].ledger.add(&ledger),
                Place::User => report.output.add(&ledger),
            }
            if account.from == Place::User {
                report.input.add(&ledger);
            }
            report.total.add(&ledger);
            let from = name(account.from, account.from_port, "input");
            report.edges.push(EdgeReport { from, to: name(account.to, account.to_port, "output"), ledger });
        }
        let refused = pipeline.refused.report();
        report.input.add(&refused);
        report.total.add(&refused);
        report.nodes.iter().for_each(|node| report.total.add(&node.unrouted));
        report
    }
}

/// One node's figures, over all its instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// Its type.
    pub node_type: &'static str,
    /// Instances running.
    pub instances: usize,
    /// What came in.
    pub ledger: LedgerReport,
    /// What it gave out on ports that it does not have.
    pub unrouted: LedgerReport,
    /// How long its `process` took.
    pub processing: LatencyReport,
    /// How long items waited for it.
    pub queue_wait: LatencyReport,
}

/// One edge's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeReport {
    /// The giving node and its port, as `node.port`; `input`: the session's user.
    pub from: String,
    /// The taking node and its port; `output`: the session's user.
    pub to: String,
    /// What went over it.
    pub ledger: LedgerReport,
}

/// A node's instance that did not end by the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AbortedNode {
    /// The node.
    pub node: NodeId,
    /// The stream that the instance served; `None`: all, or the session's own user.
    pub stream: Option<StreamId>,
    /// Whether it was still at work when it was given up: its thread ends when the node lets it.
    pub still_running: bool,
}
