//! Runs the demo: server, processor, source; progress; results.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use remotemedia_signaling::server::{ServerConfig, SignalingServer};
use remotemedia_transport_webrtc::codec::h264_is_accelerated;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::accounting::account;
use super::chart::draw_latency;
use super::figures::{DemoTable, Directions, FrameCounts, PerProcess, Percentiles, RunFacts, rounded};
use super::messages::{Order, ProcessorAccount, SourceAccount, Told};
use crate::failure::Failure;
use crate::writable;

/// What the demo is told, checked.
#[derive(Debug)]
pub(crate) struct DemoSettings {
    pub(crate) manifest: PathBuf,
    pub(crate) input: Option<PathBuf>,
    pub(crate) input_title: String,
    pub(crate) seconds: f64,
    pub(crate) out: PathBuf,
}

/// The demo's session, and the names of its peers in it.
pub(super) const SESSION: &str = "demo";
pub(super) const PROCESSOR: &str = "processor";
pub(super) const SOURCE: &str = "source";

/// How long a peer may take for its part of the ending.
const ACCOUNT_WITHIN: Duration = Duration::from_secs(10);

/// How long the source may be silent: it tells of its progress four times a second, and has deadlines of its own for
/// joining and for the first frame that comes back.
const NEWS_WITHIN: Duration = Duration::from_secs(60);

/// How long the processor may take to join and to start its pipeline.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// What a run leaves in its folder.
pub(crate) const PICTURES: [&str; 3] = ["before.png", "after.png", "latency.svg"];

/// A peer in a process of its own, which ends with this one.
struct Peer {
    name: &'static str,
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    orders: ChildStdin,
}

/// Runs the demo and returns its table; the pictures are then in `settings.out`.
pub(crate) async fn direct(settings: &DemoSettings, quiet: bool) -> Result<DemoTable, Failure> {
    std::fs::create_dir_all(&settings.out)
        .with_context(|| format!("cannot make the folder {}", settings.out.display()))
        .map_err(Failure::bad_input)?;
    for earlier in PICTURES {
        // What is left of an earlier run would pass for this one's; mostly there is none.
        std::fs::remove_file(settings.out.join(earlier)).ok();
        writable::check(&settings.out.join(earlier))?;
    }
    let server = SignalingServer::start(ServerConfig::default()).await?;
    let url = server.url();
    let common = ["--url", &url, "--session", SESSION];
    let mut processor = Peer::start(PROCESSOR, "demo-processor", &common, |command| {
        command.args(["--peer-id", PROCESSOR]).arg(&settings.manifest);
    })?;
    let ready = tokio::time::timeout(READY_WITHIN, processor.hear()).await;
    match ready.map_err(|_| anyhow!("the processor was not ready within {READY_WITHIN:?}"))?? {
        Told::Ready => {}
        other => return Err(anyhow!("the processor said {other:?} instead of being ready").into()),
    }
    let mut source = Peer::start(SOURCE, "demo-source", &common, |command| {
        command.args(["--processor", PROCESSOR, "--seconds", &settings.seconds.to_string()]);
        command.arg("--out").arg(&settings.out);
        if let Some(input) = &settings.input {
            command.arg("--input").arg(input);
        }
    })?;
    let bar = progress_bar(settings.seconds, quiet);
    let mut setup_ms = 0.0;
    let filmed = loop {
        let news = tokio::time::timeout(NEWS_WITHIN, source.hear()).await;
        match news.map_err(|_| anyhow!("the source said nothing for {NEWS_WITHIN:?}: it hangs"))?? {
            Told::Begun { setup_ms: took } => {
                setup_ms = took;
                processor.order(Order::Begin).await?;
            }
            Told::Progress(progress) => {
                bar.set_position((progress.seconds * 1e3) as u64);
                bar.set_message(format!(
                    "{:4.1} fps  {:5.1} ms  {:4.2} Mbit/s  {} lost",
                    progress.frames_per_second,
                    progress.latency_ms,
                    progress.bitrate_bps / 1e6,
                    progress.lost
                ));
            }
            Told::Filmed(account) => break account,
            other => return Err(anyhow!("the source said {other:?} in the middle of filming").into()),
        }
    };
    processor.order(Order::End).await?;
    let processed = match tokio::time::timeout(ACCOUNT_WITHIN, processor.hear()).await {
        Ok(Ok(Told::Processed(account))) => account,
        Ok(Ok(other)) => return Err(anyhow!("the processor said {other:?} instead of its account").into()),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(anyhow!("the processor gave no account within {ACCOUNT_WITHIN:?}").into()),
    };
    source.order(Order::End).await?;
    tracing::debug!(source = ?filmed.media, processor = ?processed.media, pipeline = ?processed.pipeline, "accounts");
    bar.finish_and_clear();
    tokio::try_join!(source.end(), processor.end())?;
    server.stop(Duration::from_secs(1)).await?;
    let durations = |millis: &[f64]| -> Vec<Duration> {
        millis.iter().map(|millis| Duration::from_secs_f64(millis / 1e3)).collect()
    };
    let video = durations(&filmed.video_round_trips_ms);
    let audio = durations(&filmed.audio_round_trips_ms);
    draw_latency(&video, &audio, &settings.out.join("latency.svg"))?;
    Ok(table(settings, setup_ms, &filmed, &processed, &video, &audio))
}

fn table(
    settings: &DemoSettings,
    setup_ms: f64,
    filmed: &SourceAccount,
    processed: &ProcessorAccount,
    video: &[Duration],
    audio: &[Duration],
) -> DemoTable {
    let mut stages_ms = filmed.media.stages_ms.clone();
    stages_ms.extend(processed.media.stages_ms.clone());
    stages_ms.insert("processor: slowest node".to_owned(), processed.pipeline_ms);
    let per_second = |bytes: u64| rounded(bytes as f64 * 8.0 / filmed.seconds.max(0.001));
    DemoTable {
        setup_ms,
        video_round_trip_ms: Percentiles::of(video),
        audio_round_trip_ms: Percentiles::of(audio),
        stages_ms,
        cpu_core_percent: PerProcess {
            source: rounded(filmed.usage.cpu_core_percent),
            processor: rounded(processed.usage.cpu_core_percent),
        },
        rss_mb: PerProcess {
            source: rounded(filmed.usage.rss_mb),
            processor: rounded(processed.usage.rss_mb),
        },
        rss_growth_mb: filmed
            .usage
            .rss_growth_mb
            .zip(processed.usage.rss_growth_mb)
            .map(|(source, processor)| PerProcess { source: rounded(source), processor: rounded(processor) }),
        frames: FrameCounts { sent: filmed.frames_sent, returned: filmed.frames_returned },
        ledger: account(filmed, processed),
        video_bitrate_bps: Directions {
            sent: per_second(filmed.media.bytes_sent),
            received: per_second(filmed.media.bytes_received),
        },
        run: RunFacts {
            manifest: settings.manifest.display().to_string(),
            input: settings.input_title.clone(),
            seconds: rounded(filmed.seconds),
            machine: machine(),
            h264_assembly: h264_is_accelerated(),
        },
    }
}

impl Peer {
    fn start(
        name: &'static str,
        subcommand: &str,
        common: &[&str],
        more: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.arg(subcommand).args(common);
        more(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start the {name}"))?;
        let orders = child.stdin.take().context("the peer has no standard input")?;
        let told = child.stdout.take().context("the peer has no standard output")?;
        Ok(Self { name, child, told: BufReader::new(told).lines(), orders })
    }

    /// Waits for the peer's next message.
    async fn hear<M: DeserializeOwned>(&mut self) -> anyhow::Result<M> {
        let Some(line) = self.told.next_line().await? else {
            let status = self.child.wait().await?;
            bail!("the {} ended early: {status}; what it said stands above", self.name);
        };
        serde_json::from_str(&line).with_context(|| format!("the {} said {line:?}", self.name))
    }

    async fn order(&mut self, order: Order) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        let sent = self.orders.write_all(&line).await;
        sent.with_context(|| format!("the {} takes no orders", self.name))
    }

    /// Waits until the process is gone.
    async fn end(&mut self) -> anyhow::Result<()> {
        let status = tokio::time::timeout(ACCOUNT_WITHIN, self.child.wait()).await;
        let status = status.map_err(|_| anyhow!("the {} did not end", self.name))??;
        if status.success() { Ok(()) } else { bail!("the {} ended with {status}", self.name) }
    }
}

fn progress_bar(seconds: f64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30.cyan/blue} {percent:>3}%  {msg}  {elapsed}");
    let bar = ProgressBar::new((seconds * 1e3) as u64);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("connecting");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Returns the processor's name as the system tells it.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores", name.map_or("unknown processor", |(_, name)| name))
}
