//! The way of RTP packets in.

use std::sync::{Arc, Mutex, PoisonError};

use remotemedia_runtime_core::ledger::{Ledger, LedgerReport};
use remotemedia_runtime_core::queue::{QueueReceiver, QueueSender, queue};

use super::RtpPacket;

/// Connection → media. Packets of one track; full → oldest dropped and counted. As many as the largest picture
/// has that can be put together: whoever is further behind has lost the call anyway.
const TRACK_IN_PACKETS: usize = 8_192;

/// Takes RTP packets of one incoming track, in the order of arrival: repaired packets come late,
/// duplicates are possible.
#[derive(Debug)]
pub struct TrackReceiver {
    packets: QueueReceiver<RtpPacket>,
    sender_report: SharedSenderReport,
    ledger: Arc<Ledger>,
}

/// Where the sender's RTP clock stood at a wall-clock time: what keeps audio and video of one peer together.
///
/// Source: RFC 3550 §6.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// The sender's wall clock: seconds since 1900 in the upper 32 bits, fractions in the lower.
    pub ntp_time: u64,
    /// The track's RTP timestamp at that time.
    pub rtp_timestamp: u32,
}

/// The latest report of one track, written by the packet chain.
pub(super) type SharedSenderReport = Arc<Mutex<Option<SenderReport>>>;

/// The connection's end of a [`TrackReceiver`].
#[derive(Debug)]
pub(super) struct TrackInlet {
    pub(super) packets: QueueSender<RtpPacket>,
}

impl TrackReceiver {
    pub(super) fn new(sender_report: SharedSenderReport, ledger: Arc<Ledger>) -> (Self, TrackInlet) {
        let (sender, receiver) = queue(TRACK_IN_PACKETS, ledger.clone());
        (Self { packets: receiver, sender_report, ledger }, TrackInlet { packets: sender })
    }

    /// Waits for the next packet; `None`: the track ended and all was read. Cancel safe.
    pub async fn recv(&mut self) -> Option<RtpPacket> {
        let packet = self.packets.recv().await?;
        self.ledger.count_delivered();
        Some(packet)
    }

    /// As [`recv`](Self::recv), for threads: never call it in an async task.
    pub fn recv_blocking(&mut self) -> Option<RtpPacket> {
        let packet = self.packets.recv_blocking()?;
        self.ledger.count_delivered();
        Some(packet)
    }

    /// Returns the latest sender report of this track; `None` until one arrived (within 1 s or so).
    pub fn sender_report(&self) -> Option<SenderReport> {
        *self.sender_report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the packets went: delivered to the caller, or dropped by reason.
    pub fn ledger(&self) -> LedgerReport {
        self.ledger.report()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use remotemedia_runtime_core::ledger::DropReason;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_is_behind_loses_the_oldest_packets_and_the_ledger_balances() {
        let (mut receiver, inlet) = TrackReceiver::new(SharedSenderReport::default(), Arc::default());
        for sequence_number in 0..TRACK_IN_PACKETS as u16 + 3 {
            let packet = RtpPacket { sequence_number, timestamp: 0, marker: false, payload: Bytes::new() };
            inlet.packets.push(packet).expect("open");
        }
        drop(inlet);
        assert_eq!(receiver.recv().await.map(|p| p.sequence_number), Some(3));
        while receiver.recv().await.is_some() {}
        let report = receiver.ledger();
        assert_eq!(report.dropped[&DropReason::QueueFull], 3);
        assert!(report.is_balanced());
    }
}
