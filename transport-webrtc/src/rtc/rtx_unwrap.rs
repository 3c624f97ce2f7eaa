//! Turns retransmissions back into the packets they repeat, before anything looks for gaps: otherwise each
//! repaired packet is asked for again until the peer gives up.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Buf;
use rtc::interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Bytes before the repeated payload: its sequence number (RFC 4588 §4).
const ORIGINAL_SEQUENCE_BYTES: usize = 2;

/// The link of the chain that undoes RTX (RFC 4588), on the way in only.
#[derive(Default)]
pub(super) struct RtxUnwrap {
    /// By the SSRC of the retransmissions.
    originals: HashMap<u32, Original>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

/// The stream that is repaired.
#[derive(Debug, Clone, Copy)]
struct Original {
    ssrc: u32,
    payload_type: u8,
    rtx_payload_type: u8,
}

impl RtxUnwrap {
    /// Returns the repeated packet; `None`: it repeats nothing (a probe of padding alone).
    fn unwrap(&self, mut packet: TaggedPacket) -> Option<TaggedPacket> {
        let Packet::Rtp(rtp) = &mut packet.message.packet else { return Some(packet) };
        let original = self
            .originals
            .get(&rtp.header.ssrc)
            .filter(|original| original.rtx_payload_type == rtp.header.payload_type);
        let Some(original) = original else { return Some(packet) };
        if rtp.payload.len() < ORIGINAL_SEQUENCE_BYTES {
            return None;
        }
        rtp.header.sequence_number = rtp.payload.get_u16();
        rtp.header.ssrc = original.ssrc;
        rtp.header.payload_type = original.payload_type;
        rtp.header.padding = false;
        packet.message.add(Attribute::Retransmission);
        Some(packet)
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RtxUnwrap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let packet = self.unwrap(packet);
        self.read.extend(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front()
    }
}

impl Interceptor for RtxUnwrap {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let (Some(ssrc), Some(rtx_payload_type)) = (info.ssrc_rtx, info.payload_type_rtx) {
            let original = Original { ssrc: info.ssrc, payload_type: info.payload_type, rtx_payload_type };
            self.originals.insert(ssrc, original);
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.originals.retain(|_, original| original.ssrc != info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::interceptor::AttributedPacket;
    use rtc::rtp;
    use rtc::shared::TransportContext;

    use super::*;

    fn bound() -> RtxUnwrap {
        let mut link = RtxUnwrap::default();
        link.bind_remote_stream(&StreamInfo {
            ssrc: 1,
            ssrc_rtx: Some(2),
            payload_type: 96,
            payload_type_rtx: Some(97),
            ..StreamInfo::default()
        });
        link
    }

    fn through(
        link: &mut RtxUnwrap,
        ssrc: u32,
        payload_type: u8,
        payload: &'static [u8],
    ) -> Option<TaggedPacket> {
        let header = rtp::header::Header {
            version: 2,
            ssrc,
            payload_type,
            sequence_number: 5,
            timestamp: 9_000,
            marker: true,
            ..Default::default()
        };
        let packet = rtp::Packet { header, payload: Bytes::from_static(payload) };
        let tagged = TaggedPacket {
            now: Instant::now(),
            transport: TransportContext::default(),
            message: AttributedPacket::new(Packet::Rtp(packet)),
        };
        link.handle_read(tagged).expect("never fails");
        link.poll_read()
    }

    #[test]
    fn a_retransmission_becomes_the_packet_it_repeats() {
        let packet = through(&mut bound(), 2, 97, &[0x12, 0x34, 7, 8]).expect("passes");
        assert!(packet.message.has(&Attribute::Retransmission));
        let Packet::Rtp(rtp) = packet.message.packet else { panic!("not media") };
        assert_eq!((rtp.header.ssrc, rtp.header.payload_type, rtp.header.sequence_number), (1, 96, 0x1234));
        assert_eq!((rtp.header.timestamp, rtp.header.marker, &rtp.payload[..]), (9_000, true, &[7, 8][..]));
    }

    #[test]
    fn a_probe_without_a_packet_in_it_is_swallowed() {
        assert!(through(&mut bound(), 2, 97, &[]).is_none());
        assert!(through(&mut bound(), 2, 97, &[1]).is_none());
        assert!(through(&mut bound(), 2, 97, &[0, 1]).is_some());
    }

    #[test]
    fn other_streams_and_other_payload_types_pass_untouched() {
        for (ssrc, payload_type) in [(1, 96), (2, 99), (3, 97)] {
            let packet = through(&mut bound(), ssrc, payload_type, &[0, 1, 2]).expect("passes");
            let Packet::Rtp(rtp) = packet.message.packet else { panic!("not media") };
            assert_eq!((rtp.header.ssrc, rtp.header.sequence_number, rtp.payload.len()), (ssrc, 5, 3));
        }
    }
}
