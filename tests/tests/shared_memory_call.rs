//! A call whose frames lie in shared memory: when it is over, no segment is left. Alone in its process, since
//! it counts what the process holds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData};
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::node::builtin::read_barcode;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::shm::{FramePool, PoolConfig, PoolKind, SharedMemoryConfig, open_pool};
use remotemedia_tests::{Resources, Room, manifest, numbered_picture};
use remotemedia_transport_webrtc::WebRtcTransport;
use serde_json::json;

const INTERVAL: Duration = Duration::from_millis(33);

/// A folder for the pool's processes to find each other; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("remotemedia-call-{}", std::process::id())))
    }

    fn pool(&self) -> Arc<dyn FramePool> {
        let shared_memory =
            SharedMemoryConfig { folder: Some(self.0.clone()), ..SharedMemoryConfig::default() };
        let config = PoolConfig { shared_memory, ..PoolConfig::default() };
        open_pool(PoolKind::SharedMemory, "call", &config).expect("64 MiB of shared memory")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Sends pictures there and back until some are back, and closes in mid-stream. Returns the segments that
/// were in use.
async fn call(folder: &Folder) -> Vec<PathBuf> {
    let room = Room::open().await;
    let pool = folder.pool();
    let runner = PipelineRunner::new(NodeRegistry::with_builtins()).with_pool(pool.clone());
    let join = async |config| WebRtcTransport::join(config, runner.clone()).await.expect("the room is open");
    let blur = join(room.config("blur").serves_pipeline()).await;
    blur.serve(manifest(json!([{"id": "blur", "node_type": "VideoBlur"}]))).await.expect("a valid manifest");
    let film = join(room.config("film")).await;
    let to = Room::peer("blur");
    film.connect(&to).await.expect("a path on the loopback");
    let (mut pace, mut sent, mut back) = (tokio::time::interval(INTERVAL), 0, 0);
    while back < 10 {
        tokio::select! {
            _ = pace.tick() => {
                let picture = numbered_picture(&*pool, 320, 180, sent);
                let at = MediaTime::ZERO + INTERVAL * sent as u32;
                film.send_to(&to, TransportData::new(picture).numbered(sent).at(at)).await.expect("connected");
                sent += 1;
            }
            item = Room::next(&film) => if let RuntimeData::Video(picture) = item.data {
                read_barcode(&picture).expect("intact");
                back += 1;
            },
        }
    }
    let segments = Resources::segments();
    assert!(film.close().await.complete && blur.close().await.complete);
    segments.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_shared_memory_takes_its_segments_with_it() {
    let folder = Folder::new();
    // The first starts what lives as long as the process.
    call(&folder).await;
    let alone = Resources { segments: 0, ..Resources::now() };
    for _ in 0..2 {
        let segments = call(&folder).await;
        assert!(!segments.is_empty(), "or this story sees nothing");
        alone.are_restored().await;
        let left: Vec<_> = segments.into_iter().filter(|segment| segment.exists()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
