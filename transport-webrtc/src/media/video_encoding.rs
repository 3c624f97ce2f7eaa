//! The thread of a video sender: frames in, packets out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use remotemedia_runtime_core::data::{RuntimeData, VideoFrame};
use remotemedia_runtime_core::latency::LatencyHistogram;
use remotemedia_runtime_core::ledger::{DropReason, Ledger};
use remotemedia_runtime_core::queue::QueueReceiver;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::key_frames::KeyFrameDemand;
use super::media_feed::QueuedItem;
use super::rtp_stamp::RtpStamp;
use super::{MAX_RTP_PAYLOAD, MediaFeed, RtpPayloadFormat, RtpSink};
use crate::codec::{EncodeError, EncodedFrame, VideoEncoder};

/// Takes frames out of the queue until it ends.
pub(super) struct VideoEncoding {
    pub(super) frames: QueueReceiver<QueuedItem>,
    pub(super) feed: MediaFeed,
    pub(super) encoder: Box<dyn VideoEncoder>,
    pub(super) format: Box<dyn RtpPayloadFormat>,
    pub(super) stamp: RtpStamp,
    pub(super) sink: Arc<dyn RtpSink>,
    pub(super) demand: KeyFrameDemand,
    pub(super) payloads: Vec<Bytes>,
    pub(super) last_error: Option<EncodeError>,
    pub(super) runtime: Handle,
    pub(super) shared: Arc<EncodingShared>,
}

/// What the thread and the handle of a video sender share.
#[derive(Debug)]
pub(super) struct EncodingShared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) cancel: CancellationToken,
    pub(super) key_frame_requested: AtomicBool,
    /// Bitrate to change to; 0: none.
    pub(super) next_bitrate_bps: AtomicU32,
    pub(super) bitrate_bps: AtomicU32,
    pub(super) key_frames_made: AtomicU64,
    pub(super) packets_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) queue_wait: LatencyHistogram,
    pub(super) encode: LatencyHistogram,
    pub(super) hand_over: LatencyHistogram,
}

impl VideoEncoding {
    /// Runs on a thread of its own.
    pub(super) fn run(mut self) {
        while let Some(queued) = self.frames.recv_blocking() {
            self.shared.queue_wait.record(queued.queued.elapsed());
            match self.take(&queued) {
                Ok(()) => self.shared.ledger.count_delivered(),
                Err(reason) => self.shared.ledger.count_dropped(reason, 1),
            }
        }
    }

    fn take(&mut self, queued: &QueuedItem) -> Result<(), DropReason> {
        if self.shared.cancel.is_cancelled() {
            return Err(DropReason::Closed);
        }
        let RuntimeData::Video(frame) = &queued.item.data else { return Err(DropReason::NoTaker) };
        if !self.sink.is_ready() {
            self.demand.open();
            return Err(DropReason::NotConnected);
        }
        let encoded = self.encode(frame, queued).ok_or(DropReason::NotEncoded)?;
        self.packetize(&encoded).ok_or(DropReason::NotEncoded)?;
        let timestamp = self.stamp.timestamp(encoded.media_time);
        let begun = Instant::now();
        let sent = self.send(timestamp);
        self.shared.hand_over.record(begun.elapsed());
        sent
    }

    fn encode(&mut self, frame: &VideoFrame, queued: &QueuedItem) -> Option<EncodedFrame> {
        let begun = Instant::now();
        if self.shared.key_frame_requested.swap(false, Ordering::AcqRel) {
            self.demand.open();
        }
        let bitrate_bps = self.shared.next_bitrate_bps.swap(0, Ordering::AcqRel);
        if bitrate_bps > 0
            && let Err(error) = self.encoder.set_bitrate(bitrate_bps)
        {
            warn!(bitrate_bps, %error, "bitrate not changed");
        }
        let encoded = self.encoder.encode(frame, queued.item.media_time, self.demand.is_due(begun));
        self.shared.encode.record(begun.elapsed());
        self.shared.bitrate_bps.store(self.encoder.bitrate_bps().unwrap_or(0), Ordering::Relaxed);
        match encoded {
            Ok(encoded) => {
                self.last_error = None;
                let encoded = encoded?;
                if encoded.key_frame {
                    self.demand.made(begun);
                    self.shared.key_frames_made.fetch_add(1, Ordering::Relaxed);
                }
                Some(encoded)
            }
            Err(error) => {
                // The same fault comes with every frame: once is enough for the log.
                if self.last_error.as_ref() != Some(&error) {
                    warn!(%error, "picture not encoded");
                }
                self.last_error = Some(error);
                None
            }
        }
    }

    fn packetize(&mut self, encoded: &EncodedFrame) -> Option<()> {
        self.payloads.clear();
        let split = self.format.split(&encoded.bitstream, MAX_RTP_PAYLOAD, &mut self.payloads);
        // Later pictures build on the one that is not sent.
        split
            .inspect_err(|_| self.demand.open())
            .inspect_err(|error| warn!(%error, "picture not packetized"))
            .ok()
    }

    /// Gives the payloads to the sink. Waits while the sink does: frames are dropped from the queue then,
    /// before they are encoded.
    fn send(&mut self, timestamp: u32) -> Result<(), DropReason> {
        let Self { payloads, stamp, sink, runtime, shared, .. } = self;
        let last = payloads.len().saturating_sub(1);
        let (mut packets, mut bytes) = (0, 0);
        let sent = runtime.block_on(async {
            for (at, payload) in payloads.drain(..).enumerate() {
                let len = payload.len() as u64;
                let packet = stamp.packet(timestamp, at == last, payload);
                tokio::select! {
                    biased;
                    () = shared.cancel.cancelled() => return Err(DropReason::Closed),
                    sent = sink.send(packet) => sent.map_err(|_| DropReason::NotConnected)?,
                }
                packets += 1;
                bytes += len;
            }
            Ok(())
        });
        shared.packets_sent.fetch_add(packets, Ordering::Relaxed);
        shared.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
        if sent == Err(DropReason::NotConnected) {
            debug!("sink closed");
            self.feed.close();
            self.shared.cancel.cancel();
        }
        sent
    }
}
