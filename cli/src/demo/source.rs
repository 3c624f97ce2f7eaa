//! The peer that sends the clip, and measures how long it is away.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use remotemedia_runtime_core::data::{AudioLoan, MediaTime, PeerId, RuntimeData, TransportData, VideoFrame};
use remotemedia_runtime_core::latency::LatencyReport;
use remotemedia_runtime_core::node::builtin::read_barcode;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_transport_webrtc::{MediaFigures, PeerReport, WebRtcConfig, WebRtcTransport};
use tokio::time::MissedTickBehavior;

use super::director::SOURCE;
use super::figures::{Percentiles, rounded};
use super::marks::{HeardMark, MARK_PERIOD, MarkReader, SAMPLE_RATE, write_marks};
use super::messages::{MediaAccount, Progress, SourceAccount, Told};
use super::orders::orders;
use super::picture::write_png;
use super::process_figures::UsageMeter;
use super::recent_rate::RecentRate;
use super::round_trip::RoundTrip;
use crate::failure::Failure;
use crate::footage::Footage;

/// What the source is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SourceSettings {
    /// The signaling server.
    #[arg(long)]
    pub(crate) url: String,
    /// The session.
    #[arg(long)]
    pub(crate) session: String,
    /// The processor's peer id.
    #[arg(long)]
    pub(crate) processor: String,
    /// The clip; without it, the test pattern.
    #[arg(long)]
    pub(crate) input: Option<PathBuf>,
    /// How long to measure, seconds.
    #[arg(long)]
    pub(crate) seconds: f64,
    /// Where the pictures go.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// Sound sent at once: 10 ms.
const SOUND_FRAMES: usize = 480;

/// Packets of returned sound whose arrival is remembered: 200 ms, ten times what recognition takes.
const SOUND_REMEMBERED: usize = 20;

/// Numbers in the barcode.
const BARCODES: u64 = 4096;

/// How long to wait for the first processed frame, and for the last.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(15);
const LAST_FRAMES_WITHIN: Duration = Duration::from_secs(1);

/// A frame that is away for longer counts as lost in the progress; if it comes back later, no more.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Seconds after the beginning whose frame is kept as a picture, half of a shorter run: the blur has learned the
/// background.
const PICTURE_AFTER: f64 = 2.0;

struct Filming {
    transport: WebRtcTransport,
    processor: PeerId,
    runner: PipelineRunner,
    settings: SourceSettings,
    video: RoundTrip,
    audio: RoundTrip,
    reader: MarkReader,
    heard: Vec<HeardMark>,
    sound_sent: u64,
    sound_received: u64,
    /// First sample and arrival of the last packets of returned sound.
    sound_arrived: VecDeque<(u64, Instant)>,
    began: Option<UsageMeter>,
    /// How long it was sent, seconds, once nothing more is.
    sent_for: Option<f64>,
    /// Frames that came back, and bytes of video sent, of late.
    frames_back: RecentRate,
    bytes_sent: RecentRate,
    before: Option<VideoFrame>,
    before_number: u64,
    after: Option<VideoFrame>,
}

/// Joins, sends, receives, and tells the director on the standard output.
pub(crate) async fn film(settings: SourceSettings, runner: PipelineRunner) -> Result<(), Failure> {
    let mut orders = orders()?;
    let mut footage = Footage::open(settings.input.as_deref(), &runner).await?;
    let started = Instant::now();
    let config = WebRtcConfig::new(&settings.url, &settings.session).peer_id(SOURCE);
    let transport = WebRtcTransport::join(config, runner.clone()).await?;
    let processor = PeerId::new(&settings.processor)?;
    transport.connect(&processor).await?;
    let mut filming = Filming {
        transport,
        processor,
        runner,
        settings,
        video: RoundTrip::new(BARCODES),
        audio: RoundTrip::new(4),
        reader: MarkReader::default(),
        heard: Vec::new(),
        sound_sent: 0,
        sound_received: 0,
        sound_arrived: VecDeque::new(),
        began: None,
        sent_for: None,
        frames_back: RecentRate::default(),
        bytes_sent: RecentRate::default(),
        before: None,
        before_number: 0,
        after: None,
    };
    filming.run(&mut footage, started).await?;
    let account = filming.account().await?;
    filming.keep_pictures()?;
    tell(&Told::Filmed(Box::new(account)))?;
    // The processor's account of this peer lasts as long as the connection.
    orders.recv().await;
    filming.transport.close().await;
    Ok(())
}

impl Filming {
    async fn run(&mut self, footage: &mut Footage, started: Instant) -> Result<(), Failure> {
        let mut sound = tokio::time::interval(Duration::from_millis(10));
        sound.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut progress = tokio::time::interval(PROGRESS_INTERVAL);
        let mut quiet_at: Option<tokio::time::Instant> = None;
        loop {
            let sending = quiet_at.is_none();
            tokio::select! {
                biased;
                item = self.transport.recv() => match item {
                    Some(item) => self.take(item, started)?,
                    None => return Err(anyhow!("the connection to the processor ended").into()),
                },
                _ = sound.tick(), if sending => self.send_sound().await?,
                item = footage.next(), if sending => match item? {
                    Some(item) => self.send_picture(item).await?,
                    None => quiet_at = Some(self.end_sending()),
                },
                _ = progress.tick() => self.tell_progress().await?,
                () = wait_until(quiet_at) => return Ok(()),
            }
            let seconds = self.began.as_ref().map_or(0.0, UsageMeter::seconds);
            if sending && seconds >= self.settings.seconds {
                quiet_at = Some(self.end_sending());
            }
            let report = self.video.report();
            if !sending && report.returned == report.sent {
                return Ok(());
            }
            if self.began.is_none() && started.elapsed() > FIRST_FRAME_WITHIN {
                let waited = FIRST_FRAME_WITHIN.as_secs();
                return Err(anyhow!("no processed frame came back within {waited} s").into());
            }
        }
    }

    /// Notes how long it was sent; returns when the last frames are no longer waited for.
    fn end_sending(&mut self) -> tokio::time::Instant {
        self.sent_for = self.began.as_ref().map(UsageMeter::seconds);
        tokio::time::Instant::now() + LAST_FRAMES_WITHIN
    }

    async fn send_picture(&mut self, item: TransportData) -> Result<(), Failure> {
        let RuntimeData::Video(frame) = &item.data else { return Ok(()) };
        let after = PICTURE_AFTER.min(self.settings.seconds / 2.0);
        let due = self.began.as_ref().is_some_and(|began| began.seconds() >= after);
        if self.before.is_none() && due {
            (self.before, self.before_number) = (Some(frame.clone()), item.sequence);
        }
        self.video.sent(item.sequence, Instant::now());
        Ok(self.transport.send_to(&self.processor, item).await?)
    }

    async fn send_sound(&mut self) -> Result<(), Failure> {
        let mut loan = AudioLoan::new(&**self.runner.pool(), SOUND_FRAMES, SAMPLE_RATE, 1)?;
        write_marks(self.sound_sent, loan.samples_mut());
        let at = Duration::from_micros(self.sound_sent * 1_000_000 / u64::from(SAMPLE_RATE));
        let now = Instant::now();
        let frames = SOUND_FRAMES as u64;
        // The mark whose onset lies in this stretch is heard when the stretch's end is captured.
        if self.sound_sent.is_multiple_of(MARK_PERIOD) {
            self.audio.sent(self.sound_sent / MARK_PERIOD, now);
        }
        let item = TransportData::new(loan.freeze())
            .numbered(self.sound_sent / frames)
            .at(MediaTime::from_duration(at));
        self.sound_sent += frames;
        Ok(self.transport.send_to(&self.processor, item).await?)
    }

    fn take(&mut self, item: TransportData, started: Instant) -> Result<(), Failure> {
        let now = Instant::now();
        match &item.data {
            RuntimeData::Video(frame) => {
                let Some(code) = read_barcode(frame) else {
                    self.video.returned_unread();
                    return Ok(());
                };
                let away = self.video.returned(u64::from(code), now);
                if self.began.is_none() && away.is_some() {
                    self.began = Some(UsageMeter::begin()?);
                    let setup_ms = rounded(started.elapsed().as_secs_f64() * 1e3);
                    tell(&Told::Begun { setup_ms })?;
                }
                if self.after.is_none()
                    && self.before.is_some()
                    && u64::from(code) == self.before_number % BARCODES
                {
                    self.after = Some(frame.clone());
                }
            }
            RuntimeData::Audio(frame) => {
                let channels = usize::from(frame.channels());
                let mono: Vec<f32> = frame.samples().iter().step_by(channels).copied().collect();
                self.sound_arrived.push_back((self.sound_received, now));
                if self.sound_arrived.len() > SOUND_REMEMBERED {
                    self.sound_arrived.pop_front();
                }
                self.sound_received += mono.len() as u64;
                self.reader.read(&mono, &mut self.heard);
                for mark in self.heard.drain(..) {
                    // A mark is recognised some packets after the one that its onset lies in.
                    let onset = self.sound_arrived.iter().rfind(|(first, _)| *first <= mark.onset);
                    let arrived = onset.map_or(now, |(_, arrived)| *arrived);
                    self.audio.returned(u64::from(mark.tone), arrived);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn tell_progress(&mut self) -> Result<(), Failure> {
        let Some(began) = &mut self.began else { return Ok(()) };
        began.settle()?;
        let seconds = began.seconds();
        let bytes = self.transport.quality().await.first().map_or(0, video_bytes_sent);
        let now = Instant::now();
        let bitrate_bps = self.bytes_sent.note(bytes, now).per_second * 8.0;
        let report = self.video.report();
        let back = self.frames_back.note(report.returned, now);
        let latest = &report.times[report.times.len().saturating_sub(back.added as usize)..];
        tell(&Told::Progress(Progress {
            seconds,
            frames_per_second: back.per_second,
            latency_ms: Percentiles::of(latest).p50,
            bitrate_bps,
            lost: self.video.overdue(now, LOST_AFTER),
        }))
    }

    async fn account(&self) -> Result<SourceAccount, Failure> {
        let usage = match &self.began {
            Some(began) => began.end()?,
            None => Default::default(),
        };
        let (video, audio) = (self.video.report(), self.audio.report());
        let millis =
            |times: &[Duration]| times.iter().map(|time| rounded(time.as_secs_f64() * 1e3)).collect();
        Ok(SourceAccount {
            video_round_trips_ms: millis(&video.times),
            audio_round_trips_ms: millis(&audio.times),
            frames_sent: video.sent,
            frames_returned: video.returned,
            out_of_order: video.out_of_order,
            media: media_account(&self.transport, "source").await,
            seconds: self.sent_for.unwrap_or_default(),
            usage,
        })
    }

    fn keep_pictures(&self) -> Result<(), Failure> {
        for (frame, name) in [(&self.before, "before.png"), (&self.after, "after.png")] {
            if let Some(frame) = frame {
                write_png(frame, &self.settings.out.join(name))?;
            }
        }
        Ok(())
    }
}

/// Writes a message for the director.
pub(super) fn tell(message: &Told) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, message).context("cannot write to the director")?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Returns the video account of a transport with one peer.
pub(super) async fn media_account(transport: &WebRtcTransport, process: &str) -> MediaAccount {
    let mut account = MediaAccount::default();
    let Some(report) = transport.quality().await.into_iter().next() else { return account };
    let MediaFigures { video_out, video_in, video_handed_over, audio_out, audio_in, .. } = report.media;
    let mut stage = |name: &str, times: LatencyReport| {
        let millis = |time: Duration| rounded(time.as_secs_f64() * 1e3);
        let times = Percentiles { p50: millis(times.p50), p95: millis(times.p95), p99: millis(times.p99) };
        account.stages_ms.insert(format!("{process}: {name}"), times);
    };
    if let Some(out) = &video_out {
        stage("wait for the video encoder", out.queue_wait);
        stage("encode video", out.encode);
        stage("hand video to the network", out.hand_over);
    }
    if let Some(arrived) = &video_in {
        stage("assemble video", arrived.assembly);
        stage("wait for the video decoder", arrived.queue_wait);
        stage("decode video", arrived.decode);
    }
    if let Some(out) = &audio_out {
        stage("encode audio", out.encode);
    }
    if let Some(arrived) = &audio_in {
        stage("reorder audio", arrived.reorder_wait);
        stage("decode audio", arrived.decode);
    }
    account.bytes_sent = video_out.as_ref().map_or(0, |out| out.bytes_sent);
    account.bytes_received = report.connection.video_in.as_ref().map_or(0, |video| video.payload_bytes);
    account.out = video_out.map(|out| out.frames).unwrap_or_default();
    account.arrived = video_in.map(|arrived| arrived.pictures).unwrap_or_default();
    account.handed_over = video_handed_over;
    account
}

fn video_bytes_sent(report: &PeerReport) -> u64 {
    report.media.video_out.as_ref().map_or(0, |out| out.bytes_sent)
}

/// Waits for a moment; for ever without one.
pub(super) async fn wait_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
