//! Where every frame of video went: the accounts of both processes made one.

use remotemedia_runtime_core::ledger::{DropReason, LedgerReport};

use super::messages::{ProcessorAccount, SourceAccount};

/// Adds up what was dropped on the way out, in the pipeline and on the way back.
///
/// What one side has handed to the network and the other has not seen is lost there; what went into the
/// pipeline and neither came out nor is in its account was given up at its end.
pub(super) fn account(source: &SourceAccount, processor: &ProcessorAccount) -> LedgerReport {
    let mut total = LedgerReport {
        sent: source.frames_sent,
        delivered: source.frames_returned,
        ..LedgerReport::default()
    };
    let parts = [
        &source.media.out,
        &processor.media.arrived,
        &processor.media.handed_over,
        &processor.media.out,
        &source.media.arrived,
        &source.media.handed_over,
    ];
    for (reason, frames) in parts.iter().flat_map(|part| &part.dropped) {
        *total.dropped.entry(*reason).or_default() += frames;
    }
    let mut add = |reason, frames: u64| {
        if frames > 0 {
            *total.dropped.entry(reason).or_default() += frames;
        }
    };
    let there = source.media.out.delivered.saturating_sub(processor.media.arrived.sent);
    let back = processor.media.out.delivered.saturating_sub(source.media.arrived.sent);
    add(DropReason::LostInNetwork, there + back);
    let entered = processor.media.handed_over.delivered;
    let in_pipeline = entered.saturating_sub(processor.media.out.sent);
    let explained = processor.pipeline.dropped_total();
    if explained <= in_pipeline {
        processor.pipeline.dropped.iter().for_each(|(reason, frames)| add(*reason, *frames));
        add(DropReason::Closed, in_pipeline - explained);
    } else {
        add(DropReason::Closed, in_pipeline);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(sent: u64, delivered: u64, dropped: &[(DropReason, u64)]) -> LedgerReport {
        LedgerReport { sent, delivered, dropped: dropped.iter().copied().collect() }
    }

    #[test]
    fn every_frame_is_found_in_one_of_the_accounts() {
        let mut source = SourceAccount { frames_sent: 100, frames_returned: 88, ..Default::default() };
        source.media.out = ledger(100, 98, &[(DropReason::QueueFull, 2)]);
        source.media.arrived = ledger(90, 89, &[(DropReason::NotDecoded, 1)]);
        source.media.handed_over = ledger(89, 88, &[(DropReason::QueueFull, 1)]);
        let mut processor = ProcessorAccount::default();
        processor.media.arrived = ledger(97, 96, &[(DropReason::LostInNetwork, 1)]);
        processor.media.handed_over = ledger(96, 96, &[]);
        processor.pipeline = ledger(96, 93, &[(DropReason::NodeFailed, 3)]);
        processor.media.out = ledger(93, 92, &[(DropReason::NotEncoded, 1)]);
        let total = account(&source, &processor);
        assert!(total.is_balanced(), "{total:?}");
        assert_eq!(total.dropped[&DropReason::QueueFull], 3);
        assert_eq!(total.dropped[&DropReason::LostInNetwork], 1 + 1 + 2);
        assert_eq!(total.dropped[&DropReason::NodeFailed], 3);
    }

    #[test]
    fn a_frame_that_nobody_accounts_for_unbalances_the_ledger() {
        let mut source = SourceAccount { frames_sent: 10, frames_returned: 9, ..Default::default() };
        source.media.out = ledger(10, 10, &[]);
        source.media.arrived = ledger(10, 10, &[]);
        source.media.handed_over = ledger(10, 10, &[]);
        let mut processor = ProcessorAccount::default();
        processor.media.arrived = ledger(10, 10, &[]);
        processor.media.handed_over = ledger(10, 10, &[]);
        processor.media.out = ledger(10, 10, &[]);
        assert!(!account(&source, &processor).is_balanced());
    }
}
