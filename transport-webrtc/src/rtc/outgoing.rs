//! One outgoing track on the engine's side.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use remotemedia_runtime_core::ledger::DropReason;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpTransceiverId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::shared::error::Error;
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use super::h264_profile::H264Params;
use super::track_sender::TrackOutlet;
use super::{RtpPacket, TrackKind, TrackSender};

/// Not a payload type: 7 bits are one.
const NO_PAYLOAD_TYPE: u8 = 0xff;

/// An outgoing track as the connection holds it.
pub(super) struct Outgoing {
    pub(super) sender: TrackSender,
    pub(super) link: Arc<OutgoingLink>,
    kind: TrackKind,
    codec: RTCRtpCodec,
    outlet: Mutex<Option<TrackOutlet>>,
    engine_sender: Mutex<Option<Arc<dyn RtpSender>>>,
}

/// Whether packets of a track can reach the peer, and as what.
#[derive(Debug)]
pub(super) struct OutgoingLink {
    pub(super) ssrc: u32,
    payload_type: AtomicU8,
    connected: AtomicBool,
    ready: Arc<AtomicBool>,
}

impl Outgoing {
    /// Prepares a track that will be sent as `codec` if the peer agrees.
    pub(super) fn new(kind: TrackKind, codec: RTCRtpCodec) -> Self {
        let (sender, outlet) = TrackSender::new(kind);
        let link = OutgoingLink {
            ssrc: random_ssrc(),
            payload_type: AtomicU8::new(NO_PAYLOAD_TYPE),
            connected: AtomicBool::new(false),
            ready: outlet.ready.clone(),
        };
        Self {
            sender,
            link: Arc::new(link),
            kind,
            codec,
            outlet: Mutex::new(Some(outlet)),
            engine_sender: Mutex::new(None),
        }
    }

    /// Adds the track to the engine; returns the task that carries its packets.
    ///
    /// # Errors
    /// The engine's, if it refuses the track.
    pub(super) async fn attach(
        &self,
        engine: &dyn PeerConnection,
        stream_id: &str,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let local = Arc::new(TrackLocalStaticRTP::new(self.track(stream_id)));
        let engine_sender = engine.add_track(local.clone()).await?;
        *self.engine_sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine_sender);
        let outlet = self.outlet.lock().unwrap_or_else(PoisonError::into_inner).take();
        let link = self.link.clone();
        Ok(async move {
            if let Some(outlet) = outlet {
                carry(outlet, link, local, stop).await;
            }
        })
    }

    /// Reads what was negotiated, given which transceivers may send; returns the codecs that may come from
    /// the peer in the same section.
    pub(super) async fn renew(&self, may_send: &[(RTCRtpTransceiverId, bool)]) -> Vec<RTCRtpCodecParameters> {
        let engine_sender = self.engine_sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(engine_sender) = engine_sender else { return Vec::new() };
        let own: RTCRtpTransceiverId = engine_sender.id().into();
        let may_send = may_send.iter().any(|(id, may_send)| *id == own && *may_send);
        let parameters = engine_sender.get_parameters().await;
        let codecs = parameters.map(|parameters| parameters.rtp_parameters.codecs).unwrap_or_default();
        self.link.set_payload_type(self.choose(&codecs).filter(|_| may_send));
        codecs
    }

    /// Returns the payload type to send with, by the rule by which the engine binds the stream to its
    /// retransmissions: the same format if it is there, else the first of the same media type.
    fn choose(&self, codecs: &[RTCRtpCodecParameters]) -> Option<u8> {
        let own = H264Params::parse(&self.codec.sdp_fmtp_line);
        let of_type = || {
            codecs
                .iter()
                .filter(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(&self.codec.mime_type))
        };
        let same = of_type().find(|codec| {
            let other = H264Params::parse(&codec.rtp_codec.sdp_fmtp_line);
            own.zip(other).is_some_and(|(own, other)| own.is_same_format(&other))
        });
        same.or_else(|| of_type().next()).map(|codec| codec.payload_type)
    }

    fn track(&self, stream_id: &str) -> MediaStreamTrack {
        let (kind, rtx) = match self.kind {
            TrackKind::Audio => (RtpCodecKind::Audio, None),
            TrackKind::Video => (RtpCodecKind::Video, Some(RTCRtpRtxParameters { ssrc: random_ssrc() })),
        };
        let coding = RTCRtpCodingParameters { ssrc: Some(self.link.ssrc), rtx, ..Default::default() };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: coding,
            active: true,
            codec: self.codec.clone(),
            ..Default::default()
        };
        let track_id = format!("{}-{:08x}", self.kind, self.link.ssrc);
        MediaStreamTrack::new(stream_id.to_owned(), track_id.clone(), track_id, kind, vec![encoding])
    }
}

impl OutgoingLink {
    /// Notes whether the connection is up.
    pub(super) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
        self.renew();
    }

    fn set_payload_type(&self, payload_type: Option<u8>) {
        self.payload_type.store(payload_type.unwrap_or(NO_PAYLOAD_TYPE), Ordering::Release);
        self.renew();
    }

    fn payload_type(&self) -> Option<u8> {
        Some(self.payload_type.load(Ordering::Acquire)).filter(|number| *number != NO_PAYLOAD_TYPE)
    }

    fn renew(&self) {
        let ready = self.connected.load(Ordering::Acquire) && self.payload_type().is_some();
        self.ready.store(ready, Ordering::Release);
    }
}

/// Carries packets to the engine until the connection ends. The engine takes 256 before it makes us wait;
/// behind that who sends waits.
async fn carry(
    mut outlet: TrackOutlet,
    link: Arc<OutgoingLink>,
    local: Arc<TrackLocalStaticRTP>,
    stop: CancellationToken,
) {
    let forward = async {
        while let Some(packet) = outlet.packets.recv().await {
            let Some(payload_type) = link.payload_type() else {
                outlet.ledger.count_dropped(DropReason::NotConnected, 1);
                continue;
            };
            match local.write_rtp(to_engine(packet, payload_type, link.ssrc)).await {
                Ok(()) => outlet.ledger.count_delivered(),
                Err(_) => outlet.ledger.count_dropped(DropReason::Closed, 1),
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => (),
        () = forward => (),
    }
    link.set_connected(false);
}

fn to_engine(packet: RtpPacket, payload_type: u8, ssrc: u32) -> rtp::Packet {
    let header = rtp::header::Header {
        version: 2,
        marker: packet.marker,
        payload_type,
        sequence_number: packet.sequence_number,
        timestamp: packet.timestamp,
        ssrc,
        ..Default::default()
    };
    rtp::Packet { header, payload: packet.payload }
}

/// Random, not secret (RFC 3550 §8.1); never 0, which some peers take for none.
fn random_ssrc() -> u32 {
    (RandomState::new().hash_one(()) as u32).max(1)
}
