//! When to ask for a key frame, and when to make one.
//!
//! Pure: `now` is an argument.

use std::time::Instant;

use super::KEY_FRAME_REQUEST_INTERVAL;

/// A receiver's wish for a key frame: asked for at once, again at every interval until it comes, never
/// more often.
#[derive(Debug, Default)]
pub(super) struct KeyFrameWish {
    open: bool,
    asked_at: Option<Instant>,
}

/// A sender's demand for a key frame: many requests make one, and two are at least an interval apart.
#[derive(Debug, Default)]
pub(super) struct KeyFrameDemand {
    open: bool,
    made_at: Option<Instant>,
}

impl KeyFrameWish {
    /// Opens the wish. Returns whether to ask now.
    pub(super) fn open(&mut self, now: Instant) -> bool {
        self.open = true;
        self.ask(now)
    }

    /// Returns whether to ask now.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let due =
            self.next_deadline().is_some_and(|due| now >= due) || (self.open && self.asked_at.is_none());
        if due {
            self.asked_at = Some(now);
        }
        due
    }

    /// Closes the wish: a key frame came.
    pub(super) fn fulfil(&mut self) {
        self.open = false;
    }

    /// Returns when to ask again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.asked_at.filter(|_| self.open).map(|asked| asked + KEY_FRAME_REQUEST_INTERVAL)
    }
}

impl KeyFrameDemand {
    /// Opens the demand; it stays until a key frame is made.
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Returns whether the next picture has to be a key frame.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.open && self.made_at.is_none_or(|made| now >= made + KEY_FRAME_REQUEST_INTERVAL)
    }

    /// Says that a key frame was made, asked for or not.
    pub(super) fn made(&mut self, now: Instant) {
        self.open = false;
        self.made_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wish_is_asked_once_and_again_at_each_interval_until_it_is_fulfilled() {
        let start = Instant::now();
        let mut wish = KeyFrameWish::default();
        assert_eq!((wish.ask(start), wish.next_deadline()), (false, None));
        assert!(wish.open(start));
        assert!(!wish.open(start + KEY_FRAME_REQUEST_INTERVAL - Duration::from_millis(1)));
        assert_eq!(wish.next_deadline(), Some(start + KEY_FRAME_REQUEST_INTERVAL));
        assert!(wish.ask(start + KEY_FRAME_REQUEST_INTERVAL));
        wish.fulfil();
        assert!(!wish.ask(start + 9 * KEY_FRAME_REQUEST_INTERVAL));
    }

    #[test]
    fn a_second_wish_soon_after_the_first_waits_for_the_interval() {
        let start = Instant::now();
        let mut wish = KeyFrameWish::default();
        wish.open(start);
        wish.fulfil();
        assert!(!wish.open(start + Duration::from_millis(10)));
        assert!(wish.ask(start + KEY_FRAME_REQUEST_INTERVAL));
    }

    #[test]
    fn many_requests_make_one_key_frame_and_the_next_comes_an_interval_later() {
        let start = Instant::now();
        let mut demand = KeyFrameDemand::default();
        assert!(!demand.is_due(start));
        demand.open();
        demand.open();
        assert!(demand.is_due(start));
        demand.made(start);
        assert!(!demand.is_due(start));
        demand.open();
        assert!(!demand.is_due(start + KEY_FRAME_REQUEST_INTERVAL - Duration::from_millis(1)));
        assert!(demand.is_due(start + KEY_FRAME_REQUEST_INTERVAL));
    }
}
