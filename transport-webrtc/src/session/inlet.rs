//! Where items and requests of peers go: into a pipeline, to a session in another process that answers,
//! or to the program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use remotemedia_runtime_core::data::{PeerId, StreamId, TrackId, TransportData};
use remotemedia_runtime_core::ledger::LedgerReport;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::runner::PipelineRunner;
use serde_json::Value;
use tracing::debug;

use super::outputs::UserSender;
use super::served::Audience;
use super::{ServedPipeline, SessionRouter};
use crate::peer::{Envelope, PeerInlet, SharedLink};

/// Where items and requests of peers go.
pub(crate) struct SessionInlet {
    runner: PipelineRunner,
    accept_manifests: bool,
    data_within: Duration,
    /// Items that nothing else takes: to the program.
    user: UserSender,
    /// The pipeline that serves the session, with its manifest.
    serving: RwLock<Option<Serving>>,
    /// Pipelines that peers opened here, by peer.
    opened: Mutex<HashMap<PeerId, Opened>>,
    /// Sessions of this process that run at a peer: its items are theirs.
    remote: RwLock<HashMap<PeerId, UserSender>>,
}

#[derive(Clone)]
struct Serving {
    manifest: Arc<Manifest>,
    pipeline: Arc<ServedPipeline>,
}

#[derive(Clone)]
struct Opened {
    stream: u64,
    pipeline: Arc<ServedPipeline>,
}

/// A pipeline serves the session already, or a session runs at that peer already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OccupiedError {
    /// One pipeline serves a session.
    #[error("a pipeline serves this session already: close it first")]
    Serving,
    /// Tracks of a peer belong to one session.
    #[error("a session runs at peer {peer} already: close it first")]
    Remote {
        /// The peer.
        peer: PeerId,
    },
}

impl SessionInlet {
    pub(crate) fn new(
        runner: PipelineRunner,
        accept_manifests: bool,
        data_within: Duration,
        user: UserSender,
    ) -> Self {
        Self {
            runner,
            accept_manifests,
            data_within,
            user,
            serving: RwLock::default(),
            opened: Mutex::default(),
            remote: RwLock::default(),
        }
    }

    /// Gives what comes from peers to `pipeline` from here on.
    pub(crate) fn serve(
        &self,
        manifest: Arc<Manifest>,
        pipeline: Arc<ServedPipeline>,
    ) -> Result<(), OccupiedError> {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        if serving.as_ref().is_some_and(|serving| serving.pipeline.is_active()) {
            return Err(OccupiedError::Serving);
        }
        *serving = Some(Serving { manifest, pipeline });
        Ok(())
    }

    /// Makes room for another pipeline, if `pipeline` is the one that serves.
    pub(crate) fn withdraw(&self, pipeline: &Arc<ServedPipeline>) {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        if serving.as_ref().is_some_and(|serving| Arc::ptr_eq(&serving.pipeline, pipeline)) {
            *serving = None;
        }
    }

    /// Gives what comes from `peer` to a session that runs there, from here on.
    pub(crate) fn listen(&self, peer: PeerId, items: UserSender) -> Result<(), OccupiedError> {
        let mut remote = self.remote.write().unwrap_or_else(PoisonError::into_inner);
        if remote.get(&peer).is_some_and(|items| !items.is_closed()) {
            return Err(OccupiedError::Remote { peer });
        }
        remote.insert(peer, items);
        Ok(())
    }

    /// Lets the session at `peer` take all that is still under way.
    pub(crate) fn make_room(&self, peer: &PeerId) {
        if let Some(items) = self.remote.read().unwrap_or_else(PoisonError::into_inner).get(peer) {
            items.make_room();
        }
    }

    /// Ends what [`listen`](Self::listen) began.
    pub(crate) fn stop_listening(&self, peer: &PeerId) {
        self.remote.write().unwrap_or_else(PoisonError::into_inner).remove(peer);
    }

    /// Ends all pipelines that run here, side by side, and tells who receives items; returns the account of
    /// the pipelines' outputs on the way out.
    pub(crate) async fn close(&self) -> LedgerReport {
        self.user.abort();
        let serving = self.serving.write().unwrap_or_else(PoisonError::into_inner).take();
        let opened = std::mem::take(&mut *self.lock_opened());
        let pipelines = serving.map(|serving| serving.pipeline).into_iter();
        let pipelines = pipelines.chain(opened.into_values().map(|opened| opened.pipeline));
        let closing = pipelines.map(async |pipeline| {
            pipeline.close().await;
            pipeline.outputs_ledger()
        });
        let mut outputs = LedgerReport::default();
        join_all(closing).await.iter().for_each(|ledger| outputs.add(ledger));
        outputs
    }

    fn serving(&self) -> Option<Serving> {
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        serving.as_ref().filter(|serving| serving.pipeline.is_active()).cloned()
    }

    /// The pipeline that takes what comes from `peer`.
    fn pipeline_for(&self, peer: &PeerId) -> Option<Arc<ServedPipeline>> {
        let opened = self.lock_opened().get(peer).map(|opened| opened.pipeline.clone());
        opened.or_else(|| self.serving().map(|serving| serving.pipeline))
    }

    fn lock_opened(&self) -> MutexGuard<'_, HashMap<PeerId, Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn execute(&self, manifest: Option<Value>, item: TransportData) -> Result<TransportData, String> {
        let manifest = match manifest {
            Some(manifest) => self.accepted(manifest)?,
            None => self.serving().ok_or("no pipeline is served here, and none was sent")?.manifest,
        };
        self.runner.execute_unary(&manifest, item).await.map_err(|error| crate::sentence(&error))
    }

    async fn open(&self, link: &SharedLink, id: u64, manifest: Value) -> Result<(), String> {
        let manifest = self.accepted(manifest)?;
        // A peer has one stream; its side opens another only after it has given up the first.
        let given_up = self.lock_opened().remove(link.peer());
        if let Some(opened) = given_up {
            opened.pipeline.close().await;
        }
        let started = self.runner.create_stream_session(&manifest).await;
        let session = started.map_err(|error| crate::sentence(&error))?;
        let router = SessionRouter::new(session.graph());
        let audience = Audience::Peer(link.clone());
        let (pipeline, _) = ServedPipeline::start(session, router, audience, self.data_within);
        let replaced = self.lock_opened().insert(link.peer().clone(), Opened { stream: id, pipeline });
        // One that the peer asked for at the same time, and that was there first.
        if let Some(opened) = replaced {
            opened.pipeline.close().await;
        }
        Ok(())
    }

    fn accepted(&self, manifest: Value) -> Result<Arc<Manifest>, String> {
        if !self.accept_manifests {
            return Err("this peer runs no manifests of others".to_owned());
        }
        let manifest = serde_json::from_value(manifest);
        manifest.map(Arc::new).map_err(|error| format!("manifest is not understood: {error}"))
    }

    async fn close_opened(&self, peer: &PeerId, id: u64, stream: u64) -> Envelope {
        let opened = {
            let mut all = self.lock_opened();
            if all.get(peer).is_some_and(|opened| opened.stream == stream) { all.remove(peer) } else { None }
        };
        match opened {
            Some(opened) => Envelope::Closed { id, ledger: opened.pipeline.close().await.pipeline.total },
            None => Envelope::Failed { id, message: format!("no stream with number {stream} runs here") },
        }
    }
}

#[async_trait]
impl PeerInlet for SessionInlet {
    async fn deliver(&self, mut item: TransportData) {
        let Some(source) = &item.source else { return };
        let remote = {
            let remote = self.remote.read().unwrap_or_else(PoisonError::into_inner);
            remote.get(&source.peer).cloned()
        };
        if let Some(items) = remote {
            // To its user the session is as one in this process: what it sends has no source.
            item.source = None;
            items.give(item).await;
        } else if let Some(pipeline) = self.pipeline_for(&source.peer) {
            if let Err(error) = pipeline.send(item).await {
                debug!(%error, "item of a peer not taken");
            }
        } else {
            self.user.give(item).await;
        }
    }

    async fn request(&self, link: &SharedLink, request: Envelope) -> Envelope {
        match request {
            Envelope::Execute { id, manifest, item } => match self.execute(manifest, item).await {
                Ok(item) => Envelope::Result { id, item },
                Err(message) => Envelope::Failed { id, message },
            },
            Envelope::Open { id, manifest } => match self.open(link, id, manifest).await {
                Ok(()) => Envelope::Opened { id },
                Err(message) => Envelope::Failed { id, message },
            },
            Envelope::Close { id, stream } => self.close_opened(link.peer(), id, stream).await,
            other => other,
        }
    }

    async fn peer_gone(&self, peer: &PeerId) {
        self.stop_listening(peer);
        let opened = self.lock_opened().remove(peer);
        if let Some(opened) = opened {
            opened.pipeline.close().await;
        }
        let Some(serving) = self.serving() else { return };
        for track in ["audio", "video", "data"] {
            let track = TrackId::new(track).expect("a valid name");
            serving.pipeline.end_stream(&StreamId::new(peer.clone(), track)).await;
        }
    }
}
