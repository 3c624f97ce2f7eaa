//! Figures of a connection at one moment.

use std::time::Duration;

use remotemedia_runtime_core::ledger::LedgerReport;

/// Figures of a connection since it was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionStats {
    /// Round-trip time: of the selected candidate pair, else from receiver reports. `None`: not yet known.
    pub rtt: Option<Duration>,
    /// The selected candidate pair as `local/remote` types: `host/host`, `srflx/relay`.
    pub candidate_pair: Option<String>,
    /// Bytes of RTP sent, headers and retransmissions included.
    pub bytes_sent: u64,
    /// Bytes of RTP received, headers and retransmissions included.
    pub bytes_received: u64,
    /// The outgoing audio stream, if there is one.
    pub audio_out: Option<StreamStats>,
    /// The outgoing video stream, if there is one.
    pub video_out: Option<StreamStats>,
    /// The incoming audio stream, once it is there.
    pub audio_in: Option<StreamStats>,
    /// The incoming video stream, once it is there.
    pub video_in: Option<StreamStats>,
    /// Events lost because nobody read them.
    pub events_lost: u64,
}

/// Figures of one RTP stream, either way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamStats {
    /// Packets, retransmissions not included.
    pub packets: u64,
    /// Bytes of payload, retransmissions not included.
    pub payload_bytes: u64,
    /// Packets sent again (out) or repaired by retransmission (in).
    pub retransmitted: u64,
    /// Share of packets lost on the way in the last report interval, 0.0..=1.0: out as the peer reports it.
    pub loss_ratio: f64,
    /// Packets lost since the start, as reported.
    pub packets_lost: u64,
    /// Variation of the arrival times (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Negative acknowledgements received (out) or sent (in).
    pub nacks: u64,
    /// Key-frame requests received (out) or sent (in).
    pub key_frame_requests: u64,
    /// Where the packets between us and the engine went.
    pub ledger: LedgerReport,
}
