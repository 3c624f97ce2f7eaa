//! The ways in from one peer: a decoder for each track that opened, and the task that carries what it
//! makes to the inlet.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::{PeerId, StreamId, TrackId, TransportData};
use remotemedia_runtime_core::ledger::{Ledger, LedgerReport};
use remotemedia_runtime_core::queue::{QueueReceiver, queue};
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::PeerInlet;
use crate::codec::{AudioCodec, AudioDecoderSettings, CodecSet, VideoCodec, VideoDecoderSettings};
use crate::media::{
    AudioReceiver, AudioReceiverParts, AudioReceiverReport, KeyFrameRequester, MediaClock, PeerTimeline,
    VideoReceiver, VideoReceiverParts, VideoReceiverReport,
};
use crate::rtc::{Connection, NegotiatedCodec, TrackKind, TrackReceiver};

/// Decoder → inlet. Two pictures are 66 ms: a longer queue alone would break the latency aimed at.
const DECODED_PICTURES: usize = 2;

/// Decoder → inlet. Four packets are 40 ms of sound.
const DECODED_SOUND: usize = 4;

/// The ways in from one peer.
pub(super) struct Intake {
    peer: PeerId,
    codecs: CodecSet,
    timeline: Arc<PeerTimeline>,
    inlet: Arc<dyn PeerInlet>,
    connection: Connection,
    receivers: Mutex<Receivers>,
    /// Decoded items on their way to the inlet.
    ledgers: [Arc<Ledger>; 2],
    tasks: TaskTracker,
}

#[derive(Default)]
struct Receivers {
    video: Option<VideoReceiver>,
    audio: Option<AudioReceiver>,
}

/// Asks the peer for key frames.
struct KeyFrameLine(Connection);

/// Why a track is not decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum IntakeError {
    #[error(transparent)]
    Codec(#[from] crate::codec::CodecError),
    #[error(transparent)]
    Media(#[from] crate::media::MediaError),
    #[error("codec {mime_type:?} is not decoded here")]
    UnknownCodec { mime_type: String },
}

impl Intake {
    pub(super) fn new(
        peer: PeerId,
        codecs: CodecSet,
        connection: Connection,
        inlet: Arc<dyn PeerInlet>,
    ) -> Self {
        Self {
            peer,
            codecs,
            timeline: PeerTimeline::new(Instant::now()),
            inlet,
            connection,
            receivers: Mutex::default(),
            ledgers: Default::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Begins to decode a track; one of the same kind that was decoded before ends.
    pub(super) fn open(
        &self,
        kind: TrackKind,
        codec: &NegotiatedCodec,
        source: TrackReceiver,
    ) -> Result<(), IntakeError> {
        let track = TrackId::new(kind.to_string()).expect("kinds are valid names");
        let stream = StreamId::new(self.peer.clone(), track);
        let (clock, source) = (MediaClock::new(codec.clock_rate, self.timeline.clone()), Box::new(source));
        let unknown = || IntakeError::UnknownCodec { mime_type: codec.mime_type.clone() };
        match kind {
            TrackKind::Video => {
                let known = VideoCodec::ALL.into_iter().find(|known| codec.is(known.mime_type()));
                let settings = VideoDecoderSettings::default();
                let decoder = self.codecs.video_decoder(known.ok_or_else(unknown)?, settings)?;
                let (output, items) = queue(DECODED_PICTURES, self.ledgers[0].clone());
                let key_frames = Arc::new(KeyFrameLine(self.connection.clone()));
                let parts = VideoReceiverParts { stream, source, decoder, clock, output, key_frames };
                self.lock().video = Some(VideoReceiver::spawn(parts)?);
                self.tasks.spawn(carry(items, self.ledgers[0].clone(), self.inlet.clone()));
            }
            TrackKind::Audio => {
                let known = AudioCodec::ALL.into_iter().find(|known| codec.is(known.mime_type()));
                let settings = AudioDecoderSettings::default();
                let decoder = self.codecs.audio_decoder(known.ok_or_else(unknown)?, settings)?;
                let (output, items) = queue(DECODED_SOUND, self.ledgers[1].clone());
                let parts = AudioReceiverParts { stream, source, decoder, clock, output };
                self.lock().audio = Some(AudioReceiver::spawn(parts));
                self.tasks.spawn(carry(items, self.ledgers[1].clone(), self.inlet.clone()));
            }
        }
        Ok(())
    }

    /// Tells the decoders how long a packet that is asked for again takes.
    pub(super) fn set_rtt(&self, rtt: Duration) {
        if let Some(video) = &self.lock().video {
            video.set_rtt(rtt);
        }
    }

    pub(super) fn video_report(&self) -> Option<VideoReceiverReport> {
        self.lock().video.as_ref().map(VideoReceiver::report)
    }

    pub(super) fn audio_report(&self) -> Option<AudioReceiverReport> {
        self.lock().audio.as_ref().map(AudioReceiver::report)
    }

    /// Returns the account of decoded items on their way into the pipeline: pictures, sound.
    pub(super) fn handed_over(&self) -> [LedgerReport; 2] {
        [self.ledgers[0].report(), self.ledgers[1].report()]
    }

    /// Ends the decoders, side by side, and the tasks behind them.
    pub(super) async fn close(&self, until: tokio::time::Instant) {
        let within = until.saturating_duration_since(tokio::time::Instant::now());
        let Receivers { video, audio } = std::mem::take(&mut *self.lock());
        let video = async {
            if let Some(mut video) = video
                && let Err(error) = video.close(within).await
            {
                warn!(peer = %self.peer, %error, "video decoder left behind");
            }
        };
        let audio = async {
            if let Some(mut audio) = audio
                && let Err(error) = audio.close(within).await
            {
                warn!(peer = %self.peer, %error, "audio decoder left behind");
            }
        };
        tokio::join!(video, audio);
        // The decoders held the queues' other ends: the carriers end with them.
        self.tasks.close();
        if tokio::time::timeout_at(until, self.tasks.wait()).await.is_err() {
            warn!(peer = %self.peer, "the pipeline took too long for the peer's last items");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Receivers> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn carry(mut items: QueueReceiver<TransportData>, ledger: Arc<Ledger>, inlet: Arc<dyn PeerInlet>) {
    while let Some(item) = items.recv().await {
        inlet.deliver(item).await;
        ledger.count_delivered();
    }
}

impl KeyFrameRequester for KeyFrameLine {
    fn request_key_frame(&self) {
        self.0.request_key_frame();
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("peer", &self.peer).finish_non_exhaustive()
    }
}
