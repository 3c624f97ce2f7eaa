//! Keeps retransmissions within reason: nothing is asked for or sent again before the last repeat can have
//! arrived, and nothing for ever. The engine's own parts know no round trip.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::engine::PACKETS_REPAIRED;
use super::feedback::Feedback;

/// Times a packet is asked for, or sent again; libwebrtc gives up after 10 as well.
const MOST_REPEATS: u8 = 10;

/// Packets looked back on in each stream: as many as the engine's own parts do.
const PACKETS_REMEMBERED: usize = PACKETS_REPAIRED as usize;

/// What the peer needs to answer, on top of the round trip, before we ask again.
const ANSWER_TIME: Duration = Duration::from_millis(10);

/// The link of the chain on the wire's side of the NACK parts.
pub(super) struct NackFilter {
    feedback: Arc<Feedback>,
    /// What the peer has asked us for, by our SSRC.
    answered: HashMap<u32, Repeats>,
    /// What we have asked the peer for, by its SSRC.
    asked: HashMap<u32, Repeats>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

/// When and how often each of a stream's latest packets was repeated.
struct Repeats {
    packets: Box<[Option<Repeat>]>,
}

#[derive(Debug, Clone, Copy)]
struct Repeat {
    sequence_number: u16,
    at: Instant,
    times: u8,
}

impl NackFilter {
    pub(super) fn new(feedback: Arc<Feedback>) -> Self {
        Self {
            feedback,
            answered: HashMap::new(),
            asked: HashMap::new(),
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Repeats {
    fn new() -> Self {
        Self { packets: vec![None; PACKETS_REMEMBERED].into_boxed_slice() }
    }

    /// Whether a packet may be repeated now; notes it if so.
    fn admit(&mut self, sequence_number: u16, now: Instant, pause: Duration) -> bool {
        let slot = &mut self.packets[usize::from(sequence_number) % PACKETS_REMEMBERED];
        let times = match slot.filter(|repeat| repeat.sequence_number == sequence_number) {
            Some(repeat) if repeat.times >= MOST_REPEATS || now < repeat.at + pause => return false,
            Some(repeat) => repeat.times,
            None => 0,
        };
        *slot = Some(Repeat { sequence_number, at: now, times: times + 1 });
        true
    }
}

/// Strikes from each NACK what may not be repeated, and NACKs of which nothing is left.
fn filter(
    packets: &mut Vec<Box<dyn rtcp::Packet>>,
    streams: &mut HashMap<u32, Repeats>,
    now: Instant,
    pause: Duration,
) {
    packets.retain_mut(|packet| {
        let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() else { return true };
        let Some(repeats) = streams.get_mut(&nack.media_ssrc) else { return true };
        let asked = nack.nacks.iter().flat_map(|pair| pair.packet_list());
        let admitted: Vec<u16> = asked.filter(|number| repeats.admit(*number, now, pause)).collect();
        let nacks = nack_pairs_from_sequence_numbers(&admitted);
        *packet = Box::new(TransportLayerNack {
            sender_ssrc: nack.sender_ssrc,
            media_ssrc: nack.media_ssrc,
            nacks,
        });
        !admitted.is_empty()
    });
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for NackFilter {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &mut packet.message.packet {
            // Less than a round trip: the peer's measure of it may be shorter than ours.
            let pause = self.feedback.round_trip() * 3 / 4;
            filter(packets, &mut self.answered, packet.now, pause);
            if packets.is_empty() {
                return Ok(());
            }
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &mut packet.message.packet {
            let pause = self.feedback.round_trip() + ANSWER_TIME;
            filter(packets, &mut self.asked, packet.now, pause);
            if packets.is_empty() {
                return Ok(());
            }
        }
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for NackFilter {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.answered.insert(info.ssrc, Repeats::new());
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.answered.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.asked.insert(info.ssrc, Repeats::new());
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.asked.remove(&info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;

    use super::*;

    const STREAM: u32 = 1;

    fn link() -> NackFilter {
        let mut link = NackFilter::new(Arc::default());
        let info = StreamInfo { ssrc: STREAM, ..StreamInfo::default() };
        link.bind_local_stream(&info);
        link.bind_remote_stream(&info);
        link
    }

    fn nack(numbers: &[u16], now: Instant) -> TaggedPacket {
        let nacks = nack_pairs_from_sequence_numbers(numbers);
        let nack = TransportLayerNack { sender_ssrc: 9, media_ssrc: STREAM, nacks };
        let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)]));
        TaggedPacket { now, transport: TransportContext::default(), message }
    }

    fn numbers(packet: Option<TaggedPacket>) -> Vec<u16> {
        let Some(packet) = packet else { return Vec::new() };
        let Packet::Rtcp(packets) = packet.message.packet else { panic!("not control") };
        let nack = packets[0].as_any().downcast_ref::<TransportLayerNack>().expect("a nack");
        nack.nacks.iter().flat_map(|pair| pair.packet_list()).collect()
    }

    #[test]
    fn what_was_just_sent_again_is_not_sent_a_third_time_within_the_round_trip() {
        let (mut link, start) = (link(), Instant::now());
        let mut ask = |list: &[u16], ms: u64| {
            link.handle_read(nack(list, start + Duration::from_millis(ms))).expect("never fails");
            numbers(link.poll_read())
        };
        assert_eq!(ask(&[10, 11, 40], 0), [10, 11, 40]);
        assert_eq!(ask(&[10, 12], 5), [12]);
        assert_eq!(ask(&[10, 11], 6), [] as [u16; 0]);
        assert_eq!(ask(&[10, 11], 60), [10, 11]);
    }

    #[test]
    fn a_packet_is_asked_for_ten_times_and_then_given_up() {
        let (mut link, start) = (link(), Instant::now());
        let asked = (0..20).filter(|n| {
            link.handle_write(nack(&[7], start + Duration::from_secs(*n))).expect("never fails");
            link.poll_write().is_some()
        });
        assert_eq!(asked.count(), usize::from(MOST_REPEATS));
    }

    #[test]
    fn asking_and_answering_are_counted_apart_and_old_numbers_start_anew() {
        let (mut link, now) = (link(), Instant::now());
        link.handle_write(nack(&[7], now)).expect("never fails");
        link.handle_read(nack(&[7], now)).expect("never fails");
        assert_eq!((numbers(link.poll_write()), numbers(link.poll_read())), (vec![7], vec![7]));
        let wrapped = 7 + PACKETS_REMEMBERED as u16;
        link.handle_write(nack(&[wrapped], now)).expect("never fails");
        assert_eq!(numbers(link.poll_write()), [wrapped]);
    }

    #[test]
    fn other_control_packets_pass() {
        let (mut link, now) = (link(), Instant::now());
        let report = rtcp::receiver_report::ReceiverReport::default();
        let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(report)]));
        link.handle_read(TaggedPacket { now, transport: TransportContext::default(), message })
            .expect("never fails");
        assert!(link.poll_read().is_some());
    }
}
