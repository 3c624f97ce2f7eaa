//! A call over a wire that loses packets: what is lost is repaired, and where it cannot be, the picture comes
//! back. Every picture that is shown is one that was sent, whole and in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{
    MediaTime, PixelFormat, RuntimeData, TransportData, VideoFrame, VideoLoan,
};
use remotemedia_runtime_core::ledger::{DropReason, LedgerReport};
use remotemedia_runtime_core::node::builtin::{draw_barcode, read_barcode};
use remotemedia_runtime_core::shm::FramePool;
use remotemedia_tests::{LossyLine, Room, WireCounts};
use remotemedia_transport_webrtc::PeerReport;
use remotemedia_transport_webrtc::rtc::StreamStats;
use tokio::time::Interval;

/// How long anything awaited may take before the story has failed. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

const SIZE: (u32, u32) = (640, 360);
const INTERVAL: Duration = Duration::from_millis(33);

/// Side of the cells of which pictures are made, pixels.
const CELL: usize = 8;

/// At this bitrate a picture takes some ten packets.
const BITRATE_BPS: u32 = 4_000_000;

/// Mean difference of a block to what was sent, levels, beyond which it is another picture's.
const MOST_DIFFERENCE: u32 = 12;

/// Side of the blocks that are compared, pixels.
const BLOCK: usize = 40;

/// Numbers in the barcode.
const BARCODES: u64 = 4_096;

/// Packets of pictures lost in one burst.
const BURST: u64 = 40;

/// A film that is shown at the other end of a lossy line.
struct Film {
    line: LossyLine,
    pace: Interval,
    pool: Arc<dyn FramePool>,
    /// What was sent and may still come, by number.
    sent: BTreeMap<u64, VideoFrame>,
    given: u64,
    shown: Vec<u64>,
}

impl Film {
    async fn start() -> Self {
        let line = LossyLine::call(|mut config| {
            config.video_bitrate_bps = Some(BITRATE_BPS);
            config
        })
        .await;
        let (pace, pool) = (tokio::time::interval(INTERVAL), Room::runner().pool().clone());
        let mut film = Self { line, pace, pool, sent: BTreeMap::new(), given: 0, shown: Vec::new() };
        film.show(10).await;
        film
    }

    /// Shows so many pictures more.
    async fn show(&mut self, pictures: usize) {
        let wanted = self.shown.len() + pictures;
        self.until(|film| film.shown.len() >= wanted).await;
    }

    /// Goes on until something is so.
    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let wire = self.line.wire.clone();
        let run = async {
            while !is_so(self) {
                tokio::select! {
                    _ = self.pace.tick() => self.send().await,
                    item = self.line.called.recv() => self.look(&item.expect("the screen is on")),
                }
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, run).await;
        outcome.unwrap_or_else(|_| panic!("the picture stands still: {:?}", wire.counts()));
    }

    async fn send(&mut self) {
        let picture = cells(&*self.pool, self.given);
        self.sent.insert(self.given, picture.clone());
        let at = MediaTime::ZERO + INTERVAL * self.given as u32;
        let item = TransportData::new(picture).numbered(self.given).at(at);
        self.given += 1;
        let to = Room::peer(LossyLine::called_id());
        self.line.caller.send_to(&to, item).await.expect("connected");
    }

    fn look(&mut self, item: &TransportData) {
        let RuntimeData::Video(picture) = &item.data else { panic!("a film has no sound") };
        let barcode = u64::from(read_barcode(picture).expect("intact"));
        let number = self.sent.keys().copied().find(|number| number % BARCODES == barcode);
        let number = number.unwrap_or_else(|| panic!("{barcode} after {:?}", self.shown.last()));
        let difference = most_different_block(&self.sent[&number], picture);
        assert!(difference <= MOST_DIFFERENCE, "picture {number} differs by {difference} levels in a block");
        if let Some(next) = self.sent.get(&(number + 1)) {
            let difference = most_different_block(next, picture);
            assert!(
                difference > MOST_DIFFERENCE,
                "a piece of the next picture would go unseen: {difference}"
            );
        }
        self.sent.retain(|other, _| *other > number);
        self.shown.push(number);
    }

    /// Ends the film over a wire that loses nothing any more: when its last picture is shown, every other is
    /// accounted for.
    async fn end(mut self) -> Ended {
        self.line.wire.heal();
        // Those behind a loss tell of it.
        self.show(10).await;
        let last = self.given - 1;
        while self.shown.last() != Some(&last) {
            let item = tokio::time::timeout(PATIENCE, self.line.called.recv()).await;
            self.look(&item.expect("the last picture comes").expect("the screen is on"));
        }
        // What has been shown is counted a moment later.
        let settled = tokio::time::timeout(PATIENCE, self.settled()).await;
        let (caller, called) = settled.expect("every picture is accounted for");
        let (wire, given, shown) = (self.line.wire.counts(), self.given, self.shown.len() as u64);
        assert!(self.line.caller.close().await.complete);
        let closed = self.line.called.close().await;
        assert!(closed.complete);
        let ended = Ended { caller, called, wire, shown };
        let [out, received, handed_over] = accounts(&ended.caller, &ended.called);
        assert_eq!((out.sent, closed.received.delivered), (given, shown));
        assert_eq!(received.delivered, handed_over.sent, "{received:?}, {handed_over:?}");
        assert_eq!(handed_over.delivered, closed.received.sent, "{handed_over:?}, {:?}", closed.received);
        assert!(closed.received.is_balanced(), "{:?}", closed.received);
        ended
    }

    async fn settled(&self) -> (PeerReport, PeerReport) {
        loop {
            let caller = report(self.line.caller.quality().await);
            let called = report(self.line.called.quality().await);
            if accounts(&caller, &called).iter().all(|account| account.is_balanced()) {
                return (caller, called);
            }
            tokio::task::yield_now().await;
        }
    }
}

/// What there is to say of a film that has ended.
struct Ended {
    caller: PeerReport,
    called: PeerReport,
    wire: WireCounts,
    shown: u64,
}

impl Ended {
    /// The account of pictures on their way to the wire.
    fn out(&self) -> &LedgerReport {
        accounts(&self.caller, &self.called)[0]
    }

    /// The account of pictures that came, or should have.
    fn received(&self) -> &LedgerReport {
        accounts(&self.caller, &self.called)[1]
    }

    fn stream_out(&self) -> &StreamStats {
        self.caller.connection.video_out.as_ref().expect("sent")
    }

    fn stream_in(&self) -> &StreamStats {
        self.called.connection.video_in.as_ref().expect("received")
    }

    /// Looks whether the figures that the peers tell fit those of the wire, and whether what was lost was asked
    /// for and sent again `most` times each at most. Returns how many packets were lost, by the wire or before
    /// its sockets.
    fn repairs_are_within(&self, most: u64) -> u64 {
        let WireCounts { media, media_lost, repairs, repairs_lost } = self.wire;
        let (out, received) = (self.stream_out(), self.stream_in());
        let told = format!("{out:?}, {received:?}, {:?}", self.wire);
        assert!(out.packets >= media && out.retransmitted >= repairs, "{told}");
        assert!(received.packets <= media - media_lost, "{told}");
        assert!(received.retransmitted <= repairs - repairs_lost, "{told}");
        let lost = out.packets - received.packets;
        assert!((lost..=most * lost).contains(&received.nacks), "{told}");
        assert!(received.nacks >= out.nacks && out.nacks >= out.retransmitted, "{told}");
        lost
    }
}

/// Picks the accounts of pictures: on their way to the wire, from there to the decoder, and on.
fn accounts<'a>(caller: &'a PeerReport, called: &'a PeerReport) -> [&'a LedgerReport; 3] {
    let received = called.media.video_in.as_ref().expect("received");
    let out = caller.media.video_out.as_ref().expect("sent");
    [&out.frames, &received.pictures, &called.media.video_handed_over]
}

fn report(reports: Vec<PeerReport>) -> PeerReport {
    let [report] = <[_; 1]>::try_from(reports).expect("one peer");
    report
}

/// Draws cells of which each is as bright as it happens to be, in every picture anew.
fn cells(pool: &dyn FramePool, number: u64) -> VideoFrame {
    let mut loan = VideoLoan::new(pool, PixelFormat::I420, SIZE.0, SIZE.1).expect("memory");
    let [luma, blue, red] = loan.planes_mut();
    let mut random = number;
    for lines in luma.chunks_mut(SIZE.0 as usize * CELL) {
        let (first, rest) = lines.split_at_mut(SIZE.0 as usize);
        for cell in first.chunks_mut(CELL) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            cell.fill((random >> 57) as u8 + 64);
        }
        rest.chunks_mut(SIZE.0 as usize).for_each(|line| line.copy_from_slice(first));
    }
    blue.fill(128);
    red.fill(128);
    draw_barcode(&mut loan, number);
    loan.freeze()
}

/// Compares the luma of two pictures block by block.
fn most_different_block(one: &VideoFrame, other: &VideoFrame) -> u32 {
    let (columns, rows) = (one.width() as usize / BLOCK, one.height() as usize / BLOCK);
    let block = |number: usize| {
        let (left, top) = (number % columns * BLOCK, number / columns * BLOCK);
        let lines = (top..top + BLOCK).map(|row| {
            let of = |picture: &'_ VideoFrame| picture.row(0, row)[left..left + BLOCK].to_vec();
            of(one).iter().zip(of(other)).map(|(one, other)| u32::from(one.abs_diff(other))).sum::<u32>()
        });
        lines.sum::<u32>() / (BLOCK * BLOCK) as u32
    };
    (0..columns * rows).map(block).max().expect("blocks")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nearly_all_pictures_come_through_where_one_packet_in_twenty_is_lost() {
    let mut film = Film::start().await;
    film.line.wire.lose_at_random(0.05);
    let goal = film.given + 200;
    film.until(|film| film.given >= goal).await;
    let ended = film.end().await;
    assert!(ended.repairs_are_within(3) > 40, "{:?}", ended.wire);
    assert!(ended.wire.repairs_lost > 0, "{:?}", ended.wire);
    // Every picture that went out came, or was missed.
    assert_eq!(ended.out().delivered, ended.received().sent);
    let missed = ended.out().sent - ended.shown;
    assert!(missed * 8 < ended.out().sent, "{missed} missed of {:?}, {:?}", ended.out(), ended.received());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_repaired() {
    let mut film = Film::start().await;
    film.line.wire.lose_next(BURST);
    film.show(60).await;
    let ended = film.end().await;
    assert!(ended.repairs_are_within(3) >= BURST, "{:?}", ended.wire);
    assert_eq!((ended.wire.media_lost, ended.wire.repairs_lost), (BURST, 0));
    assert!(ended.stream_in().retransmitted >= BURST, "{:?}", ended.stream_in());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_burst_that_cannot_be_repaired_a_key_frame_brings_the_picture_back() {
    let mut film = Film::start().await;
    let before = film.shown.len();
    film.line.wire.lose_repairs();
    film.line.wire.lose_next(BURST);
    film.show(60).await;
    let gaps = film.shown[before - 1..].windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
    assert!(gaps > 0, "{:?}", film.shown);
    let ended = film.end().await;
    // Nobody asks for ever.
    assert!(ended.repairs_are_within(10) >= BURST, "{:?}", ended.wire);
    assert_eq!(ended.wire.media_lost, BURST);
    assert_eq!(ended.wire.repairs_lost, ended.wire.repairs);
    let video = ended.called.media.video_in.as_ref().expect("received");
    assert!(video.key_frames_requested > 0 && ended.stream_in().key_frame_requests > 0);
    assert!(ended.stream_out().key_frame_requests > 0, "{:?}", ended.stream_out());
    assert!(ended.caller.media.video_out.as_ref().expect("sent").key_frames_made > 1);
    assert!(ended.received().dropped[&DropReason::LostInNetwork] > 0, "{:?}", ended.received());
    // Pictures of which no packet came are missed as one.
    assert!(ended.received().sent <= ended.out().delivered);
}
