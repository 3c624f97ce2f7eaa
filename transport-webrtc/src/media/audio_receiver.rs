//! One incoming audio track: packets in, sound out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use remotemedia_runtime_core::data::{AudioFrame, MediaTime, StreamId, TransportData};
use remotemedia_runtime_core::latency::{LatencyHistogram, LatencyReport};
use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use remotemedia_runtime_core::queue::QueueSender;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span};

use super::audio_reorder::{AudioReorder, AudioReorderEvent};
use super::stage_task::{StageTask, now, sleep_until};
use super::video_reorder::ReorderCounts;
use super::{MediaClock, MediaError, RtpSource};
use crate::codec::{AudioDecoder, AudioPacket};
use crate::rtc::RtpPacket;

/// Receives one audio track: a task puts packets in order and decodes them (some 20 µs each). Dropping it
/// ends the task; [`close`](Self::close) waits for that.
#[derive(Debug)]
pub struct AudioReceiver {
    shared: Arc<Shared>,
    cancel: CancellationToken,
    task: StageTask,
}

/// What an audio receiver is made of.
pub struct AudioReceiverParts {
    /// Whose track it is; stamped on every frame.
    pub stream: StreamId,
    /// The packets.
    pub source: Box<dyn RtpSource>,
    /// The decoder.
    pub decoder: Box<dyn AudioDecoder>,
    /// The track's clock, of 48 000 Hz.
    pub clock: MediaClock,
    /// Where sound goes; a full queue drops its oldest.
    pub output: QueueSender<TransportData>,
}

/// Figures of an audio receiver at one moment.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct AudioReceiverReport {
    /// Packets: sent = delivered + dropped. A packet counts as sent once it is decoded or given up.
    pub packets: LedgerReport,
    /// Frames given out in place of packets that were lost or corrupt.
    pub frames_concealed: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets that came when they had been concealed.
    pub packets_late: u64,
    /// From a packet's arrival to its turn.
    pub reorder_wait: LatencyReport,
    /// Decoding alone.
    pub decode: LatencyReport,
}

#[derive(Debug, Default)]
struct Shared {
    ledger: Ledger,
    concealed: AtomicU64,
    packets: Mutex<ReorderCounts>,
    reorder_wait: LatencyHistogram,
    decode: LatencyHistogram,
}

impl AudioReceiver {
    /// Starts receiving. Call it within a Tokio runtime.
    pub fn spawn(parts: AudioReceiverParts) -> Self {
        let AudioReceiverParts { stream, source, decoder, clock, output } = parts;
        let shared = Arc::new(Shared::default());
        let cancel = CancellationToken::new();
        let span = debug_span!("audio_receiver", %stream);
        let name = format!("audio receiver {stream}");
        let actor = AudioReceiverActor {
            stream,
            source,
            decoder,
            clock,
            output,
            reorder: AudioReorder::default(),
            next_sequence: 0,
            end: MediaTime::ZERO,
            shared: shared.clone(),
            cancel: cancel.clone(),
        };
        Self { shared, cancel, task: StageTask::spawn(name, actor.run().instrument(span)) }
    }

    /// Returns the figures at this moment.
    pub fn report(&self) -> AudioReceiverReport {
        let shared = &*self.shared;
        let packets = *shared.packets.lock().unwrap_or_else(PoisonError::into_inner);
        AudioReceiverReport {
            packets: shared.ledger.report(),
            frames_concealed: shared.concealed.load(Ordering::Relaxed),
            packets_duplicate: packets.duplicates,
            packets_late: packets.late,
            reorder_wait: shared.reorder_wait.report(),
            decode: shared.decode.report(),
        }
    }

    /// Ends the task and waits for it; packets that wait are dropped and counted. A second call after
    /// success returns at once. Cancel safe.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] if it does not end in time, [`MediaError::Panicked`] if it panicked.
    pub async fn close(&mut self, within: Duration) -> Result<(), MediaError> {
        self.cancel.cancel();
        self.task.join_within(within).await
    }
}

impl Drop for AudioReceiver {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Owns the way from packets to sound.
struct AudioReceiverActor {
    stream: StreamId,
    source: Box<dyn RtpSource>,
    decoder: Box<dyn AudioDecoder>,
    clock: MediaClock,
    output: QueueSender<TransportData>,
    reorder: AudioReorder,
    next_sequence: u64,
    /// Where the sound given out so far ends.
    end: MediaTime,
    shared: Arc<Shared>,
    cancel: CancellationToken,
}

impl AudioReceiverActor {
    async fn run(mut self) {
        let cancel = self.cancel.clone();
        loop {
            let deadline = self.reorder.next_deadline();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                packet = self.source.recv() => match packet {
                    Some(packet) => self.take(packet),
                    None => break,
                },
                () = sleep_until(deadline) => {}
            }
            self.settle();
            // A flood of packets is always ready: the other tasks of this thread get their turn.
            tokio::task::coop::consume_budget().await;
        }
        let left = self.reorder.drain();
        self.count_dropped(left, DropReason::Closed);
    }

    fn take(&mut self, packet: RtpPacket) {
        if let Some(report) = self.source.sender_report() {
            self.clock.follow(report);
        }
        self.reorder.push(packet, now());
        *self.shared.packets.lock().unwrap_or_else(PoisonError::into_inner) = self.reorder.counts();
    }

    fn settle(&mut self) {
        let now = now();
        while let Some(event) = self.reorder.poll(now) {
            match event {
                AudioReorderEvent::Packet(packet, arrived) => {
                    self.shared.reorder_wait.record(now.saturating_duration_since(arrived));
                    self.play(&packet, arrived);
                }
                AudioReorderEvent::Lost { following } => {
                    self.count_dropped(1, DropReason::LostInNetwork);
                    self.conceal(following, now);
                }
                AudioReorderEvent::Gap { packets } => {
                    self.count_dropped(packets, DropReason::LostInNetwork);
                    self.next_sequence += packets;
                }
            }
        }
    }

    fn play(&mut self, packet: &RtpPacket, arrived: Instant) {
        let media_time = self.clock.media_time_from_rtp(packet.timestamp, arrived);
        match self.decode(AudioPacket::Received(&packet.payload)) {
            Some(frame) => {
                self.shared.ledger.count_sent();
                match self.give_out(frame, media_time, arrived) {
                    true => self.shared.ledger.count_delivered(),
                    false => self.shared.ledger.count_dropped(DropReason::Closed, 1),
                }
            }
            None => {
                self.count_dropped(1, DropReason::NotDecoded);
                self.end = media_time;
                self.conceal(None, arrived);
            }
        }
    }

    fn conceal(&mut self, following: Option<Bytes>, entered: Instant) {
        let packet = following.as_deref().map_or(AudioPacket::Lost, AudioPacket::LostBefore);
        if let Some(frame) = self.decode(packet) {
            self.shared.concealed.fetch_add(1, Ordering::Relaxed);
            self.give_out(frame, self.end, entered);
        }
    }

    fn decode(&mut self, packet: AudioPacket<'_>) -> Option<AudioFrame> {
        let begun = Instant::now();
        let decoded = self.decoder.decode(packet);
        self.shared.decode.record(begun.elapsed());
        decoded.inspect_err(|error| debug!(%error, "packet not decoded")).ok()
    }

    /// Returns whether somebody takes it.
    fn give_out(&mut self, frame: AudioFrame, media_time: MediaTime, entered: Instant) -> bool {
        self.end = media_time + frame.duration();
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let source = Some(self.stream.clone());
        let item = TransportData { sequence, source, media_time, entered, ..TransportData::new(frame) };
        self.output.push(item).is_ok()
    }

    fn count_dropped(&self, packets: u64, reason: DropReason) {
        (0..packets).for_each(|_| self.shared.ledger.count_sent());
        self.shared.ledger.count_dropped(reason, packets);
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::RuntimeData;
    use remotemedia_runtime_core::queue::{QueueReceiver, queue};
    use tokio::sync::mpsc::UnboundedSender;

    use super::super::PeerTimeline;
    use super::super::rtp_stamp::RtpStamp;
    use super::super::test_wire::{PATIENCE, WireSource, codecs, stream};
    use super::*;
    use crate::codec::test_picture::{share_at, tone};
    use crate::codec::{AudioCodec, AudioDecoderSettings, AudioEncoderSettings};

    struct Bench {
        receiver: AudioReceiver,
        wire: UnboundedSender<RtpPacket>,
        sound: QueueReceiver<TransportData>,
    }

    impl Bench {
        fn new() -> Self {
            let (wire, source) = WireSource::new();
            let (output, sound) = queue(1_000, Arc::default());
            let decoder = codecs().audio_decoder(AudioCodec::Opus, AudioDecoderSettings::default());
            let receiver = AudioReceiver::spawn(AudioReceiverParts {
                stream: stream(),
                source,
                decoder: decoder.expect("starts"),
                clock: MediaClock::new(48_000, PeerTimeline::new(Instant::now())),
                output,
            });
            Self { receiver, wire, sound }
        }

        fn send<'a>(&self, packets: impl IntoIterator<Item = &'a RtpPacket>) {
            packets.into_iter().for_each(|packet| self.wire.send(packet.clone()).expect("open"));
        }

        async fn frames(&mut self, count: usize) -> Vec<TransportData> {
            let mut frames = Vec::new();
            while frames.len() < count {
                let frame = tokio::time::timeout(PATIENCE, self.sound.recv()).await;
                frames.push(frame.expect("sound comes").expect("open"));
            }
            frames
        }
    }

    /// A tone of 440 Hz in packets of 10 ms.
    fn packets(count: usize) -> Vec<RtpPacket> {
        let mut encoder =
            codecs().audio_encoder(AudioCodec::Opus, AudioEncoderSettings::default()).expect("in range");
        let mut encoded = Vec::new();
        let sound = tone(440.0, 0, count * 480, 48_000, 2);
        encoder.encode(&sound, MediaTime::ZERO, &mut encoded).expect("stereo");
        let mut stamp = RtpStamp::new(48_000, 480);
        let mut stamped = |packet: crate::codec::EncodedPacket| {
            let timestamp = stamp.timestamp(packet.media_time);
            stamp.packet(timestamp, false, packet.payload)
        };
        encoded.into_iter().map(&mut stamped).collect()
    }

    fn samples(frames: &[TransportData]) -> Vec<f32> {
        let samples = frames.iter().flat_map(|item| match &item.data {
            RuntimeData::Audio(frame) => frame.samples().to_vec(),
            other => panic!("{} instead of sound", other.kind()),
        });
        samples.collect()
    }

    fn assert_continuous(frames: &[TransportData]) {
        for pair in frames.windows(2) {
            let step = pair[1].media_time.saturating_since(pair[0].media_time);
            assert!(step.as_micros().abs_diff(10_000) <= 1, "{step:?}");
            assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tone_comes_out_as_that_tone_without_a_gap_in_time() {
        let mut bench = Bench::new();
        bench.send(&packets(50));
        let frames = bench.frames(50).await;
        assert!(share_at(&samples(&frames)[4_800..], 2, 440.0, 48_000) > 0.95);
        assert_continuous(&frames);
        let report = bench.receiver.report();
        assert_eq!((report.packets.delivered, report.frames_concealed), (50, 0));
        assert_eq!(frames[0].source, Some(stream()));
    }

    #[tokio::test(start_paused = true)]
    async fn lost_packets_are_concealed_and_the_tone_and_its_time_go_on() {
        let mut bench = Bench::new();
        let sent = packets(50);
        bench.send(sent.iter().enumerate().filter(|(at, _)| !matches!(at, 20 | 31 | 32)).map(|(_, p)| p));
        let frames = bench.frames(50).await;
        assert!(share_at(&samples(&frames)[4_800..], 2, 440.0, 48_000) > 0.9);
        assert_continuous(&frames);
        let report = bench.receiver.report();
        assert_eq!(report.packets.dropped[&DropReason::LostInNetwork], 3);
        assert_eq!((report.packets.delivered, report.frames_concealed), (47, 3));
        assert!(report.packets.is_balanced());
    }

    #[tokio::test(start_paused = true)]
    async fn swapped_and_repeated_packets_make_no_difference() {
        let mut bench = Bench::new();
        let mut sent = packets(30);
        (2..30).step_by(5).for_each(|at| sent.swap(at - 1, at));
        bench.send(sent.iter().flat_map(|packet| [packet, packet]));
        let frames = bench.frames(30).await;
        assert_continuous(&frames);
        assert_eq!(bench.receiver.report().frames_concealed, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_gap_is_not_concealed_but_time_goes_on() {
        let mut bench = Bench::new();
        let sent = packets(60);
        bench.send(sent[..10].iter().chain(&sent[50..]));
        let frames = bench.frames(20).await;
        let step = frames[10].media_time.saturating_since(frames[9].media_time);
        assert_eq!(step.as_millis(), 410);
        assert_eq!(frames[10].sequence, frames[9].sequence + 41);
        assert_eq!(bench.receiver.report().packets.dropped[&DropReason::LostInNetwork], 40);
    }

    #[tokio::test(start_paused = true)]
    async fn packets_that_are_no_opus_are_concealed_and_counted() {
        let mut bench = Bench::new();
        let mut sent = packets(20);
        sent[9].payload = Bytes::from_static(&[0xff, 63]);
        sent[12].payload = Bytes::new();
        bench.send(&sent);
        assert_continuous(&bench.frames(20).await);
        let report = bench.receiver.report();
        assert_eq!(report.packets.dropped[&DropReason::NotDecoded], 2);
        assert_eq!(report.frames_concealed, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_the_task_and_accounts_for_what_waits() {
        let mut bench = Bench::new();
        let sent = packets(4);
        bench.send(sent[..1].iter().chain(&sent[2..]));
        bench.frames(1).await;
        bench.receiver.close(PATIENCE).await.expect("ends");
        assert!(bench.receiver.report().packets.is_balanced());
        assert!(bench.wire.is_closed());
        while bench.sound.recv().await.is_some() {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_receiver_ends_its_task() {
        let Bench { receiver, wire, mut sound } = Bench::new();
        drop(receiver);
        let end = tokio::time::timeout(PATIENCE, async {
            wire.closed().await;
            sound.recv().await
        });
        assert!(end.await.expect("ends").is_none());
    }
}
