//! Listens to all packets at the wire: keeps the figures and hears the peer's key-frame requests. Changes
//! nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{Attribute, AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::event::EventSink;
use super::feedback::{Direction, Feedback, ReceptionReport};
use super::{ConnectionEvent, SenderReport, TrackKind};

/// The link of the chain that is closest to the wire.
pub(super) struct RtcpTap {
    feedback: Arc<Feedback>,
    events: EventSink,
    /// The stream that a retransmission stream repairs, by the latter's SSRC.
    repaired: HashMap<u32, u32>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl RtcpTap {
    pub(super) fn new(feedback: Arc<Feedback>, events: EventSink) -> Self {
        Self { feedback, events, repaired: HashMap::new(), read: VecDeque::new(), write: VecDeque::new() }
    }

    fn hear(&self, direction: Direction, message: &AttributedPacket, now: Instant) {
        match &message.packet {
            Packet::Rtp(packet) => {
                let repaired = self.repaired.get(&packet.header.ssrc);
                let retransmitted = repaired.is_some() || message.has(&Attribute::Retransmission);
                let ssrc = repaired.copied().unwrap_or(packet.header.ssrc);
                let header_bytes = packet.header.marshal_size();
                self.feedback.count_packet(
                    direction,
                    ssrc,
                    packet.payload.len(),
                    header_bytes,
                    retransmitted,
                );
            }
            Packet::Rtcp(packets) => {
                packets.iter().for_each(|packet| self.hear_control(direction, packet.as_ref(), now));
            }
            _ => (),
        }
    }

    fn hear_control(&self, direction: Direction, packet: &dyn rtcp::Packet, now: Instant) {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<rtcp::sender_report::SenderReport>() {
            match direction {
                Direction::Out => self.feedback.sent_sender_report(report.ntp_time, now),
                Direction::In => {
                    let clocks = SenderReport { ntp_time: report.ntp_time, rtp_timestamp: report.rtp_time };
                    self.feedback.received_sender_report(report.ssrc, clocks);
                }
            }
            self.hear_reception(direction, &report.reports, now);
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.hear_reception(direction, &report.reports, now);
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            // A NACK that comes in is about a stream that goes out, and the other way round.
            let asked = nack.nacks.iter().map(|pair| 1 + u64::from(pair.lost_packets.count_ones())).sum();
            self.feedback.count_nacks(direction.opposite(), nack.media_ssrc, asked);
        } else if let Some(request) = packet.downcast_ref::<PictureLossIndication>() {
            self.hear_key_frame_request(direction, request.media_ssrc, now);
        } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
            request.fir.iter().for_each(|entry| self.hear_key_frame_request(direction, entry.ssrc, now));
        }
    }

    fn hear_reception(
        &self,
        direction: Direction,
        reports: &[rtcp::reception_report::ReceptionReport],
        now: Instant,
    ) {
        for report in reports {
            let report = ReceptionReport {
                ssrc: report.ssrc,
                fraction_lost: report.fraction_lost,
                total_lost: report.total_lost,
                jitter: report.jitter,
                last_sender_report: report.last_sender_report,
                delay: report.delay,
            };
            match direction {
                Direction::Out => self.feedback.sent_reception_report(report),
                Direction::In => self.feedback.received_reception_report(report, now),
            }
        }
    }

    fn hear_key_frame_request(&self, direction: Direction, ssrc: u32, now: Instant) {
        match direction {
            Direction::Out => self.feedback.sent_key_frame_request(ssrc),
            Direction::In => {
                if self.feedback.received_key_frame_request(ssrc, now) {
                    self.events.push(ConnectionEvent::KeyFrameRequested);
                }
            }
        }
    }

    fn bind(&mut self, direction: Direction, info: &StreamInfo) {
        if let Some(ssrc_rtx) = info.ssrc_rtx {
            self.repaired.insert(ssrc_rtx, info.ssrc);
        }
        // The engine binds a retransmission stream a second time, by itself.
        if !self.repaired.contains_key(&info.ssrc) {
            let kind = match info.mime_type.starts_with("audio") {
                true => TrackKind::Audio,
                false => TrackKind::Video,
            };
            self.feedback.add_stream(direction, info.ssrc, kind, info.clock_rate);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RtcpTap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.hear(Direction::In, &packet.message, packet.now);
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.hear(Direction::Out, &packet.message, packet.now);
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for RtcpTap {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.bind(Direction::Out, info);
    }

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.bind(Direction::In, info);
    }

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::rtp;
    use rtc::shared::TransportContext;

    use super::*;
    use crate::rtc::event::event_channel;

    const VIDEO: u32 = 1;
    const VIDEO_RTX: u32 = 2;

    fn tap() -> (RtcpTap, Arc<Feedback>, crate::rtc::ConnectionEvents) {
        let feedback = Arc::new(Feedback::default());
        let (events, received) = event_channel();
        let mut tap = RtcpTap::new(feedback.clone(), events);
        let info = StreamInfo {
            ssrc: VIDEO,
            ssrc_rtx: Some(VIDEO_RTX),
            mime_type: "video/H264".into(),
            clock_rate: 90_000,
            ..StreamInfo::default()
        };
        tap.bind_local_stream(&info);
        tap.bind_remote_stream(&info);
        tap.bind_remote_stream(&StreamInfo { ssrc: VIDEO_RTX, ssrc_rtx: None, ..info });
        (tap, feedback, received)
    }

    fn tagged(packet: Packet) -> TaggedPacket {
        let message = AttributedPacket::new(packet);
        TaggedPacket { now: Instant::now(), transport: TransportContext::default(), message }
    }

    fn media(ssrc: u32) -> TaggedPacket {
        let header = rtp::header::Header { version: 2, ssrc, ..Default::default() };
        tagged(Packet::Rtp(rtp::Packet { header, payload: Bytes::from_static(&[0; 100]) }))
    }

    #[test]
    fn retransmissions_count_apart_in_the_stream_they_repair() {
        let (mut tap, feedback, _) = tap();
        tap.handle_read(media(VIDEO)).expect("never fails");
        tap.handle_read(media(VIDEO_RTX)).expect("never fails");
        let stats = feedback.stats(Direction::In, TrackKind::Video).expect("known");
        assert_eq!((stats.packets, stats.payload_bytes, stats.retransmitted), (1, 100, 1));
        assert_eq!(feedback.totals().bytes_received, 2 * 112);
        assert!(tap.poll_read().is_some() && tap.poll_read().is_some() && tap.poll_read().is_none());
    }

    #[tokio::test]
    async fn picture_loss_and_full_intra_requests_reach_the_application() {
        let (mut tap, feedback, mut events) = tap();
        let pli = PictureLossIndication { sender_ssrc: 9, media_ssrc: VIDEO };
        tap.handle_read(tagged(Packet::Rtcp(vec![Box::new(pli)]))).expect("never fails");
        assert!(matches!(events.recv().await, Some(ConnectionEvent::KeyFrameRequested)));
        let entry = rtcp::payload_feedbacks::full_intra_request::FirEntry { ssrc: VIDEO, sequence_number: 1 };
        let fir = FullIntraRequest { sender_ssrc: 9, media_ssrc: 0, fir: vec![entry] };
        let mut late = tagged(Packet::Rtcp(vec![Box::new(fir)]));
        late.now += std::time::Duration::from_secs(1);
        tap.handle_read(late).expect("never fails");
        assert!(matches!(events.recv().await, Some(ConnectionEvent::KeyFrameRequested)));
        assert_eq!(feedback.stats(Direction::Out, TrackKind::Video).expect("known").key_frame_requests, 2);
    }

    #[test]
    fn the_peers_sender_report_ties_its_rtp_clock_to_the_wall_clock() {
        let (mut tap, feedback, _) = tap();
        let slot = feedback.sender_report(VIDEO);
        let report = rtcp::sender_report::SenderReport {
            ssrc: VIDEO,
            ntp_time: 5 << 32,
            rtp_time: 90_000,
            ..Default::default()
        };
        tap.handle_read(tagged(Packet::Rtcp(vec![Box::new(report)]))).expect("never fails");
        let expected = SenderReport { ntp_time: 5 << 32, rtp_timestamp: 90_000 };
        assert_eq!(*slot.lock().expect("unpoisoned"), Some(expected));
    }
}
