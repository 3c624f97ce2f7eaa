//! Puts video packets in order and says when a picture is whole or given up.
//!
//! Pure: `now` is an argument. A whole picture goes out at once, so that a calm network costs no delay; a
//! gap holds everything behind it until it is repaired or its time is up.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
    /// The packets from `floor` to below it are here and of one picture, which none of them ends: they need
    /// not be looked at again.
    seen: u64,
    /// The packet at `floor` is the first of a picture.
    aligned: bool,
    /// The first packet held that starts a picture, while not aligned.
    start: Option<u64>,
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
            seen: 0,
            aligned: false,
            start: None,
            wait: MIN_WAIT,
            last_lost: None,
            late_run: 0,
            pending_lost: 0,
            counts: ReorderCounts::default(),
        }
    }

    /// Fits the time for repairs to the round-trip time: a request and its answer, twice, and what passes
    /// between them; 150 to 250 ms.
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
        let floor = match self.floor {
            Some(floor) => floor,
            None => self.raise_floor(number.saturating_sub(REACH_BACK)),
        };
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
            self.raise_floor(number);
            self.aligned = false;
        }
        match self.held.entry(number) {
            Entry::Occupied(_) => self.counts.duplicates += 1,
            Entry::Vacant(place) => {
                place.insert(Held { packet, starts_picture, arrived: now });
                if !self.aligned {
                    self.look_for_start(number);
                }
            }
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
            self.look_on();
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
        self.start = None;
        self.count_pictures(held.values()) + std::mem::take(&mut self.pending_lost)
    }

    /// Settles all below `floor`, or starts anew from there.
    fn raise_floor(&mut self, floor: u64) -> u64 {
        self.floor = Some(floor);
        self.seen = floor;
        floor
    }

    fn is_crowded(&self) -> bool {
        self.held.len() >= MAX_HELD
    }

    /// Goes to the first packet here that starts a picture; `None`: there is none.
    fn align(&mut self) -> Option<()> {
        match self.start {
            Some(start) => self.settle_below(start),
            None if self.is_crowded() => self.drop_all(),
            None => return None,
        }
        Some(())
    }

    /// Notes what starts a picture now that packet `number` is here: by its payload, or because the one before
    /// it ended another.
    fn look_for_start(&mut self, number: u64) {
        let is_here = |number| self.held.get(&number);
        let Some(held) = is_here(number) else { return };
        let is_behind_marker = || is_here(number.wrapping_sub(1)).is_some_and(|before| before.packet.marker);
        let start = if held.starts_picture || is_behind_marker() {
            Some(number)
        } else {
            Some(number + 1).filter(|behind| held.packet.marker && is_here(*behind).is_some())
        };
        self.start = [self.start, start].into_iter().flatten().min();
    }

    /// Drops empty packets between pictures: bandwidth probes.
    fn skip_padding(&mut self) {
        while let Some(floor) = self.floor
            && self.held.get(&floor).is_some_and(|held| held.packet.payload.is_empty())
        {
            self.held.remove(&floor);
            self.raise_floor(floor + 1);
        }
    }

    /// Looks at the packets of the picture at the floor that have come since: at each once.
    fn look_on(&mut self) {
        let Some(timestamp) = self.timestamp_at_floor() else { return };
        for (number, held) in self.held.range(self.seen..) {
            let goes_on = held.packet.timestamp == timestamp && !held.packet.marker;
            if *number != self.seen || !goes_on {
                return;
            }
            self.seen += 1;
        }
    }

    /// Says how the picture at the floor stands, given that all that is [seen](Self::look_on) belongs to it.
    fn head(&self) -> Head {
        let Some((number, next)) = self.held.range(self.seen..).next() else { return Head::Growing };
        if *number != self.seen {
            return Head::Gap { missing: self.seen, since: next.arrived };
        }
        // The marker is missing if another picture has begun.
        let is_of_another = Some(next.packet.timestamp) != self.timestamp_at_floor();
        Head::Whole { end: self.seen - u64::from(is_of_another) }
    }

    fn timestamp_at_floor(&self) -> Option<u32> {
        self.held.get(&self.floor?).map(|held| held.packet.timestamp)
    }

    fn take_picture(&mut self, end: u64) -> WholePicture {
        let rest = self.held.split_off(&(end + 1));
        let picture = std::mem::replace(&mut self.held, rest);
        self.raise_floor(end + 1);
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
                self.raise_floor(start);
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
        self.raise_floor(start);
        self.aligned = true;
        self.start = None;
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

/// Least time for repairs: three requests and their answers on a path of 20 ms. Where one packet in twenty is
/// lost either way, one repair in ten is lost, too, and one picture in fifty was with 100 ms, a time for two.
const MIN_WAIT: Duration = Duration::from_millis(150);
/// Most time for repairs: beyond it a key frame is there sooner.
const MAX_WAIT: Duration = Duration::from_millis(250);
/// Gaps are looked for every 20 ms, and asked about again 10 ms after the answer is due: 50 ms for two
/// requests, and as much for scheduling at both ends.
const REPAIR_MARGIN: Duration = Duration::from_millis(100);
/// Packets before the first that arrived which may still come: it may have overtaken them.
const REACH_BACK: u64 = 64;
/// Most packets held: a key frame of 9.8 MB. Noise in 4K begins with one of 5 MB.
const MAX_HELD: usize = 8_192;
/// A number further ahead than this is not a gap but a sender that started anew.
const MAX_AHEAD: u64 = 16_384;
/// So many packets in a row from before the floor are no stragglers but a sender that started anew.
const LATE_RUN: usize = 100;

#[cfg(test)]
mod tests;
