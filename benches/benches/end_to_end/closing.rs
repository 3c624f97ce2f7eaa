//! How long a session takes to be gone, with every task, thread, socket and shared-memory segment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use remotemedia_runtime_core::data::{PeerId, RuntimeData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_signaling::server::{ServerConfig, SignalingServer};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use tokio::runtime::Handle;

const CAMERA: &str = r#"{"version": "v1", "nodes": [
    {"id": "camera", "node_type": "TestPattern", "params": {"width": 1280, "height": 720}}]}"#;
const BLUR: &str = r#"{"version": "v1", "nodes": [{"id": "blur", "node_type": "BackgroundBlur"}]}"#;

/// Pictures that come back before the session is closed in mid-stream.
const PICTURES_FIRST: usize = 15;

/// After this long something has leaked.
const GIVE_UP_AFTER: Duration = Duration::from_secs(15);

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    threads: usize,
    files: usize,
    tasks: usize,
    segments: usize,
}

impl Held {
    fn now() -> anyhow::Result<Self> {
        let entries = |folder| -> anyhow::Result<usize> { Ok(std::fs::read_dir(folder)?.count()) };
        Ok(Self {
            threads: entries("/proc/self/task")?,
            files: entries("/proc/self/fd")?,
            tasks: Handle::current().metrics().num_alive_tasks(),
            segments: entries("/dev/shm")?,
        })
    }

    fn is_within(self, other: Self) -> bool {
        self.threads <= other.threads
            && self.files <= other.files
            && self.tasks <= other.tasks
            && self.segments <= other.segments
    }
}

/// Closes a session in mid-stream, so many times; milliseconds until the process holds what it held before.
pub(crate) fn measure(times: usize) -> anyhow::Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // What a process starts once for its life, as a timer's thread, is started here.
        round(None).await?;
        let mut took = Vec::new();
        for _ in 0..times {
            took.push(round(Some(Held::now()?)).await?);
        }
        Ok(took)
    })
}

/// One session, from its server to its end; milliseconds from the call of `close` until what is held is what
/// was held `before`.
async fn round(before: Option<Held>) -> anyhow::Result<f64> {
    let server = SignalingServer::start(ServerConfig::default()).await?;
    let config = |peer| WebRtcConfig::new(server.url(), "room").peer_id(peer);
    let runner = PipelineRunner::new(NodeRegistry::with_builtins());
    let blurring = WebRtcTransport::join(config("blur").serves_pipeline(), runner.clone()).await?;
    blurring.serve(Arc::new(Manifest::parse(BLUR)?)).await?;
    let filming = WebRtcTransport::join(config("film"), runner.clone()).await?;
    let blur = PeerId::new("blur")?;
    filming.connect(&blur).await?;
    let mut camera = runner.create_stream_session(&Manifest::parse(CAMERA)?).await?;
    let mut back = 0;
    while back < PICTURES_FIRST {
        tokio::select! {
            picture = camera.output() => {
                filming.send_to(&blur, picture.context("the camera goes on for ever")?).await?;
            }
            item = filming.recv() => if let RuntimeData::Video(_) = item.context("open")?.data {
                back += 1;
            },
        }
    }
    drop(camera);
    let closing = Instant::now();
    let (first, second) = tokio::join!(filming.close(), blurring.close());
    ensure!(first.complete && second.complete, "not all was gone by the deadline: {first:?}, {second:?}");
    drop((filming, blurring, runner));
    server.stop(Duration::from_secs(1)).await?;
    while let Some(before) = before {
        let held = Held::now()?;
        if held.is_within(before) {
            break;
        }
        ensure!(closing.elapsed() < GIVE_UP_AFTER, "{held:?} is held, {before:?} before");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(closing.elapsed().as_secs_f64() * 1e3)
}
