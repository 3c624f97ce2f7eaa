//! The demo's table: what was measured, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};
use remotemedia_runtime_core::ledger::LedgerReport;
use serde::{Deserialize, Serialize};

use super::process_figures::SETTLED_AFTER;

/// What a run of the demo measured; `--json` writes it as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DemoTable {
    /// From the source's start of joining to its first processed frame, milliseconds.
    pub setup_ms: f64,
    /// Picture handed over until its processed twin is decoded, milliseconds.
    pub video_round_trip_ms: Percentiles,
    /// The same of sound, by its marks.
    pub audio_round_trip_ms: Percentiles,
    /// Where the time goes, by stage, milliseconds.
    pub stages_ms: BTreeMap<String, Percentiles>,
    /// Processor time, percent of one core.
    pub cpu_core_percent: PerProcess,
    /// Resident memory at the end, megabytes (10^6 bytes).
    pub rss_mb: PerProcess,
    /// By how much that grew after the first thirty seconds, megabytes; `null` if the run was shorter.
    pub rss_growth_mb: Option<PerProcess>,
    /// Frames of video.
    pub frames: FrameCounts,
    /// Where every frame of video went.
    pub ledger: LedgerReport,
    /// Bits per second of video that the source sent and received.
    pub video_bitrate_bps: Directions,
    /// What was measured.
    pub run: RunFacts,
}

/// Percentiles of a duration, milliseconds; 0 if nothing was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    /// Half took no longer.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
}

/// A figure of each of the two processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PerProcess {
    /// The process that sends the clip and receives the result.
    pub source: f64,
    /// The process that runs the pipeline.
    pub processor: f64,
}

/// A figure of each direction, seen from the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Directions {
    /// Source → processor.
    pub sent: f64,
    /// Processor → source.
    pub received: f64,
}

/// Frames of video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrameCounts {
    /// Handed over by the source.
    pub sent: u64,
    /// Come back, each counted once.
    pub returned: u64,
}

/// What was run, and on what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunFacts {
    /// The manifest's path.
    pub manifest: String,
    /// The clip.
    pub input: String,
    /// Length, seconds.
    pub seconds: f64,
    /// The processor's model.
    pub machine: String,
    /// Whether the H264 codec was built with its assembly.
    pub h264_assembly: bool,
}

impl Percentiles {
    /// Computes the percentiles by the nearest-rank method.
    pub(crate) fn of(times: &[Duration]) -> Self {
        let mut millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        millis.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (millis.len() * percent).div_ceil(100);
            rank.checked_sub(1).map_or(0.0, |place| rounded(millis[place]))
        };
        Self { p50: at(50), p95: at(95), p99: at(99) }
    }
}

impl DemoTable {
    /// Writes the table for people.
    pub(crate) fn to_text(&self) -> String {
        let mut times = table(["milliseconds", "p50", "p95", "p99"]);
        let rows = [
            ("video there and back", self.video_round_trip_ms),
            ("audio there and back", self.audio_round_trip_ms),
        ];
        let stages = self.stages_ms.iter().map(|(stage, times)| (stage.as_str(), *times));
        for (name, row) in rows.into_iter().chain(stages) {
            times.add_row([Cell::new(name), number(row.p50), number(row.p95), number(row.p99)]);
        }
        let grown = format!("grown after {} s, MB", SETTLED_AFTER.as_secs());
        let mut processes = table(["process", "CPU, % of a core", "memory, MB", &grown]);
        for (name, of) in [
            ("source", (|figure| figure.source) as fn(&PerProcess) -> f64),
            ("processor", |figure| figure.processor),
        ] {
            let growth =
                self.rss_growth_mb.as_ref().map_or_else(|| Cell::new("–"), |growth| number(of(growth)));
            let (cpu, memory) = (number(of(&self.cpu_core_percent)), number(of(&self.rss_mb)));
            processes.add_row([Cell::new(name), cpu, memory, growth]);
        }
        let mut account = table(["video frames", "count"]);
        account.add_row([Cell::new("sent"), Cell::new(self.ledger.sent)]);
        account.add_row([Cell::new("came back"), Cell::new(self.ledger.delivered)]);
        for (reason, frames) in &self.ledger.dropped {
            account.add_row([Cell::new(format!("dropped: {reason}")), Cell::new(frames)]);
        }
        let balance = if self.ledger.is_balanced() { "every frame accounted for" } else { "NOT balanced" };
        let facts = format!(
            "{} · {} · {:.1} s · {}\nset-up {:.0} ms (join to first processed frame) · {balance}",
            self.run.manifest, self.run.input, self.run.seconds, self.run.machine, self.setup_ms
        );
        format!("{facts}\n\n{times}\n\n{processes}\n\n{account}")
    }
}

/// Rounds to a microsecond: more digits than that mean nothing.
pub(super) fn rounded(millis: f64) -> f64 {
    (millis * 1e3).round() / 1e3
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn number(value: f64) -> Cell {
    Cell::new(format!("{value:.1}")).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_by_nearest_rank() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(Percentiles::of(&times), Percentiles { p50: 50.0, p95: 95.0, p99: 99.0 });
        assert_eq!(Percentiles::of(&times[..1]), Percentiles { p50: 1.0, p95: 1.0, p99: 1.0 });
        assert_eq!(Percentiles::of(&[]), Percentiles::default());
    }
}
