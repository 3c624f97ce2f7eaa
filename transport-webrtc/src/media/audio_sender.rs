//! One outgoing audio track: sound in, packets out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TrackId};
use remotemedia_runtime_core::latency::{LatencyHistogram, LatencyReport};
use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use remotemedia_runtime_core::queue::QueueReceiver;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span, warn};

use super::media_feed::QueuedItem;
use super::rtp_stamp::RtpStamp;
use super::stage_task::StageTask;
use super::{MediaError, MediaFeed, RtpSink};
use crate::codec::{AudioEncoder, AudioEncoderSettings, EncodeError, EncodedPacket};

/// Sends one audio track: a task encodes sound (some 40 µs a packet) and gives the packets to a sink.
/// Dropping it ends the task; [`close`](Self::close) waits for that.
#[derive(Debug)]
pub struct AudioSender {
    feed: MediaFeed,
    shared: Arc<Shared>,
    task: StageTask,
}

/// Figures of an audio sender at one moment.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct AudioSenderReport {
    /// Frames as they came in: sent = delivered to the sink + dropped.
    pub frames: LedgerReport,
    /// Packets given to the sink.
    pub packets_sent: u64,
    /// Bytes of their payloads.
    pub bytes_sent: u64,
    /// From [`MediaFeed::send`] to the encoder.
    pub queue_wait: LatencyReport,
    /// Encoding one frame as it came in.
    pub encode: LatencyReport,
}

#[derive(Debug)]
struct Shared {
    ledger: Arc<Ledger>,
    cancel: CancellationToken,
    /// Bitrate to change to; 0: none.
    next_bitrate_bps: AtomicU32,
    /// Loss to expect, parts in 10 000.
    expected_loss: AtomicU32,
    packets_sent: AtomicU64,
    bytes_sent: AtomicU64,
    queue_wait: LatencyHistogram,
    encode: LatencyHistogram,
}

impl AudioSender {
    /// Starts sending. Call it within a Tokio runtime.
    ///
    /// * `track`: names the task.
    pub fn spawn(track: &TrackId, encoder: Box<dyn AudioEncoder>, sink: Arc<dyn RtpSink>) -> Self {
        let ledger = Arc::new(Ledger::default());
        let (feed, frames) = MediaFeed::new(PIPELINE_TO_ENCODER_FRAMES, ledger.clone());
        let shared = Arc::new(Shared {
            ledger,
            cancel: CancellationToken::new(),
            next_bitrate_bps: 0.into(),
            expected_loss: 0.into(),
            packets_sent: 0.into(),
            bytes_sent: 0.into(),
            queue_wait: LatencyHistogram::new(),
            encode: LatencyHistogram::new(),
        });
        let clock_rate = encoder.codec().clock_rate();
        let actor = AudioSenderActor {
            frames,
            feed: feed.clone(),
            encoder,
            stamp: RtpStamp::new(clock_rate, clock_rate / PACKETS_A_SECOND),
            sink,
            packets: Vec::new(),
            expected: None,
            last_error: None,
            shared: shared.clone(),
        };
        let run = actor.run().instrument(debug_span!("audio_sender", %track));
        Self { feed, shared, task: StageTask::spawn(format!("audio sender {track}"), run) }
    }

    /// Returns where sound goes in; items that are no audio are dropped and counted.
    pub fn feed(&self) -> MediaFeed {
        self.feed.clone()
    }

    /// Changes the bitrate from the next packet on.
    ///
    /// # Errors
    /// [`EncodeError::Bitrate`] outside [`AudioEncoderSettings::BITRATE_BPS`]; the old one stays.
    pub fn set_bitrate(&self, bitrate_bps: u32) -> Result<(), EncodeError> {
        let range = AudioEncoderSettings::BITRATE_BPS;
        if !range.contains(&bitrate_bps) {
            return Err(EncodeError::Bitrate { bitrate_bps, min_bps: *range.start(), max_bps: *range.end() });
        }
        self.shared.next_bitrate_bps.store(bitrate_bps, Ordering::Release);
        Ok(())
    }

    /// Says what share of the packets gets lost, 0.0..=1.0.
    pub fn set_expected_loss(&self, loss_ratio: f32) {
        let parts = (loss_ratio.clamp(0.0, 1.0) * LOSS_PARTS).round() as u32;
        self.shared.expected_loss.store(parts, Ordering::Relaxed);
    }

    /// Returns the figures at this moment.
    pub fn report(&self) -> AudioSenderReport {
        let shared = &*self.shared;
        AudioSenderReport {
            frames: shared.ledger.report(),
            packets_sent: shared.packets_sent.load(Ordering::Relaxed),
            bytes_sent: shared.bytes_sent.load(Ordering::Relaxed),
            queue_wait: shared.queue_wait.report(),
            encode: shared.encode.report(),
        }
    }

    /// Ends the task and waits for it; sound that waits is dropped and counted. A second call after success
    /// returns at once. Cancel safe.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] if it does not end in time, [`MediaError::Panicked`] if it panicked.
    pub async fn close(&mut self, within: Duration) -> Result<(), MediaError> {
        self.stop();
        self.task.join_within(within).await
    }

    fn stop(&self) {
        self.shared.cancel.cancel();
        self.feed.close();
    }
}

impl Drop for AudioSender {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Owns the way from sound to packets.
struct AudioSenderActor {
    frames: QueueReceiver<QueuedItem>,
    feed: MediaFeed,
    encoder: Box<dyn AudioEncoder>,
    stamp: RtpStamp,
    sink: Arc<dyn RtpSink>,
    packets: Vec<EncodedPacket>,
    /// Where the next packet starts if the sound goes on without a gap.
    expected: Option<MediaTime>,
    last_error: Option<EncodeError>,
    shared: Arc<Shared>,
}

impl AudioSenderActor {
    async fn run(mut self) {
        let cancel = self.shared.cancel.clone();
        let mut expected_loss = 0;
        loop {
            let queued = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                queued = self.frames.recv() => match queued {
                    Some(queued) => queued,
                    None => break,
                },
            };
            self.shared.queue_wait.record(queued.queued.elapsed());
            let loss = self.shared.expected_loss.load(Ordering::Relaxed);
            if loss != expected_loss {
                expected_loss = loss;
                self.encoder.set_expected_loss(loss as f32 / LOSS_PARTS);
            }
            match self.take(&queued, &cancel).await {
                Ok(()) => self.shared.ledger.count_delivered(),
                Err(reason) => self.shared.ledger.count_dropped(reason, 1),
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    async fn take(&mut self, queued: &QueuedItem, cancel: &CancellationToken) -> Result<(), DropReason> {
        if !matches!(queued.item.data, RuntimeData::Audio(_)) {
            return Err(DropReason::NoTaker);
        }
        if !self.sink.is_ready() {
            return Err(DropReason::NotConnected);
        }
        self.encode(queued).ok_or(DropReason::NotEncoded)?;
        let mut packets = std::mem::take(&mut self.packets);
        for packet in packets.drain(..) {
            let talk_spurt = self.expected != Some(packet.media_time);
            self.expected = Some(packet.media_time + packet.duration);
            let len = packet.payload.len() as u64;
            let timestamp = self.stamp.timestamp(packet.media_time);
            let packet = self.stamp.packet(timestamp, talk_spurt, packet.payload);
            let sent = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(DropReason::Closed),
                sent = self.sink.send(packet) => sent,
            };
            if sent.is_err() {
                debug!("sink closed");
                self.feed.close();
                self.shared.cancel.cancel();
                return Err(DropReason::NotConnected);
            }
            self.shared.packets_sent.fetch_add(1, Ordering::Relaxed);
            self.shared.bytes_sent.fetch_add(len, Ordering::Relaxed);
        }
        // Its memory serves the next frame.
        self.packets = packets;
        Ok(())
    }

    fn encode(&mut self, queued: &QueuedItem) -> Option<()> {
        let RuntimeData::Audio(frame) = &queued.item.data else { return None };
        let bitrate_bps = self.shared.next_bitrate_bps.swap(0, Ordering::AcqRel);
        if bitrate_bps > 0
            && let Err(error) = self.encoder.set_bitrate(bitrate_bps)
        {
            warn!(bitrate_bps, %error, "bitrate not changed");
        }
        let begun = Instant::now();
        let encoded = self.encoder.encode(frame, queued.item.media_time, &mut self.packets);
        self.shared.encode.record(begun.elapsed());
        match encoded {
            Ok(()) => self.last_error = None,
            Err(error) => {
                // The same fault comes with every frame: once is enough for the log.
                if self.last_error.as_ref() != Some(&error) {
                    warn!(%error, "sound not encoded");
                }
                self.last_error = Some(error);
                return None;
            }
        }
        Some(())
    }
}

/// Pipeline → encoder. Sound of 10 to 20 ms each; full → oldest dropped and counted. Forty milliseconds
/// of the usual 10: longer, and the queue alone would break the 50 ms target.
const PIPELINE_TO_ENCODER_FRAMES: usize = 4;
/// Packets a second by which time goes on where the media time does not say.
const PACKETS_A_SECOND: u32 = 100;
const LOSS_PARTS: f32 = 10_000.0;

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::TransportData;
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::super::test_wire::{PATIENCE, WireSink, codecs, track};
    use super::*;
    use crate::codec::AudioCodec;
    use crate::codec::test_picture::{moving_picture, tone};
    use crate::rtc::RtpPacket;

    struct Bench {
        sender: AudioSender,
        sink: Arc<WireSink>,
        wire: UnboundedReceiver<RtpPacket>,
    }

    impl Bench {
        fn new((sink, wire): (Arc<WireSink>, UnboundedReceiver<RtpPacket>)) -> Self {
            let encoder = codecs().audio_encoder(AudioCodec::Opus, AudioEncoderSettings::default());
            let sender = AudioSender::spawn(&track(), encoder.expect("in range"), sink.clone());
            Self { sender, sink, wire }
        }

        /// Sends 20 ms of a tone at `millis`.
        fn send(&self, millis: u64) {
            let sound = tone(440.0, millis as usize * 48, 960, 48_000, 2);
            let at = MediaTime::from_duration(Duration::from_millis(millis));
            self.sender.feed().send(TransportData::new(sound).at(at)).expect("open");
        }

        async fn packet(&mut self) -> RtpPacket {
            tokio::time::timeout(PATIENCE, self.wire.recv()).await.expect("a packet comes").expect("open")
        }

        async fn settled(&self, frames: u64) -> LedgerReport {
            let settled = async {
                loop {
                    let report = self.sender.report().frames;
                    if report.sent >= frames && report.is_balanced() {
                        return report;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, settled).await.expect("all frames are settled")
        }
    }

    #[tokio::test]
    async fn packets_of_10_ms_follow_each_other_and_a_gap_is_marked() {
        let mut bench = Bench::new(WireSink::new());
        let mut packets = Vec::new();
        for millis in [0, 20, 500] {
            bench.send(millis);
            packets.push(bench.packet().await);
            packets.push(bench.packet().await);
        }
        let first = packets[0].timestamp;
        let ticks: Vec<u32> = packets.iter().map(|packet| packet.timestamp.wrapping_sub(first)).collect();
        assert_eq!(ticks, [0, 480, 960, 1_440, 24_000, 24_480]);
        let marks: Vec<bool> = packets.iter().map(|packet| packet.marker).collect();
        assert_eq!(marks, [true, false, false, false, true, false]);
        assert!(packets.windows(2).all(|p| p[1].sequence_number == p[0].sequence_number.wrapping_add(1)));
        assert_eq!(bench.settled(3).await.delivered, 3);
    }

    #[tokio::test]
    async fn a_sink_that_waits_costs_the_oldest_sound() {
        let bench = Bench::new(WireSink::held_up());
        (0..20).for_each(|number| bench.send(number * 20));
        bench.sink.permits.add_permits(1_000);
        let report = bench.settled(20).await;
        assert!(report.dropped[&DropReason::QueueFull] >= 15, "{report:?}");
    }

    #[tokio::test]
    async fn sound_that_opus_does_not_know_and_items_that_are_no_sound_are_counted_by_reason() {
        let bench = Bench::new(WireSink::new());
        let feed = bench.sender.feed();
        feed.send(TransportData::new(tone(440.0, 0, 441, 44_100, 2))).expect("open");
        feed.send(TransportData::new(moving_picture(16, 16, 0))).expect("open");
        let report = bench.settled(2).await;
        assert_eq!(report.dropped[&DropReason::NotEncoded], 1);
        assert_eq!(report.dropped[&DropReason::NoTaker], 1);
    }

    #[tokio::test]
    async fn a_bitrate_outside_the_range_is_refused_and_one_within_takes_effect() {
        let mut bench = Bench::new(WireSink::new());
        assert!(bench.sender.set_bitrate(5_999).is_err() && bench.sender.set_bitrate(510_001).is_err());
        let mut sizes = Vec::new();
        for (round, bitrate_bps) in [128_000, 16_000].into_iter().enumerate() {
            bench.sender.set_bitrate(bitrate_bps).expect("in range");
            let mut bytes = 0;
            for step in 0..10 {
                bench.send(round as u64 * 200 + step * 20);
                bytes += bench.packet().await.payload.len() + bench.packet().await.payload.len();
            }
            sizes.push(bytes);
        }
        assert!(sizes[0] > 3 * sizes[1], "{sizes:?} bytes");
    }

    #[tokio::test]
    async fn closing_ends_the_task_even_while_the_sink_waits() {
        let mut bench = Bench::new(WireSink::held_up());
        (0..3).for_each(|number| bench.send(number * 20));
        bench.sender.close(PATIENCE).await.expect("ends");
        let report = bench.sender.report().frames;
        assert!(report.is_balanced() && report.delivered == 0, "{report:?}");
        assert!(bench.sender.feed().send(TransportData::new(tone(440.0, 0, 480, 48_000, 2))).is_err());
    }
}
