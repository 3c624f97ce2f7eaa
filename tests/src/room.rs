//! A session of its own on a signaling server of its own.

use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{PeerId, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_signaling::server::{ServerConfig, ServerHandle, SignalingServer};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use serde_json::{Value, json};

/// How long anything awaited in a story may take before the story has failed. Generous: a busy machine is
/// no failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session of its own on a signaling server of its own.
pub struct Room {
    /// The server.
    pub server: ServerHandle,
}

impl Room {
    /// Opens a room on a free port of the loopback.
    pub async fn open() -> Self {
        Self { server: SignalingServer::start(ServerConfig::default()).await.expect("a free port") }
    }

    /// Returns the config of a peer that joins this room.
    pub fn config(&self, peer: &str) -> WebRtcConfig {
        WebRtcConfig::new(self.server.url(), "room").peer_id(peer)
    }

    /// Joins as `peer`.
    pub async fn join(&self, peer: &str) -> WebRtcTransport {
        self.join_with(self.config(peer)).await
    }

    /// Joins with a config of the story's own.
    pub async fn join_with(&self, config: WebRtcConfig) -> WebRtcTransport {
        WebRtcTransport::join(config, Self::runner()).await.expect("the room is open")
    }

    /// Joins as a peer that serves a manifest.
    pub async fn serve(&self, peer: &str, manifest: Arc<Manifest>) -> WebRtcTransport {
        let transport = self.join_with(self.config(peer).serves_pipeline()).await;
        transport.serve(manifest).await.expect("a valid manifest");
        transport
    }

    /// A runner that knows the nodes that ship.
    pub fn runner() -> PipelineRunner {
        PipelineRunner::new(NodeRegistry::with_builtins())
    }

    /// Waits for the next item that a peer receives.
    pub async fn next(transport: &WebRtcTransport) -> TransportData {
        let item = tokio::time::timeout(PATIENCE, transport.recv()).await;
        item.expect("something comes within the patience").expect("the transport is open")
    }

    /// Names a peer.
    pub fn peer(name: &str) -> PeerId {
        PeerId::new(name).expect("a valid name")
    }
}

/// Makes a manifest of the given nodes, without connections.
pub fn manifest(nodes: Value) -> Arc<Manifest> {
    let document = json!({"version": "v1", "nodes": nodes});
    Arc::new(Manifest::parse(&document.to_string()).expect("a valid document"))
}
