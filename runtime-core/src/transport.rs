//! The contract that every transport fulfils: run a manifest once, or as a stream.

use std::sync::Arc;

use async_trait::async_trait;

use crate::data::{SessionId, TransportData};
use crate::manifest::Manifest;
use crate::session::{SessionError, SessionReport};

/// Runs manifests: in this process, or with peers at the other end of a network.
#[async_trait]
pub trait PipelineTransport: Send + Sync {
    /// Runs one item through a manifest's pipeline and returns what comes out.
    ///
    /// # Errors
    /// [`SessionError`] if the manifest is invalid, a node fails, nothing comes out, or the transport
    /// loses its other end.
    async fn execute(
        &self,
        manifest: Arc<Manifest>,
        input: TransportData,
    ) -> Result<TransportData, SessionError>;

    /// Starts a manifest's pipeline and keeps it running until the session is closed.
    ///
    /// # Errors
    /// [`SessionError`] if the manifest is invalid or a node or the transport cannot start.
    async fn stream(&self, manifest: Arc<Manifest>) -> Result<Box<dyn StreamSession>, SessionError>;
}

/// A running pipeline as its user sees it.
///
/// Input and output are two bounded queues: who sends much before receiving should [`split`] the session
/// and serve both ends, since one loop over two bounded queues can wait for itself.
///
/// [`split`]: StreamSession::split
#[async_trait]
pub trait StreamSession: Send {
    /// Returns the session's globally unique id.
    fn session_id(&self) -> &SessionId;

    /// Gives an item to the pipeline. Media never waits: the oldest queued item is dropped and counted
    /// instead. Data waits for room.
    ///
    /// # Errors
    /// [`SessionError::Closed`] after `close`; [`SessionError::NoInput`] if no node of the manifest
    /// takes items of this kind.
    async fn send_input(&mut self, item: TransportData) -> Result<(), SessionError>;

    /// Waits for the next output; `None`: closed and drained. Cancel safe.
    async fn recv_output(&mut self) -> Option<TransportData>;

    /// Ends the session: no more input, what is under way is drained within the session's deadline, the
    /// rest is dropped and counted. A second call returns the same report.
    async fn close(&mut self) -> SessionReport;

    /// Whether input is still taken.
    fn is_active(&self) -> bool;

    /// Splits the session so that input and output can be served by two tasks.
    fn split(self: Box<Self>) -> (Box<dyn SessionInput>, Box<dyn SessionOutput>);
}

/// The input half of a session; dropping both halves closes the session.
#[async_trait]
pub trait SessionInput: Send + Sync {
    /// See [`StreamSession::send_input`].
    ///
    /// # Errors
    /// As there.
    async fn send(&self, item: TransportData) -> Result<(), SessionError>;

    /// See [`StreamSession::close`].
    async fn close(&self) -> SessionReport;
}

/// The output half of a session.
#[async_trait]
pub trait SessionOutput: Send {
    /// See [`StreamSession::recv_output`]. Cancel safe.
    async fn recv(&mut self) -> Option<TransportData>;
}
