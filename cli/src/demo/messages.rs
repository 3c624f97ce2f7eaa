//! What the demo's processes tell each other: one JSON object a line.

use remotemedia_runtime_core::ledger::LedgerReport;
use serde::{Deserialize, Serialize};

use super::figures::Percentiles;

/// Peer → director.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(super) enum Told {
    /// The processor serves its manifest.
    Ready,
    /// The source's first processed frame is back: measuring begins.
    Begun {
        /// From the start of joining, milliseconds.
        setup_ms: f64,
    },
    /// How far the source is.
    Progress(Progress),
    /// The source's account.
    Filmed(Box<SourceAccount>),
    /// The processor's account.
    Processed(Box<ProcessorAccount>),
}

/// Director → peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(super) enum Order {
    /// Begin to measure.
    Begin,
    /// End, and give the account.
    End,
}

/// How far the source is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Frames a second that came back, over the last two seconds.
    pub frames_per_second: f64,
    /// Median round trip of those, milliseconds.
    pub latency_ms: f64,
    /// Bits per second of video sent, over the last two seconds.
    pub bitrate_bps: f64,
    /// Frames sent at least a second ago, at any time since the start, that are not back.
    pub lost: u64,
}

/// What a process used.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Usage {
    /// Percent of one core, over the measured time.
    pub cpu_core_percent: f64,
    /// Resident memory at its end, megabytes.
    pub rss_mb: f64,
    /// By how much resident memory grew after the first five seconds, megabytes; a shorter run has none.
    pub rss_growth_mb: Option<f64>,
}

/// The source's account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SourceAccount {
    /// Time away of each frame, milliseconds.
    pub video_round_trips_ms: Vec<f64>,
    /// Time away of each sound mark, milliseconds.
    pub audio_round_trips_ms: Vec<f64>,
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames that came back.
    pub frames_returned: u64,
    /// Frames that came back after a younger one.
    pub out_of_order: u64,
    /// The way out and the way back.
    pub media: MediaAccount,
    /// How long frames were sent, from the first that came back, seconds.
    pub seconds: f64,
    /// What the process used.
    pub usage: Usage,
}

/// The processor's account.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ProcessorAccount {
    /// The way in and the way out.
    pub media: MediaAccount,
    /// Items of the nodes that take video, summed.
    pub pipeline: LedgerReport,
    /// Time in the pipeline.
    pub pipeline_ms: Percentiles,
    /// What the process used.
    pub usage: Usage,
}

/// Video of one process, both ways.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MediaAccount {
    /// Frames given to the encoder.
    pub out: LedgerReport,
    /// Pictures that arrived.
    pub arrived: LedgerReport,
    /// Decoded pictures on their way on.
    pub handed_over: LedgerReport,
    /// Bytes of video sent.
    pub bytes_sent: u64,
    /// Bytes of video received.
    pub bytes_received: u64,
    /// Stage latencies, by name.
    pub stages_ms: std::collections::BTreeMap<String, Percentiles>,
}
