//! Processor time and memory of this process.

use std::time::Instant;

use anyhow::Context;
use procfs::WithCurrentSystemInfo;
use procfs::process::Process;

use super::messages::Usage;

/// Measures this process from its making on.
pub(super) struct UsageMeter {
    began: Instant,
    ticks: u64,
}

impl UsageMeter {
    /// Begins to measure.
    pub(super) fn begin() -> anyhow::Result<Self> {
        Ok(Self { began: Instant::now(), ticks: ticks()? })
    }

    /// Returns the seconds since the beginning.
    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Returns what was used since the beginning.
    pub(super) fn end(&self) -> anyhow::Result<Usage> {
        let used = (ticks()? - self.ticks) as f64 / procfs::ticks_per_second() as f64;
        let memory = Process::myself()?.stat()?.rss_bytes().get();
        Ok(Usage { cpu_core_percent: used * 100.0 / self.seconds(), rss_mb: memory as f64 / 1e6 })
    }
}

fn ticks() -> anyhow::Result<u64> {
    let stat = Process::myself()?.stat().context("cannot read this process's figures from /proc")?;
    Ok(stat.utime + stat.stime)
}
