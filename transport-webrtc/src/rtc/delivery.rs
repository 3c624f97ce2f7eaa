//! Hands packets to their receivers at the end of the packet chain.
//!
//! The engine's own way on from there is a queue of 256 packets, which drops what does not fit after
//! everything that could have asked for it again has counted it as there: some were missing of every picture
//! of a thousand packets. So only a stream's first packets go that way, which open it; the next may overtake them, as
//! packets may on any network.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::RtpPacket;
use super::track_receiver::TrackInlet;

/// The streams whose packets are handed over, by SSRC.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    streams: Mutex<HashMap<u32, OpenStream>>,
}

/// Where a stream's packets go, as long as they are of one payload type.
#[derive(Debug)]
struct OpenStream {
    payload_type: u8,
    inlet: TrackInlet,
}

/// The link of the chain that is closest to the application.
pub(super) struct Delivery {
    deliveries: Arc<Deliveries>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl Deliveries {
    /// Opens a stream: its packets go to `inlet` from now on.
    pub(super) fn open(&self, ssrc: u32, payload_type: u8, inlet: TrackInlet) {
        self.lock().insert(ssrc, OpenStream { payload_type, inlet });
    }

    /// Says that a stream goes on with another payload type.
    pub(super) fn change(&self, ssrc: u32, payload_type: u8) {
        if let Some(stream) = self.lock().get_mut(&ssrc) {
            stream.payload_type = payload_type;
        }
    }

    /// Ends a stream: its receiver is told when it has read what it has.
    pub(super) fn close(&self, ssrc: u32) {
        self.lock().remove(&ssrc);
    }

    /// Hands a packet over; gives it back if its stream is not open, or has another payload type.
    pub(super) fn deliver(&self, packet: rtp::Packet) -> Option<rtp::Packet> {
        let streams = self.lock();
        let stream = streams.get(&packet.header.ssrc);
        match stream.filter(|stream| stream.payload_type == packet.header.payload_type) {
            Some(stream) => {
                // A receiver that was dropped is counted in its ledger; the track is read on nevertheless.
                stream.inlet.packets.push(from_engine(packet)).ok();
                None
            }
            None => Some(packet),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, OpenStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    pub(super) fn new(deliveries: Arc<Deliveries>) -> Self {
        Self { deliveries, read: VecDeque::new(), write: VecDeque::new() }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Delivery {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(media) = packet.message.packet {
            let Some(media) = self.deliveries.deliver(media) else { return Ok(()) };
            packet.message.packet = Packet::Rtp(media);
        }
        self.read.push_back(packet);
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

impl Interceptor for Delivery {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

fn from_engine(packet: rtp::Packet) -> RtpPacket {
    RtpPacket {
        sequence_number: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload: packet.payload,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use remotemedia_runtime_core::ledger::Ledger;
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;

    use super::*;
    use crate::rtc::TrackReceiver;
    use crate::rtc::track_receiver::SharedSenderReport;

    const STREAM: u32 = 1;
    const PAYLOAD_TYPE: u8 = 96;

    fn opened() -> (Delivery, Arc<Deliveries>, TrackReceiver) {
        let deliveries = Arc::new(Deliveries::default());
        let ledger = Arc::new(Ledger::default());
        let (receiver, inlet) = TrackReceiver::new(SharedSenderReport::default(), ledger);
        deliveries.open(STREAM, PAYLOAD_TYPE, inlet);
        (Delivery::new(deliveries.clone()), deliveries, receiver)
    }

    /// Whether the packet goes on to the engine.
    fn passes(link: &mut Delivery, ssrc: u32, payload_type: u8) -> bool {
        let header = rtp::header::Header { version: 2, ssrc, payload_type, ..Default::default() };
        let packet = rtp::Packet { header, payload: Bytes::from_static(b"x") };
        let message = AttributedPacket::new(Packet::Rtp(packet));
        let packet = TaggedPacket { now: Instant::now(), transport: TransportContext::default(), message };
        link.handle_read(packet).expect("never fails");
        link.poll_read().is_some()
    }

    #[tokio::test]
    async fn packets_of_an_open_stream_go_to_its_receiver_and_nowhere_else() {
        let (mut link, deliveries, mut receiver) = opened();
        assert!(!passes(&mut link, STREAM, PAYLOAD_TYPE));
        assert!(receiver.recv().await.is_some());
        deliveries.close(STREAM);
        assert!(passes(&mut link, STREAM, PAYLOAD_TYPE));
        assert!(receiver.recv().await.is_none(), "the stream has ended");
    }

    #[test]
    fn other_streams_and_other_payload_types_are_for_the_engine_to_open() {
        let (mut link, deliveries, _receiver) = opened();
        assert!(passes(&mut link, STREAM + 1, PAYLOAD_TYPE));
        assert!(passes(&mut link, STREAM, PAYLOAD_TYPE + 1));
        deliveries.change(STREAM, PAYLOAD_TYPE + 1);
        assert!(!passes(&mut link, STREAM, PAYLOAD_TYPE + 1));
    }
}
