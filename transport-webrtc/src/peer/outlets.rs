//! The ways out to one peer: an encoder for each kind of media, made when it is first needed, and the
//! data channel.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use remotemedia_runtime_core::data::{DataKind, PeerId, TrackId, TransportData};
use tokio::sync::watch;
use tokio::time::Instant;

use super::SendError;
use crate::codec::{AudioCodec, AudioEncoderSettings, CodecSet, VideoCodec, VideoEncoderSettings};
use crate::media::{AudioSender, AudioSenderReport, RtpSink, VideoSender, VideoSenderReport};
use crate::rtc::{Connection, ConnectionStats, DataMessage, DataSender};

/// How items are sent to peers.
#[derive(Debug, Clone)]
pub(crate) struct OutletSettings {
    pub(crate) codecs: CodecSet,
    pub(crate) video_codec: VideoCodec,
    pub(crate) video: VideoEncoderSettings,
    pub(crate) audio: AudioEncoderSettings,
    /// How long data waits for its channel to open.
    pub(crate) data_opens_within: Duration,
}

/// The ways out to one peer.
pub(super) struct Outlets {
    peer: PeerId,
    connection: Connection,
    settings: OutletSettings,
    senders: Mutex<Senders>,
    data: watch::Sender<Option<DataSender>>,
}

#[derive(Default)]
struct Senders {
    video: Option<VideoSender>,
    audio: Option<AudioSender>,
    closed: bool,
}

impl Outlets {
    pub(super) fn new(peer: PeerId, connection: Connection, settings: OutletSettings) -> Self {
        Self { peer, connection, settings, senders: Mutex::default(), data: watch::Sender::new(None) }
    }

    /// Gives a picture or a stretch of sound to its encoder; never waits.
    pub(super) fn send_media(&self, item: TransportData) -> Result<(), SendError> {
        let mut senders = self.lock();
        if senders.closed {
            return Err(self.not_connected());
        }
        let taken = match item.data.kind() {
            DataKind::Video => {
                if senders.video.is_none() {
                    senders.video = Some(self.start_video()?);
                }
                senders.video.as_ref().map(|video| video.feed().send(item))
            }
            _ => {
                if senders.audio.is_none() {
                    senders.audio = Some(self.start_audio()?);
                }
                senders.audio.as_ref().map(|audio| audio.feed().send(item))
            }
        };
        // A closed feed has counted the item.
        taken.map_or(Ok(()), |taken| taken.map_err(|_| self.not_connected()))
    }

    /// Sends a message over the data channel; waits for the channel and for room in it.
    pub(super) async fn send_message(&self, message: Bytes) -> Result<(), SendError> {
        let mut data = self.data.subscribe();
        let opened = data.wait_for(Option::is_some);
        let sender = match tokio::time::timeout(self.settings.data_opens_within, opened).await {
            Ok(Ok(sender)) => sender.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(sender) = sender else { return Err(self.not_connected()) };
        sender
            .send(DataMessage::Binary(message))
            .await
            .map_err(|error| SendError::DataChannel { peer: self.peer.clone(), reason: error.to_string() })
    }

    /// Takes the data channel into use.
    pub(super) fn data_opened(&self, sender: DataSender) {
        self.data.send_replace(Some(sender));
    }

    /// Makes the next picture a key frame.
    pub(super) fn request_key_frame(&self) {
        if let Some(video) = &self.lock().video {
            video.request_key_frame();
        }
    }

    pub(super) async fn connection_stats(&self) -> ConnectionStats {
        self.connection.stats().await
    }

    pub(super) fn video_report(&self) -> Option<VideoSenderReport> {
        self.lock().video.as_ref().map(VideoSender::report)
    }

    pub(super) fn audio_report(&self) -> Option<AudioSenderReport> {
        self.lock().audio.as_ref().map(AudioSender::report)
    }

    /// Ends the encoders, side by side; what waits in them is dropped and counted.
    pub(super) async fn close(&self, until: Instant) {
        let within = until.saturating_duration_since(Instant::now());
        let (video, audio) = {
            let mut senders = self.lock();
            senders.closed = true;
            (senders.video.take(), senders.audio.take())
        };
        let video = async {
            if let Some(mut video) = video
                && let Err(error) = video.close(within).await
            {
                tracing::warn!(peer = %self.peer, %error, "video encoder left behind");
            }
        };
        let audio = async {
            if let Some(mut audio) = audio
                && let Err(error) = audio.close(within).await
            {
                tracing::warn!(peer = %self.peer, %error, "audio encoder left behind");
            }
        };
        tokio::join!(video, audio);
    }

    fn start_video(&self) -> Result<VideoSender, SendError> {
        let no_encoder = |reason| SendError::NoEncoder { peer: self.peer.clone(), kind: "video", reason };
        let track = self.connection.video_sender().ok_or_else(|| self.not_connected())?;
        let encoder = self
            .settings
            .codecs
            .video_encoder(self.settings.video_codec, self.settings.video)
            .map_err(|error| no_encoder(error.to_string()))?;
        let sink: Arc<dyn RtpSink> = Arc::new(track);
        VideoSender::spawn(&self.track(DataKind::Video), encoder, sink)
            .map_err(|error| no_encoder(error.to_string()))
    }

    fn start_audio(&self) -> Result<AudioSender, SendError> {
        let no_encoder = |reason| SendError::NoEncoder { peer: self.peer.clone(), kind: "audio", reason };
        let track = self.connection.audio_sender().ok_or_else(|| self.not_connected())?;
        let encoder = self
            .settings
            .codecs
            .audio_encoder(AudioCodec::Opus, self.settings.audio)
            .map_err(|error| no_encoder(error.to_string()))?;
        let sink: Arc<dyn RtpSink> = Arc::new(track);
        Ok(AudioSender::spawn(&self.track(DataKind::Audio), encoder, sink))
    }

    fn track(&self, kind: DataKind) -> TrackId {
        TrackId::new(kind.name()).expect("kinds are valid names")
    }

    fn not_connected(&self) -> SendError {
        SendError::NotConnected { peer: self.peer.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets").field("peer", &self.peer).finish_non_exhaustive()
    }
}
