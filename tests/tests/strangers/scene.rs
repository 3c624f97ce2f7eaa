//! A pipeline with a call on it, and a stranger who comes in.

use std::time::Duration;

use remotemedia_tests::{CallBeside, Resources, Room, Stranger, manifest};
use remotemedia_transport_webrtc::{
    CloseCause, ConnectError, Deadlines, PeerEvent, PeerState, WebRtcConfig, WebRtcTransport,
};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

/// Id of the peer that runs the pipeline.
pub(crate) const PIPELINE: &str = "pipeline";

/// Id of the stranger.
pub(crate) const STRANGER: &str = "stranger";

/// From an offer to flowing media. A call on the loopback takes a fraction of it, on a busy machine too.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(8);

/// How long anything awaited may take before the story has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pipeline with a call on it, and a stranger in the session.
pub(crate) struct Scene {
    pub(crate) room: Room,
    pub(crate) pipeline: WebRtcTransport,
    events: Receiver<PeerEvent>,
    beside: CallBeside,
    /// Tasks before the stranger came.
    tasks: usize,
}

impl Scene {
    /// Sets the scene.
    pub(crate) async fn open() -> (Self, Stranger) {
        let room = Room::open().await;
        let deadlines = Deadlines { handshake: HANDSHAKE, ..Deadlines::default() };
        let config = WebRtcConfig { deadlines, ..room.config(PIPELINE).serves_pipeline() };
        let pipeline = room.join_with(config).await;
        let echo = manifest(json!([{"id": "echo", "node_type": "PassThrough"}]));
        pipeline.serve(echo).await.expect("a valid manifest");
        let beside = CallBeside::start(&room, PIPELINE).await;
        let tasks = Resources::tasks();
        let mut scene = Self { events: pipeline.events(), room, pipeline, beside, tasks };
        let stranger = scene.another_stranger().await;
        (scene, stranger)
    }

    /// Lets a stranger come in, in place of the one who left.
    pub(crate) async fn another_stranger(&mut self) -> Stranger {
        let stranger = Stranger::join(&self.room, STRANGER).await;
        self.until(|event| matches!(event, PeerEvent::Joined { peer } if peer.peer.as_str() == STRANGER))
            .await;
        stranger
    }

    /// Lets the pipeline call the stranger, who is told to do something about it meanwhile; returns why the
    /// call came to nothing.
    pub(crate) async fn failed_call(&mut self, meanwhile: impl Future<Output = ()>) -> CloseCause {
        let peer = Room::peer(STRANGER);
        let both = async { tokio::join!(self.pipeline.connect(&peer), meanwhile).0 };
        let outcome = tokio::time::timeout(PATIENCE, both).await.expect("an end within the deadline");
        let Err(ConnectError::Failed { peer, cause }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(peer.as_str(), STRANGER);
        assert_eq!(self.closed().await, cause, "the event tells the same cause");
        cause
    }

    /// Waits until the stranger's connection is closed, and returns why.
    pub(crate) async fn closed(&mut self) -> CloseCause {
        let mut cause = None;
        self.until(|event| match event {
            PeerEvent::StateChanged { peer, state: PeerState::Closed { cause: why } } => {
                assert_eq!(peer.as_str(), STRANGER, "the call beside is untouched");
                cause = Some(why.clone());
                true
            }
            _ => false,
        })
        .await;
        cause.expect("found")
    }

    /// Waits until the stranger is connected.
    pub(crate) async fn connected(&mut self) {
        self.until(|event| match event {
            PeerEvent::StateChanged { state: PeerState::Closed { cause }, .. } => panic!("{cause}"),
            PeerEvent::StateChanged { peer, state: PeerState::Connected } => peer.as_str() == STRANGER,
            _ => false,
        })
        .await;
    }

    /// Waits for an event.
    pub(crate) async fn until(&mut self, mut is_it: impl FnMut(&PeerEvent) -> bool) {
        let search = async { while !is_it(&self.events.recv().await.expect("the transport is open")) {} };
        tokio::time::timeout(PATIENCE, search).await.expect("the event comes in time");
    }

    /// Waits until the server has told that the stranger left, for that reason.
    pub(crate) async fn left(&mut self, why: &str) {
        self.until(|event| match event {
            PeerEvent::StateChanged { state: PeerState::Closed { cause }, .. } => panic!("{cause}"),
            PeerEvent::Left { peer, reason } => {
                assert_eq!((peer.as_str(), reason.as_str()), (STRANGER, why));
                true
            }
            _ => false,
        })
        .await;
    }

    /// Looks whether the stranger is connected, in the session or not.
    pub(crate) async fn is_connected(&self) -> bool {
        let reports = self.pipeline.quality().await;
        reports.iter().any(|report| report.peer.as_str() == STRANGER && report.state == PeerState::Connected)
    }

    /// Looks whether the call beside goes on, undisturbed.
    pub(crate) async fn beside_goes_on(&mut self) {
        self.beside.goes_on().await;
    }

    /// The stranger is gone: nothing of it is left, and the call beside goes on until it hangs up.
    pub(crate) async fn end(self) {
        Resources::tasks_settle_to(self.tasks).await;
        self.beside.end().await;
        assert!(self.pipeline.close().await.complete);
    }
}
