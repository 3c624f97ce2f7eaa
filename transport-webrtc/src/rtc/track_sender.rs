//! The way of RTP packets out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use remotemedia_runtime_core::queue::{QueueReceiver, QueueSender, queue};

use super::{RtpPacket, TrackKind};

/// Media → connection. Packets of one track; who sends a picture waits for room, or the first packets of one
/// that is larger would be pushed out by its last. 512 packets are 600 KB.
const TRACK_OUT_PACKETS: usize = 512;

/// Puts RTP packets on one outgoing track; clones share it.
///
/// The engine side fills in payload type, SSRC and header extensions.
#[derive(Debug, Clone)]
pub struct TrackSender {
    kind: TrackKind,
    packets: QueueSender<RtpPacket>,
    ready: Arc<AtomicBool>,
    ledger: Arc<Ledger>,
}

/// Why a packet was not taken; it was counted as dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackSendError {
    /// The track is not negotiated or the connection is not up: the packet could go nowhere.
    #[error("{kind} track is not connected")]
    NotConnected {
        /// Which track.
        kind: TrackKind,
    },
    /// The connection is closed.
    #[error("connection of the {kind} track is closed")]
    Closed {
        /// Which track.
        kind: TrackKind,
    },
}

/// The connection's end of a [`TrackSender`].
#[derive(Debug)]
pub(super) struct TrackOutlet {
    pub(super) packets: QueueReceiver<RtpPacket>,
    pub(super) ready: Arc<AtomicBool>,
    pub(super) ledger: Arc<Ledger>,
}

impl TrackSender {
    pub(super) fn new(kind: TrackKind) -> (Self, TrackOutlet) {
        let ledger = Arc::new(Ledger::default());
        let (sender, receiver) = queue(TRACK_OUT_PACKETS, ledger.clone());
        let ready = Arc::new(AtomicBool::new(false));
        let outlet = TrackOutlet { packets: receiver, ready: ready.clone(), ledger: ledger.clone() };
        (Self { kind, packets: sender, ready, ledger }, outlet)
    }

    /// Returns what the track carries.
    pub fn kind(&self) -> TrackKind {
        self.kind
    }

    /// Whether packets reach the peer: the track is negotiated and the connection is up.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Hands a packet over. Never waits: if the connection is behind, the oldest packet is dropped and
    /// counted.
    ///
    /// # Errors
    /// [`TrackSendError`] if the packet could go nowhere.
    pub fn push(&self, packet: RtpPacket) -> Result<(), TrackSendError> {
        self.reachable()?;
        self.packets.push(packet).map_err(|_| TrackSendError::Closed { kind: self.kind })
    }

    /// Hands a packet over; waits for room while the connection is behind. Cancel safe: a packet that was
    /// waiting is not sent.
    ///
    /// # Errors
    /// [`TrackSendError`] if the packet could go nowhere.
    pub async fn send(&self, packet: RtpPacket) -> Result<(), TrackSendError> {
        self.reachable()?;
        self.packets.send(packet).await.map_err(|_| TrackSendError::Closed { kind: self.kind })
    }

    /// Refuses and counts a packet that could go nowhere.
    fn reachable(&self) -> Result<(), TrackSendError> {
        if self.is_ready() {
            return Ok(());
        }
        self.ledger.count_sent();
        self.ledger.count_dropped(DropReason::NotConnected, 1);
        Err(match self.packets.is_closed() {
            true => TrackSendError::Closed { kind: self.kind },
            false => TrackSendError::NotConnected { kind: self.kind },
        })
    }

    /// Returns where the packets went: delivered to the engine, or dropped by reason.
    pub fn ledger(&self) -> LedgerReport {
        self.ledger.report()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn packet(sequence_number: u16) -> RtpPacket {
        RtpPacket { sequence_number, timestamp: 0, marker: false, payload: Bytes::from_static(b"x") }
    }

    #[test]
    fn a_packet_for_a_track_that_is_not_up_is_refused_and_counted() {
        let (sender, _outlet) = TrackSender::new(TrackKind::Video);
        assert_eq!(sender.push(packet(1)), Err(TrackSendError::NotConnected { kind: TrackKind::Video }));
        assert_eq!(sender.ledger().dropped[&DropReason::NotConnected], 1);
        assert!(sender.ledger().is_balanced());
    }

    #[tokio::test]
    async fn a_full_track_drops_its_oldest_packet() {
        let (sender, mut outlet) = TrackSender::new(TrackKind::Video);
        outlet.ready.store(true, Ordering::Release);
        (0..=TRACK_OUT_PACKETS as u16).for_each(|n| sender.push(packet(n)).expect("ready"));
        assert_eq!(outlet.packets.recv().await.map(|p| p.sequence_number), Some(1));
        assert_eq!(sender.ledger().dropped[&DropReason::QueueFull], 1);
    }

    #[tokio::test]
    async fn who_sends_more_than_the_track_holds_waits_and_loses_nothing() {
        let (sender, mut outlet) = TrackSender::new(TrackKind::Video);
        outlet.ready.store(true, Ordering::Release);
        let sending = tokio::spawn(async move {
            for n in 0..2 * TRACK_OUT_PACKETS as u16 {
                sender.send(packet(n)).await.expect("ready");
            }
            sender.ledger()
        });
        for n in 0..2 * TRACK_OUT_PACKETS as u16 {
            assert_eq!(outlet.packets.recv().await.map(|p| p.sequence_number), Some(n));
        }
        assert_eq!(sending.await.expect("no panic").dropped_total(), 0);
    }

    #[test]
    fn a_closed_track_says_so() {
        let (sender, outlet) = TrackSender::new(TrackKind::Audio);
        outlet.ready.store(true, Ordering::Release);
        drop(outlet);
        assert_eq!(sender.push(packet(1)), Err(TrackSendError::Closed { kind: TrackKind::Audio }));
    }
}
