//! `remotemedia serve`: server, page and pipeline in one process.

use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use remotemedia_runtime_core::data::StreamId;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::{PipelineHandle, SessionEvent};
use remotemedia_signaling::server::{ServerConfig, ServerHandle, SignalingServer};
use remotemedia_transport_webrtc::{PeerEvent, WebRtcConfig, WebRtcTransport};
use tokio::sync::broadcast::error::RecvError;

use super::Verdict;
use super::ice_servers::told;
use super::listening::ListenArguments;
use super::origins::OriginArguments;
use crate::failure::Failure;
use crate::manifest_file;
use crate::process::{self, interrupted, unless};
use crate::terminal::Terminal;
use crate::web_client;

/// Serve a manifest's pipeline to browsers: server, page and pipeline peer in one process.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The manifest, JSON or YAML; `-` reads the standard input.
    manifest: PathBuf,
    #[command(flatten)]
    listen: ListenArguments,
    /// The session to serve.
    #[arg(long, default_value = "demo")]
    session: String,
    /// The pipeline's peer id.
    #[arg(long, default_value = "pipeline")]
    peer_id: String,
    /// Let other peers run their own manifests in this process.
    #[arg(long)]
    accept_manifests: bool,
    #[command(flatten)]
    origins: OriginArguments,
}

pub(crate) fn run(arguments: ServeArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    let registry = NodeRegistry::with_builtins();
    let Some(checked) = manifest_file::load(&arguments.manifest, &registry, terminal)? else {
        return Ok(Verdict::BadInput);
    };
    let manifest = checked.manifest;
    let config = WebRtcConfig::new(UNKNOWN_YET, &arguments.session)
        .peer_id(&arguments.peer_id)
        .with_manifest(&manifest)
        .serves_pipeline();
    let config = WebRtcConfig { accept_manifests: arguments.accept_manifests, ..config };
    config.validate().map_err(Failure::bad_input)?;
    let server = ServerConfig {
        bind: arguments.listen.address,
        web_files: web_client::files(),
        allowed_origins: arguments.origins.allowed(),
        ice_servers: manifest
            .transport
            .as_ref()
            .map_or_else(Vec::new, |transport| told(&transport.ice_servers)),
        ..ServerConfig::default()
    };
    process::run_with_video(serve(server, config, manifest, PipelineRunner::new(registry), terminal))?;
    Ok(Verdict::Good)
}

/// Stands for the server's URL until it listens: port 0 takes a free one.
const UNKNOWN_YET: &str = "ws://localhost/ws";

/// What runs while a manifest is served.
struct Serving {
    server: ServerHandle,
    transport: WebRtcTransport,
    pipeline: PipelineHandle,
}

async fn serve(
    server: ServerConfig,
    config: WebRtcConfig,
    manifest: Manifest,
    runner: PipelineRunner,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut interrupted = pin!(interrupted()?);
    let session = config.session.clone();
    let starting = start(server, config, manifest, runner);
    let Some(Serving { server, transport, pipeline }) = unless(&mut interrupted, starting).await? else {
        return Ok(());
    };
    writeln!(terminal, "open {}?session={}", server.page_url(), session)?;
    writeln!(terminal, "signaling at {}; Ctrl-C ends", server.url())?;
    terminal.flush()?;
    let (mut peers, mut nodes) = (transport.events(), pipeline.events());
    let telling = async {
        loop {
            let line = tokio::select! {
                event = peers.recv() => match event {
                    Ok(event) => peer_line(&event),
                    Err(RecvError::Lagged(missed)) => format!("{missed} peer events missed"),
                    Err(RecvError::Closed) => return Ok(()),
                },
                Some(event) = nodes.recv() => node_line(&event),
            };
            writeln!(terminal, "{line}")?;
            terminal.flush()?;
        }
    };
    let outcome: Result<Option<()>, Failure> = unless(interrupted, telling).await;
    let closed = transport.close().await;
    server.stop(Duration::from_secs(1)).await?;
    writeln!(terminal, "closed in {} ms", closed.took.as_millis())?;
    outcome.map(drop)
}

async fn start(
    server: ServerConfig,
    config: WebRtcConfig,
    manifest: Manifest,
    runner: PipelineRunner,
) -> Result<Serving, Failure> {
    let server = SignalingServer::start(server).await?;
    let config = WebRtcConfig { signaling_url: server.url(), ..config };
    let transport = WebRtcTransport::join(config, runner).await.map_err(Failure::joining)?;
    let pipeline = transport.serve(Arc::new(manifest)).await?;
    Ok(Serving { server, transport, pipeline })
}

fn peer_line(event: &PeerEvent) -> String {
    match event {
        PeerEvent::Joined { peer } => format!("{} joined", peer.peer),
        PeerEvent::StateChanged { peer, state } => format!("{peer}: {state}"),
        PeerEvent::Left { peer, reason } => format!("{peer} left: {reason}"),
        PeerEvent::Refused { peer, reason } => format!("{peer} was refused: {reason}"),
        PeerEvent::SignalingLost { reason } => format!("signaling lost: {reason}"),
        other => format!("{other:?}"),
    }
}

fn node_line(event: &SessionEvent) -> String {
    let of =
        |stream: &Option<StreamId>| stream.as_ref().map_or(String::new(), |stream| format!(" of {stream}"));
    match event {
        SessionEvent::NodeFailed { node, stream, fault, untold } => {
            let before = if *untold > 0 { format!(" (and {untold} times before)") } else { String::new() };
            let fault = anyhow::Error::new(fault.clone());
            format!("node {node}{} failed: {fault:#}{before}", of(stream))
        }
        SessionEvent::NodeAborted { node, stream } => {
            format!("node {node}{} did not end in time: what it held was dropped", of(stream))
        }
        SessionEvent::EventsLost { count } => format!("{count} events of nodes missed"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::{NodeId, PeerId, TrackId};
    use remotemedia_runtime_core::session::NodeFault;

    use super::*;

    #[test]
    fn what_happens_to_nodes_is_told_in_words_with_the_stream_that_it_happens_to() {
        let node = || NodeId::new("blur").expect("a name");
        let stream = StreamId {
            peer: PeerId::new("ann").expect("a name"),
            track: TrackId::new("video").expect("a name"),
        };
        let fault = NodeFault::Thread(Arc::new(std::io::Error::other("no room")));
        let failed = |untold| SessionEvent::NodeFailed {
            node: node(),
            stream: Some(stream.clone()),
            fault: fault.clone(),
            untold,
        };
        let once = "node blur of ann/video failed: no thread could be started: no room";
        assert_eq!(node_line(&failed(0)), once);
        assert_eq!(node_line(&failed(3)), format!("{once} (and 3 times before)"));
        let aborted = SessionEvent::NodeAborted { node: node(), stream: None };
        assert_eq!(node_line(&aborted), "node blur did not end in time: what it held was dropped");
    }
}
