//! The thread of a video receiver: encoded pictures in, frames out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use remotemedia_runtime_core::data::{MediaTime, StreamId, TransportData, VideoFrame};
use remotemedia_runtime_core::latency::LatencyHistogram;
use remotemedia_runtime_core::ledger::{DropReason, Ledger};
use remotemedia_runtime_core::queue::{QueueReceiver, QueueSender};
use tokio::sync::Notify;
use tracing::{debug, trace};

use super::KeyFrameRequester;
use super::key_frames::KeyFrameWish;
use crate::codec::{DecodeError, VideoDecoder};

/// A whole encoded picture on its way to the decoder.
#[derive(Debug)]
pub(super) struct ArrivedPicture {
    pub(super) bitstream: Bytes,
    /// Position among all pictures of the track, the lost ones included.
    pub(super) sequence: u64,
    pub(super) media_time: MediaTime,
    /// When its first packet arrived.
    pub(super) entered: Instant,
    /// When it was queued for the decoder.
    pub(super) queued: Instant,
}

/// Takes pictures out of the queue until it ends.
pub(super) struct VideoDecoding {
    pub(super) stream: StreamId,
    pub(super) pictures: QueueReceiver<ArrivedPicture>,
    pub(super) decoder: Box<dyn VideoDecoder>,
    pub(super) output: QueueSender<TransportData>,
    pub(super) shared: Arc<DecodingShared>,
    pub(super) next_sequence: u64,
}

/// What the thread, the task and the handle of a video receiver share.
pub(super) struct DecodingShared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) key_frames: KeyFrameDesk,
    pub(super) queue_wait: LatencyHistogram,
    pub(super) decode: LatencyHistogram,
    pub(super) closing: AtomicBool,
}

/// Asks for key frames on behalf of the task and the thread.
pub(super) struct KeyFrameDesk {
    wish: Mutex<KeyFrameWish>,
    requester: Arc<dyn KeyFrameRequester>,
    requested: AtomicU64,
    opened: Notify,
}

impl VideoDecoding {
    /// Runs on a thread of its own.
    pub(super) fn run(mut self) {
        while let Some(picture) = self.pictures.recv_blocking() {
            if self.shared.closing.load(Ordering::Acquire) {
                self.shared.ledger.count_dropped(DropReason::Closed, 1);
                continue;
            }
            self.shared.queue_wait.record(picture.queued.elapsed());
            if picture.sequence != self.next_sequence {
                // Lost on the network or dropped from the queue: later pictures may build on it.
                self.decoder.expect_key_frame();
                self.shared.key_frames.open(Instant::now());
            }
            self.next_sequence = picture.sequence + 1;
            let decoded = self.decode(&picture);
            self.settle(picture, decoded);
        }
    }

    fn decode(&mut self, picture: &ArrivedPicture) -> Result<Option<VideoFrame>, DecodeError> {
        let begun = Instant::now();
        let decoded = self.decoder.decode(&picture.bitstream);
        self.shared.decode.record(begun.elapsed());
        decoded
    }

    fn settle(&mut self, picture: ArrivedPicture, decoded: Result<Option<VideoFrame>, DecodeError>) {
        let ledger = &self.shared.ledger;
        match decoded {
            Ok(Some(frame)) => {
                self.shared.key_frames.fulfil();
                let item = TransportData {
                    sequence: picture.sequence,
                    source: Some(self.stream.clone()),
                    media_time: picture.media_time,
                    entered: picture.entered,
                    ..TransportData::new(frame)
                };
                match self.output.push(item) {
                    Ok(()) => ledger.count_delivered(),
                    Err(_) => ledger.count_dropped(DropReason::Closed, 1),
                }
            }
            Ok(None) => {
                trace!(stream = %self.stream, sequence = picture.sequence, "no picture in it");
                ledger.count_dropped(DropReason::NotDecoded, 1);
            }
            Err(error) => {
                debug!(stream = %self.stream, sequence = picture.sequence, %error, "picture not decoded");
                ledger.count_dropped(DropReason::NotDecoded, 1);
                if error.needs_key_frame() {
                    self.shared.key_frames.open(Instant::now());
                }
            }
        }
    }
}

impl KeyFrameDesk {
    pub(super) fn new(requester: Arc<dyn KeyFrameRequester>) -> Self {
        let (wish, requested) = (Mutex::default(), AtomicU64::new(0));
        Self { wish, requester, requested, opened: Notify::new() }
    }

    /// Asks now unless it was asked lately.
    pub(super) fn open(&self, now: Instant) {
        let due = self.wish().open(now);
        self.request_if(due);
        self.opened.notify_one();
    }

    /// Asks again if it is time to.
    pub(super) fn ask(&self, now: Instant) {
        let due = self.wish().ask(now);
        self.request_if(due);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.wish().next_deadline()
    }

    /// Waits until a wish was opened. Cancel safe.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    pub(super) fn requested(&self) -> u64 {
        self.requested.load(Ordering::Relaxed)
    }

    fn fulfil(&self) {
        self.wish().fulfil();
    }

    fn wish(&self) -> MutexGuard<'_, KeyFrameWish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request_if(&self, due: bool) {
        if due {
            self.requested.fetch_add(1, Ordering::Relaxed);
            self.requester.request_key_frame();
        }
    }
}
