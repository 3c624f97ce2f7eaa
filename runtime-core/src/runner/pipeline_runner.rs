//! The entrance: manifests in, results and sessions out.

use std::sync::Arc;

use tokio::time::timeout;

use crate::data::TransportData;
use crate::manifest::{Manifest, ManifestFaults, PipelineGraph};
use crate::node::{Node, NodeRegistry, RegistryError};
use crate::session::{PipelineSession, SessionDeadlines, SessionError, SessionEvent, SessionEvents};
use crate::shm::{FramePool, HeapPool};

/// Runs manifests. Cloning is cheap; clones share the frame pool.
#[derive(Debug, Clone)]
pub struct PipelineRunner {
    registry: NodeRegistry,
    pool: Arc<dyn FramePool>,
    deadlines: SessionDeadlines,
}

impl PipelineRunner {
    /// Makes a runner that knows the registry's node types, with frames on the heap and default deadlines.
    pub fn new(registry: NodeRegistry) -> Self {
        Self { registry, pool: Arc::new(HeapPool::default()), deadlines: SessionDeadlines::default() }
    }

    /// Takes the frames of its nodes from `pool`.
    #[must_use]
    pub fn with_pool(mut self, pool: Arc<dyn FramePool>) -> Self {
        self.pool = pool;
        self
    }

    /// Sets the deadlines of its sessions.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: SessionDeadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Adds a node type.
    ///
    /// # Errors
    /// [`RegistryError`] if a type of that name is there already.
    pub fn register<N: Node>(&mut self) -> Result<(), RegistryError> {
        self.registry.register::<N>()
    }

    /// Returns the memory for frames.
    pub fn pool(&self) -> &Arc<dyn FramePool> {
        &self.pool
    }

    /// Returns the node types that it knows.
    pub fn registry(&self) -> &NodeRegistry {
        &self.registry
    }

    /// Checks a manifest and starts nothing.
    ///
    /// # Errors
    /// All faults at once.
    pub fn validate(&self, manifest: &Manifest) -> Result<PipelineGraph, ManifestFaults> {
        manifest.check(&self.registry)
    }

    /// Runs one item through a manifest's pipeline and returns the first output.
    ///
    /// # Errors
    /// [`SessionError::InvalidManifest`]; [`SessionError::NoInput`] if no node takes the item;
    /// [`SessionError::NodeFailed`] if a node fails and nothing comes out; [`SessionError::NoOutput`];
    /// [`SessionError::Timeout`] after the unary deadline.
    pub async fn execute_unary(
        &self,
        manifest: &Manifest,
        input: TransportData,
    ) -> Result<TransportData, SessionError> {
        let graph = self.validate(manifest)?;
        let unary = self.deadlines.unary;
        // The whole call is one drain: the item goes in, and the pipeline ends when it is through.
        let deadlines = SessionDeadlines { drain: unary, ..self.deadlines };
        let session = PipelineSession::start(graph, self.pool.clone(), deadlines).await?;
        let mut events = session.events();
        session.input(input).await?;
        let (handle, mut output) = session.into_halves();
        let first = tokio::select! {
            biased;
            first = output.recv() => first,
            _ = handle.close() => output.recv().await,
        };
        // What the pipeline does beyond its first output gets no more time than at any session's end.
        let closed = timeout(self.deadlines.drain, handle.close()).await;
        first.ok_or_else(|| match (first_failure(&mut events), closed) {
            (Some(failure), _) => failure,
            (None, Ok(report)) if report.aborted.is_empty() => SessionError::NoOutput,
            (None, Ok(report)) => {
                let late = report.aborted.iter().map(|node| node.node.as_str()).collect::<Vec<_>>();
                SessionError::Timeout { awaited: format!("node {}", late.join(", ")), waited: unary }
            }
            (None, Err(_)) => SessionError::Timeout { awaited: "the pipeline".to_owned(), waited: unary },
        })
    }

    /// Checks a manifest and starts its pipeline. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`SessionError::InvalidManifest`]; [`SessionError::NodeFailed`] or [`SessionError::Timeout`] if a
    /// node cannot start.
    pub async fn create_stream_session(&self, manifest: &Manifest) -> Result<PipelineSession, SessionError> {
        let graph = self.validate(manifest)?;
        PipelineSession::start(graph, self.pool.clone(), self.deadlines).await
    }
}

fn first_failure(events: &mut SessionEvents) -> Option<SessionError> {
    while let Some(event) = events.try_recv() {
        if let SessionEvent::NodeFailed { node, fault, .. } = event {
            return Some(SessionError::NodeFailed { node, fault });
        }
    }
    None
}
