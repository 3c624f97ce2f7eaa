//! One incoming video track: packets in, frames out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::{StreamId, TransportData};
use remotemedia_runtime_core::latency::{LatencyHistogram, LatencyReport};
use remotemedia_runtime_core::ledger::{DropReason, Ledger, LedgerReport};
use remotemedia_runtime_core::queue::{QueueSender, queue};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span};

use super::payload_formats::payload_format;
use super::stage_task::{StageTask, now, sleep_until};
use super::stage_thread::StageThread;
use super::video_decoding::{ArrivedPicture, DecodingShared, KeyFrameDesk, VideoDecoding};
use super::video_reorder::{ReorderCounts, VideoReorder, VideoReorderEvent, WholePicture};
use super::{KeyFrameRequester, MediaClock, MediaError, RtpPayloadFormat, RtpSource};
use crate::codec::VideoDecoder;
use crate::rtc::RtpPacket;

/// Receives one video track: a task puts packets in order and joins pictures, a thread decodes them.
/// Dropping it ends both; [`close`](Self::close) waits for that.
#[derive(Debug)]
pub struct VideoReceiver {
    shared: Arc<Shared>,
    cancel: CancellationToken,
    task: StageTask,
    thread: StageThread,
}

/// What a video receiver is made of.
pub struct VideoReceiverParts {
    /// Whose track it is; stamped on every frame.
    pub stream: StreamId,
    /// The packets.
    pub source: Box<dyn RtpSource>,
    /// The decoder; it also says which payload format is expected.
    pub decoder: Box<dyn VideoDecoder>,
    /// The track's clock, of 90 000 Hz.
    pub clock: MediaClock,
    /// Where frames go; a full queue drops its oldest.
    pub output: QueueSender<TransportData>,
    /// Asks the sender for key frames.
    pub key_frames: Arc<dyn KeyFrameRequester>,
}

/// Figures of a video receiver at one moment.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct VideoReceiverReport {
    /// Pictures: sent = delivered + dropped. A picture counts as sent once it is whole or given up.
    pub pictures: LedgerReport,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets that came when their picture was settled.
    pub packets_late: u64,
    /// Key frames asked for.
    pub key_frames_requested: u64,
    /// From a picture's first packet to its last in order.
    pub assembly: LatencyReport,
    /// From there to the decoder.
    pub queue_wait: LatencyReport,
    /// Decoding alone.
    pub decode: LatencyReport,
}

struct Shared {
    decoding: Arc<DecodingShared>,
    assembly: LatencyHistogram,
    packets: Mutex<ReorderCounts>,
    rtt_micros: AtomicU64,
}

impl VideoReceiver {
    /// Starts receiving. Call it within a Tokio runtime.
    ///
    /// # Errors
    /// [`MediaError::Thread`] if the system gives no thread.
    pub fn spawn(parts: VideoReceiverParts) -> Result<Self, MediaError> {
        let VideoReceiverParts { stream, source, decoder, clock, output, key_frames } = parts;
        let ledger = Arc::new(Ledger::default());
        let (pictures, decoder_end) = queue(ASSEMBLY_TO_DECODER_PICTURES, ledger.clone());
        let decoding = Arc::new(DecodingShared {
            ledger,
            key_frames: KeyFrameDesk::new(key_frames),
            queue_wait: LatencyHistogram::new(),
            decode: LatencyHistogram::new(),
            closing: false.into(),
        });
        let format = payload_format(decoder.codec());
        let thread = VideoDecoding {
            stream: stream.clone(),
            pictures: decoder_end,
            decoder,
            output,
            shared: decoding.clone(),
            next_sequence: 0,
        };
        let thread = StageThread::spawn(format!("vdec {stream}"), move || thread.run())?;
        let shared = Arc::new(Shared {
            decoding,
            assembly: LatencyHistogram::new(),
            packets: Mutex::default(),
            rtt_micros: AtomicU64::new(0),
        });
        let cancel = CancellationToken::new();
        let actor = VideoReceiverActor {
            source,
            format,
            clock,
            reorder: VideoReorder::new(),
            pictures,
            next_sequence: 0,
            shared: shared.clone(),
            cancel: cancel.clone(),
        };
        let run = actor.run().instrument(debug_span!("video_receiver", %stream));
        let task = StageTask::spawn(format!("video receiver {stream}"), run);
        Ok(Self { shared, cancel, task, thread })
    }

    /// Says how long a packet and its answer take, so that repairs are waited for long enough.
    pub fn set_rtt(&self, rtt: Duration) {
        let micros = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        self.shared.rtt_micros.store(micros, Ordering::Relaxed);
    }

    /// Returns the figures at this moment.
    pub fn report(&self) -> VideoReceiverReport {
        let Shared { decoding, assembly, packets, .. } = &*self.shared;
        let packets = *packets.lock().unwrap_or_else(PoisonError::into_inner);
        VideoReceiverReport {
            pictures: decoding.ledger.report(),
            packets_duplicate: packets.duplicates,
            packets_late: packets.late,
            key_frames_requested: decoding.key_frames.requested(),
            assembly: assembly.report(),
            queue_wait: decoding.queue_wait.report(),
            decode: decoding.decode.report(),
        }
    }

    /// Ends the task and the thread and waits for both; pictures under way are dropped and counted. A
    /// second call after success returns at once. Cancel safe.
    ///
    /// # Errors
    /// [`MediaError::StillRunning`] or [`MediaError::Panicked`] names who did not end well.
    pub async fn close(&mut self, within: Duration) -> Result<(), MediaError> {
        self.stop();
        self.task.join_within(within).await?;
        self.thread.join_within(within).await
    }

    fn stop(&self) {
        self.shared.decoding.closing.store(true, Ordering::Release);
        self.cancel.cancel();
    }
}

impl Drop for VideoReceiver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Owns the way from packets to whole pictures.
struct VideoReceiverActor {
    source: Box<dyn RtpSource>,
    format: Box<dyn RtpPayloadFormat>,
    clock: MediaClock,
    reorder: VideoReorder,
    pictures: QueueSender<ArrivedPicture>,
    next_sequence: u64,
    shared: Arc<Shared>,
    cancel: CancellationToken,
}

impl VideoReceiverActor {
    async fn run(mut self) {
        let cancel = self.cancel.clone();
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                packet = self.source.recv() => match packet {
                    Some(packet) => self.take(packet),
                    None => break,
                },
                () = self.shared.decoding.key_frames.opened() => {}
                () = sleep_until(deadline) => {}
            }
            self.settle();
            // A flood of packets is always ready: the other tasks of this thread get their turn.
            tokio::task::coop::consume_budget().await;
        }
        self.finish();
    }

    fn next_deadline(&self) -> Option<Instant> {
        let asking = self.shared.decoding.key_frames.next_deadline();
        [self.reorder.next_deadline(), asking].into_iter().flatten().min()
    }

    fn take(&mut self, packet: RtpPacket) {
        let now = now();
        if let Some(report) = self.source.sender_report() {
            self.clock.follow(report);
        }
        let starts_picture = self.format.starts_picture(&packet.payload);
        self.reorder.push(packet, starts_picture, now);
        *self.shared.packets.lock().unwrap_or_else(PoisonError::into_inner) = self.reorder.counts();
    }

    fn settle(&mut self) {
        let now = now();
        self.reorder.set_rtt(Duration::from_micros(self.shared.rtt_micros.load(Ordering::Relaxed)));
        while let Some(event) = self.reorder.poll(now) {
            match event {
                VideoReorderEvent::Picture(picture) => self.hand_over(picture, now),
                VideoReorderEvent::Lost(pictures) => {
                    debug!(pictures, "pictures lost");
                    self.drop_pictures(pictures, DropReason::LostInNetwork);
                    self.shared.decoding.key_frames.open(now);
                }
            }
        }
        self.shared.decoding.key_frames.ask(now);
    }

    fn hand_over(&mut self, picture: WholePicture, now: Instant) {
        self.shared.assembly.record(now.saturating_duration_since(picture.first_arrived));
        let joined = self.format.join(&mut picture.packets.iter().map(|packet| &packet.payload[..]));
        let timestamp = picture.packets.first().map_or(0, |packet| packet.timestamp);
        match joined {
            Ok(bitstream) => {
                let arrived = ArrivedPicture {
                    bitstream,
                    sequence: self.next_sequence,
                    media_time: self.clock.media_time_from_rtp(timestamp, picture.first_arrived),
                    entered: picture.first_arrived,
                    queued: Instant::now(),
                };
                self.next_sequence += 1;
                // Closed: the thread is gone, and the queue has counted the picture.
                self.pictures.push(arrived).ok();
            }
            Err(error) => {
                debug!(%error, "picture not joined");
                self.drop_pictures(1, DropReason::NotDecoded);
                self.shared.decoding.key_frames.open(now);
            }
        }
    }

    fn drop_pictures(&mut self, pictures: u64, reason: DropReason) {
        (0..pictures).for_each(|_| self.shared.decoding.ledger.count_sent());
        self.shared.decoding.ledger.count_dropped(reason, pictures);
        self.next_sequence += pictures;
    }

    fn finish(&mut self) {
        let left = self.reorder.drain();
        self.drop_pictures(left, DropReason::Closed);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Assembly → decoder. Whole pictures; full → oldest dropped, counted, and a key frame asked for. Sixteen
/// are what a repaired gap of 250 ms releases at 60 pictures a second; the decoder takes 1 to 4 ms each.
const ASSEMBLY_TO_DECODER_PICTURES: usize = 16;

#[cfg(test)]
mod tests;
