//! Puts video packets in order and says when a picture is whole or given up.
//!
//! Pure: `now` is an argument. A whole picture goes out at once, so that a calm network costs no delay; a
//! gap holds everything behind it until it is repaired or its time is up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::sequence::SequenceUnwrapper;
use crate::rtc::RtpPacket;

/// Reorders the packets of one video track.
#[derive(Debug)]
pub(super) struct VideoReorder {
    sequence: SequenceUnwrapper,
    held: BTreeMap<u64, Held>,
    /// All below is settled.
    floor: Option<u64>,
    /// The packet at `floor` is the first of a picture.
    aligned: bool,
    wait: Duration,
    last_lost: Option<u32>,
    late_run: usize,
    pending_lost: u64,
    counts: ReorderCounts,
}

/// What became of packets that were of no use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReorderCounts {
    /// Came twice.
    pub(super) duplicates: u64,
    /// Came after their picture or their place was settled.
    pub(super) late: u64,
}

/// What comes out.
#[derive(Debug)]
pub(super) enum VideoReorderEvent {
    /// A whole picture, the next in order.
    Picture(WholePicture),
    /// So many pictures were given up; later ones may build on them. A gap in which pictures may have
    /// vanished without a trace counts as one.
    Lost(u64),
}

/// All packets of one picture, in order.
#[derive(Debug)]
pub(super) struct WholePicture {
    pub(super) packets: Vec<RtpPacket>,
    /// When its first packet arrived.
    pub(super) first_arrived: Instant,
}

/// How the picture at the floor stands.
#[derive(Debug, Clone, Copy)]
enum Head {
    /// All of it is here, up to the packet `end`.
    Whole { end: u64 },
    /// `missing` is missed since `since`: packets behind it are here.
    Gap { missing: u64, since: Instant },
    /// What is here is without a gap; the rest is not here yet.
    Growing,
}

#[derive(Debug)]
struct Held {
    packet: RtpPacket,
    starts_picture: bool,
    arrived: Instant,
}

impl VideoReorder {
    pub(super) fn new() -> Self {
        Self {
            sequence: SequenceUnwrapper::default(),
            held: BTreeMap::new(),
            floor: None,
            aligned: false,
            wait: MIN_WAIT,
            last_lost: None,
            late_run: 0,
            pending_lost: 0,
            counts: ReorderCounts::default(),
        }
    }

    /// Fits the time for repairs to the round-trip time: a request and its answer, twice, and 50 ms of
    /// scheduling at both ends; 100 to 250 ms.
    pub(super) fn set_rtt(&mut self, rtt: Duration) {
        self.wait = rtt.saturating_mul(2).saturating_add(REPAIR_MARGIN).clamp(MIN_WAIT, MAX_WAIT);
    }

    pub(super) fn counts(&self) -> ReorderCounts {
        self.counts
    }

    /// Takes a packet that arrived at `now`. Call [`poll`](Self::poll) until it returns `None` afterwards.
    pub(super) fn push(&mut self, packet: RtpPacket, starts_picture: bool, now: Instant) {
        let before = self.sequence.clone();
        let number = self.sequence.unwrap(packet.sequence_number);
        let floor = *self.floor.get_or_insert(number.saturating_sub(REACH_BACK));
        if number < floor {
            self.counts.late += 1;
            self.late_run += 1;
            if self.late_run < LATE_RUN {
                // A step back is not followed, or the numbers that go on would seem to have leapt.
                self.sequence = before;
                return;
            }
        }
        self.late_run = 0;
        if number < floor || number > floor + MAX_AHEAD {
            // The sender started its numbers anew.
            self.pending_lost += self.drain();
            self.floor = Some(number);
            self.aligned = false;
        }
        let held = Held { packet, starts_picture, arrived: now };
        if self.held.insert(number, held).is_some() {
            self.counts.duplicates += 1;
        }
    }

    /// Returns what can be said at `now`; `None`: nothing before the next packet or
    /// [`next_deadline`](Self::next_deadline).
    pub(super) fn poll(&mut self, now: Instant) -> Option<VideoReorderEvent> {
        loop {
            let lost = std::mem::take(&mut self.pending_lost);
            if lost > 0 {
                return Some(VideoReorderEvent::Lost(lost));
            }
            if !self.aligned {
                self.align()?;
                continue;
            }
            self.skip_padding();
            match self.head() {
                Head::Whole { end } => return Some(VideoReorderEvent::Picture(self.take_picture(end))),
                Head::Gap { missing, since } if now >= since + self.wait || self.is_crowded() => {
                    self.give_up(missing);
                }
                // A picture without end.
                Head::Growing if self.is_crowded() => self.drop_all(),
                Head::Gap { .. } | Head::Growing => return None,
            }
        }
    }

    /// Returns when [`poll`](Self::poll) has something to say without another packet.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.head() {
            Head::Gap { since, .. } if self.aligned => Some(since + self.wait),
            _ => None,
        }
    }

    /// Forgets everything and returns how many pictures were begun.
    pub(super) fn drain(&mut self) -> u64 {
        let held = std::mem::take(&mut self.held);
        self.count_pictures(held.values()) + std::mem::take(&mut self.pending_lost)
    }

    fn is_crowded(&self) -> bool {
        self.held.len() >= MAX_HELD
    }

    /// Goes to the first packet here that starts a picture: by its payload, or because the one before it
    /// ended another; `None`: there is none.
    fn align(&mut self) -> Option<()> {
        let mut behind_marker = None;
        let start = self.held.iter().find(|(number, held)| {
            let starts = held.starts_picture || behind_marker == Some(**number);
            behind_marker = held.packet.marker.then(|| **number + 1);
            starts
        });
        match start.map(|(number, _)| *number) {
            Some(start) => self.settle_below(start),
            None if self.is_crowded() => self.drop_all(),
            None => return None,
        }
        Some(())
    }

    /// Drops empty packets between pictures: bandwidth probes.
    fn skip_padding(&mut self) {
        while let Some(floor) = self.floor
            && self.held.get(&floor).is_some_and(|held| held.packet.payload.is_empty())
        {
            self.held.remove(&floor);
            self.floor = Some(floor + 1);
        }
    }

    /// Looks at the picture at the floor.
    fn head(&self) -> Head {
        let Some(floor) = self.floor else { return Head::Growing };
        let timestamp = self.held.get(&floor).map(|held| held.packet.timestamp);
        for (expected, (number, held)) in (floor..).zip(&self.held) {
            if *number != expected {
                return Head::Gap { missing: expected, since: held.arrived };
            }
            if Some(held.packet.timestamp) != timestamp {
                // The marker is missing, but another picture has begun.
                return Head::Whole { end: expected - 1 };
            }
            if held.packet.marker {
                return Head::Whole { end: expected };
            }
        }
        Head::Growing
    }

    fn take_picture(&mut self, end: u64) -> WholePicture {
        let rest = self.held.split_off(&(end + 1));
        let picture = std::mem::replace(&mut self.held, rest);
        self.floor = Some(end + 1);
        let first_arrived = picture.values().map(|held| held.arrived).min();
        let packets: Vec<RtpPacket> = picture.into_values().map(|held| held.packet).collect();
        let first_arrived = first_arrived.expect("a whole picture has packets");
        WholePicture { packets, first_arrived }
    }

    /// Settles what the gap at `missing` spoils: up to the next packet that starts a picture.
    fn give_up(&mut self, missing: u64) {
        let start =
            self.held.range(missing..).find(|(_, held)| held.starts_picture).map(|(number, _)| *number);
        match start {
            Some(start) if self.held.range(..start).next().is_none() => {
                // All that is missing vanished without a trace.
                self.floor = Some(start);
                self.pending_lost += 1;
            }
            Some(start) => self.settle_below(start),
            None => self.drop_all(),
        }
    }

    fn drop_all(&mut self) {
        let Some((last, held)) = self.held.last_key_value() else { return };
        let ends_picture = held.packet.marker;
        self.settle_below(last + 1);
        self.aligned = ends_picture;
    }

    /// Drops all below `start`, where a picture begins.
    fn settle_below(&mut self, start: u64) {
        let rest = self.held.split_off(&start);
        let gone = std::mem::replace(&mut self.held, rest);
        self.floor = Some(start);
        self.aligned = true;
        self.pending_lost += self.count_pictures(gone.values());
    }

    /// Counts the pictures that packets belong to, each picture once even if its packets go in two lots.
    fn count_pictures<'a>(&mut self, packets: impl Iterator<Item = &'a Held>) -> u64 {
        let mut pictures = 0;
        for held in packets.filter(|held| !held.packet.payload.is_empty()) {
            if self.last_lost != Some(held.packet.timestamp) {
                self.last_lost = Some(held.packet.timestamp);
                pictures += 1;
            }
        }
        pictures
    }
}

/// Least time for repairs: one request and its answer on most paths.
const MIN_WAIT: Duration = Duration::from_millis(100);
/// Most time for repairs: beyond it a key frame is there sooner.
const MAX_WAIT: Duration = Duration::from_millis(250);
const REPAIR_MARGIN: Duration = Duration::from_millis(50);
/// Packets before the first that arrived which may still come: it may have overtaken them.
const REACH_BACK: u64 = 64;
/// Most packets held: a key frame of 4.9 MB. Noise in 4K, at the encoder's coarsest, is 1.6 MB.
const MAX_HELD: usize = 4_096;
/// A number further ahead than this is not a gap but a sender that started anew.
const MAX_AHEAD: u64 = 8_192;
/// So many packets in a row from before the floor are no stragglers but a sender that started anew.
const LATE_RUN: usize = 100;

#[cfg(test)]
mod tests;
