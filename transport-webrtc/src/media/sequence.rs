//! RTP numbers without their wrap-around.

/// Continues 16-bit sequence numbers beyond their wrap-around. Source: RFC 3550 §5.1, appendix A.1.
#[derive(Debug, Clone, Default)]
pub(super) struct SequenceUnwrapper {
    last: Option<u64>,
}

/// Continues 32-bit timestamps beyond their wrap-around. Source: RFC 3550 §5.1.
#[derive(Debug, Clone, Default)]
pub(super) struct TimestampUnwrapper {
    last: Option<u64>,
}

impl SequenceUnwrapper {
    /// Returns the number that is nearest to the one before; numbers start above 2^16, so that those
    /// before the first have room.
    pub(super) fn unwrap(&mut self, number: u16) -> u64 {
        let number = match self.last {
            None => (1 << 16) + u64::from(number),
            Some(last) => last.saturating_add_signed(i64::from(number.wrapping_sub(last as u16) as i16)),
        };
        self.last = Some(number);
        number
    }
}

impl TimestampUnwrapper {
    /// Returns the time that is nearest to the one before; times start above 2^32, so that those before
    /// the first have room.
    pub(super) fn unwrap(&mut self, timestamp: u32) -> u64 {
        let timestamp = match self.last {
            None => (1 << 32) + u64::from(timestamp),
            Some(last) => last.saturating_add_signed(i64::from(timestamp.wrapping_sub(last as u32) as i32)),
        };
        self.last = Some(timestamp);
        timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_past_their_wrap_around_and_step_back_over_it() {
        let mut sequence = SequenceUnwrapper::default();
        let first = sequence.unwrap(65_534);
        let steps: Vec<u64> = [65_535, 0, 65_533, 2].map(|number| sequence.unwrap(number)).to_vec();
        assert_eq!(steps, [first + 1, first + 2, first - 1, first + 4]);
        let mut time = TimestampUnwrapper::default();
        let first = time.unwrap(u32::MAX);
        assert_eq!([2_999, u32::MAX - 1].map(|t| time.unwrap(t)), [first + 3_000, first - 1]);
    }

    #[test]
    fn numbers_before_the_first_have_room() {
        let mut sequence = SequenceUnwrapper::default();
        let first = sequence.unwrap(0);
        assert_eq!(sequence.unwrap(65_535), first - 1);
    }

    #[test]
    fn any_walk_of_less_than_half_the_range_is_followed() {
        let (mut sequence, mut truth, mut random) = (SequenceUnwrapper::default(), 1u64 << 16, 7u64);
        sequence.unwrap(truth as u16);
        for _ in 0..10_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            truth = (truth + random % 32_768).saturating_sub(random >> 33 & 1023);
            assert_eq!(sequence.unwrap(truth as u16), truth);
        }
    }
}
