//! Numbers and timestamps of packets on their way out.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use remotemedia_runtime_core::data::MediaTime;

use crate::rtc::RtpPacket;

/// Gives packets of one track their sequence numbers and timestamps.
///
/// Timestamps follow the media time. Media time that stands still or goes back (another source on the
/// same track) continues one step after the last picture or packet instead: receivers never see time go
/// backwards.
#[derive(Debug)]
pub(super) struct RtpStamp {
    clock_rate: u32,
    /// Ticks that one picture or packet usually lasts.
    step: u64,
    next_number: u16,
    /// Added to the media time's ticks, modulo 2^64.
    offset: u64,
    last_ticks: Option<u64>,
}

impl RtpStamp {
    /// Starts at a random number and timestamp. Source: RFC 3550 §5.1.
    pub(super) fn new(clock_rate: u32, step: u32) -> Self {
        let random = RandomState::new().hash_one(0);
        // Half the number range is left free, so that no receiver sees a wrap-around at the start.
        let next_number = (random >> 48) as u16 & 0x7fff;
        let offset = random & u64::from(u32::MAX);
        Self { clock_rate, step: u64::from(step.max(1)), next_number, offset, last_ticks: None }
    }

    /// Returns the timestamp for `at`, later than the one before.
    pub(super) fn timestamp(&mut self, at: MediaTime) -> u32 {
        let mut ticks = at.to_rtp_ticks(self.clock_rate).wrapping_add(self.offset);
        if let Some(last) = self.last_ticks
            && ticks <= last
        {
            let next = last.wrapping_add(self.step);
            self.offset = self.offset.wrapping_add(next.wrapping_sub(ticks));
            ticks = next;
        }
        self.last_ticks = Some(ticks);
        ticks as u32
    }

    /// Makes the next packet.
    pub(super) fn packet(&mut self, timestamp: u32, marker: bool, payload: Bytes) -> RtpPacket {
        let sequence_number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        RtpPacket { sequence_number, timestamp, marker, payload }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> MediaTime {
        MediaTime::from_duration(Duration::from_millis(millis))
    }

    #[test]
    fn timestamps_follow_the_media_time_and_numbers_have_no_gaps() {
        let mut stamp = RtpStamp::new(90_000, 3_000);
        let first = stamp.timestamp(at(1_000));
        assert_eq!(stamp.timestamp(at(1_040)).wrapping_sub(first), 3_600);
        let numbers: Vec<u16> =
            (0..70_000).map(|_| stamp.packet(0, false, Bytes::new()).sequence_number).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    }

    #[test]
    fn media_time_that_goes_back_continues_forward() {
        let mut stamp = RtpStamp::new(48_000, 480);
        let times: Vec<u32> = [5_000, 5_010, 100, 110, 110].map(|ms| stamp.timestamp(at(ms))).to_vec();
        let steps: Vec<u32> = times.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        assert_eq!(steps, [480, 480, 480, 480]);
    }
}
