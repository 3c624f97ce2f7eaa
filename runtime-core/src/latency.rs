//! Latency percentiles of a stage, recorded from any thread without locks or allocation.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Counts durations in buckets whose width grows with the duration, so that a percentile is at most
/// 1/32 (or 1 µs) above the true one, from 1 µs to 67 s; longer ones count as 67 s.
///
/// Recording costs three relaxed atomic operations. The layout is the log-linear one of HdrHistogram
/// (G. Tene): 32 buckets of 1 µs, then 32 buckets for every doubling.
pub struct LatencyHistogram {
    buckets: Box<[AtomicU64; BUCKETS]>,
    max_nanos: AtomicU64,
}

/// Percentiles of a [`LatencyHistogram`] at one moment. Serialised, durations are milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LatencyReport {
    /// Durations recorded.
    pub count: u64,
    /// Half of them took no longer than this. Zero if there are none, as for the others.
    #[serde(serialize_with = "as_milliseconds")]
    pub p50: Duration,
    /// 95 of 100 took no longer than this.
    #[serde(serialize_with = "as_milliseconds")]
    pub p95: Duration,
    /// 99 of 100 took no longer than this.
    #[serde(serialize_with = "as_milliseconds")]
    pub p99: Duration,
    /// The longest, exactly.
    #[serde(serialize_with = "as_milliseconds")]
    pub max: Duration,
}

impl LatencyHistogram {
    /// Makes an empty histogram (6 kB).
    pub fn new() -> Self {
        Self { buckets: Box::new([const { AtomicU64::new(0) }; BUCKETS]), max_nanos: AtomicU64::new(0) }
    }

    /// Records one duration.
    pub fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(nanos / 1000)].fetch_add(1, Ordering::Relaxed);
        self.max_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Returns the percentiles of all that was recorded.
    pub fn report(&self) -> LatencyReport {
        let counts = self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let count: u64 = counts.iter().sum();
        let max = Duration::from_nanos(self.max_nanos.load(Ordering::Relaxed));
        let percentile = |percent: u64| {
            // Rounded up: the smallest rank that has `percent` of all at or below it.
            let rank = (count * percent).div_ceil(100);
            let mut below = 0;
            let found = counts.iter().position(|bucket| {
                below += bucket;
                below >= rank
            });
            found.map_or(max, |bucket| Duration::from_micros(upper_end_of(bucket)).min(max))
        };
        if count == 0 {
            return LatencyReport::default();
        }
        LatencyReport { count, p50: percentile(50), p95: percentile(95), p99: percentile(99), max }
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LatencyHistogram").field(&self.report()).finish()
    }
}

impl fmt::Display for LatencyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p95, p99, max } = self;
        write!(f, "p50 {p50:.2?}, p95 {p95:.2?}, p99 {p99:.2?}, max {max:.2?} of {count}")
    }
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

/// Buckets of one doubling, and of the linear start: a power of two, 1/32 is the precision.
const PER_OCTAVE: usize = 1 << OCTAVE_BITS;
const OCTAVE_BITS: u32 = 5;
/// The longest duration told apart from longer ones is 2^26 µs, 67 s: far beyond any deadline here.
const MAX_BITS: u32 = 26;
const BUCKETS: usize = PER_OCTAVE * (MAX_BITS - OCTAVE_BITS + 1) as usize;

fn bucket_of(micros: u64) -> usize {
    let micros = micros.min((1 << MAX_BITS) - 1);
    let octave = (u64::BITS - micros.leading_zeros()).saturating_sub(OCTAVE_BITS + 1);
    // Within an octave the top five bits behind the leading one count; the first two octaves share width 1.
    octave as usize * PER_OCTAVE + (micros >> octave) as usize
}

/// The first duration, µs, that no longer falls into the bucket.
fn upper_end_of(bucket: usize) -> u64 {
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    ((bucket - octave * PER_OCTAVE) as u64 + 1) << octave
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap_or_overlap() {
        let mut at = 0;
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(at), bucket, "the first of bucket {bucket}");
            assert_eq!(bucket_of(upper_end_of(bucket) - 1), bucket, "the last of bucket {bucket}");
            at = upper_end_of(bucket);
        }
        assert_eq!((at, bucket_of(at)), (1 << MAX_BITS, BUCKETS - 1));
    }

    #[test]
    fn percentiles_are_at_most_one_bucket_above_the_truth() {
        let histogram = LatencyHistogram::new();
        (1..=10_000).for_each(|n| histogram.record(Duration::from_micros(n * 10)));
        let report = histogram.report();
        for (got, truth) in [(report.p50, 50_000.0), (report.p95, 95_000.0), (report.p99, 99_000.0)] {
            let ratio = got.as_secs_f64() * 1e6 / truth;
            assert!((1.0..=1.032).contains(&ratio), "{got:?} for {truth} µs");
        }
        assert_eq!((report.count, report.max), (10_000, Duration::from_millis(100)));
    }

    #[test]
    fn one_duration_is_every_percentile() {
        let histogram = LatencyHistogram::new();
        histogram.record(Duration::from_nanos(1_234_567));
        let report = histogram.report();
        assert_eq!([report.p50, report.p99, report.max], [Duration::from_nanos(1_234_567); 3]);
    }

    #[test]
    fn an_empty_histogram_reports_zero_and_an_endless_duration_its_own_length() {
        let histogram = LatencyHistogram::new();
        assert_eq!(histogram.report(), LatencyReport::default());
        histogram.record(Duration::from_secs(3600));
        assert_eq!(histogram.report().max, Duration::from_secs(3600));
    }

    #[test]
    fn milliseconds_are_what_is_serialised() {
        let histogram = LatencyHistogram::new();
        histogram.record(Duration::from_micros(2500));
        let written = serde_json::to_value(histogram.report()).expect("plain fields");
        assert_eq!(written["p95"], 2.5);
    }
}
