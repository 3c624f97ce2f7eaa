//! Puts audio packets in order and says when a missing one is to be concealed.
//!
//! Pure: `now` is an argument. Packets in order go out at once. It waits a fixed, short time for a
//! missing one; it does not stretch or shorten sound.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::sequence::SequenceUnwrapper;
use super::video_reorder::ReorderCounts;
use crate::rtc::RtpPacket;

/// Reorders the packets of one audio track.
#[derive(Debug, Default)]
pub(super) struct AudioReorder {
    sequence: SequenceUnwrapper,
    held: BTreeMap<u64, (RtpPacket, Instant)>,
    /// Number of the next packet to give out.
    next: Option<u64>,
    late_run: usize,
    counts: ReorderCounts,
}

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AudioReorderEvent {
    /// The next packet, and when it arrived.
    Packet(RtpPacket, Instant),
    /// The next packet is lost: conceal it, or repair it from the payload of the one after it if that is
    /// here.
    Lost {
        /// Payload of the packet after it.
        following: Option<Bytes>,
    },
    /// So many packets are lost that concealment makes no sense: silence, time goes on.
    Gap {
        /// How many.
        packets: u64,
    },
}

impl AudioReorder {
    pub(super) fn counts(&self) -> ReorderCounts {
        self.counts
    }

    /// Takes a packet that arrived at `now`. Call [`poll`](Self::poll) until it returns `None` afterwards.
    pub(super) fn push(&mut self, packet: RtpPacket, now: Instant) {
        let before = self.sequence.clone();
        let number = self.sequence.unwrap(packet.sequence_number);
        let next = *self.next.get_or_insert(number);
        if number < next {
            self.counts.late += 1;
            self.late_run += 1;
            if self.late_run < LATE_RUN {
                self.sequence = before;
                return;
            }
        }
        self.late_run = 0;
        if number < next || number > next + MAX_AHEAD {
            // The sender started its numbers anew; what is held belongs to its past.
            self.counts.late += self.held.len() as u64;
            self.held.clear();
            self.next = Some(number);
        }
        if self.held.insert(number, (packet, now)).is_some() {
            self.counts.duplicates += 1;
        }
    }

    /// Returns what is to be played next at `now`; `None`: nothing before the next packet or
    /// [`next_deadline`](Self::next_deadline).
    pub(super) fn poll(&mut self, now: Instant) -> Option<AudioReorderEvent> {
        let next = self.next?;
        if let Some((packet, arrived)) = self.held.remove(&next) {
            self.next = Some(next + 1);
            return Some(AudioReorderEvent::Packet(packet, arrived));
        }
        let (first, (packet, _)) = self.held.first_key_value()?;
        if now < self.next_deadline()? && self.held.len() < MAX_HELD {
            return None;
        }
        let packets = first - next;
        if packets > MAX_CONCEALED {
            self.next = Some(*first);
            return Some(AudioReorderEvent::Gap { packets });
        }
        let following = (packets == 1).then(|| packet.payload.clone());
        self.next = Some(next + 1);
        Some(AudioReorderEvent::Lost { following })
    }

    /// Returns when [`poll`](Self::poll) has something to say without another packet.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        // A repair ends the wait; so the packet behind the gap, which never changes, tells since when.
        self.held.first_key_value().map(|(_, (_, arrived))| *arrived + WAIT)
    }

    /// Forgets everything and returns how many packets were held.
    pub(super) fn drain(&mut self) -> u64 {
        let held = self.held.len() as u64;
        self.held.clear();
        held
    }
}

/// How long a missing packet is waited for. Sound is to be through in 50 ms, of which encoder, network and
/// decoder take some 25 to 30.
const WAIT: Duration = Duration::from_millis(25);
/// Most packets held: more than arrive within the wait unless the network releases a burst.
const MAX_HELD: usize = 32;
/// Most packets concealed in a row, 100 ms of 10 ms: concealment fades to silence by then.
const MAX_CONCEALED: u64 = 10;
/// A number further ahead than this is not a gap but a sender that started anew.
const MAX_AHEAD: u64 = 3_000;
/// So many packets in a row from the past are no stragglers but a sender that started anew.
const LATE_RUN: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    struct Fed {
        reorder: AudioReorder,
        now: Instant,
    }

    impl Fed {
        fn new() -> Self {
            Self { reorder: AudioReorder::default(), now: Instant::now() }
        }

        fn push(&mut self, number: u16) -> Vec<String> {
            let payload = Bytes::from(number.to_string());
            let packet = RtpPacket { sequence_number: number, timestamp: 0, marker: false, payload };
            self.reorder.push(packet, self.now);
            self.events()
        }

        fn events(&mut self) -> Vec<String> {
            let say = |event| match event {
                AudioReorderEvent::Packet(packet, _) => packet.sequence_number.to_string(),
                AudioReorderEvent::Lost { following: None } => "lost".to_owned(),
                AudioReorderEvent::Lost { following: Some(next) } => format!("lost<{}", next.escape_ascii()),
                AudioReorderEvent::Gap { packets } => format!("gap{packets}"),
            };
            std::iter::from_fn(|| self.reorder.poll(self.now)).map(say).collect()
        }

        fn wait(&mut self, millis: u64) -> Vec<String> {
            self.now += Duration::from_millis(millis);
            self.events()
        }
    }

    #[test]
    fn packets_in_order_go_out_at_once() {
        let mut fed = Fed::new();
        for number in [65_534, 65_535, 0, 1] {
            assert_eq!(fed.push(number), [number.to_string()]);
        }
        assert_eq!(fed.reorder.next_deadline(), None);
    }

    #[test]
    fn swapped_packets_come_out_in_order_and_repeated_ones_once() {
        let mut fed = Fed::new();
        fed.push(0);
        assert!(fed.push(2).is_empty());
        assert!(fed.push(2).is_empty());
        assert_eq!(fed.push(1), ["1", "2"]);
        assert!(fed.push(1).is_empty());
        assert_eq!(fed.reorder.counts(), ReorderCounts { duplicates: 1, late: 1 });
    }

    #[test]
    fn a_missing_packet_is_waited_for_and_then_concealed_once() {
        let mut fed = Fed::new();
        fed.push(0);
        fed.push(2);
        assert!(fed.wait(24).is_empty());
        assert_eq!(fed.wait(1), ["lost<2", "2"]);
        assert!(fed.push(1).is_empty(), "too late");
        assert_eq!(fed.push(3), ["3"]);
    }

    #[test]
    fn only_the_last_of_several_missing_packets_can_be_repaired() {
        let mut fed = Fed::new();
        fed.push(0);
        fed.push(4);
        assert_eq!(fed.wait(25), ["lost", "lost", "lost<4", "4"]);
    }

    #[test]
    fn as_many_as_can_be_are_concealed_and_one_more_is_a_gap() {
        let mut fed = Fed::new();
        fed.push(0);
        fed.push(MAX_CONCEALED as u16 + 1);
        assert_eq!(fed.wait(25).iter().filter(|event| event.starts_with("lost")).count(), 10);
        let mut fed = Fed::new();
        fed.push(0);
        fed.push(MAX_CONCEALED as u16 + 2);
        assert_eq!(fed.wait(25), ["gap11", "12"]);
    }

    #[test]
    fn a_burst_behind_a_gap_is_bounded() {
        let mut fed = Fed::new();
        fed.push(0);
        let out: Vec<String> = (2..40).flat_map(|number| fed.push(number)).collect();
        assert_eq!(out[0], "lost<2");
        assert_eq!(out.len(), 39);
        assert!(fed.reorder.held.is_empty());
    }

    #[test]
    fn a_sender_that_starts_anew_is_followed_forwards_and_backwards() {
        let mut fed = Fed::new();
        fed.push(100);
        assert_eq!(fed.push(20_000), ["20000"]);
        let out: Vec<String> = (0..LATE_RUN as u16 + 1).flat_map(|number| fed.push(5_000 + number)).collect();
        assert_eq!(out, ["5024", "5025"]);
    }
}
