//! How fast a count grew lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How fast a count grew lately.
#[derive(Debug, Default)]
pub(super) struct RecentRate {
    /// The count at moments of the last [`WINDOW`], the oldest first.
    noted: VecDeque<(Instant, u64)>,
}

/// By how much a count grew lately.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Growth {
    /// What was added.
    pub added: u64,
    /// The same per second; 0 before there is a stretch of time.
    pub per_second: f64,
}

/// Long enough that one late frame does not show, short enough that a standstill does at once.
const WINDOW: Duration = Duration::from_secs(2);

/// Most moments remembered; of more in one window the oldest are forgotten.
const MOMENTS: usize = 64;

impl RecentRate {
    /// Notes the count of `now`, and returns how it grew in the last two seconds, or since the first note if
    /// that is less.
    pub(super) fn note(&mut self, count: u64, now: Instant) -> Growth {
        // One moment that is older stays: the window begins there, or a little later.
        while self.noted.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
            || self.noted.len() >= MOMENTS
        {
            self.noted.pop_front();
        }
        self.noted.push_back((now, count));
        let (since, then) = self.noted[0];
        let (added, span) = (count.saturating_sub(then), now.duration_since(since).as_secs_f64());
        Growth { added, per_second: if span > 0.0 { added as f64 / span } else { 0.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes every 250 ms; counts are given per note.
    fn rates(counts: impl IntoIterator<Item = u64>) -> Vec<f64> {
        let (mut rate, start) = (RecentRate::default(), Instant::now());
        let at = |n: usize| start + Duration::from_millis(250) * n as u32;
        counts.into_iter().enumerate().map(|(n, count)| rate.note(count, at(n)).per_second).collect()
    }

    #[test]
    fn a_steady_count_has_its_rate_from_the_second_note_on() {
        let rates = rates((0..40).map(|n| n * 6));
        assert_eq!(rates[0], 0.0);
        assert!(rates[1..].iter().all(|rate| (rate - 24.0).abs() < 1e-9), "{rates:?}");
    }

    #[test]
    fn a_standstill_shows_after_two_seconds_whatever_came_before() {
        let rates = rates((0..100).map(|n: u64| n.min(80) * 6));
        assert!(rates[80] > 23.9, "{rates:?}");
        assert!(rates[84] > 0.0 && rates[84] < 12.1, "{rates:?}");
        assert_eq!(rates[88], 0.0, "{rates:?}");
    }

    #[test]
    fn notes_without_pause_are_bounded_and_give_no_rate() {
        let (mut rate, now) = (RecentRate::default(), Instant::now());
        for count in 0..1000 {
            assert_eq!(rate.note(count, now).per_second, 0.0);
        }
        assert!(rate.noted.len() <= MOMENTS);
    }
}
