//! How often a connection may ask.

use std::time::{Duration, Instant};

use super::Refusal;

/// A token bucket: so many requests per second in the long run, so many at once after a pause.
///
/// Candidates come in bursts (a newcomer in a mesh of ten sends some hundred at once), so the burst is what a
/// connection needs and the rate is what a server bears.
#[derive(Debug, Clone)]
pub struct RateLimit {
    per_second: u32,
    burst: u32,
    tokens: f64,
    refilled_at: Instant,
}

impl RateLimit {
    /// Starts with a full bucket.
    ///
    /// * `per_second`, `burst`: at least 1.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { per_second, burst, tokens: f64::from(burst), refilled_at: now }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] if the bucket is empty, with the time until it holds one request again.
    pub fn admit(&mut self, now: Instant) -> Result<(), Refusal> {
        let elapsed = now.saturating_duration_since(self.refilled_at);
        let refill = elapsed.as_secs_f64() * f64::from(self.per_second);
        self.tokens = (self.tokens + refill).min(f64::from(self.burst));
        self.refilled_at = self.refilled_at.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / f64::from(self.per_second));
        Err(Refusal::RateLimited {
            requests_per_second: self.per_second,
            request_burst: self.burst,
            retry_after_ms: wait.as_millis().max(1) as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_admitted_and_one_more_is_not() {
        let now = Instant::now();
        let mut rate = RateLimit::new(10, 5, now);
        assert!((0..5).all(|_| rate.admit(now).is_ok()));
        let refusal = rate.admit(now).expect_err("one past the burst");
        let expected =
            Refusal::RateLimited { requests_per_second: 10, request_burst: 5, retry_after_ms: 100 };
        assert_eq!(refusal, expected);
    }

    #[test]
    fn the_bucket_fills_at_the_rate_and_not_above_the_burst() {
        let start = Instant::now();
        let mut rate = RateLimit::new(10, 5, start);
        (0..5).for_each(|_| rate.admit(start).expect("within the burst"));
        let later = start + Duration::from_millis(200);
        assert!((0..2).all(|_| rate.admit(later).is_ok()));
        assert!(rate.admit(later).is_err());
        let much_later = start + Duration::from_secs(3600);
        assert!((0..5).all(|_| rate.admit(much_later).is_ok()));
        assert!(rate.admit(much_later).is_err());
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut rate = RateLimit::new(10, 1, now);
        rate.admit(now).expect("within the burst");
        assert!(rate.admit(now - Duration::from_secs(5)).is_err());
        assert!(rate.admit(now).is_err());
    }
}
