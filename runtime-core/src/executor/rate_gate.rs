//! How often a node's faults are reported.

use std::time::{Duration, Instant};

/// Lets one report through per interval and counts those that it holds back.
#[derive(Debug, Default)]
pub(super) struct RateGate {
    last: Option<Instant>,
    held_back: u64,
}

/// A node that fails on every frame makes 10 reports a second, not one per frame.
const INTERVAL: Duration = Duration::from_millis(100);

impl RateGate {
    /// Returns `None` to hold a report back, or the number held back since the last one let through.
    pub(super) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_report_passes_per_interval_and_tells_how_many_did_not() {
        let (mut gate, start) = (RateGate::default(), Instant::now());
        assert_eq!(gate.admit(start), Some(0));
        assert_eq!(gate.admit(start), None);
        assert_eq!(gate.admit(start + INTERVAL - Duration::from_nanos(1)), None);
        assert_eq!(gate.admit(start + INTERVAL), Some(2));
        assert_eq!(gate.admit(start + INTERVAL * 3), Some(0));
    }
}
