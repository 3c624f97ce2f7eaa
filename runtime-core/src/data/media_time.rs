//! Time on a stream's media clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on a stream's media clock, in nanoseconds since that clock's origin.
///
/// All tracks of one peer share an origin, so that their audio and video can be compared. It is not
/// wall-clock time and does not stop for lost packets.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);

    /// Makes a moment from nanoseconds since the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes a moment from the time passed since the origin; saturates after 584 years.
    pub fn from_duration(since_origin: Duration) -> Self {
        Self(u64::try_from(since_origin.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Returns the time passed since the origin.
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Makes a moment from `ticks` of an RTP clock of `clock_rate` Hz, counted without wrap-around
    /// since the origin.
    ///
    /// Source: RFC 3550 §5.1 (timestamp). `clock_rate` 0 counts as 1.
    pub fn from_rtp_ticks(ticks: u64, clock_rate: u32) -> Self {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(clock_rate.max(1));
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns this moment in ticks of an RTP clock of `clock_rate` Hz since the origin, rounded to
    /// the nearest tick.
    pub fn to_rtp_ticks(self, clock_rate: u32) -> u64 {
        let ticks = (u128::from(self.0) * u128::from(clock_rate) + 500_000_000) / 1_000_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Returns the time from `earlier` to `self`, zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MediaTime {
    type Output = Self;

    fn add(self, step: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_duration(step).0))
    }
}

impl Sub<Duration> for MediaTime {
    type Output = Self;

    fn sub(self, step: Duration) -> Self {
        Self(self.0.saturating_sub(Self::from_duration(step).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_ticks_survive_the_way_there_and_back() {
        for (ticks, rate) in [(0, 90_000), (1, 90_000), (3_003, 90_000), (u64::from(u32::MAX) + 7, 48_000)] {
            assert_eq!(MediaTime::from_rtp_ticks(ticks, rate).to_rtp_ticks(rate), ticks);
        }
    }

    #[test]
    fn a_clock_of_zero_hertz_does_not_divide_by_zero() {
        assert_eq!(MediaTime::from_rtp_ticks(5, 0), MediaTime::from_nanos(5_000_000_000));
    }
}
