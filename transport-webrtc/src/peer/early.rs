//! Candidates that came before the offer they belong to, of all peers of a session. Pure.

use std::collections::VecDeque;

/// Most that are kept, of all peers together: two hundred and more peers that join at once.
const MAX_TOTAL: usize = 1024;

/// Most that are kept of one peer, so that none pushes those of another out: a browser with five interfaces
/// sends about 30.
const MAX_PER_PEER: usize = 64;

/// Candidates that wait for their offer. `C` is a candidate; `None` of it marks the end of candidates.
#[derive(Debug)]
pub(super) struct EarlyCandidates<C> {
    waiting: VecDeque<(String, EarlyCandidate<C>)>,
}

/// A candidate and the exchange that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EarlyCandidate<C> {
    pub(super) handshake_id: String,
    pub(super) candidate: Option<C>,
}

impl<C> EarlyCandidates<C> {
    /// Begins empty.
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new() }
    }

    /// Keeps a candidate; the oldest of the same peer, or of all, goes if there are too many.
    pub(super) fn keep(&mut self, from: &str, early: EarlyCandidate<C>) {
        if self.waiting.iter().filter(|(peer, _)| peer == from).count() >= MAX_PER_PEER
            && let Some(oldest) = self.waiting.iter().position(|(peer, _)| peer == from)
        {
            self.waiting.remove(oldest);
        } else if self.waiting.len() >= MAX_TOTAL {
            self.waiting.pop_front();
        }
        self.waiting.push_back((from.to_owned(), early));
    }

    /// Takes all of a peer, in the order in which they came.
    pub(super) fn take(&mut self, from: &str) -> Vec<EarlyCandidate<C>> {
        let (due, waiting): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(peer, _)| peer == from);
        self.waiting = waiting;
        due.into_iter().map(|(_, early)| early).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(candidate: usize) -> EarlyCandidate<usize> {
        EarlyCandidate { handshake_id: "h".into(), candidate: Some(candidate) }
    }

    #[test]
    fn candidates_come_out_in_order_and_only_for_their_peer() {
        let mut kept = EarlyCandidates::new();
        for (from, candidate) in [("a", 1), ("b", 2), ("a", 3)] {
            kept.keep(from, early(candidate));
        }
        assert_eq!(kept.take("a"), [early(1), early(3)]);
        assert_eq!(kept.take("a"), []);
        assert_eq!(kept.take("b"), [early(2)]);
    }

    #[test]
    fn a_peer_that_sends_without_end_pushes_out_its_own_alone() {
        let mut kept = EarlyCandidates::new();
        kept.keep("good", early(7));
        for n in 0..=MAX_PER_PEER {
            kept.keep("flood", early(n));
        }
        let flood = kept.take("flood");
        assert_eq!((flood.len(), &flood[0]), (MAX_PER_PEER, &early(1)));
        assert_eq!(kept.take("good"), [early(7)]);
    }

    #[test]
    fn all_together_have_a_limit_past_which_the_oldest_goes() {
        let mut kept = EarlyCandidates::new();
        for n in 0..=MAX_TOTAL {
            kept.keep(&format!("p{n}"), early(n));
        }
        assert_eq!(kept.take("p0"), []);
        assert_eq!(kept.take("p1"), [early(1)]);
        assert_eq!(kept.waiting.len(), MAX_TOTAL - 1);
    }
}
