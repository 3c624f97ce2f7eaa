//! `remotemedia join`: a native peer that sends a clip and saves what comes back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use remotemedia_runtime_core::data::{PeerId, RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use serde_json::json;

use super::Verdict;
use super::demo::seconds;
use crate::clip::{WavWriter, Y4mWriter};
use crate::failure::Failure;
use crate::footage::Footage;
use crate::process::{interrupted, run_until_interrupted};
use crate::terminal::Terminal;

/// Join a session as a peer that sends a clip or a test picture, and save what comes back.
#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// The signaling server, ws://host:port/ws.
    url: String,
    /// The session.
    #[arg(long)]
    session: String,
    /// This peer's id; default: random.
    #[arg(long)]
    peer_id: Option<String>,
    /// The peer to send to; default: the first one that runs a pipeline.
    #[arg(long)]
    to: Option<String>,
    /// What to send: a YUV4MPEG2 clip, or `test` for the test picture and a beep each second.
    #[arg(long, default_value = "test", value_name = "FILE.y4m|test")]
    input: PathBuf,
    /// Where to save what comes back: FILE.y4m, with the sound in FILE.wav beside it.
    #[arg(long, value_name = "FILE.y4m")]
    output: Option<PathBuf>,
    /// How long to send, seconds.
    #[arg(long, default_value = "10", value_parser = seconds)]
    seconds: f64,
}

/// How long to wait for a peer that runs a pipeline, and for the last frames.
const PIPELINE_WITHIN: Duration = Duration::from_secs(15);
const LAST_FRAMES_WITHIN: Duration = Duration::from_millis(500);

pub(crate) fn run(arguments: JoinArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    let saved = run_until_interrupted(join(arguments))?;
    if let Some(saved) = saved {
        writeln!(terminal, "sent {} pictures, {} came back", saved.sent, saved.pictures)?;
    }
    Ok(Verdict::Good)
}

/// Writes what comes back; files begin with the first item of their kind.
#[derive(Default)]
struct Saved {
    sent: u64,
    pictures: u64,
    video: Option<Y4mWriter>,
    audio: Option<WavWriter>,
}

async fn join(arguments: JoinArguments) -> Result<Saved, Failure> {
    let interrupted = interrupted()?;
    let runner = PipelineRunner::new(NodeRegistry::with_builtins());
    let clip = (arguments.input.as_os_str() != "test").then_some(arguments.input.as_path());
    let mut footage = Footage::open(clip, &runner).await?;
    let tone: Manifest = serde_json::from_value(json!({
        "version": "v1",
        "nodes": [{"id": "tone", "node_type": "TestTone", "params": {"beep": true, "item_ms": 10}}],
    }))?;
    let mut tone = runner.create_stream_session(&tone).await?;
    let config = WebRtcConfig::new(&arguments.url, &arguments.session);
    let config = WebRtcConfig { peer_id: arguments.peer_id.clone(), ..config };
    let transport = WebRtcTransport::join(config, runner).await?;
    let to = pipeline_peer(&transport, arguments.to.as_deref()).await?;
    transport.connect(&to).await?;
    let bar = progress_bar(arguments.seconds, &footage.title());
    let end = tokio::time::sleep(Duration::from_secs_f64(arguments.seconds));
    tokio::pin!(end, interrupted);
    let (mut saved, mut sending) = (Saved::default(), true);
    loop {
        tokio::select! {
            biased;
            () = &mut interrupted => break,
            () = &mut end => {
                if !sending {
                    break;
                }
                sending = false;
                end.as_mut().reset(tokio::time::Instant::now() + LAST_FRAMES_WITHIN);
            }
            item = transport.recv() => match item {
                Some(item) => saved.keep(&item, arguments.output.as_deref())?,
                None => return Err(anyhow!("the connection to {to} ended").into()),
            },
            Some(sound) = tone.output(), if sending => transport.send_to(&to, sound).await?,
            picture = footage.next(), if sending => match picture? {
                Some(picture) => {
                    saved.sent += 1;
                    bar.set_position((picture.media_time.as_duration().as_secs_f64() * 1e3) as u64);
                    bar.set_message(format!("{} sent, {} back", saved.sent, saved.pictures));
                    transport.send_to(&to, picture).await?;
                }
                None => sending = false,
            },
        }
    }
    bar.finish_and_clear();
    transport.close().await;
    if let Some(audio) = saved.audio.take() {
        audio.finish()?;
    }
    Ok(saved)
}

/// Returns the peer to send to; waits for one that runs a pipeline if none is named.
async fn pipeline_peer(transport: &WebRtcTransport, named: Option<&str>) -> Result<PeerId, Failure> {
    if let Some(named) = named {
        return PeerId::new(named).map_err(Failure::bad_input);
    }
    // Subscribed before the look, so that who joins in between is not missed.
    let mut events = transport.events();
    let waiting = async {
        loop {
            if let Some(peer) = transport.peers().into_iter().find(|peer| peer.has_pipeline) {
                return Ok(peer.peer);
            }
            events.recv().await?;
        }
    };
    match tokio::time::timeout(PIPELINE_WITHIN, waiting).await {
        Ok(found) => found,
        Err(_) => {
            let present: Vec<_> = transport.peers().into_iter().map(|peer| peer.peer.to_string()).collect();
            let error = anyhow!("no peer of the session runs a pipeline; there are: {present:?}");
            Err(Failure::from(error)
                .hint("start one with: remotemedia serve MANIFEST, or name a peer with --to"))
        }
    }
}

impl Saved {
    fn keep(&mut self, item: &TransportData, output: Option<&Path>) -> Result<(), Failure> {
        match &item.data {
            RuntimeData::Video(frame) => {
                self.pictures += 1;
                let Some(output) = output else { return Ok(()) };
                let size = (frame.width(), frame.height());
                if self.video.is_none() {
                    self.video = Some(Y4mWriter::create(output, size.0, size.1, 30.0)?);
                }
                // A clip has one size: what comes back in another (while the sender ramps up) is not kept.
                if let Some(video) = self.video.as_mut().filter(|video| video.size() == size) {
                    video.write(frame)?;
                }
            }
            RuntimeData::Audio(frame) => {
                let Some(output) = output else { return Ok(()) };
                if self.audio.is_none() {
                    let path = output.with_extension("wav");
                    self.audio = Some(WavWriter::create(&path, frame.sample_rate(), frame.channels())?);
                }
                if let Some(audio) = &mut self.audio {
                    audio.write(frame)?;
                }
            }
            RuntimeData::Json(value) => tracing::info!(%value, "came back"),
            _ => {}
        }
        Ok(())
    }
}

fn progress_bar(seconds: f64, title: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:30.cyan/blue} {percent:>3}%  {msg}");
    let bar = ProgressBar::new((seconds * 1e3) as u64).with_prefix(title.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
