//! Two peers and a signaling server: one sends pictures, the other blurs them and sends them back.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{sync::Arc, time::Duration};

use remotemedia_runtime_core::data::{PeerId, RuntimeData};
use remotemedia_runtime_core::{manifest::Manifest, node::NodeRegistry, runner::PipelineRunner};
use remotemedia_signaling::server::{ServerConfig, SignalingServer};
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};

const CAMERA: &str = r#"{"version": "v1", "nodes": [
    {"id": "camera", "node_type": "TestPattern", "params": {"width": 640, "height": 360, "frames": 60}}]}"#;
const BLUR: &str = r#"{"version": "v1", "nodes": [{"id": "blur", "node_type": "VideoBlur"}]}"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = SignalingServer::start(ServerConfig::default()).await?;
    let config = |peer| WebRtcConfig::new(server.url(), "room").peer_id(peer);
    let runner = PipelineRunner::new(NodeRegistry::with_builtins());

    let blurring = WebRtcTransport::join(config("blur").serves_pipeline(), runner.clone()).await?;
    blurring.serve(Arc::new(Manifest::parse(BLUR)?)).await?;

    let filming = WebRtcTransport::join(config("film"), runner.clone()).await?;
    let blur = PeerId::new("blur")?;
    filming.connect(&blur).await?;

    let mut camera = runner.create_stream_session(&Manifest::parse(CAMERA)?).await?;
    loop {
        tokio::select! {
            Some(picture) = camera.output() => filming.send_to(&blur, picture).await?,
            Some(back) = filming.recv() => if let RuntimeData::Video(picture) = back.data {
                println!("picture {} of {}x{} is back", back.sequence, picture.width(), picture.height());
            },
            () = tokio::time::sleep(Duration::from_secs(2)) => break,
        }
    }
    tokio::join!(filming.close(), blurring.close());
    Ok(())
}
