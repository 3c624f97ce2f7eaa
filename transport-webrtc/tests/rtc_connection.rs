//! Two connections over real UDP on loopback.

#![allow(clippy::print_stdout, reason = "the measured set-up time")]

#[path = "rtc_pair/mod.rs"]
mod pair;

use std::time::{Duration, Instant};

use bytes::Bytes;
use pair::{DEADLINE, End, config, negotiate, open};
use remotemedia_transport_webrtc::rtc::{
    ConnectionEvent, ConnectionState, DataMessage, DataReceiver, DataSender, IceCandidate, RtpPacket,
    SdpKind, TrackKind, TrackReceiver, TrackSender,
};

/// Opens two connections and waits until both are connected.
async fn connect() -> (End, End) {
    let (mut offerer, mut answerer) = open(config(), config()).await;
    negotiate(&offerer.connection, &answerer.connection).await;
    offerer.connected().await;
    answerer.connected().await;
    (offerer, answerer)
}

fn packet(sequence_number: u16) -> RtpPacket {
    let payload = [0x65u8, 0x88, (sequence_number >> 8) as u8, sequence_number as u8].repeat(50);
    RtpPacket {
        sequence_number,
        timestamp: u32::from(sequence_number) * 3_000,
        marker: sequence_number.is_multiple_of(2),
        payload: Bytes::from(payload),
    }
}

async fn track(end: &mut End, wanted: TrackKind) -> (TrackReceiver, String, u32) {
    end.until(|event| match event {
        ConnectionEvent::TrackOpened { kind, codec, receiver } if kind == wanted => {
            Some((receiver, codec.mime_type, codec.clock_rate))
        }
        _ => None,
    })
    .await
}

async fn data(end: &mut End) -> (DataSender, DataReceiver) {
    end.until(|event| match event {
        ConnectionEvent::DataOpened { label, sender, receiver } => {
            assert_eq!(label, "data");
            Some((sender, receiver))
        }
        _ => None,
    })
    .await
}

async fn recv(receiver: &mut TrackReceiver) -> RtpPacket {
    tokio::time::timeout(DEADLINE, receiver.recv()).await.expect("in time").expect("track is open")
}

async fn media_arrives(sender: TrackSender, to: &mut End, kind: TrackKind, mime_type: &str, clock_rate: u32) {
    (1..=100).for_each(|n| sender.push(packet(n)).expect("connected"));
    let (mut receiver, mime, clock) = track(to, kind).await;
    assert_eq!((mime.as_str(), clock), (mime_type, clock_rate));
    let mut received = Vec::new();
    while received.len() < 100 {
        received.push(recv(&mut receiver).await);
    }
    // Those that came while the stream was being opened may be overtaken by the next.
    received.sort_by_key(|packet| packet.sequence_number);
    assert!(received.into_iter().eq((1..=100).map(packet)), "all of them, and each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_video_and_data_pass_both_ways() {
    let start = Instant::now();
    let (mut a, mut b) = connect().await;
    println!("connected in {:?}", start.elapsed());
    let (to_b, mut from_b) = data(&mut a).await;
    let (to_a, mut from_a) = data(&mut b).await;
    println!("data channel open in {:?}", start.elapsed());
    for n in 0..50u8 {
        to_b.send(DataMessage::Binary(Bytes::from(vec![n; 1000]))).await.expect("open");
        to_a.send(DataMessage::Text(format!("message {n}"))).await.expect("open");
        assert_eq!(from_a.recv().await, Some(DataMessage::Binary(Bytes::from(vec![n; 1000]))));
        assert_eq!(from_b.recv().await, Some(DataMessage::Text(format!("message {n}"))));
    }
    let senders = |end: &End| {
        (end.connection.audio_sender().expect("planned"), end.connection.video_sender().expect("planned"))
    };
    let ((a_audio, a_video), (b_audio, b_video)) = (senders(&a), senders(&b));
    media_arrives(a_video, &mut b, TrackKind::Video, "video/H264", 90_000).await;
    media_arrives(b_video, &mut a, TrackKind::Video, "video/H264", 90_000).await;
    media_arrives(a_audio, &mut b, TrackKind::Audio, "audio/opus", 48_000).await;
    media_arrives(b_audio, &mut a, TrackKind::Audio, "audio/opus", 48_000).await;
    assert_eq!(a.connection.close(Duration::from_secs(1)).await, 0);
    assert_eq!(b.connection.close(Duration::from_secs(1)).await, 0);
    assert_eq!(b.connection.state(), ConnectionState::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_more_packets_than_any_queue_holds_arrives_whole() {
    const PACKETS: u16 = 3_000;
    let (a, mut b) = connect().await;
    let sender = a.connection.video_sender().expect("planned");
    let sending = tokio::spawn(async move {
        for n in 1..=PACKETS {
            sender.send(packet(n)).await.expect("connected");
        }
        sender
    });
    let (mut receiver, ..) = track(&mut b, TrackKind::Video).await;
    let mut missing: std::collections::BTreeSet<_> = (1..=PACKETS).collect();
    while !missing.is_empty() {
        let arrived = tokio::time::timeout(DEADLINE, receiver.recv()).await;
        let arrived = arrived.unwrap_or_else(|_| panic!("{} packets are missing", missing.len()));
        missing.remove(&arrived.expect("track is open").sequence_number);
    }
    assert_eq!(sending.await.expect("no panic").ledger().dropped_total(), 0);
    a.connection.close(Duration::from_secs(1)).await;
    b.connection.close(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_ice_brings_room_for_its_candidates() {
    let (a, b) = connect().await;
    let candidate = |port: u16| IceCandidate {
        candidate: format!("candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"),
        sdp_m_line_index: Some(0),
        ..IceCandidate::default()
    };
    let mut refused = None;
    for port in 10_000..10_500 {
        if let Err(error) = b.connection.add_candidate(candidate(port)).await {
            refused = Some(error.to_string());
            break;
        }
    }
    assert!(refused.is_some_and(|told| told.contains("has sent 128 already")));
    let offer = a.connection.create_offer(true).await.expect("offer");
    a.connection.set_local(SdpKind::Offer, &offer).await.expect("local offer");
    b.connection.set_remote(SdpKind::Offer, &offer).await.expect("remote offer");
    b.connection.add_candidate(candidate(20_000)).await.expect("room again");
    a.connection.close(Duration::from_secs(1)).await;
    b.connection.close(Duration::from_secs(1)).await;
}
