//! Builds the engine: codecs, timers, packet chain, sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, Registry, SenderReportBuilder, Slot,
};
use rtc::peer_connection::configuration::interceptor_registry::configure_twcc_receiver_only;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{
    SctpMaxMessageSize, SettingEngine, SettingEngineBuilder,
};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::shared::error::Error;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceServer, RTCIceTransportPolicy,
};
use webrtc::runtime::Runtime;

use super::delivery::{Deliveries, Delivery};
use super::event::EventSink;
use super::feedback::Feedback;
use super::h264_profile::{H264Params, H264Profile};
use super::nack_filter::NackFilter;
use super::rtcp_tap::RtcpTap;
use super::rtx_unwrap::RtxUnwrap;
use super::{ConnectionConfig, MAX_MESSAGE_BYTES};
use crate::codec_name::{AudioCodec, VideoCodec};

/// Bytes that wait in a channel's send buffer before its sender waits. Measured: 4 MB in place of 256 KB
/// makes the media beside it 115 ms late.
const DATA_SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Largest SCTP packet: with DTLS, UDP and IPv6 headers (29 + 8 + 40 bytes) it stays below the 1280 bytes
/// that every IPv6 path and most tunnels carry.
const SCTP_PACKET_BYTES: u32 = 1190;

/// How often gaps are looked for. Repeats are held back for a round trip by [`NackFilter`].
const NACK_INTERVAL: Duration = Duration::from_millis(20);

/// Rounds after which a lost packet is given up: one second, far beyond any playout delay.
const NACK_ROUNDS: u16 = 50;

/// Packets that are kept for retransmission, and within which lost ones are missed: 4 s at 5 Mbit/s, and
/// what a core sends in 50 ms of a picture in 4K. A power of two, as the engine demands.
pub(super) const PACKETS_REPAIRED: u16 = 2048;

/// Pause between two sender reports: the receiver can keep audio and video together after the first one.
const SENDER_REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Waits before a pair of that kind may be taken, so that a better one can come first.
const SRFLX_WAIT: Duration = Duration::from_millis(100);
const RELAY_WAIT: Duration = Duration::from_millis(500);

/// Window against replayed media packets; wide enough for packets that a jitter buffer still takes.
const REPLAY_WINDOW_PACKETS: usize = 1024;

/// First payload type we give away (RFC 3551 §3: 96..=127 are dynamic; 111 is Opus).
const FIRST_VIDEO_PAYLOAD_TYPE: u8 = 96;
const OPUS_PAYLOAD_TYPE: u8 = 111;

/// The audio codec: Opus in packets of 10 ms and more, in stereo both ways, with forward error correction
/// understood. SDP always names two channels (RFC 7587 §6.1, §7).
pub(super) fn opus() -> RTCRtpCodecParameters {
    let codec = RTCRtpCodec {
        mime_type: AudioCodec::Opus.mime_type().to_owned(),
        clock_rate: AudioCodec::Opus.clock_rate(),
        channels: 2,
        sdp_fmtp_line: "minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    };
    RTCRtpCodecParameters { rtp_codec: codec, payload_type: OPUS_PAYLOAD_TYPE }
}

/// The video codecs of `preferences`, each followed by its retransmission codec, best first.
pub(super) fn video_codecs(preferences: &[VideoCodec]) -> Vec<RTCRtpCodecParameters> {
    let formats = preferences.iter().flat_map(|codec| {
        let fmtps = match codec {
            VideoCodec::H264 => [H264Profile::ConstrainedBaseline, H264Profile::Baseline, H264Profile::Main]
                .map(|profile| H264Params::offered(profile).to_fmtp()),
        };
        fmtps.into_iter().map(|fmtp| (*codec, fmtp))
    });
    let mut codecs = Vec::new();
    for (payload_type, (codec, fmtp)) in (FIRST_VIDEO_PAYLOAD_TYPE..).step_by(2).zip(formats) {
        let (name, clock_rate) = (codec.mime_type(), codec.clock_rate());
        codecs.push(video_codec(payload_type, name, clock_rate, fmtp, video_feedback()));
        let repairs = format!("apt={payload_type}");
        codecs.push(video_codec(payload_type + 1, MIME_TYPE_RTX, clock_rate, repairs, Vec::new()));
    }
    codecs
}

/// Builds the engine and starts its driver.
///
/// # Errors
/// The engine's, as from binding no socket at all.
pub(super) async fn build(
    config: &ConnectionConfig,
    feedback: Arc<Feedback>,
    deliveries: Arc<Deliveries>,
    events: EventSink,
    runtime: Arc<dyn Runtime>,
    handler: Arc<dyn PeerConnectionEventHandler>,
) -> Result<Arc<dyn PeerConnection>, Error> {
    let mut media = media(config)?;
    let chain = chain(&mut media, feedback, deliveries, events)?;
    let connection = PeerConnectionBuilder::<SocketAddr>::new()
        .with_configuration(configuration(config))
        .with_setting_engine(settings(config))
        .with_media_engine(media)
        .with_interceptor_registry(chain)
        .with_handler(handler)
        .with_runtime(runtime)
        .with_udp_addrs(config.bind_addresses.clone())
        .with_data_channel_send_buffer_limit(DATA_SEND_BUFFER_BYTES)
        .build()
        .await?;
    Ok(Arc::new(connection))
}

fn media(config: &ConnectionConfig) -> Result<MediaEngine, Error> {
    let mut media = MediaEngine::default();
    if config.tracks.audio {
        media.register_codec(opus(), RtpCodecKind::Audio)?;
    }
    if config.tracks.video {
        for codec in video_codecs(&config.video_codecs) {
            media.register_codec(codec, RtpCodecKind::Video)?;
        }
    }
    Ok(media)
}

/// The packet chain, wire first. The stock bandwidth estimator and pacer are left out on purpose: they are
/// worse than none. What is stock and stays is told apart by its slot's name.
fn chain(
    media: &mut MediaEngine,
    feedback: Arc<Feedback>,
    deliveries: Arc<Deliveries>,
    events: EventSink,
) -> Result<Registry, Error> {
    let nack_generator = NackGeneratorBuilder::new()
        .with_size(PACKETS_REPAIRED)
        .with_interval(NACK_INTERVAL)
        .with_max_nacks_per_packet(NACK_ROUNDS)
        .build();
    let chain = Registry::new()
        .with(Slot::from(1_500), RtcpTap::new(feedback.clone(), events))
        .with(Slot::from(3_900), NackFilter::new(feedback))
        .with(Slot::NackResponder, NackResponderBuilder::new().with_size(PACKETS_REPAIRED).build())
        .with(Slot::from(6_900), RtxUnwrap::default())
        .with(Slot::NackGenerator, nack_generator)
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, SenderReportBuilder::new().with_interval(SENDER_REPORT_INTERVAL).build())
        .with(Slot::from(13_500), Delivery::new(deliveries));
    // Arrival times for the peer's estimator: without them a browser sends 300 kbit/s for half a minute.
    configure_twcc_receiver_only(chain, media)
}

fn settings(config: &ConnectionConfig) -> SettingEngine {
    let patience = config.ice_disconnected_timeout + config.ice_failed_timeout;
    let checks = patience.as_millis() / config.ice_check_interval.as_millis().max(1);
    SettingEngineBuilder::new()
        .with_ice_timeouts(
            Some(config.ice_disconnected_timeout),
            Some(config.ice_failed_timeout),
            Some(config.ice_keepalive_interval),
        )
        .with_ice_connection_attempts(
            Some(config.ice_check_interval),
            Some(u16::try_from(checks).unwrap_or(u16::MAX)),
        )
        .with_host_acceptance_min_wait(Some(Duration::ZERO))
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_srflx_acceptance_min_wait(Some(SRFLX_WAIT))
        .with_relay_acceptance_min_wait(Some(RELAY_WAIT))
        .with_include_loopback_candidate(true)
        // A `.local` name would need a multicast socket per connection; such a peer reaches us, and its
        // address is learnt from its first check.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_srtp_replay_protection_window(REPLAY_WINDOW_PACKETS)
        .with_srtcp_replay_protection_window(REPLAY_WINDOW_PACKETS)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE_BYTES as u32))
        .with_sctp_mtu(SCTP_PACKET_BYTES)
        .build()
}

fn configuration(config: &ConnectionConfig) -> RTCConfiguration {
    let servers = config.ice_servers.iter().map(|server| RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.clone().unwrap_or_default(),
    });
    let policy = match config.relay_only {
        true => RTCIceTransportPolicy::Relay,
        false => RTCIceTransportPolicy::All,
    };
    RTCConfigurationBuilder::default()
        .with_ice_servers(servers.collect())
        .with_ice_transport_policy(policy)
        .build()
}

fn video_codec(
    payload_type: u8,
    mime: &str,
    clock_rate: u32,
    fmtp: String,
    feedback: Vec<RTCPFeedback>,
) -> RTCRtpCodecParameters {
    let codec = RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels: 0,
        sdp_fmtp_line: fmtp,
        rtcp_feedback: feedback,
    };
    RTCRtpCodecParameters { rtp_codec: codec, payload_type }
}

/// RFC 4585 §4.2 (NACK, PLI) and RFC 5104 §7.1 (FIR).
fn video_feedback() -> Vec<RTCPFeedback> {
    [("nack", ""), ("nack", "pli"), ("ccm", "fir")]
        .map(|(typ, parameter)| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() })
        .to_vec()
}
