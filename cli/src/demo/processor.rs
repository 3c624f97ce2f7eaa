//! The peer that runs the pipeline.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::DataKind;
use remotemedia_runtime_core::ledger::LedgerReport;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::PipelineReport;
use remotemedia_transport_webrtc::{ConfigError, WebRtcConfig, WebRtcTransport};

use super::director::{PROCESSOR, SESSION};
use super::figures::{Percentiles, rounded};
use super::messages::{Order, ProcessorAccount, Told};
use super::orders::orders;
use super::process_figures::UsageMeter;
use super::source::{media_account, tell, wait_until};
use crate::failure::Failure;

/// What the processor is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProcessorSettings {
    /// The signaling server.
    #[arg(long)]
    pub(crate) url: String,
    /// The session.
    #[arg(long)]
    pub(crate) session: String,
    /// Its own peer id.
    #[arg(long)]
    pub(crate) peer_id: String,
    /// The manifest.
    pub(crate) manifest: PathBuf,
}

/// Serves the manifest until the director says that it is enough, or is gone.
pub(crate) async fn process(settings: ProcessorSettings, runner: PipelineRunner) -> Result<(), Failure> {
    let manifest = Manifest::read(&settings.manifest).map_err(Failure::bad_input)?;
    let config = config(&settings.url, &settings.session, &settings.peer_id, &manifest);
    let transport = WebRtcTransport::join(config, runner.clone()).await?;
    let serving = transport.serve(Arc::new(manifest)).await?;
    tell(&Told::Ready)?;
    let mut orders = orders()?;
    let mut meter: Option<UsageMeter> = None;
    loop {
        let settles_at = meter.as_ref().filter(|meter| !meter.is_settled()).map(UsageMeter::settles_at);
        let order = tokio::select! {
            order = orders.recv() => order,
            () = wait_until(settles_at.map(Into::into)) => {
                meter.as_mut().map_or(Ok(()), UsageMeter::settle)?;
                continue;
            }
        };
        match order {
            None => break,
            Some(Order::Begin) => meter = Some(UsageMeter::begin()?),
            Some(Order::End) => {
                let usage = meter.as_ref().map(UsageMeter::end).transpose()?.unwrap_or_default();
                let pipeline = serving.ledger();
                let account = ProcessorAccount {
                    media: media_account(&transport, "processor").await,
                    pipeline: video_nodes(&pipeline, &runner),
                    pipeline_ms: percentiles(&pipeline),
                    usage,
                };
                tell(&Told::Processed(Box::new(account)))?;
                break;
            }
        }
    }
    transport.close().await;
    Ok(())
}

/// Checks before anything is started that the processor can join a session with the manifest.
pub(crate) fn check_joinable(manifest: &Manifest) -> Result<(), ConfigError> {
    config("ws://127.0.0.1/ws", SESSION, PROCESSOR, manifest).validate()
}

fn config(url: &str, session: &str, peer_id: &str, manifest: &Manifest) -> WebRtcConfig {
    WebRtcConfig::new(url, session).peer_id(peer_id).with_manifest(manifest).serves_pipeline()
}

/// The account of the nodes that take nothing but video.
fn video_nodes(pipeline: &PipelineReport, runner: &PipelineRunner) -> LedgerReport {
    let mut total = LedgerReport::default();
    for node in &pipeline.nodes {
        let takes_video = runner.registry().factory(node.node_type).is_some_and(|factory| {
            factory.spec().inputs.first().is_some_and(|port| port.kinds == [DataKind::Video])
        });
        if takes_video {
            total.add(&node.ledger);
        }
    }
    total
}

fn percentiles(pipeline: &PipelineReport) -> Percentiles {
    let millis = |time: Duration| rounded(time.as_secs_f64() * 1e3);
    let times =
        pipeline.nodes.iter().map(|node| node.processing).max_by_key(|times| times.p50).unwrap_or_default();
    Percentiles { p50: millis(times.p50), p95: millis(times.p95), p99: millis(times.p99) }
}
