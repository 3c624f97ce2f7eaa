//! A peer connection: the handle, and what it owns.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtp_transceiver::rtp_sender::RTCRtpCodecParameters;
use rtc::shared::error::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};

use super::event::{EventSink, event_channel};
use super::feedback::Feedback;
use super::incoming::IncomingTracks;
use super::negotiation::Negotiation;
use super::observer::{MAX_PEER_CHANNELS, Observer};
use super::outgoing::Outgoing;
use super::progress::{EngineState, Progress};
use super::runtime::{EngineRuntime, panic_message};
use super::sdp_guard::{self, Expectation, LocalCodec};
use super::tasks::Tasks;
use super::{
    CandidateError, ConnectionConfig, ConnectionError, ConnectionEvents, ConnectionState, ConnectionStats,
    IceCandidate, IceServer, NegotiatedCodec, SdpKind, TrackKind, TrackSender, data_carrier, engine,
    snapshot,
};

/// Label of the data channel of [`TrackPlan`](super::TrackPlan).
const DATA_LABEL: &str = "data";

/// Most remote candidates; a browser with VPN and TURN has 30 or so.
const MAX_REMOTE_CANDIDATES: usize = 128;

/// Longest candidate line that is read.
const MAX_CANDIDATE_BYTES: usize = 1024;

/// One peer connection; clones share it. When the last clone is dropped, everything ends at once;
/// [`close`](Self::close) tells the peer first.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` once closed.
    engine: Mutex<Option<Arc<dyn PeerConnection>>>,
    tasks: Arc<Tasks>,
    observer: Arc<Observer>,
    events: EventSink,
    feedback: Arc<Feedback>,
    incoming: Arc<IncomingTracks>,
    audio: Option<Outgoing>,
    video: Option<Outgoing>,
    local_codecs: Vec<LocalCodec>,
    plan_data: bool,
    progress: Arc<Mutex<Progress>>,
    remote_candidates: AtomicUsize,
    /// One step at a time.
    negotiation: tokio::sync::Mutex<Steps>,
}

/// The negotiation and what only its steps touch.
#[derive(Default)]
struct Steps {
    negotiation: Negotiation,
    /// The peer's name in the connectivity checks; another one means that it restarts ICE.
    ice_user: Option<String>,
    /// The channel that we made for our offer, and what stops its carrier.
    own_channel: Option<(Arc<dyn DataChannel>, CancellationToken)>,
}

impl Connection {
    /// Opens a connection: binds its sockets and starts its tasks; nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectionError::InvalidConfig`] naming the field; [`ConnectionError::Open`] if no socket could be
    /// bound.
    pub async fn open(config: ConnectionConfig) -> Result<(Self, ConnectionEvents), ConnectionError> {
        config.check()?;
        let (events, received) = event_channel();
        let tasks = Arc::new(Tasks::default());
        let feedback = Arc::new(Feedback::default());
        let incoming = Arc::new(IncomingTracks::new(events.clone(), feedback.clone()));
        let video_codecs = engine::video_codecs(&config.video_codecs);
        let audio = config.tracks.audio.then(|| Outgoing::new(TrackKind::Audio, engine::opus().rtp_codec));
        let video = video_codecs
            .first()
            .filter(|_| config.tracks.video)
            .map(|codec| Outgoing::new(TrackKind::Video, codec.rtp_codec.clone()));
        let progress = Arc::new(Mutex::new(Progress::new(config.relay_only)));
        let observer = Arc::new(Observer {
            events: events.clone(),
            tasks: Arc::downgrade(&tasks),
            incoming: incoming.clone(),
            outgoing: [&audio, &video].into_iter().flatten().map(|track| track.link.clone()).collect(),
            progress: progress.clone(),
            channels: Arc::new(Semaphore::new(MAX_PEER_CHANNELS)),
        });
        let (stopping, failing) = (tasks.stop().clone(), observer.clone());
        let stopped = move |reason: &str| {
            if !stopping.is_cancelled() {
                failing.fail(reason.to_owned());
            }
        };
        let watched = config.ice_servers.iter().any(IceServer::is_turn).then(|| progress.clone());
        let runtime = EngineRuntime::new(&tasks, config.socket_buffer_bytes, watched, Box::new(stopped));
        let engine = engine::build(
            &config,
            feedback.clone(),
            incoming.deliveries.clone(),
            events.clone(),
            Arc::new(runtime),
            observer.clone(),
        )
        .await
        .map_err(open_error)?;
        let stream_id = format!("remotemedia-{:08x}", observer.outgoing.first().map_or(0, |link| link.ssrc));
        for track in [&audio, &video].into_iter().flatten() {
            let carrier =
                track.attach(engine.as_ref(), &stream_id, tasks.stop().clone()).await.map_err(open_error)?;
            tasks.spawn(carrier);
        }
        let shared = Shared {
            engine: Mutex::new(Some(engine)),
            tasks,
            observer,
            events,
            feedback,
            incoming,
            audio,
            video,
            local_codecs: local_codecs(&config, &video_codecs),
            plan_data: config.tracks.data,
            progress,
            remote_candidates: AtomicUsize::new(0),
            negotiation: tokio::sync::Mutex::default(),
        };
        Ok((Self { shared: Arc::new(shared) }, received))
    }

    /// Creates an offer; nothing changes until it is [set](Self::set_local). The first one makes the data
    /// channel, if the plan has one. `ice_restart`: with new ICE credentials, for a path that broke.
    ///
    /// # Errors
    /// [`ConnectionError::WrongState`] while a remote offer waits for its answer.
    pub async fn create_offer(&self, ice_restart: bool) -> Result<String, ConnectionError> {
        let mut steps = self.shared.negotiation.lock().await;
        steps.negotiation.check_create_offer()?;
        let engine = self.engine()?;
        if self.shared.plan_data && !steps.negotiation.completed && steps.own_channel.is_none() {
            let channel =
                guarded("creating the data channel", engine.create_data_channel(DATA_LABEL, None)).await?;
            steps.own_channel = Some((channel.clone(), self.carry_data(channel)));
        }
        let options = RTCOfferOptions { ice_restart };
        let offer = guarded("creating an offer", engine.create_offer(Some(options))).await?;
        Ok(offer.sdp)
    }

    /// Creates the answer to the remote offer; nothing changes until it is [set](Self::set_local).
    ///
    /// # Errors
    /// [`ConnectionError::WrongState`] unless a remote offer waits.
    pub async fn create_answer(&self) -> Result<String, ConnectionError> {
        let steps = self.shared.negotiation.lock().await;
        steps.negotiation.check_create_answer()?;
        let engine = self.engine()?;
        let answer = guarded("creating an answer", engine.create_answer(None)).await?;
        Ok(answer.sdp)
    }

    /// Sets the description that was created last, unchanged; local candidates start to come as events.
    ///
    /// # Errors
    /// [`ConnectionError::WrongState`], or [`ConnectionError::Engine`] if `sdp` is not what was created last.
    pub async fn set_local(&self, kind: SdpKind, sdp: &str) -> Result<(), ConnectionError> {
        let mut steps = self.shared.negotiation.lock().await;
        steps.negotiation.check_local(kind)?;
        let engine = self.engine()?;
        let operation = match kind {
            SdpKind::Offer => "setting the local offer",
            SdpKind::Answer => "setting the local answer",
        };
        let description = describe(kind, sdp.to_owned(), operation)?;
        guarded(operation, engine.set_local_description(description)).await?;
        steps.negotiation.set_local(kind, sdp);
        if kind == SdpKind::Answer {
            self.renew(engine.as_ref()).await;
        }
        Ok(())
    }

    /// Sets the peer's description.
    ///
    /// # Errors
    /// [`ConnectionError::InvalidSdp`] and [`ConnectionError::NoCommonCodec`] name what is wrong with it;
    /// the negotiation is as it was. [`ConnectionError::WrongState`] if it does not fit: roll back first.
    pub async fn set_remote(&self, kind: SdpKind, sdp: &str) -> Result<(), ConnectionError> {
        let mut steps = self.shared.negotiation.lock().await;
        steps.negotiation.check_remote(kind)?;
        let engine = self.engine()?;
        let expected = Expectation {
            kind,
            codecs: &self.shared.local_codecs,
            offer: steps.negotiation.pending_offer().filter(|_| kind == SdpKind::Answer),
        };
        let sdp = sdp_guard::check(sdp, expected)?;
        let operation = match kind {
            SdpKind::Offer => "setting the remote offer",
            SdpKind::Answer => "setting the remote answer",
        };
        let ice_user = sdp_guard::ice_user(&sdp).map(str::to_owned);
        let description = describe(kind, sdp, operation)?;
        if kind == SdpKind::Offer && !steps.negotiation.completed {
            // The peer's offer brings its own channel.
            if let Some((channel, stop)) = steps.own_channel.take() {
                stop.cancel();
                guarded("dropping the data channel", channel.close()).await?;
            }
        }
        guarded(operation, engine.set_remote_description(description)).await?;
        steps.negotiation.set_remote(kind);
        if steps.ice_user != ice_user {
            // ICE starts anew, with candidates of its own.
            steps.ice_user = ice_user;
            self.shared.remote_candidates.store(0, Ordering::Relaxed);
        }
        if kind == SdpKind::Answer {
            self.renew(engine.as_ref()).await;
        }
        Ok(())
    }

    /// Takes the pending offer back, ours or the peer's, as perfect negotiation needs it (RFC 9429 §5.7).
    ///
    /// # Errors
    /// [`ConnectionError::WrongState`] if no offer is pending.
    pub async fn rollback(&self) -> Result<(), ConnectionError> {
        let mut steps = self.shared.negotiation.lock().await;
        steps.negotiation.check_rollback()?;
        let engine = self.engine()?;
        let description = RTCSessionDescription::rollback(None).map_err(engine_error("rolling back"))?;
        match steps.negotiation.pending_offer().is_some() {
            true => guarded("rolling back", engine.set_local_description(description)).await?,
            false => guarded("rolling back", engine.set_remote_description(description)).await?,
        }
        steps.negotiation.roll_back();
        Ok(())
    }

    /// Takes a candidate of the peer. The end marker, candidates over TCP, of a second component and with
    /// `.local` names are accepted and not used.
    ///
    /// # Errors
    /// [`CandidateError::TooEarly`] before there is a remote description: keep it and try again;
    /// [`CandidateError::Invalid`] naming it.
    pub async fn add_candidate(&self, candidate: IceCandidate) -> Result<(), CandidateError> {
        let steps = self.shared.negotiation.lock().await;
        let engine = self.engine().map_err(|_| CandidateError::Closed)?;
        if candidate.is_end() {
            return Ok(());
        }
        let shown = || candidate.candidate.chars().take(120).collect::<String>();
        let invalid = |reason: String| CandidateError::Invalid { candidate: shown(), reason };
        if candidate.candidate.len() > MAX_CANDIDATE_BYTES {
            return Err(invalid(format!("it is longer than {MAX_CANDIDATE_BYTES} bytes")));
        }
        if !steps.negotiation.has_remote() {
            return Err(CandidateError::TooEarly { candidate: shown() });
        }
        let line = candidate.candidate.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let value = line.strip_prefix("candidate:").unwrap_or(line);
        if value.split_ascii_whitespace().count() < 8 {
            return Err(invalid(
                "expected foundation, component, transport, priority, address, port and type".into(),
            ));
        }
        if !sdp_guard::is_usable_candidate(value) {
            return Ok(());
        }
        if self.shared.remote_candidates.fetch_add(1, Ordering::Relaxed) >= MAX_REMOTE_CANDIDATES {
            return Err(invalid(format!("the peer has sent {MAX_REMOTE_CANDIDATES} already")));
        }
        let candidate = RTCIceCandidateInit { candidate: format!("candidate:{value}"), ..Default::default() };
        guarded("adding a candidate", engine.add_ice_candidate(candidate))
            .await
            .map_err(|error| invalid(error.to_string()))?;
        self.progress().remote_candidates += 1;
        Ok(())
    }

    /// Returns the way out for audio packets, if the plan has it.
    pub fn audio_sender(&self) -> Option<TrackSender> {
        self.shared.audio.as_ref().map(|track| track.sender.clone())
    }

    /// Returns the way out for video packets, if the plan has it.
    pub fn video_sender(&self) -> Option<TrackSender> {
        self.shared.video.as_ref().map(|track| track.sender.clone())
    }

    /// Asks the peer for a key frame of its video (PLI). Requests that come faster than they are sent
    /// become one.
    pub fn request_key_frame(&self) {
        self.shared.incoming.key_frame_wanted.notify_one();
    }

    /// Returns where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.progress().state()
    }

    /// Says what most likely keeps the connection from coming up, and what to look at.
    pub fn path_fault(&self) -> String {
        self.progress().cause()
    }

    /// Returns the figures of this moment.
    pub async fn stats(&self) -> ConnectionStats {
        let shared = &self.shared;
        let mut stats = snapshot::streams(&shared.feedback);
        let ledgers = [
            (&mut stats.audio_out, shared.audio.as_ref().map(|track| track.sender.ledger())),
            (&mut stats.video_out, shared.video.as_ref().map(|track| track.sender.ledger())),
            (&mut stats.audio_in, shared.incoming.ledger(TrackKind::Audio).map(|ledger| ledger.report())),
            (&mut stats.video_in, shared.incoming.ledger(TrackKind::Video).map(|ledger| ledger.report())),
        ];
        for (stream, ledger) in ledgers {
            if let (Some(stream), Some(ledger)) = (stream, ledger) {
                stream.ledger = ledger;
            }
        }
        stats.events_lost = shared.events.lost();
        if let Ok(engine) = self.engine() {
            snapshot::add_path(&mut stats, engine.as_ref(), Instant::now()).await;
        }
        stats
    }

    /// Closes the connection: the peer is told, every task ends, every socket is closed. What waits to be
    /// sent is lost. Returns how many tasks had to be aborted at `deadline`: 0 if all went well. A second
    /// call returns 0.
    pub async fn close(&self, deadline: Duration) -> usize {
        let engine = self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(engine) = engine else { return 0 };
        let start = Instant::now();
        self.shared.tasks.stop().cancel();
        match tokio::time::timeout(deadline, guarded("closing", engine.close())).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::debug!(%error, "engine did not close"),
            Err(_) => tracing::debug!(?deadline, "engine did not close in time"),
        }
        let aborted = self.shared.tasks.join(deadline.saturating_sub(start.elapsed())).await;
        self.shared.negotiation.lock().await.own_channel = None;
        self.shared.observer.enter(EngineState::Closed);
        self.shared.events.close();
        aborted
    }

    /// Takes over what was negotiated: payload types to send with, codecs that may come.
    async fn renew(&self, engine: &dyn PeerConnection) {
        let mut may_send = Vec::new();
        for transceiver in engine.get_transceivers().await {
            let direction = transceiver.current_direction().await.map(|direction| direction.has_send());
            may_send.push((transceiver.id(), direction.unwrap_or(false)));
        }
        for (kind, track) in [(TrackKind::Audio, &self.shared.audio), (TrackKind::Video, &self.shared.video)]
        {
            let Some(track) = track else { continue };
            let codecs = track.renew(&may_send).await;
            self.shared.incoming.set_codecs(kind, codecs.into_iter().filter_map(negotiated));
        }
    }

    fn carry_data(&self, channel: Arc<dyn DataChannel>) -> CancellationToken {
        let (tasks, events) = (&self.shared.tasks, self.shared.events.clone());
        let stop = tasks.stop().child_token();
        tasks.spawn(data_carrier::carry(channel, events, Arc::downgrade(tasks), stop.clone()));
        stop
    }

    fn engine(&self) -> Result<Arc<dyn PeerConnection>, ConnectionError> {
        let engine = self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.clone().ok_or(ConnectionError::Closed)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Runs a call of the engine; its panics, which a hostile description may cause, become errors.
async fn guarded<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, ConnectionError> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(outcome) => outcome.map_err(engine_error(operation)),
        Err(panic) => {
            let reason = format!("the engine panicked: {}", panic_message(panic.as_ref()));
            Err(ConnectionError::Engine { operation, reason })
        }
    }
}

fn engine_error(operation: &'static str) -> impl Fn(Error) -> ConnectionError {
    move |error| match error {
        Error::ErrConnectionClosed => ConnectionError::Closed,
        error => ConnectionError::Engine { operation, reason: error.to_string() },
    }
}

fn open_error(error: Error) -> ConnectionError {
    ConnectionError::Open { reason: error.to_string() }
}

fn describe(
    kind: SdpKind,
    sdp: String,
    operation: &'static str,
) -> Result<RTCSessionDescription, ConnectionError> {
    match kind {
        SdpKind::Offer => RTCSessionDescription::offer(sdp),
        SdpKind::Answer => RTCSessionDescription::answer(sdp),
    }
    .map_err(engine_error(operation))
}

fn local_codecs(config: &ConnectionConfig, video: &[RTCRtpCodecParameters]) -> Vec<LocalCodec> {
    let audio = config.tracks.audio.then(engine::opus).into_iter();
    let video = video.iter().filter(|_| config.tracks.video).cloned();
    audio
        .chain(video)
        .filter_map(|codec| {
            let (media, name) = codec.rtp_codec.mime_type.split_once('/')?;
            let media = if media == "audio" { "audio" } else { "video" };
            (name != "rtx").then(|| LocalCodec {
                media,
                name: name.to_owned(),
                clock_rate: codec.rtp_codec.clock_rate,
                fmtp: codec.rtp_codec.sdp_fmtp_line.clone(),
            })
        })
        .collect()
}

fn negotiated(codec: RTCRtpCodecParameters) -> Option<NegotiatedCodec> {
    let is_media = !codec.rtp_codec.mime_type.to_ascii_lowercase().ends_with("/rtx");
    is_media.then_some(NegotiatedCodec {
        mime_type: codec.rtp_codec.mime_type,
        payload_type: codec.payload_type,
        clock_rate: codec.rtp_codec.clock_rate,
        channels: codec.rtp_codec.channels,
        fmtp: codec.rtp_codec.sdp_fmtp_line,
    })
}
