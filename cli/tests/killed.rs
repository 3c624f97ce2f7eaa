//! A peer whose process is killed in mid-call. Alone in its process, since it counts the process's threads and
//! files.

#![allow(clippy::print_stdout, reason = "the time that a kill goes unnoticed")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::PeerId;
use remotemedia_tests::{Resources, Room, manifest};
use remotemedia_transport_webrtc::{MediaFigures, PeerEvent, PeerState, WebRtcTransport};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

/// How long anything awaited may take before the story has failed. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pictures and packets of sound, each way, after which a call is in full swing.
const FLOWING: u64 = 10;

/// A peer in a process of its own that sends a film; killed when dropped.
struct Film(Child);

impl Film {
    fn start(room: &Room, peer: &str) -> Self {
        let url = room.server.url();
        let child = Command::new(env!("CARGO_BIN_EXE_remotemedia"))
            .args(["join", &url, "--session", "room", "--peer-id", peer, "--seconds", "600"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the command was built"))
    }

    /// Ends the process as the system does that has no memory left: it gets to say nothing.
    fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("a child of ours");
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        // Killed already, or of a story that failed.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until pictures and sound of a peer have come and gone back, some more than there had.
async fn flows(pipeline: &WebRtcTransport, peer: &PeerId) {
    let counted = async || {
        let report = pipeline.quality().await.into_iter().find(|report| report.peer == *peer);
        let MediaFigures { video_out, audio_out, video_in, audio_in, .. } = report?.media;
        let pictures = [video_in?.pictures.delivered, video_out?.frames.delivered];
        let sound = [audio_in?.packets.delivered, audio_out?.frames.delivered];
        pictures.into_iter().chain(sound).min()
    };
    let flowing = async {
        let wanted = counted().await.unwrap_or(0) + FLOWING;
        while counted().await.is_none_or(|counted| counted < wanted) {
            tokio::task::yield_now().await;
        }
    };
    let flowing = tokio::time::timeout(PATIENCE, flowing).await;
    flowing.unwrap_or_else(|_| panic!("nothing flows with {peer}"));
}

/// Waits until the connection to a peer is closed and the peer has left the session.
async fn gone(events: &mut Receiver<PeerEvent>, gone: &PeerId) {
    let (mut closed, mut left) = (false, false);
    let search = async {
        while !(closed && left) {
            match events.recv().await.expect("the transport is open") {
                PeerEvent::StateChanged { peer, state: PeerState::Closed { .. } } if peer == *gone => {
                    closed = true;
                }
                PeerEvent::Left { peer, .. } if peer == *gone => left = true,
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the kill is noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_killed_in_mid_call_leaves_nothing_behind_and_its_id_is_free() {
    let room = Room::open().await;
    let echo = manifest(json!([{"id": "echo", "node_type": "PassThrough"}]));
    let pipeline = room.serve("pipeline", echo).await;
    let mut events = pipeline.events();
    let (beside, victim) = (Room::peer("beside"), Room::peer("victim"));
    let _beside = Film::start(&room, "beside");
    flows(&pipeline, &beside).await;
    let before = Resources::now();
    // The second finds its id free.
    for _ in 0..2 {
        let mut film = Film::start(&room, "victim");
        flows(&pipeline, &victim).await;
        let killed = Instant::now();
        film.kill();
        gone(&mut events, &victim).await;
        let noticed = killed.elapsed();
        before.are_restored().await;
        println!(
            "a kill was noticed after {noticed:?}, all of the peer was gone after {:?}",
            killed.elapsed()
        );
        // The session goes on for who is left.
        flows(&pipeline, &beside).await;
        assert!(pipeline.peers().iter().all(|peer| peer.peer != victim), "{:?}", pipeline.peers());
    }
    assert!(pipeline.close().await.complete);
}
