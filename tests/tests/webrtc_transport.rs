//! The WebRTC transport does what every transport must, with the pipeline in this process and at a peer.

use remotemedia_runtime_core::transport::PipelineTransport;
use remotemedia_tests::Room;
use remotemedia_tests::transport_conformance::TransportFixture;
use remotemedia_transport_webrtc::WebRtcTransport;

/// The pipeline runs in the process of the transport.
struct Here {
    transport: WebRtcTransport,
    _room: Room,
}

/// The pipeline runs at a peer; everything passes the wire.
struct AtPeer {
    transport: WebRtcTransport,
    worker: WebRtcTransport,
    _room: Room,
}

impl Here {
    async fn open() -> Self {
        let room = Room::open().await;
        Self { transport: room.join("here").await, _room: room }
    }
}

impl AtPeer {
    async fn open() -> Self {
        let room = Room::open().await;
        let worker = room.join_with(room.config("worker").accept_manifests()).await;
        let transport = room.join_with(room.config("asker").pipeline_peer("worker")).await;
        Self { transport, worker, _room: room }
    }
}

impl TransportFixture for Here {
    fn transport(&self) -> &dyn PipelineTransport {
        &self.transport
    }

    fn sessions_at_once(&self) -> usize {
        1
    }

    async fn close(self) {
        assert!(self.transport.close().await.complete);
    }
}

impl TransportFixture for AtPeer {
    fn transport(&self) -> &dyn PipelineTransport {
        &self.transport
    }

    fn sessions_at_once(&self) -> usize {
        1
    }

    async fn close(self) {
        self.transport.close().await;
        self.worker.close().await;
    }
}

mod here {
    use super::Here;
    remotemedia_tests::transport_conformance!(Here::open().await);
}

mod at_peer {
    use super::AtPeer;
    remotemedia_tests::transport_conformance!(AtPeer::open().await);
}
