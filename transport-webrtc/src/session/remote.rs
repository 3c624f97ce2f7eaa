//! A session whose pipeline runs in a peer's process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use remotemedia_runtime_core::data::{SessionId, TransportData};
use remotemedia_runtime_core::ledger::LedgerReport;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::session::{PipelineReport, SessionError, SessionReport};
use remotemedia_runtime_core::transport::{SessionInput, SessionOutput, StreamSession};
use serde_json::Value;
use tokio::sync::OnceCell;
use tracing::{Instrument, debug};

use super::SessionInlet;
use super::inlet::OccupiedError;
use super::outputs::{UserReceiver, user_outputs};
use crate::peer::{Envelope, RequestError, RequestFailure, SharedLink};

/// A session whose pipeline runs in a peer's process: what is sent goes over the connection's tracks and
/// data channel, what comes out comes back the same way.
pub(crate) struct RemoteSession {
    input: RemoteInput,
    output: RemoteOutput,
}

struct RemoteInput {
    stream: Arc<RemoteStream>,
}

/// The stream at the peer; ends when both halves of the session are dropped.
struct RemoteStream {
    session_id: SessionId,
    stream: u64,
    link: SharedLink,
    inlet: Arc<SessionInlet>,
    request_within: Duration,
    active: AtomicBool,
    report: OnceCell<SessionReport>,
}

struct RemoteOutput {
    _stream: Arc<RemoteStream>,
    items: UserReceiver,
}

/// Why a peer did not run a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The peer did not answer.
    #[error("peer did not take the request")]
    Request(#[from] RequestFailure),
    /// The peer refused, or its pipeline failed.
    #[error("peer refused: {message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// The manifest cannot be written as JSON.
    #[error("manifest cannot be sent")]
    Manifest(#[source] serde_json::Error),
    /// A session runs at that peer already.
    #[error("peer is occupied")]
    Occupied(#[from] OccupiedError),
    /// The peer's reply fits no request.
    #[error("peer replied with something else")]
    WrongReply,
}

/// Runs a manifest once in a peer's process.
pub(crate) async fn execute_at_peer(
    link: &SharedLink,
    manifest: &Manifest,
    item: TransportData,
    within: Duration,
) -> Result<TransportData, RemoteError> {
    let manifest = serde_json::to_value(manifest).map_err(RemoteError::Manifest)?;
    let request = |id| Envelope::Execute { id, manifest: Some(manifest), item };
    match link.request(request, within).await? {
        Envelope::Result { item, .. } => Ok(item),
        Envelope::Failed { message, .. } => Err(RemoteError::Refused { message }),
        _ => Err(RemoteError::WrongReply),
    }
}

impl RemoteSession {
    /// Starts a manifest's pipeline at the peer of `link`.
    pub(crate) async fn open(
        session_id: SessionId,
        link: SharedLink,
        manifest: &Manifest,
        inlet: Arc<SessionInlet>,
        request_within: Duration,
    ) -> Result<Self, RemoteError> {
        let manifest = serde_json::to_value(manifest).map_err(RemoteError::Manifest)?;
        // In a task of its own: if who asked stops waiting, the stream still comes about, is dropped here,
        // and so ended at the peer.
        let opening = Self::opening(session_id, link, manifest, inlet, request_within);
        let ended = |_| RequestFailure::Unanswered(RequestError::ConnectionEnded).into();
        tokio::spawn(opening.in_current_span()).await.unwrap_or_else(|error| Err(ended(error)))
    }

    async fn opening(
        session_id: SessionId,
        link: SharedLink,
        manifest: Value,
        inlet: Arc<SessionInlet>,
        request_within: Duration,
    ) -> Result<Self, RemoteError> {
        let (sender, items) = user_outputs(Arc::default());
        // Before the request, so that the first output is not missed.
        inlet.listen(link.peer().clone(), sender)?;
        let opened = link.request(|id| Envelope::Open { id, manifest }, request_within).await;
        let refused = match opened {
            Ok(Envelope::Opened { id }) => {
                let (active, report) = (AtomicBool::new(true), OnceCell::new());
                let stream =
                    RemoteStream { session_id, stream: id, link, inlet, request_within, active, report };
                let stream = Arc::new(stream);
                let output = RemoteOutput { _stream: stream.clone(), items };
                return Ok(Self { input: RemoteInput { stream }, output });
            }
            Ok(Envelope::Failed { message, .. }) => RemoteError::Refused { message },
            Ok(_) => RemoteError::WrongReply,
            Err(error) => error.into(),
        };
        inlet.stop_listening(link.peer());
        Err(refused)
    }
}

impl RemoteStream {
    async fn end(&self) -> SessionReport {
        self.active.store(false, Ordering::Release);
        // The reply comes behind the outputs that are under way.
        self.inlet.make_room(self.link.peer());
        let report = self.report.get_or_init(|| async {
            let closed = self
                .link
                .request(|id| Envelope::Close { id, stream: self.stream }, self.request_within)
                .await;
            self.inlet.stop_listening(self.link.peer());
            let ledger = match closed {
                Ok(Envelope::Closed { ledger, .. }) => ledger,
                Ok(_) => LedgerReport::default(),
                Err(error) => {
                    debug!(error = crate::sentence(&error), "peer gave no account of the session");
                    LedgerReport::default()
                }
            };
            SessionReport {
                session_id: self.session_id.clone(),
                pipeline: PipelineReport { total: ledger, ..PipelineReport::default() },
                outputs_waiting: 0,
                aborted: Vec::new(),
            }
        });
        report.await.clone()
    }
}

impl Drop for RemoteStream {
    fn drop(&mut self) {
        if !self.active.load(Ordering::Acquire) {
            return;
        }
        self.inlet.stop_listening(self.link.peer());
        let (link, stream, within) = (self.link.clone(), self.stream, self.request_within);
        // Without a runtime the connection is gone, and the peer ends the stream with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Nobody waits for the account.
                link.request(|id| Envelope::Close { id, stream }, within).await.ok();
            });
        }
    }
}

#[async_trait]
impl StreamSession for RemoteSession {
    fn session_id(&self) -> &SessionId {
        &self.input.stream.session_id
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
        self.input.stream.active.load(Ordering::Acquire)
    }

    fn split(self: Box<Self>) -> (Box<dyn SessionInput>, Box<dyn SessionOutput>) {
        (Box::new(self.input), Box::new(self.output))
    }
}

#[async_trait]
impl SessionInput for RemoteInput {
    async fn send(&self, item: TransportData) -> Result<(), SessionError> {
        if !self.stream.active.load(Ordering::Acquire) {
            return Err(SessionError::Closed);
        }
        self.stream.link.send(item).await.map_err(SessionError::transport)
    }

    async fn close(&self) -> SessionReport {
        self.stream.end().await
    }
}

#[async_trait]
impl SessionOutput for RemoteOutput {
    async fn recv(&mut self) -> Option<TransportData> {
        self.items.recv().await
    }
}
