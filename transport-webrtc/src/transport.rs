//! The transport as a program uses it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use remotemedia_runtime_core::data::{PeerId, SessionId, TransportData};
use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use remotemedia_runtime_core::manifest::{Manifest, Topology};
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::{PipelineHandle, SessionError, unique_session_id};
use remotemedia_runtime_core::shm::FramePool;
use remotemedia_runtime_core::transport::{PipelineTransport, StreamSession};
use tokio::sync::{Mutex, broadcast};

use crate::codec::{AudioCodec, AudioEncoderSettings, CodecSet, VideoCodec, VideoEncoderSettings};
use crate::config::{ConfigError, WebRtcConfig, WebRtcSettings};
use crate::peer::{
    ConnectError, LifecycleSettings, OutletSettings, PeerActorSettings, PeerEvent, PeerManager,
    PeerManagerSettings, PeerReport, PeerSummary, SendError, SharedLink,
};
use crate::rtc::ConnectionConfig;
use crate::session::{
    Audience, LocalSession, RemoteSession, ServedPipeline, SessionInlet, SessionRouter, UserReceiver,
    execute_at_peer, user_outputs,
};
use crate::signaling::{
    AnnounceParams, Capabilities, Role, SignalingClient, SignalingClientConfig, SignalingError,
    Topology as SignalingTopology,
};

/// A peer of a session: it finds the others through the signaling server, sends to them and receives
/// from them, and runs pipelines for them, or has them run by one of them.
///
/// Dropping it leaves the session; [`close`](Self::close) waits until everything is gone.
pub struct WebRtcTransport {
    settings: WebRtcSettings,
    runner: PipelineRunner,
    signaling: SignalingClient,
    manager: Arc<PeerManager>,
    inlet: Arc<SessionInlet>,
    items: Mutex<UserReceiver>,
    items_ledger: Arc<Ledger>,
    /// Items for peers to which there is no connection at all.
    unsent: Ledger,
}

/// Why a session was not joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The config cannot be used.
    #[error("config cannot be used")]
    Config(#[from] ConfigError),
    /// The signaling server was not reached, or refused.
    #[error("session {session} at {url} was not joined")]
    Signaling {
        /// The session.
        session: SessionId,
        /// The server.
        url: String,
        /// Why.
        #[source]
        source: SignalingError,
    },
}

/// What `close` left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReport {
    /// Whether every task and socket was gone within the deadline.
    pub complete: bool,
    /// How long it took.
    pub took: Duration,
    /// The account of the items that came for the program.
    pub received: LedgerReport,
    /// The account of items for peers to which there was no connection at all.
    pub unsent: LedgerReport,
    /// The account of the outputs of pipelines on their way to this process's user and to data channels.
    pub outputs: LedgerReport,
}

/// The outcome of sending to all.
#[derive(Debug, Default)]
pub struct SendReport {
    /// To how many peers the item went.
    pub sent: usize,
    /// To whom it did not go, and why.
    pub failed: Vec<SendError>,
}

impl WebRtcTransport {
    /// Joins a session. In a mesh, connections to all who are there begin at once.
    ///
    /// * `runner`: runs the pipelines of this process.
    ///
    /// # Errors
    /// [`JoinError`] if the config is invalid, or the server cannot be reached within
    /// `config.deadlines.join` or refuses.
    pub async fn join(config: WebRtcConfig, runner: PipelineRunner) -> Result<Self, JoinError> {
        let settings = config.check()?;
        let refused = |source| JoinError::Signaling {
            session: settings.session.clone(),
            url: settings.server.to_string(),
            source,
        };
        let waited = settings.deadlines.join;
        let until = tokio::time::Instant::now() + waited;
        let client_config = SignalingClientConfig { connect_timeout: waited, ..Default::default() };
        let connected = SignalingClient::connect(&settings.server, client_config).await;
        let (signaling, events) = connected.map_err(refused)?;
        let announcing = signaling.announce(settings.announcement());
        let announced = tokio::time::timeout_at(until, announcing)
            .await
            .unwrap_or(Err(SignalingError::NoReply { method: "peer.announce", waited }))
            .map_err(refused)?;
        let items_ledger = Arc::new(Ledger::default());
        let (user, items) = user_outputs(items_ledger.clone());
        let inlet = Arc::new(SessionInlet::new(
            runner.clone(),
            settings.accept_manifests,
            settings.deadlines.request,
            user,
        ));
        let manager_settings = settings.peer_manager(runner.pool());
        let manager =
            PeerManager::start(manager_settings, &announced, signaling.clone(), events, inlet.clone());
        let (manager, items) = (Arc::new(manager), Mutex::new(items));
        let unsent = Ledger::default();
        Ok(Self { settings, runner, signaling, manager, inlet, items, items_ledger, unsent })
    }

    /// Returns this peer's id.
    pub fn peer_id(&self) -> &PeerId {
        &self.settings.peer_id
    }

    /// Returns who else is in the session.
    pub fn peers(&self) -> Vec<PeerSummary> {
        self.manager.peers()
    }

    /// Connects to a peer of the session and waits until media can flow; at once if it does already.
    ///
    /// # Errors
    /// [`ConnectError`] if there is no such peer, the session is full, or no connection comes about
    /// within `deadlines.handshake`. Cancel safe: the connection goes on coming about.
    pub async fn connect(&self, peer: &PeerId) -> Result<(), ConnectError> {
        self.manager.connect(peer).await.map(|_| ())
    }

    /// Sends an item to one peer. Media never waits: it goes to the encoder, which drops the oldest it
    /// has not begun. Data waits for room in the data channel.
    ///
    /// # Errors
    /// [`SendError`] if the peer is not connected or the item cannot be sent; the item is counted.
    pub async fn send_to(&self, peer: &PeerId, item: TransportData) -> Result<(), SendError> {
        match self.manager.link(peer) {
            Some(link) => link.send(item).await,
            None => {
                self.unsent.count_sent();
                self.unsent.count_dropped(DropReason::NotConnected, 1);
                Err(SendError::NotConnected { peer: peer.clone() })
            }
        }
    }

    /// Sends an item to every peer that is connected at this moment. Returns when the last has taken it.
    pub async fn send_to_all(&self, item: TransportData) -> SendReport {
        let mut report = SendReport::default();
        let links = self.manager.links();
        let connected = links.iter().filter(|link| link.is_connected());
        for sent in join_all(connected.map(|link| link.send(item.clone()))).await {
            match sent {
                Ok(()) => report.sent += 1,
                Err(error) => report.failed.push(error),
            }
        }
        report
    }

    /// Waits for the next item from any peer that no pipeline takes; `None`: closed. Of media that nobody
    /// receives the oldest is dropped; data waits, and when 1024 items do, so does the peer that sends more.
    /// Cancel safe.
    pub async fn recv(&self) -> Option<TransportData> {
        self.items.lock().await.recv().await
    }

    /// Returns a new receiver of what happens to peers from now on. It holds 256 events; who is further
    /// behind is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<PeerEvent> {
        self.manager.events()
    }

    /// Returns the figures of every connected peer at this moment.
    pub async fn quality(&self) -> Vec<PeerReport> {
        let mut reports = Vec::new();
        for link in self.manager.links().iter() {
            reports.push(link.report().await);
        }
        reports
    }

    /// Runs a manifest's pipeline for the peers of the session until the transport is closed: what they
    /// send goes in, what comes out goes to whom the routes name. For a program that takes part itself,
    /// there is [`stream`](PipelineTransport::stream).
    ///
    /// * Returns the pipeline's handle: figures, events, params of nodes, close.
    ///
    /// # Errors
    /// [`SessionError`] if the manifest is invalid, a node cannot start, or a pipeline is served already.
    pub async fn serve(&self, manifest: Arc<Manifest>) -> Result<PipelineHandle, SessionError> {
        Ok(self.start_serving(manifest).await?.0)
    }

    async fn start_serving(
        &self,
        manifest: Arc<Manifest>,
    ) -> Result<(PipelineHandle, Arc<ServedPipeline>, UserReceiver), SessionError> {
        let session = self.runner.create_stream_session(&manifest).await?;
        let (handle, router) = (session.handle().clone(), SessionRouter::new(session.graph()));
        let audience = Audience::Session(self.manager.clone());
        let data_within = self.settings.deadlines.request;
        let (pipeline, outputs) = ServedPipeline::start(session, router, audience, data_within);
        if let Err(error) = self.inlet.serve(manifest, pipeline.clone()) {
            pipeline.close().await;
            return Err(SessionError::transport(error));
        }
        Ok((handle, pipeline, outputs))
    }

    /// Leaves the session: pipelines are drained, connections closed, tasks, sockets and memory returned,
    /// all within `deadlines.close`. Pipelines get half of it before the connections are closed; one with a
    /// node that hangs makes the report incomplete. A second call finds nothing to do.
    pub async fn close(&self) -> CloseReport {
        let began = tokio::time::Instant::now();
        let until = began + self.settings.deadlines.close;
        let pipelines = self.inlet.close();
        tokio::pin!(pipelines);
        // What they still give out goes to the peers; one that hangs keeps no connection up.
        let drained = tokio::time::timeout(self.settings.deadlines.close / 2, &mut pipelines).await;
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        let (ended, (), outputs) = tokio::join!(
            self.manager.close(left),
            // The server tells the others at once; it may be gone itself.
            self.signaling.close(left),
            async {
                match drained {
                    Ok(outputs) => Some(outputs),
                    Err(_) => tokio::time::timeout_at(until, pipelines).await.ok(),
                }
            }
        );
        CloseReport {
            complete: ended && outputs.is_some(),
            took: began.elapsed(),
            received: self.items_ledger.report(),
            unsent: self.unsent.report(),
            outputs: outputs.unwrap_or_default(),
        }
    }

    async fn pipeline_link(&self, peer: &PeerId) -> Result<SharedLink, SessionError> {
        self.manager.connect(peer).await.map_err(SessionError::transport)
    }
}

/// Runs manifests in this process, with the session's peers as sources and recipients, or, with
/// [`WebRtcConfig::pipeline_peer`], in that peer's process.
#[async_trait]
impl PipelineTransport for WebRtcTransport {
    async fn execute(
        &self,
        manifest: Arc<Manifest>,
        input: TransportData,
    ) -> Result<TransportData, SessionError> {
        let Some(peer) = &self.settings.pipeline_peer else {
            return self.runner.execute_unary(&manifest, input).await;
        };
        self.runner.validate(&manifest)?;
        let link = self.pipeline_link(peer).await?;
        execute_at_peer(&link, &manifest, input, self.settings.deadlines.request)
            .await
            .map_err(SessionError::transport)
    }

    async fn stream(&self, manifest: Arc<Manifest>) -> Result<Box<dyn StreamSession>, SessionError> {
        let request_within = self.settings.deadlines.request;
        if let Some(peer) = &self.settings.pipeline_peer {
            self.runner.validate(&manifest)?;
            let (link, inlet) = (self.pipeline_link(peer).await?, self.inlet.clone());
            let id = unique_session_id();
            let opened = RemoteSession::open(id, link, &manifest, inlet, request_within).await;
            let session = opened.map_err(SessionError::transport)?;
            return Ok(Box::new(session));
        }
        let (handle, pipeline, outputs) = self.start_serving(manifest).await?;
        let id = handle.session_id().clone();
        Ok(Box::new(LocalSession::new(id, pipeline, outputs, self.inlet.clone())))
    }
}

impl Drop for WebRtcTransport {
    fn drop(&mut self) {
        // A pipeline that is served holds the manager, and the manager's task the pipeline.
        self.manager.end();
    }
}

impl WebRtcSettings {
    fn role(&self) -> Role {
        match self.topology {
            Topology::Mesh => Role::Peer,
            Topology::Host if self.serves_pipeline => Role::Host,
            Topology::Host => Role::Viewer,
        }
    }

    fn announcement(&self) -> AnnounceParams {
        AnnounceParams {
            session: self.session.to_string(),
            peer_id: self.peer_id.to_string(),
            role: Some(self.role()),
            display_name: self.display_name.clone(),
            capabilities: Some(Capabilities {
                video: VideoCodec::ALL.iter().map(|codec| codec.name().to_owned()).collect(),
                audio: AudioCodec::ALL.iter().map(|codec| codec.name().to_owned()).collect(),
                pipeline: self.serves_pipeline,
            }),
            topology: Some(match self.topology {
                Topology::Mesh => SignalingTopology::Mesh,
                Topology::Host => SignalingTopology::Host,
            }),
            max_peers: None,
            resume_token: None,
        }
    }

    fn peer_manager(&self, pool: &Arc<dyn FramePool>) -> PeerManagerSettings {
        let video_codec = self.video_codecs.first().copied().unwrap_or(VideoCodec::H264);
        PeerManagerSettings {
            actor: PeerActorSettings {
                local: self.peer_id.clone(),
                connection: ConnectionConfig {
                    ice_servers: self.ice_servers.clone(),
                    ..ConnectionConfig::default()
                },
                lifecycle: LifecycleSettings {
                    handshake: self.deadlines.handshake,
                    recovery: self.deadlines.recovery,
                },
                outlets: OutletSettings {
                    codecs: CodecSet::new(pool.clone()),
                    video_codec,
                    video: VideoEncoderSettings { bitrate_bps: self.video_bitrate_bps, ..Default::default() },
                    audio: AudioEncoderSettings::default(),
                    data_opens_within: self.deadlines.request,
                },
                close_within: self.deadlines.close,
            },
            max_peers: self.max_peers,
            role: self.role(),
        }
    }
}
