//! `remotemedia join`: a native peer that sends a clip and saves what comes back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use remotemedia_runtime_core::data::{PeerId, RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::PipelineSession;
use remotemedia_transport_webrtc::{CloseCause, PeerEvent, PeerState, WebRtcConfig, WebRtcTransport};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Verdict;
use super::demo::seconds;
use crate::clip::{Recording, RecordingReport};
use crate::failure::Failure;
use crate::footage::Footage;
use crate::process::{self, interrupted, unless};
use crate::terminal::Terminal;
use crate::writable;

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
    #[arg(long, value_name = "PEER_ID")]
    to: Option<String>,
    /// What to send: a YUV4MPEG2 clip, played again and again (out of a pipe: once), with a barcode over its top
    /// ninth; or `test` for the test picture. A beep each second goes with it.
    #[arg(long, default_value = "test", value_name = "FILE.y4m|test")]
    input: PathBuf,
    /// Where to save what comes back: FILE.y4m, with the sound in FILE.wav beside it.
    #[arg(long, value_name = "FILE.y4m", value_parser = clip_path)]
    output: Option<PathBuf>,
    /// How long to send, seconds.
    #[arg(long, default_value = "10", value_parser = seconds, allow_negative_numbers = true)]
    seconds: f64,
}

/// The sound goes into a file of its own beside the clip: the two must differ.
fn clip_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|extension| extension == "y4m") {
        true => Ok(path),
        false => Err("expected a path that ends in .y4m; the sound goes into a .wav beside it".to_owned()),
    }
}

/// How long to wait for a peer that runs a pipeline, and for the last frames.
const PIPELINE_WITHIN: Duration = Duration::from_secs(15);
const LAST_FRAMES_WITHIN: Duration = Duration::from_millis(500);

/// How long the cause of an end may come after the end.
const CAUSE_WITHIN: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: JoinArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    let config = WebRtcConfig::new(&arguments.url, &arguments.session);
    let config = WebRtcConfig { peer_id: arguments.peer_id.clone(), ..config };
    config.validate().map_err(Failure::bad_input)?;
    if let Some(output) = &arguments.output {
        check_output(output, &arguments.input)?;
    }
    let is_kept = arguments.output.is_some();
    let Some(Outcome { sent, came_back }) = process::run_with_video(join(arguments, config))? else {
        writeln!(terminal, "interrupted")?;
        return Ok(Verdict::Good);
    };
    let RecordingReport { pictures, misfits, files } = came_back;
    writeln!(terminal, "sent {sent} pictures, {pictures} came back")?;
    if misfits > 0 {
        writeln!(
            terminal,
            "not saved: {misfits} pictures of another size or range of colours than the first"
        )?;
    }
    if is_kept {
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let files = if files.is_empty() { "nothing".to_owned() } else { files.join(", ") };
        writeln!(terminal, "saved: {files}")?;
    }
    Ok(Verdict::Good)
}

/// Checks that what comes back can be written, and not over what is sent.
fn check_output(clip: &Path, input: &Path) -> Result<(), Failure> {
    let sound = Recording::sound_beside(clip);
    for path in [clip, &sound] {
        let both = path.canonicalize().ok().zip(input.canonicalize().ok());
        if both.is_some_and(|(output, input)| output == input) {
            let error = anyhow!("--output would overwrite {}, which is --input", path.display());
            return Err(Failure::bad_input(error).hint("name another file"));
        }
        writable::check(path)?;
    }
    Ok(())
}

/// What was sent, and what came of it.
struct Outcome {
    sent: u64,
    came_back: RecordingReport,
}

/// What runs while a clip is sent.
struct Sending {
    footage: Footage,
    tone: PipelineSession,
    transport: WebRtcTransport,
    events: Receiver<PeerEvent>,
    to: PeerId,
    /// Pictures so far.
    sent: u64,
}

/// `None`: interrupted before anything was sent.
async fn join(arguments: JoinArguments, config: WebRtcConfig) -> Result<Option<Outcome>, Failure> {
    let mut interrupted = pin!(interrupted()?);
    let Some(mut sending) = unless(&mut interrupted, start(&arguments, config)).await? else {
        return Ok(None);
    };
    let mut recording = Recording::new(arguments.output, sending.footage.frame_rate());
    let exchanged = exchange(&mut sending, arguments.seconds, &mut recording, interrupted).await;
    // After a failure, too: the others need not find out by silence.
    sending.transport.close().await;
    exchanged?;
    Ok(Some(Outcome { sent: sending.sent, came_back: recording.finish()? }))
}

/// Sends and receives until the time is over or the clip is, or until interrupted.
async fn exchange(
    sending: &mut Sending,
    seconds: f64,
    recording: &mut Recording,
    mut interrupted: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), Failure> {
    let Sending { footage, tone, transport, events, to, sent } = sending;
    let bar = progress_bar(seconds, &footage.title());
    let end = tokio::time::sleep(Duration::from_secs_f64(seconds));
    tokio::pin!(end);
    let mut goes_on = true;
    loop {
        tokio::select! {
            biased;
            () = &mut interrupted => break,
            () = &mut end => {
                if !goes_on {
                    break;
                }
                goes_on = false;
                end.as_mut().reset(tokio::time::Instant::now() + LAST_FRAMES_WITHIN);
            }
            cause = closed(events, to) => return Err(ended(to, cause)),
            Some(item) = transport.recv() => keep(recording, &item.data)?,
            Some(sound) = tone.output(), if goes_on => send(transport, events, to, sound).await?,
            picture = footage.next(), if goes_on => match picture? {
                Some(picture) => {
                    *sent += 1;
                    bar.set_position((picture.media_time.as_duration().as_secs_f64() * 1e3) as u64);
                    bar.set_message(format!("{sent} sent, {} back", recording.pictures()));
                    send(transport, events, to, picture).await?;
                }
                None => {
                    goes_on = false;
                    end.as_mut().reset(tokio::time::Instant::now() + LAST_FRAMES_WITHIN);
                }
            },
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn keep(recording: &mut Recording, item: &RuntimeData) -> Result<(), Failure> {
    if let RuntimeData::Json(value) = item {
        tracing::info!(%value, "came back");
    }
    Ok(recording.keep(item)?)
}

async fn start(arguments: &JoinArguments, config: WebRtcConfig) -> Result<Sending, Failure> {
    let named = arguments.to.as_deref().map(PeerId::new).transpose().map_err(Failure::bad_input)?;
    let runner = PipelineRunner::new(NodeRegistry::with_builtins());
    let clip = (arguments.input.as_os_str() != "test").then_some(arguments.input.as_path());
    let footage = Footage::open(clip, &runner).await?;
    let tone: Manifest = serde_json::from_value(json!({
        "version": "v1",
        "nodes": [{"id": "tone", "node_type": "TestTone", "params": {"beep": true, "item_ms": 10}}],
    }))?;
    let tone = runner.create_stream_session(&tone).await?;
    let transport = WebRtcTransport::join(config, runner).await.map_err(Failure::joining)?;
    match reach(&transport, named, &arguments.session).await {
        Ok((to, events)) => Ok(Sending { footage, tone, transport, events, to, sent: 0 }),
        Err(failure) => {
            transport.close().await;
            Err(failure)
        }
    }
}

/// Connects to the peer that is named, or to one that runs a pipeline.
async fn reach(
    transport: &WebRtcTransport,
    named: Option<PeerId>,
    session: &str,
) -> Result<(PeerId, Receiver<PeerEvent>), Failure> {
    let to = match named {
        Some(named) => named,
        None => pipeline_peer(transport, session).await?,
    };
    let events = transport.events();
    transport.connect(&to).await?;
    Ok((to, events))
}

async fn send(
    transport: &WebRtcTransport,
    events: &mut Receiver<PeerEvent>,
    to: &PeerId,
    item: TransportData,
) -> Result<(), Failure> {
    let Err(error) = transport.send_to(to, item).await else { return Ok(()) };
    // Why the connection ended may be told a moment after nothing can be sent any more.
    match tokio::time::timeout(CAUSE_WITHIN, closed(events, to)).await {
        Ok(cause) => Err(ended(to, cause)),
        Err(_) => Err(error.into()),
    }
}

/// Waits until the connection to a peer has ended. Cancel safe.
async fn closed(events: &mut Receiver<PeerEvent>, peer: &PeerId) -> CloseCause {
    loop {
        match events.recv().await {
            Ok(PeerEvent::StateChanged { peer: of, state: PeerState::Closed { cause } }) if of == *peer => {
                return cause;
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return CloseCause::ClosedHere,
        }
    }
}

fn ended(peer: &PeerId, cause: CloseCause) -> Failure {
    anyhow::Error::new(cause).context(format!("the connection to {peer} ended")).into()
}

/// Waits for a peer that runs a pipeline.
async fn pipeline_peer(transport: &WebRtcTransport, session: &str) -> Result<PeerId, Failure> {
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
            let present = if present.is_empty() { "nobody else".to_owned() } else { present.join(", ") };
            let error = anyhow!(
                "no peer of session {session} began to run a pipeline within {PIPELINE_WITHIN:?}; the session has \
                 {present}"
            );
            Err(Failure::from(error).hint(
                "check --session; start a pipeline with: remotemedia serve MANIFEST; or name any peer with --to",
            ))
        }
    }
}

fn progress_bar(seconds: f64, title: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:30.cyan/blue} {percent:>3}%  {msg}");
    let bar = ProgressBar::new((seconds * 1e3) as u64).with_prefix(title.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
