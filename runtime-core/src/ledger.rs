//! The drop ledger: *sent = delivered + dropped, by reason*, exactly and at any time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what went in, what arrived and what was dropped, by reason. Shared by reference; every method
/// takes a few nanoseconds.
#[derive(Debug, Default)]
pub struct Ledger {
    sent: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
}

/// Why an item was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropReason {
    /// A queue was full and a newer item took the place of the oldest.
    QueueFull,
    /// The node returned an error.
    NodeFailed,
    /// The node panicked.
    NodePanicked,
    /// No node and no peer takes items of this kind.
    NoTaker,
    /// The session closed before the item was through.
    Closed,
    /// The encoder refused it or was behind.
    NotEncoded,
    /// Packets of it were lost and not repaired in time.
    LostInNetwork,
    /// The decoder refused it, or it depends on a lost frame.
    NotDecoded,
    /// There was no connection to the peer it was for.
    NotConnected,
}

/// A ledger's figures at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerReport {
    /// Items that went in.
    pub sent: u64,
    /// Items that arrived.
    pub delivered: u64,
    /// Items dropped, by reason; reasons that never occurred are left out.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl DropReason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::QueueFull,
        Self::NodeFailed,
        Self::NodePanicked,
        Self::NoTaker,
        Self::Closed,
        Self::NotEncoded,
        Self::LostInNetwork,
        Self::NotDecoded,
        Self::NotConnected,
    ];

    /// Returns the name as it stands in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::NodeFailed => "node_failed",
            Self::NodePanicked => "node_panicked",
            Self::NoTaker => "no_taker",
            Self::Closed => "closed",
            Self::NotEncoded => "not_encoded",
            Self::LostInNetwork => "lost_in_network",
            Self::NotDecoded => "not_decoded",
            Self::NotConnected => "not_connected",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Ledger {
    /// Counts an item that went in.
    pub fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an item that arrived.
    pub fn count_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Release);
    }

    /// Counts `items` dropped items.
    pub fn count_dropped(&self, reason: DropReason, items: u64) {
        self.dropped[reason as usize].fetch_add(items, Ordering::Release);
    }

    /// Counts an item that went in and was dropped at once.
    pub fn count_refused(&self, reason: DropReason) {
        self.count_sent();
        self.count_dropped(reason, 1);
    }

    /// Returns the figures at this moment; `sent` is never below the sum of the others.
    pub fn report(&self) -> LedgerReport {
        let delivered = self.delivered.load(Ordering::Acquire);
        let dropped = DropReason::ALL
            .iter()
            .map(|reason| (*reason, self.dropped[*reason as usize].load(Ordering::Acquire)))
            .filter(|(_, items)| *items > 0)
            .collect();
        // Read last: an item is counted as sent before it is counted as anything else.
        LedgerReport { sent: self.sent.load(Ordering::Acquire), delivered, dropped }
    }
}

impl LedgerReport {
    /// Returns the dropped items of all reasons.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Returns the items that are neither delivered nor dropped: still under way, 0 once all is closed.
    pub fn under_way(&self) -> u64 {
        self.sent.saturating_sub(self.delivered + self.dropped_total())
    }

    /// Whether every item is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.sent == self.delivered + self.dropped_total()
    }

    /// Adds another ledger's figures.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        for (reason, items) in &other.dropped {
            *self.dropped.entry(*reason).or_default() += items;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter_under_its_own_name() {
        let ledger = Ledger::default();
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            ledger.count_dropped(reason, at as u64 + 1);
            let written = serde_json::to_value(reason).expect("a unit variant");
            assert_eq!(written, reason.name());
        }
        let report = ledger.report();
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(report.dropped[&reason], at as u64 + 1);
        }
    }

    #[test]
    fn a_ledger_balances_when_nothing_is_under_way() {
        let ledger = Ledger::default();
        (0..3).for_each(|_| ledger.count_sent());
        ledger.count_delivered();
        ledger.count_dropped(DropReason::QueueFull, 1);
        assert_eq!((ledger.report().under_way(), ledger.report().is_balanced()), (1, false));
        ledger.count_dropped(DropReason::Closed, 1);
        assert!(ledger.report().is_balanced());
    }
}
