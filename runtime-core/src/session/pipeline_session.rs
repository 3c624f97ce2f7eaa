//! A running pipeline.

use std::ops::Deref;
use std::sync::Arc;

use super::{PipelineHandle, SessionDeadlines, SessionError, unique_session_id};
use crate::data::TransportData;
use crate::executor::{Executor, OutputReceiver};
use crate::manifest::PipelineGraph;
use crate::shm::FramePool;

/// A running pipeline: its [`PipelineHandle`], to which it dereferences, and its output.
///
/// Transports use this type; their users see it as a
/// [`StreamSession`](crate::transport::StreamSession). Dropping it, and all clones of its handle,
/// aborts the pipeline.
#[derive(Debug)]
pub struct PipelineSession {
    handle: PipelineHandle,
    output: PipelineOutput,
}

/// The output side of a running pipeline.
#[derive(Debug)]
pub struct PipelineOutput {
    receiver: OutputReceiver,
    /// Keeps the pipeline running while only its output is held.
    _session: PipelineHandle,
}

impl PipelineSession {
    /// Starts a checked pipeline under a new id. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`SessionError::NodeFailed`] if a source or a node that sees all streams cannot be made,
    /// [`SessionError::Timeout`] if not by the start deadline.
    pub async fn start(
        graph: PipelineGraph,
        pool: Arc<dyn FramePool>,
        deadlines: SessionDeadlines,
    ) -> Result<Self, SessionError> {
        let session_id = unique_session_id();
        let (executor, receiver) = Executor::start(&graph, session_id.clone(), pool, deadlines.start).await?;
        let handle = PipelineHandle::new(session_id, graph, executor, deadlines);
        let output = PipelineOutput { receiver, _session: handle.clone() };
        Ok(Self { handle, output })
    }

    /// Returns the input and control side, to be cloned.
    pub fn handle(&self) -> &PipelineHandle {
        &self.handle
    }

    /// Waits for the next output; `None`: closed and drained. Its `output` says which open output gave it
    /// out, for `graph().routes`. Cancel safe.
    pub async fn output(&mut self) -> Option<TransportData> {
        self.output.recv().await
    }

    /// Splits the session so that input and output can be served by two tasks.
    pub fn into_halves(self) -> (PipelineHandle, PipelineOutput) {
        (self.handle, self.output)
    }
}

impl PipelineOutput {
    /// Waits for the next output; `None`: closed and drained. Cancel safe.
    pub async fn recv(&mut self) -> Option<TransportData> {
        self.receiver.recv().await
    }

    /// Takes the next output if there is one.
    pub fn try_recv(&mut self) -> Option<TransportData> {
        self.receiver.try_recv()
    }
}

impl Deref for PipelineSession {
    type Target = PipelineHandle;

    fn deref(&self) -> &PipelineHandle {
        &self.handle
    }
}
