//! Processor time and memory of this process.

use std::time::{Duration, Instant};

use anyhow::Context;
use procfs::WithCurrentSystemInfo;
use procfs::process::Process;

use super::messages::Usage;

/// Measures this process from its making on.
pub(super) struct UsageMeter {
    began: Instant,
    ticks: u64,
    /// Resident bytes once every buffer has been in use: [`SETTLED_AFTER`] the beginning.
    settled_rss: Option<u64>,
}

/// Queues, pools, encoders and the packets kept for resending have grown to their size by then.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(30);

impl UsageMeter {
    /// Begins to measure.
    pub(super) fn begin() -> anyhow::Result<Self> {
        Ok(Self { began: Instant::now(), ticks: ticks()?, settled_rss: None })
    }

    /// Returns the seconds since the beginning.
    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Returns when memory is to be looked at for the first time.
    pub(super) fn settles_at(&self) -> Instant {
        self.began + SETTLED_AFTER
    }

    /// Returns whether the memory that growth is counted from has been noted.
    pub(super) fn is_settled(&self) -> bool {
        self.settled_rss.is_some()
    }

    /// Notes the memory that growth is counted from, the first time from [`settles_at`](Self::settles_at) on.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        if self.settled_rss.is_none() && Instant::now() >= self.settles_at() {
            self.settled_rss = Some(resident_bytes()?);
        }
        Ok(())
    }

    /// Returns what was used since the beginning.
    pub(super) fn end(&self) -> anyhow::Result<Usage> {
        let used = (ticks()? - self.ticks) as f64 / procfs::ticks_per_second() as f64;
        let resident = resident_bytes()?;
        let growth = self.settled_rss.map(|settled| (resident as f64 - settled as f64) / 1e6);
        Ok(Usage {
            cpu_core_percent: used * 100.0 / self.seconds(),
            rss_mb: resident as f64 / 1e6,
            rss_growth_mb: growth,
        })
    }
}

fn resident_bytes() -> anyhow::Result<u64> {
    Ok(Process::myself()?.stat()?.rss_bytes().get())
}

fn ticks() -> anyhow::Result<u64> {
    let stat = Process::myself()?.stat().context("cannot read this process's figures from /proc")?;
    Ok(stat.utime + stat.stime)
}
