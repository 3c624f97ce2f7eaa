//! The session's output: what its open outputs gave out and its user has not taken yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::feed::{Delivery, Feed, Lanes};
use super::plan::FeedPlan;
use super::stage::Refusal;
use super::{DRAIN_CAPACITY, MAX_STREAMS};
use crate::data::{StreamId, TransportData};
use crate::latency::LatencyHistogram;
use crate::ledger::Ledger;
use crate::queue::{QueueReceiver, QueueSender, queue};

/// The giving end of the session's output.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) feeds: Arc<[Feed]>,
    /// From an item's entry into the process until the user took what was made of it.
    pub(super) latency: Arc<LatencyHistogram>,
    sender: QueueSender<Delivery>,
    streams: Mutex<HashMap<Option<StreamId>, Arc<Lanes>>>,
}

/// The taking end of the session's output. Dropping it drops what waits, and all that comes.
#[derive(Debug)]
pub struct OutputReceiver {
    receiver: QueueReceiver<Delivery>,
    feeds: Arc<[Feed]>,
    latency: Arc<LatencyHistogram>,
}

impl Outlet {
    pub(super) fn new(plan: &[FeedPlan], ledgers: &[Arc<Ledger>]) -> (Self, OutputReceiver) {
        // Nothing waits in this lane: it is what the streams' lanes are added to.
        let (sender, receiver) = queue(1, Arc::default());
        let feeds: Arc<[Feed]> = plan.iter().map(|feed| Feed::new(feed, ledgers)).collect();
        let latency = Arc::new(LatencyHistogram::new());
        let output = OutputReceiver { receiver, feeds: feeds.clone(), latency: latency.clone() };
        (Self { feeds, latency, sender, streams: Mutex::default() }, output)
    }

    /// Returns the lanes for items of a stream.
    pub(super) fn lanes(&self, stream: &Option<StreamId>) -> Result<Arc<Lanes>, Refusal> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = streams.get(stream) {
            return Ok(lanes.clone());
        }
        if streams.len() >= MAX_STREAMS {
            return Err(Refusal::TooManyStreams);
        }
        let lanes = Arc::new(Lanes::new(self.sender.clone(), self.feeds.len()));
        streams.insert(stream.clone(), lanes.clone());
        Ok(lanes)
    }

    /// Forgets a stream; what waits of it can still be taken.
    pub(super) fn forget(&self, stream: &Option<StreamId>) {
        let lanes = self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
        drop(lanes);
    }

    /// Makes room for what is under way when the session begins to close.
    pub(super) fn widen(&self) {
        self.sender.widen(DRAIN_CAPACITY);
    }

    /// Takes no more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.sender.close();
    }
}

impl OutputReceiver {
    /// Waits for the next output; `None`: the session is closed and all its outputs are taken. Cancel safe.
    pub async fn recv(&mut self) -> Option<TransportData> {
        loop {
            let delivery = self.receiver.recv().await?;
            if let Some(item) = self.taken(delivery) {
                return Some(item);
            }
        }
    }

    /// Takes the next output if there is one.
    pub fn try_recv(&mut self) -> Option<TransportData> {
        let delivery = self.receiver.try_recv()?;
        self.taken(delivery)
    }

    fn taken(&self, delivery: Delivery) -> Option<TransportData> {
        let Delivery::Item { feed, item, .. } = delivery else { return None };
        self.feeds[feed].ledger.count_delivered();
        self.latency.record(item.entered.elapsed());
        Some(item)
    }
}
