//! How long a frame was away: what was sent against what came back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Sent frames that are remembered: 10 s of video or marks; what is away longer counts as lost.
const REMEMBERED: usize = 300;

/// Matches what comes back with what was sent, by the number it carries.
#[derive(Debug)]
pub(super) struct RoundTrip {
    /// Numbers repeat after this many.
    cycle: u64,
    sent: VecDeque<(u64, Instant)>,
    report: RoundTripReport,
    last_returned: Option<u64>,
}

/// What was matched so far.
#[derive(Debug, Clone, Default)]
pub(super) struct RoundTripReport {
    /// Time away of each frame that came back, in order of return.
    pub times: Vec<Duration>,
    /// Frames sent.
    pub sent: u64,
    /// Frames that came back for the first time.
    pub returned: u64,
    /// Of those, frames whose number could not be read.
    pub(super) unread: u64,
    /// Frames that came back after a younger one.
    pub out_of_order: u64,
    /// Frames that came back with a number that was not sent, or twice.
    pub unknown: u64,
}

impl RoundTrip {
    /// Begins; numbers are read modulo `cycle`.
    pub(super) fn new(cycle: u64) -> Self {
        Self { cycle, sent: VecDeque::new(), report: RoundTripReport::default(), last_returned: None }
    }

    /// Notes that frame `number` went out.
    pub(super) fn sent(&mut self, number: u64, at: Instant) {
        if self.sent.len() >= REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((number, at));
        self.report.sent += 1;
    }

    /// Notes that a frame with `code` (its number modulo the cycle) came back.
    ///
    /// * Returns how long it was away; `None`: no such frame is away.
    pub(super) fn returned(&mut self, code: u64, at: Instant) -> Option<Duration> {
        let found = self.sent.iter().rposition(|(number, _)| number % self.cycle == code % self.cycle);
        let Some((number, sent)) = found.and_then(|place| self.sent.remove(place)) else {
            self.report.unknown += 1;
            return None;
        };
        if self.last_returned.is_some_and(|last| last > number) {
            self.report.out_of_order += 1;
        }
        self.last_returned = Some(number);
        let away = at.saturating_duration_since(sent);
        self.report.returned += 1;
        self.report.times.push(away);
        Some(away)
    }

    /// Notes that a frame whose number cannot be read came back: it is taken for the one that is due next,
    /// and its time away is not measured.
    pub(super) fn returned_unread(&mut self) {
        let due = self.last_returned.map_or(0, |last| last + 1);
        let Some(place) = self.sent.iter().position(|(number, _)| *number == due) else {
            self.report.unknown += 1;
            return;
        };
        self.sent.remove(place);
        self.last_returned = Some(due);
        self.report.returned += 1;
        self.report.unread += 1;
    }

    /// Returns how many frames that were sent `after` or longer ago are not back.
    pub(super) fn overdue(&self, now: Instant, after: Duration) -> u64 {
        let young = self.sent.iter().rev().take_while(|(_, at)| now.saturating_duration_since(*at) < after);
        (self.report.sent - self.report.returned).saturating_sub(young.count() as u64)
    }

    /// Returns what was matched so far.
    pub(super) fn report(&self) -> &RoundTripReport {
        &self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_matched_by_their_number_also_across_the_cycle() {
        let (mut trip, start) = (RoundTrip::new(4), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        (0..6).for_each(|n| trip.sent(n, at(n * 10)));
        assert_eq!(trip.returned(1, at(65)), Some(Duration::from_millis(15)), "frame 5, not frame 1");
        assert_eq!(trip.returned(0, at(70)), Some(Duration::from_millis(30)), "frame 4, late");
        let report = trip.report();
        assert_eq!((report.sent, report.returned, report.out_of_order, report.unknown), (6, 2, 1, 0));
    }

    #[test]
    fn what_was_not_sent_or_comes_twice_is_not_counted_as_returned() {
        let (mut trip, now) = (RoundTrip::new(4096), Instant::now());
        trip.sent(7, now);
        assert!(trip.returned(8, now).is_none());
        assert!(trip.returned(7, now).is_some());
        assert!(trip.returned(7, now).is_none());
        assert_eq!((trip.report().returned, trip.report().unknown), (1, 2));
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_the_one_that_is_due() {
        let (mut trip, now) = (RoundTrip::new(4096), Instant::now());
        (0..3).for_each(|n| trip.sent(n, now));
        trip.returned(0, now);
        trip.returned_unread();
        trip.returned(2, now);
        trip.returned_unread();
        let report = trip.report();
        assert_eq!((report.returned, report.unread, report.unknown, report.times.len()), (3, 1, 1, 2));
    }

    #[test]
    fn a_frame_is_overdue_from_the_limit_on_until_it_is_back() {
        let (mut trip, start) = (RoundTrip::new(4096), Instant::now());
        let (at, limit) = (|ms| start + Duration::from_millis(ms), Duration::from_secs(1));
        (0..4).for_each(|n| trip.sent(n, at(n * 100)));
        trip.returned(1, at(150));
        assert_eq!(trip.overdue(at(999), limit), 0);
        assert_eq!(trip.overdue(at(1000), limit), 1, "frame 0");
        assert_eq!(trip.overdue(at(1200), limit), 2, "and frame 2");
        trip.returned(0, at(1250));
        assert_eq!(trip.overdue(at(1250), limit), 1, "frame 0 is late, not lost");
    }

    #[test]
    fn frames_forgotten_since_they_were_away_for_too_long_stay_overdue() {
        let (mut trip, start) = (RoundTrip::new(4096), Instant::now());
        (0..REMEMBERED as u64 + 5).for_each(|n| trip.sent(n, start));
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(trip.overdue(at(999), Duration::from_secs(1)), 5);
        assert_eq!(trip.overdue(at(1000), Duration::from_secs(1)), REMEMBERED as u64 + 5);
    }

    #[test]
    fn what_is_away_for_too_long_is_forgotten() {
        let (mut trip, now) = (RoundTrip::new(4096), Instant::now());
        (0..=REMEMBERED as u64).for_each(|n| trip.sent(n, now));
        assert!(trip.returned(0, now).is_none());
        assert!(trip.returned(1, now).is_some());
    }
}
