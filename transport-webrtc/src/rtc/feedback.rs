//! What the packet chain learns about the streams, shared with those who ask.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::track_receiver::SharedSenderReport;
use super::{SenderReport, StreamStats, TrackKind};

/// Least time between two key-frame requests that come through to the encoder; a key frame of 720p takes
/// about that long to reach the peer anyway.
const KEY_FRAME_REQUEST_PAUSE: Duration = Duration::from_millis(100);

/// Sender reports we remember, to recognise them in the peer's reports: 8 s of them for two streams.
const SENT_REPORTS_KEPT: usize = 32;

/// Round trip assumed until one is measured.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(50);

/// Figures of one connection's streams. Written by the packet chain, on the engine's task; each call takes
/// some ten nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Feedback {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    outgoing: HashMap<u32, Stream>,
    incoming: HashMap<u32, Stream>,
    sent_reports: VecDeque<SentReport>,
    round_trip: Option<Duration>,
    key_frame_passed: Option<Instant>,
    totals: Totals,
}

#[derive(Debug)]
struct Stream {
    kind: TrackKind,
    clock_rate: u32,
    stats: StreamStats,
    report: SharedSenderReport,
}

/// A sender report of ours, under the number by which the peer refers to it.
#[derive(Debug, Clone, Copy)]
struct SentReport {
    id: u32,
    at: Instant,
}

/// Whether a stream goes to the peer or comes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Out,
    In,
}

/// One end's account of how it receives a stream.
///
/// Source: RFC 3550 §6.4.1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReceptionReport {
    pub(super) ssrc: u32,
    /// In 1/256, since the last report.
    pub(super) fraction_lost: u8,
    pub(super) total_lost: u32,
    /// In ticks of the RTP clock.
    pub(super) jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0: none came yet.
    pub(super) last_sender_report: u32,
    /// In 1/65536 s, since that report.
    pub(super) delay: u32,
}

/// Bytes of all streams, headers and retransmissions included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

impl Direction {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Out => Self::In,
            Self::In => Self::Out,
        }
    }
}

impl Feedback {
    /// Begins the account of a stream; one that is known keeps its figures.
    pub(super) fn add_stream(&self, direction: Direction, ssrc: u32, kind: TrackKind, clock_rate: u32) {
        let stream = || Stream {
            kind,
            clock_rate,
            stats: StreamStats::default(),
            report: SharedSenderReport::default(),
        };
        self.lock().streams(direction).entry(ssrc).or_insert_with(stream);
    }

    /// Counts a packet of `payload_bytes` and headers; `retransmitted`: it was sent for the second time.
    pub(super) fn count_packet(
        &self,
        direction: Direction,
        ssrc: u32,
        payload_bytes: usize,
        header_bytes: usize,
        retransmitted: bool,
    ) {
        let mut state = self.lock();
        let bytes = (payload_bytes + header_bytes) as u64;
        match direction {
            Direction::Out => state.totals.bytes_sent += bytes,
            Direction::In => state.totals.bytes_received += bytes,
        }
        if let Some(stream) = state.streams(direction).get_mut(&ssrc) {
            if retransmitted {
                stream.stats.retransmitted += 1;
            } else {
                stream.stats.packets += 1;
                stream.stats.payload_bytes += payload_bytes as u64;
            }
        }
    }

    /// Counts packets that were asked for again.
    pub(super) fn count_nacks(&self, direction: Direction, ssrc: u32, packets: u64) {
        if let Some(stream) = self.lock().streams(direction).get_mut(&ssrc) {
            stream.stats.nacks += packets;
        }
    }

    /// Notes a sender report of ours, to measure the round trip when the peer refers to it.
    pub(super) fn sent_sender_report(&self, ntp_time: u64, now: Instant) {
        let mut state = self.lock();
        if state.sent_reports.len() >= SENT_REPORTS_KEPT {
            state.sent_reports.pop_front();
        }
        state.sent_reports.push_back(SentReport { id: (ntp_time >> 16) as u32, at: now });
    }

    /// Notes a sender report of the peer.
    pub(super) fn received_sender_report(&self, ssrc: u32, report: SenderReport) {
        let slot = self.sender_report(ssrc);
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    /// Notes how the peer receives a stream of ours.
    pub(super) fn received_reception_report(&self, report: ReceptionReport, now: Instant) {
        let mut state = self.lock();
        if let Some(round_trip) = state.round_trip_from(report, now) {
            state.round_trip = Some(round_trip);
        }
        state.note_reception(Direction::Out, report);
    }

    /// Notes how we receive a stream of the peer.
    pub(super) fn sent_reception_report(&self, report: ReceptionReport) {
        self.lock().note_reception(Direction::In, report);
    }

    /// Counts a key-frame request of the peer; returns whether to pass it on: not if one has just been.
    pub(super) fn received_key_frame_request(&self, ssrc: u32, now: Instant) -> bool {
        let mut state = self.lock();
        let Some(stream) = state.outgoing.get_mut(&ssrc).filter(|stream| stream.kind == TrackKind::Video)
        else {
            return false;
        };
        stream.stats.key_frame_requests += 1;
        let passes = state.key_frame_passed.is_none_or(|last| now >= last + KEY_FRAME_REQUEST_PAUSE);
        if passes {
            state.key_frame_passed = Some(now);
        }
        passes
    }

    /// Counts a key-frame request of ours.
    pub(super) fn sent_key_frame_request(&self, ssrc: u32) {
        if let Some(stream) = self.lock().incoming.get_mut(&ssrc) {
            stream.stats.key_frame_requests += 1;
        }
    }

    /// Returns the round trip that the peer's reports tell, if they have yet.
    pub(super) fn measured_round_trip(&self) -> Option<Duration> {
        self.lock().round_trip
    }

    /// Returns the round trip, or a guess until it is known.
    pub(super) fn round_trip(&self) -> Duration {
        self.measured_round_trip().unwrap_or(UNKNOWN_ROUND_TRIP)
    }

    /// Returns the place where the sender reports of a remote stream appear.
    pub(super) fn sender_report(&self, ssrc: u32) -> SharedSenderReport {
        self.lock().incoming.get(&ssrc).map(|stream| stream.report.clone()).unwrap_or_default()
    }

    /// Returns the figures of the stream of a kind that has most packets.
    pub(super) fn stats(&self, direction: Direction, kind: TrackKind) -> Option<StreamStats> {
        let mut state = self.lock();
        let streams = state.streams(direction).values().filter(|stream| stream.kind == kind);
        streams.max_by_key(|stream| stream.stats.packets).map(|stream| stream.stats.clone())
    }

    /// Returns the bytes of all streams.
    pub(super) fn totals(&self) -> Totals {
        self.lock().totals
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn streams(&mut self, direction: Direction) -> &mut HashMap<u32, Stream> {
        match direction {
            Direction::Out => &mut self.outgoing,
            Direction::In => &mut self.incoming,
        }
    }

    fn note_reception(&mut self, direction: Direction, report: ReceptionReport) {
        if let Some(stream) = self.streams(direction).get_mut(&report.ssrc) {
            stream.stats.loss_ratio = f64::from(report.fraction_lost) / 256.0;
            stream.stats.packets_lost = packets_lost(report.total_lost);
            stream.stats.jitter =
                Duration::from_secs_f64(f64::from(report.jitter) / f64::from(stream.clock_rate.max(1)));
        }
    }

    /// Now, less when the report was sent, less how long the peer held it (RFC 3550 §6.4.1, A minus LSR
    /// minus DLSR).
    fn round_trip_from(&self, report: ReceptionReport, now: Instant) -> Option<Duration> {
        let sent = self.sent_reports.iter().rev().find(|sent| sent.id == report.last_sender_report)?;
        let held = Duration::from_secs_f64(f64::from(report.delay) / 65_536.0);
        now.saturating_duration_since(sent.at).checked_sub(held)
    }
}

/// The loss that a report tells: 24 bits with a sign, below zero if duplicates outnumber losses.
///
/// Source: RFC 3550 §6.4.1.
fn packets_lost(total_lost: u32) -> u64 {
    let signed = (total_lost << 8).cast_signed() >> 8;
    u64::try_from(signed).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: u32 = 7;

    fn sending_video() -> Feedback {
        let feedback = Feedback::default();
        feedback.add_stream(Direction::Out, VIDEO, TrackKind::Video, 90_000);
        feedback
    }

    #[test]
    fn the_round_trip_is_what_is_left_when_the_peers_delay_is_taken_off() {
        let (feedback, start) = (sending_video(), Instant::now());
        feedback.sent_sender_report(0x1111_2222_3333_4444, start);
        let report = ReceptionReport {
            ssrc: VIDEO,
            last_sender_report: 0x2222_3333,
            delay: 65_536 / 10,
            ..ReceptionReport::default()
        };
        feedback.received_reception_report(report, start + Duration::from_millis(130));
        let round_trip = feedback.measured_round_trip().expect("measured");
        assert!((29..=31).contains(&round_trip.as_millis()), "{round_trip:?}");
    }

    #[test]
    fn a_report_that_answers_nothing_or_claims_too_long_a_delay_measures_nothing() {
        let (feedback, start) = (sending_video(), Instant::now());
        feedback.sent_sender_report(0x1111_2222_3333_4444, start);
        for (last_sender_report, delay) in [(0, 0), (5, 0), (0x2222_3333, u32::MAX)] {
            let report =
                ReceptionReport { ssrc: VIDEO, last_sender_report, delay, ..ReceptionReport::default() };
            feedback.received_reception_report(report, start + Duration::from_secs(1));
        }
        assert_eq!(feedback.measured_round_trip(), None);
    }

    #[test]
    fn loss_and_jitter_of_a_report_are_in_our_units() {
        let feedback = sending_video();
        let report = ReceptionReport {
            ssrc: VIDEO,
            fraction_lost: 64,
            total_lost: 9,
            jitter: 900,
            ..Default::default()
        };
        feedback.received_reception_report(report, Instant::now());
        let stats = feedback.stats(Direction::Out, TrackKind::Video).expect("known");
        assert_eq!(
            (stats.loss_ratio, stats.packets_lost, stats.jitter),
            (0.25, 9, Duration::from_millis(10))
        );
    }

    #[test]
    fn duplicates_that_outnumber_losses_are_no_loss() {
        let feedback = sending_video();
        // -1 in 24 bits.
        let report = ReceptionReport { ssrc: VIDEO, total_lost: 0xff_ffff, ..Default::default() };
        feedback.received_reception_report(report, Instant::now());
        assert_eq!(feedback.stats(Direction::Out, TrackKind::Video).expect("known").packets_lost, 0);
    }

    #[test]
    fn key_frame_requests_pass_once_in_the_pause_and_are_all_counted() {
        let (feedback, start) = (sending_video(), Instant::now());
        let passed = [0, 1, 99, 100, 150, 200]
            .map(|ms| feedback.received_key_frame_request(VIDEO, start + Duration::from_millis(ms)));
        assert_eq!(passed, [true, false, false, true, false, true]);
        assert!(!feedback.received_key_frame_request(VIDEO + 1, start + Duration::from_secs(9)));
        assert_eq!(feedback.stats(Direction::Out, TrackKind::Video).expect("known").key_frame_requests, 6);
    }

    #[test]
    fn only_the_latest_sent_reports_are_kept() {
        let (feedback, start) = (sending_video(), Instant::now());
        (0..=SENT_REPORTS_KEPT as u64).for_each(|n| feedback.sent_sender_report((n + 1) << 16, start));
        let answer =
            |id| ReceptionReport { ssrc: VIDEO, last_sender_report: id, ..ReceptionReport::default() };
        feedback.received_reception_report(answer(1), start);
        assert_eq!(feedback.measured_round_trip(), None);
        feedback.received_reception_report(answer(2), start);
        assert_eq!(feedback.measured_round_trip(), Some(Duration::ZERO));
    }
}
