use bytes::Bytes;

use super::*;

const START: &[u8] = b"S";
const REST: &[u8] = b"r";
const MIN_WAIT_MS: u64 = MIN_WAIT.as_millis() as u64;

/// Feeds packets written as (number, timestamp, marker, starts).
struct Fed {
    reorder: VideoReorder,
    now: Instant,
}

impl Fed {
    fn new() -> Self {
        Self { reorder: VideoReorder::new(), now: Instant::now() }
    }

    /// Pictures come out as the numbers of their packets, losses as `L` and their count.
    fn push(&mut self, number: u16, timestamp: u32, marker: bool, starts: bool) -> Vec<String> {
        let payload = Bytes::from_static(if starts { START } else { REST });
        self.push_payload(number, timestamp, marker, payload)
    }

    fn push_payload(&mut self, number: u16, timestamp: u32, marker: bool, payload: Bytes) -> Vec<String> {
        let starts = payload == START;
        let packet = RtpPacket { sequence_number: number, timestamp, marker, payload };
        self.reorder.push(packet, starts, self.now);
        self.events()
    }

    fn events(&mut self) -> Vec<String> {
        let say = |event| match event {
            VideoReorderEvent::Lost(pictures) => format!("L{pictures}"),
            VideoReorderEvent::Picture(picture) => {
                picture.packets.iter().map(|p| p.sequence_number.to_string()).collect::<Vec<_>>().join(",")
            }
        };
        std::iter::from_fn(|| self.reorder.poll(self.now)).map(say).collect()
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now += Duration::from_millis(millis);
        self.events()
    }
}

#[test]
fn pictures_come_out_whole_at_once_and_in_order() {
    let mut fed = Fed::new();
    assert!(fed.push(65_535, 0, false, true).is_empty());
    assert_eq!(fed.push(0, 0, true, false), ["65535,0"]);
    assert_eq!(fed.push(1, 3_000, true, true), ["1"]);
    assert_eq!(fed.reorder.next_deadline(), None);
}

#[test]
fn packets_out_of_order_and_twice_come_out_in_order_and_once() {
    let mut fed = Fed::new();
    fed.push(9, 0, true, true);
    assert!(fed.push(12, 1, true, false).is_empty());
    assert!(fed.push(11, 1, false, false).is_empty());
    fed.push(11, 1, false, false);
    assert_eq!(fed.push(10, 1, false, true), ["10,11,12"]);
    assert!(fed.push(10, 1, false, true).is_empty());
    assert_eq!(fed.reorder.counts(), ReorderCounts { duplicates: 1, late: 1 });
}

#[test]
fn the_first_picture_may_arrive_back_to_front() {
    let mut fed = Fed::new();
    assert!(fed.push(2, 0, true, false).is_empty());
    assert!(fed.push(1, 0, false, false).is_empty());
    assert_eq!(fed.push(0, 0, false, true), ["0,1,2"]);
}

#[test]
fn a_gap_holds_until_its_repair_comes() {
    let mut fed = Fed::new();
    fed.push(0, 0, true, true);
    assert!(fed.push(2, 1, true, false).is_empty());
    assert!(fed.push(3, 2, true, true).is_empty());
    assert!(fed.wait(MIN_WAIT_MS - 1).is_empty());
    assert_eq!(fed.push(1, 1, false, true), ["1,2", "3"]);
}

#[test]
fn a_gap_is_given_up_at_its_deadline_and_what_is_behind_goes_on() {
    let mut fed = Fed::new();
    fed.push(0, 0, true, true);
    fed.push(2, 1, true, false);
    fed.push(3, 2, true, true);
    let deadline = fed.reorder.next_deadline().expect("a gap");
    assert_eq!(deadline - fed.now, MIN_WAIT);
    assert!(fed.wait(MIN_WAIT_MS - 1).is_empty());
    assert_eq!(fed.wait(1), ["L1", "3"]);
    assert!(fed.push(1, 1, false, true).is_empty(), "too late");
    assert_eq!(fed.push(4, 3, true, true), ["4"]);
}

#[test]
fn pictures_that_vanish_without_a_trace_count_as_one() {
    let mut fed = Fed::new();
    fed.push(0, 0, true, true);
    assert!(fed.push(5, 9, true, true).is_empty());
    assert_eq!(fed.wait(MIN_WAIT_MS), ["L1", "5"]);
}

#[test]
fn each_picture_begun_counts_once_when_given_up() {
    let mut fed = Fed::new();
    fed.push(0, 0, true, true);
    // 1 lost, 2 ends its picture, 3 lost, 4 in the middle, 5 lost.
    fed.push(2, 1, true, false);
    fed.push(4, 2, false, false);
    assert_eq!(fed.wait(MIN_WAIT_MS), ["L2"]);
    // The rest of the picture given up above, then the next.
    assert!(fed.push(6, 2, true, false).is_empty());
    assert_eq!(fed.push(7, 3, true, true), ["7"]);
}

#[test]
fn the_wait_follows_the_round_trip_time_within_its_limits() {
    let mut reorder = VideoReorder::new();
    for (rtt, wait) in [(0, 150), (25, 150), (50, 200), (75, 250), (9_999, 250)] {
        reorder.set_rtt(Duration::from_millis(rtt));
        assert_eq!(reorder.wait, Duration::from_millis(wait), "rtt {rtt} ms");
    }
}

#[test]
fn a_missing_marker_does_not_hold_a_picture_beyond_the_next() {
    let mut fed = Fed::new();
    fed.push(0, 0, false, true);
    assert_eq!(fed.push(1, 1, true, true), ["0", "1"]);
}

#[test]
fn empty_packets_between_pictures_are_passed_over() {
    let mut fed = Fed::new();
    fed.push(0, 0, true, true);
    assert!(fed.push_payload(1, 0, false, Bytes::new()).is_empty());
    assert!(fed.push_payload(2, 0, false, Bytes::new()).is_empty());
    assert_eq!(fed.push(3, 1, true, true), ["3"]);
}

#[test]
fn a_sender_that_starts_anew_is_followed_forwards_and_backwards() {
    let mut fed = Fed::new();
    fed.push(100, 0, true, true);
    assert!(fed.push(20_000, 7, false, true).is_empty());
    assert_eq!(fed.push(20_001, 7, true, false), ["20000,20001"]);
    let mut out = Vec::new();
    for number in 0..LATE_RUN as u16 + 2 {
        out.extend(fed.push(5_000 + number, 1_000 + u32::from(number), true, true));
    }
    assert_eq!(out, ["5099", "5100", "5101"]);
}

#[test]
fn what_is_held_is_bounded_with_and_without_a_gap() {
    for gap in [0, 1] {
        let mut fed = Fed::new();
        fed.push(0, 0, true, true);
        let mut lost = Vec::new();
        for number in 0..3 * MAX_HELD as u16 {
            lost.extend(fed.push(1 + gap + number, 1, false, number == 0 && gap == 0));
            assert!(fed.reorder.held.len() <= MAX_HELD);
        }
        assert_eq!(lost, ["L1"], "one endless picture, gap of {gap}");
    }
}

#[test]
fn a_picture_is_also_known_to_start_behind_the_marker_of_another() {
    let mut fed = Fed::new();
    assert!(fed.push(5, 0, true, false).is_empty());
    assert_eq!(fed.push(6, 1, true, false), ["L1", "6"]);
    // All of a lot is given up; its last packet had the marker.
    fed.push(8, 2, false, false);
    fed.push(9, 2, true, false);
    assert_eq!(fed.wait(MIN_WAIT_MS), ["L1"]);
    assert_eq!(fed.push(10, 3, true, false), ["10"]);
}

#[test]
fn whatever_comes_pictures_come_out_whole_in_order_and_are_counted_once() {
    let mut random = 5u64;
    let mut next = |limit: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    for _ in 0..200 {
        let (mut packets, mut pictures) = (Vec::new(), Vec::new());
        for picture in 0..30u32 {
            let (first, count) = (packets.len() as u16, 1 + next(5) as u16);
            pictures.push((first..first + count).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
            packets.extend((0..count).map(|part| (first + part, picture, part + 1 == count, part == 0)));
        }
        // Lose one in eight, swap neighbours, repeat some.
        packets.retain(|_| next(8) > 0);
        for at in 1..packets.len() {
            if next(4) == 0 {
                packets.swap(at - 1, at);
            }
            if next(10) == 0 {
                packets[at] = packets[at - 1];
            }
        }
        let seen: std::collections::BTreeSet<u32> = packets.iter().map(|packet| packet.1).collect();
        let mut fed = Fed::new();
        let mut out = Vec::new();
        for (number, timestamp, marker, starts) in packets {
            out.extend(fed.push(number, timestamp, marker, starts));
            fed.now += Duration::from_millis(5);
        }
        out.extend(fed.wait(1_000));
        let left = fed.reorder.drain();
        let lost: u64 = out.iter().filter_map(|event| event.strip_prefix('L')?.parse::<u64>().ok()).sum();
        let whole: Vec<&String> = out.iter().filter(|event| !event.starts_with('L')).collect();
        let mut order = pictures.iter();
        assert!(whole.iter().all(|w| order.any(|picture| picture == *w)), "{whole:?} of {pictures:?}");
        // Only pictures of which everything came too late may go uncounted.
        let accounted = whole.len() as u64 + lost + left;
        let late = fed.reorder.counts().late;
        assert!(accounted <= 30 && accounted + late >= seen.len() as u64, "{accounted} and {late} late");
    }
}
