//! From a track's RTP timestamps to its peer's media time.
//!
//! A track starts where its first packet arrived on the peer's timeline. Sender reports then say how the
//! RTP clocks of the peer's tracks lie to each other, and each track moves there so slowly that nobody
//! sees or hears it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::MediaTime;

use super::sequence::TimestampUnwrapper;
use crate::rtc::SenderReport;

/// What the tracks of one peer share: the origin of their media time.
#[derive(Debug)]
pub struct PeerTimeline {
    started: Instant,
    /// The peer's wall clock at the origin, nanoseconds since 1900.
    origin: Mutex<Option<i128>>,
}

/// The media clock of one track.
///
/// Source: RFC 3550 §6.4.1 (sender reports relate RTP time to one wall clock for all tracks).
#[derive(Debug)]
pub struct MediaClock {
    clock_rate: u32,
    timeline: Arc<PeerTimeline>,
    unwrapper: TimestampUnwrapper,
    /// First timestamp seen and where it lies on the timeline, nanoseconds.
    anchor: Option<(u64, i128)>,
    /// Latest timestamp seen.
    newest: u64,
    /// Nanoseconds added to the anchor's line: now, and where reports say it should be.
    correction: i128,
    target: i128,
    report: Option<SenderReport>,
}

impl PeerTimeline {
    /// Makes a timeline whose origin is at `started`; tracks of peers with the same start are comparable
    /// up to their delay on the network.
    pub fn new(started: Instant) -> Arc<Self> {
        Arc::new(Self { started, origin: Mutex::new(None) })
    }
}

impl MediaClock {
    /// Makes the clock of a track.
    ///
    /// * `clock_rate`: of its RTP timestamps, Hz; 0 counts as 1.
    pub fn new(clock_rate: u32, timeline: Arc<PeerTimeline>) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            timeline,
            unwrapper: TimestampUnwrapper::default(),
            anchor: None,
            newest: 0,
            correction: 0,
            target: 0,
            report: None,
        }
    }

    /// Returns the media time of a packet.
    ///
    /// * `arrived`: used for the first packet alone.
    pub fn media_time_from_rtp(&mut self, timestamp: u32, arrived: Instant) -> MediaTime {
        let ticks = self.unwrapper.unwrap(timestamp);
        if self.anchor.is_none() {
            let since_start = arrived.saturating_duration_since(self.timeline.started);
            self.anchor = Some((ticks, since_start.as_nanos() as i128));
            self.newest = ticks;
        }
        let step = self.nanos(ticks) - self.nanos(self.newest);
        if step > 0 {
            self.newest = ticks;
            let most = step / SLEW;
            self.correction += (self.target - self.correction).clamp(-most, most);
        }
        let nanos = self.nanos(ticks) + self.correction;
        MediaTime::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// Takes the track's latest sender report; the same one again changes nothing. A report that lies more
    /// than 10 s off is not believed.
    pub fn follow(&mut self, report: SenderReport) {
        if self.anchor.is_none() || self.report == Some(report) {
            return;
        }
        self.report = Some(report);
        let ticks = self.unwrapper.clone().unwrap(report.rtp_timestamp);
        let wall = nanos_from_ntp(report.ntp_time);
        let here = self.nanos(ticks);
        let mut origin = self.timeline.origin.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = *origin.get_or_insert(wall - here - self.correction);
        let target = wall - origin - here;
        if target.abs() <= MAX_CORRECTION {
            self.target = target;
        }
    }

    /// Places a timestamp on the timeline, before correction.
    fn nanos(&self, ticks: u64) -> i128 {
        let (first, start) = self.anchor.unwrap_or_default();
        start + (i128::from(ticks) - i128::from(first)) * 1_000_000_000 / i128::from(self.clock_rate)
    }
}

/// Source: RFC 3550 §4 (32.32 fixed point).
fn nanos_from_ntp(ntp: u64) -> i128 {
    (i128::from(ntp) * 1_000_000_000) >> 32
}

/// Corrections move a track by at most one part in 20 of the time that passes: 50 ms take a second.
const SLEW: i128 = 20;
/// Tracks of one peer start within seconds; more means that its wall clock was set, or that it lies.
const MAX_CORRECTION: i128 = Duration::from_secs(10).as_nanos() as i128;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;

    fn millis(time: MediaTime) -> u128 {
        time.as_duration().as_millis()
    }

    fn ntp(millis: u64) -> u64 {
        3_900_000_000 * SECOND + millis * SECOND / 1_000
    }

    #[test]
    fn time_runs_with_the_timestamps_from_where_the_first_packet_arrived() {
        let start = Instant::now();
        let mut clock = MediaClock::new(90_000, PeerTimeline::new(start));
        let arrived = start + Duration::from_millis(500);
        assert_eq!(millis(clock.media_time_from_rtp(u32::MAX - 44_999, arrived)), 500);
        // A second later on the RTP clock, past its wrap-around, whenever it arrives.
        assert_eq!(millis(clock.media_time_from_rtp(45_000, arrived)), 1_500);
        assert_eq!(millis(clock.media_time_from_rtp(u32::MAX - 44_999, arrived)), 500);
    }

    #[test]
    fn reports_bring_two_tracks_of_a_peer_together() {
        let start = Instant::now();
        let timeline = PeerTimeline::new(start);
        let mut audio = MediaClock::new(48_000, timeline.clone());
        let mut video = MediaClock::new(90_000, timeline);
        // Captured at the same moment; the picture took 60 ms longer to get here.
        audio.media_time_from_rtp(1_000, start + Duration::from_millis(20));
        video.media_time_from_rtp(7_000, start + Duration::from_millis(80));
        audio.follow(SenderReport { ntp_time: ntp(0), rtp_timestamp: 1_000 });
        video.follow(SenderReport { ntp_time: ntp(0), rtp_timestamp: 7_000 });
        let (mut last, mut apart) = (MediaTime::ZERO, Vec::new());
        for step in 1..=60u32 {
            let sound = audio.media_time_from_rtp(1_000 + step * 1_600, start);
            let picture = video.media_time_from_rtp(7_000 + step * 3_000, start);
            assert!(picture > last, "time never goes back");
            last = picture;
            apart.push(picture.saturating_since(sound).max(sound.saturating_since(picture)));
        }
        assert!(apart[0] > Duration::from_millis(50), "no jump at the start: {:?}", apart[0]);
        assert!(apart[59] < Duration::from_millis(1), "together in two seconds: {:?}", apart[59]);
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let start = Instant::now();
        let timeline = PeerTimeline::new(start);
        let mut clock = MediaClock::new(90_000, timeline);
        let mut time = MediaTime::ZERO;
        // The RTP clock runs 0.1 % fast: after 100 s of wall time it shows 100.1 s.
        for second in 0..=100u64 {
            let ticks = (second * 90_090) as u32;
            time = clock.media_time_from_rtp(ticks, start);
            clock.follow(SenderReport { ntp_time: ntp(second * 1_000), rtp_timestamp: ticks });
        }
        assert!(millis(time).abs_diff(100_000) <= 2, "{} ms", millis(time));
    }

    #[test]
    fn a_report_at_the_limit_is_believed_and_one_past_it_is_not() {
        for (off_millis, believed) in [(10_000, true), (10_001, false)] {
            let start = Instant::now();
            let mut clock = MediaClock::new(90_000, PeerTimeline::new(start));
            clock.media_time_from_rtp(0, start);
            clock.follow(SenderReport { ntp_time: ntp(0), rtp_timestamp: 0 });
            clock.follow(SenderReport { ntp_time: ntp(off_millis), rtp_timestamp: 0 });
            assert_eq!(clock.target != 0, believed, "{off_millis} ms off");
        }
    }

    #[test]
    fn absurd_reports_and_timestamps_do_no_harm() {
        let start = Instant::now();
        let mut clock = MediaClock::new(0, PeerTimeline::new(start));
        clock.follow(SenderReport { ntp_time: u64::MAX, rtp_timestamp: 0 });
        for timestamp in [0, u32::MAX, 1 << 31, 5, u32::MAX / 3] {
            clock.media_time_from_rtp(timestamp, start);
            clock.follow(SenderReport { ntp_time: u64::from(timestamp) << 31, rtp_timestamp: !timestamp });
        }
    }
}
