//! One incoming track on the engine's side.

use std::sync::{Arc, Mutex, PoisonError};

use remotemedia_runtime_core::ledger::Ledger;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::delivery::Deliveries;
use super::event::EventSink;
use super::feedback::Feedback;
use super::{ConnectionEvent, NegotiatedCodec, TrackKind, TrackReceiver};

/// What all incoming tracks of a connection share.
#[derive(Debug)]
pub(super) struct IncomingTracks {
    pub(super) events: EventSink,
    pub(super) feedback: Arc<Feedback>,
    /// Where packets go once their stream is open.
    pub(super) deliveries: Arc<Deliveries>,
    /// Wakes the video track to ask for a key frame.
    pub(super) key_frame_wanted: Notify,
    codecs: Mutex<Vec<(TrackKind, NegotiatedCodec)>>,
    ledgers: Mutex<Vec<(TrackKind, Arc<Ledger>)>>,
}

/// The stream that a track carries at the moment; it ends when this is dropped.
struct Stream {
    ssrc: u32,
    codec: NegotiatedCodec,
    deliveries: Arc<Deliveries>,
}

impl IncomingTracks {
    pub(super) fn new(events: EventSink, feedback: Arc<Feedback>) -> Self {
        Self {
            events,
            feedback,
            deliveries: Arc::default(),
            key_frame_wanted: Notify::new(),
            codecs: Mutex::default(),
            ledgers: Mutex::default(),
        }
    }

    /// Replaces the codecs that the peer may use for tracks of a kind.
    pub(super) fn set_codecs(&self, kind: TrackKind, codecs: impl Iterator<Item = NegotiatedCodec>) {
        let mut known = self.codecs.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| *of != kind);
        known.extend(codecs.map(|codec| (kind, codec)));
    }

    /// Returns the account of the latest track of a kind.
    pub(super) fn ledger(&self, kind: TrackKind) -> Option<Arc<Ledger>> {
        let ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.iter().find(|(of, _)| *of == kind).map(|(_, ledger)| ledger.clone())
    }

    /// Opens the streams of one track, whose first packets come this way, until the track or the connection
    /// ends.
    pub(super) async fn carry(&self, kind: TrackKind, track: Arc<dyn TrackRemote>, stop: CancellationToken) {
        let mut stream: Option<Stream> = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.key_frame_wanted.notified(), if kind == TrackKind::Video => {
                    if let Some(stream) = &stream {
                        request_key_frame(track.as_ref(), stream.ssrc).await;
                    }
                }
                event = track.poll() => match event {
                    Some(TrackRemoteEvent::OnRtpPacket(packet)) => self.take(kind, packet, &mut stream),
                    Some(TrackRemoteEvent::OnEnded) | None => return,
                    Some(_) => (),
                },
            }
        }
    }

    fn take(&self, kind: TrackKind, packet: rtp::Packet, stream: &mut Option<Stream>) {
        let (ssrc, payload_type) = (packet.header.ssrc, packet.header.payload_type);
        let is_known = stream.as_ref().is_some_and(|stream| stream.is(ssrc, payload_type));
        if !is_known {
            let Some(codec) = self.codec(kind, payload_type) else {
                tracing::debug!(%kind, payload_type, "packet of a codec that was not negotiated");
                return;
            };
            match stream {
                // Another payload type of the same coding, as H264 in another profile: the decoder sees it.
                Some(stream) if stream.ssrc == ssrc && codec.is(&stream.codec.mime_type) => {
                    self.deliveries.change(ssrc, payload_type);
                    stream.codec = codec;
                }
                _ => {
                    // The one before ends first: it may have the same SSRC.
                    stream.take();
                    *stream = Some(self.open(kind, ssrc, codec));
                }
            }
        }
        // It waited in the engine while its stream was opened.
        self.deliveries.deliver(packet);
    }

    fn open(&self, kind: TrackKind, ssrc: u32, codec: NegotiatedCodec) -> Stream {
        let ledger = Arc::new(Ledger::default());
        let (receiver, inlet) = TrackReceiver::new(self.feedback.sender_report(ssrc), ledger.clone());
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.retain(|(of, _)| *of != kind);
        ledgers.push((kind, ledger));
        drop(ledgers);
        self.deliveries.open(ssrc, codec.payload_type, inlet);
        self.events.push(ConnectionEvent::TrackOpened { kind, codec: codec.clone(), receiver });
        Stream { ssrc, codec, deliveries: self.deliveries.clone() }
    }

    fn codec(&self, kind: TrackKind, payload_type: u8) -> Option<NegotiatedCodec> {
        let codecs = self.codecs.lock().unwrap_or_else(PoisonError::into_inner);
        codecs
            .iter()
            .find(|(of, codec)| *of == kind && codec.payload_type == payload_type)
            .map(|(_, codec)| codec.clone())
    }
}

impl Stream {
    fn is(&self, ssrc: u32, payload_type: u8) -> bool {
        self.ssrc == ssrc && self.codec.payload_type == payload_type
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.deliveries.close(self.ssrc);
    }
}

async fn request_key_frame(track: &dyn TrackRemote, ssrc: u32) {
    let request = PictureLossIndication { sender_ssrc: 0, media_ssrc: ssrc };
    if let Err(error) = track.write_rtcp(vec![Box::new(request)]).await {
        tracing::debug!(%error, "key-frame request not sent");
    }
}
