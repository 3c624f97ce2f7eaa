//! A session whose pipeline runs in this process.

use std::sync::Arc;

use async_trait::async_trait;
use remotemedia_runtime_core::data::{SessionId, TransportData};
use remotemedia_runtime_core::session::{SessionError, SessionReport};
use remotemedia_runtime_core::transport::{SessionInput, SessionOutput, StreamSession};

use super::outputs::UserReceiver;
use super::{ServedPipeline, SessionInlet};

/// A session whose pipeline runs in this process and serves the peers of the transport.
pub(crate) struct LocalSession {
    input: LocalInput,
    output: LocalOutput,
}

struct LocalInput {
    session_id: SessionId,
    pipeline: Arc<ServedPipeline>,
    _end: Arc<EndOnDrop>,
}

struct LocalOutput {
    outputs: UserReceiver,
    _end: Arc<EndOnDrop>,
}

/// Ends the session when both of its halves are dropped.
struct EndOnDrop {
    pipeline: Arc<ServedPipeline>,
    inlet: Arc<SessionInlet>,
}

impl LocalSession {
    pub(crate) fn new(
        session_id: SessionId,
        pipeline: Arc<ServedPipeline>,
        outputs: UserReceiver,
        inlet: Arc<SessionInlet>,
    ) -> Self {
        let end = Arc::new(EndOnDrop { pipeline: pipeline.clone(), inlet });
        let input = LocalInput { session_id, pipeline, _end: end.clone() };
        Self { input, output: LocalOutput { outputs, _end: end } }
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.inlet.withdraw(&self.pipeline);
        let pipeline = self.pipeline.clone();
        // Without a runtime its tasks are gone already.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { pipeline.close().await });
        }
    }
}

#[async_trait]
impl StreamSession for LocalSession {
    fn session_id(&self) -> &SessionId {
        &self.input.session_id
    }

    async fn send_input(&mut self, item: TransportData) -> Result<(), SessionError> {
        self.input.send(item).await
    }

    async fn recv_output(&mut self) -> Option<TransportData> {
        self.output.recv().await
    }

    async fn close(&mut self) -> SessionReport {
        self.input.close().await
    }

    fn is_active(&self) -> bool {
        self.input.pipeline.is_active()
    }

    fn split(self: Box<Self>) -> (Box<dyn SessionInput>, Box<dyn SessionOutput>) {
        (Box::new(self.input), Box::new(self.output))
    }
}

#[async_trait]
impl SessionInput for LocalInput {
    async fn send(&self, item: TransportData) -> Result<(), SessionError> {
        self.pipeline.send(item).await
    }

    async fn close(&self) -> SessionReport {
        self.pipeline.close().await
    }
}

#[async_trait]
impl SessionOutput for LocalOutput {
    async fn recv(&mut self) -> Option<TransportData> {
        self.outputs.recv().await
    }
}
