//! Who counts the item that a node is at work on: its instance, or, if that hangs, the one who closes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The item that one instance is at work on; each is settled exactly once.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    /// Nothing (0), the item's feed (+1), or [`GIVEN_UP`].
    open: AtomicUsize,
    hurried: AtomicBool,
}

const NOTHING: usize = 0;
const GIVEN_UP: usize = usize::MAX;

impl Settlement {
    /// The instance takes up an item of `feed`; `false`: it was given up and must end.
    pub(super) fn begin(&self, feed: usize) -> bool {
        self.open.compare_exchange(NOTHING, feed + 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The instance is done with its item and counts it; `false`: somebody else has counted it.
    pub(super) fn finish(&self) -> bool {
        let open = self.open.load(Ordering::Acquire);
        open != GIVEN_UP
            && self.open.compare_exchange(open, NOTHING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Tells the instance to end without giving out what it holds back.
    pub(super) fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
    }

    /// Whether the instance is to end at once.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Acquire)
    }

    /// Gives the instance up; returns the feed of the item that the caller now has to count.
    pub(super) fn give_up(&self) -> Option<usize> {
        match self.open.swap(GIVEN_UP, Ordering::AcqRel) {
            NOTHING | GIVEN_UP => None,
            feed => Some(feed - 1),
        }
    }

    /// Whether the instance was given up.
    pub(super) fn is_given_up(&self) -> bool {
        self.open.load(Ordering::Acquire) == GIVEN_UP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_settled_by_the_instance_or_by_who_gives_it_up_never_by_both() {
        let settlement = Settlement::default();
        assert!(settlement.begin(3) && settlement.finish());
        assert!(settlement.begin(3));
        assert_eq!(settlement.give_up(), Some(3));
        assert!(!settlement.finish() && settlement.is_given_up());
        assert_eq!(settlement.give_up(), None);
    }

    #[test]
    fn an_instance_given_up_between_two_items_takes_up_no_more() {
        let settlement = Settlement::default();
        assert_eq!(settlement.give_up(), None);
        assert!(!settlement.begin(0));
    }
}
