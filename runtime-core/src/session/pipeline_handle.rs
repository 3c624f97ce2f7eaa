//! The input and control side of a running pipeline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::{SessionDeadlines, SessionError, SessionReport};
use crate::data::{NodeId, SessionId, StreamId, TransportData};
use crate::executor::{AbortedNode, CloseDeadlines, Executor, PipelineReport, SessionEvents};
use crate::manifest::PipelineGraph;

/// The input and control side of a running pipeline; clones share it. When the last clone and the
/// output are dropped, the pipeline is aborted.
#[derive(Debug, Clone)]
pub struct PipelineHandle {
    session: Arc<Session>,
}

#[derive(Debug)]
struct Session {
    session_id: SessionId,
    graph: PipelineGraph,
    executor: Executor,
    deadlines: SessionDeadlines,
    closing: AtomicBool,
    report: OnceCell<SessionReport>,
}

impl PipelineHandle {
    pub(super) fn new(
        session_id: SessionId,
        graph: PipelineGraph,
        executor: Executor,
        deadlines: SessionDeadlines,
    ) -> Self {
        let (closing, report) = (AtomicBool::new(false), OnceCell::new());
        Self { session: Arc::new(Session { session_id, graph, executor, deadlines, closing, report }) }
    }

    /// Returns the session's globally unique id.
    pub fn session_id(&self) -> &SessionId {
        &self.session.session_id
    }

    /// Returns the pipeline that runs: its nodes, its transport section and the routes of its outputs.
    pub fn graph(&self) -> &PipelineGraph {
        &self.session.graph
    }

    /// Gives an item to every node with a free input port for its kind. Media never waits: the oldest
    /// item of its stream is dropped and counted instead. Data waits for room. A control item goes past all
    /// that waits: `Reconfigure` to its node, `Flush` the way of the items.
    ///
    /// Cancel safety: a cancelled call may have given the item to some of several nodes.
    ///
    /// # Errors
    /// [`SessionError::Closed`], [`SessionError::NoInput`], [`SessionError::TooManyStreams`]: the item is
    /// counted as dropped; [`SessionError::NodeFailed`] if an instance could not be started for it;
    /// for a `Reconfigure` as [`reconfigure`](Self::reconfigure).
    pub async fn input(&self, item: TransportData) -> Result<(), SessionError> {
        Ok(self.session.executor.input(item, self.session.deadlines.answer).await?)
    }

    /// Ends a stream: what is under way of it gets through, the instances that serve it end, and the nodes
    /// that see all streams forget it. Call it after the stream's last input; items that come before it
    /// is done are refused, one that comes later begins the stream anew. Returns what did not end by the
    /// drain deadline.
    ///
    /// Cancel safety: call it again to finish what a cancelled call began.
    pub async fn close_stream(&self, stream: &StreamId) -> Vec<AbortedNode> {
        self.session.executor.close_stream(stream, self.session.deadlines.closing()).await
    }

    /// Gives a node new params, past all that waits, and waits for its answer. Instances made later get
    /// them too.
    ///
    /// # Errors
    /// [`SessionError::Reconfigure`] if there is no such node, the params do not fit its schema, or it
    /// refuses them or does not answer; it keeps its old params. [`SessionError::Closed`].
    pub async fn reconfigure(&self, node: &NodeId, params: Value) -> Result<(), SessionError> {
        Ok(self.session.executor.reconfigure(node, params, self.session.deadlines.answer).await?)
    }

    /// Returns all figures at this moment: ledgers and latencies, by node and by edge.
    pub fn ledger(&self) -> PipelineReport {
        self.session.executor.report()
    }

    /// Returns the events from now on; every subscription gets all of them.
    pub fn events(&self) -> SessionEvents {
        self.session.executor.events()
    }

    /// Ends the session: no more input, what is under way is drained into the output by the deadline, the
    /// rest is dropped and counted. Every further call returns the same report.
    ///
    /// Cancel safety: call it again to finish what a cancelled call began.
    pub async fn close(&self) -> SessionReport {
        self.session.closing.store(true, Ordering::Release);
        let closed = self.session.report.get_or_init(|| async {
            let aborted = self.session.executor.close(self.session.deadlines.closing()).await;
            let pipeline = self.session.executor.report();
            let outputs_waiting = pipeline.output.under_way();
            SessionReport { session_id: self.session.session_id.clone(), pipeline, outputs_waiting, aborted }
        });
        closed.await.clone()
    }

    /// Whether input is still taken.
    pub fn is_active(&self) -> bool {
        !self.session.closing.load(Ordering::Acquire)
    }
}

impl SessionDeadlines {
    fn closing(&self) -> CloseDeadlines {
        CloseDeadlines { drain: self.drain, join: self.join }
    }
}
