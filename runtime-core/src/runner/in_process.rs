//! The in-process transport: the contract of all transports, without a network.

use std::sync::Arc;

use async_trait::async_trait;

use super::PipelineRunner;
use crate::data::{SessionId, TransportData};
use crate::manifest::Manifest;
use crate::session::{PipelineHandle, PipelineOutput, PipelineSession, SessionError, SessionReport};
use crate::transport::{PipelineTransport, SessionInput, SessionOutput, StreamSession};

#[async_trait]
impl PipelineTransport for PipelineRunner {
    async fn execute(
        &self,
        manifest: Arc<Manifest>,
        input: TransportData,
    ) -> Result<TransportData, SessionError> {
        self.execute_unary(&manifest, input).await
    }

    async fn stream(&self, manifest: Arc<Manifest>) -> Result<Box<dyn StreamSession>, SessionError> {
        Ok(Box::new(self.create_stream_session(&manifest).await?))
    }
}

#[async_trait]
impl StreamSession for PipelineSession {
    fn session_id(&self) -> &SessionId {
        self.handle().session_id()
    }

    async fn send_input(&mut self, item: TransportData) -> Result<(), SessionError> {
        self.handle().input(item).await
    }

    async fn recv_output(&mut self) -> Option<TransportData> {
        self.output().await
    }

    async fn close(&mut self) -> SessionReport {
        self.handle().close().await
    }

    fn is_active(&self) -> bool {
        self.handle().is_active()
    }

    fn split(self: Box<Self>) -> (Box<dyn SessionInput>, Box<dyn SessionOutput>) {
        let (handle, output) = self.into_halves();
        (Box::new(handle), Box::new(output))
    }
}

#[async_trait]
impl SessionInput for PipelineHandle {
    async fn send(&self, item: TransportData) -> Result<(), SessionError> {
        self.input(item).await
    }

    async fn close(&self) -> SessionReport {
        PipelineHandle::close(self).await
    }
}

#[async_trait]
impl SessionOutput for PipelineOutput {
    async fn recv(&mut self) -> Option<TransportData> {
        PipelineOutput::recv(self).await
    }
}
