//! The way of frames into a sender.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use remotemedia_runtime_core::data::TransportData;
use remotemedia_runtime_core::ledger::{DropReason, Ledger};
use remotemedia_runtime_core::queue::{QueueClosed, QueueReceiver, QueueSender, queue};

/// Puts frames into a sender's queue; a full queue drops its oldest. Clones share the queue, and none of
/// them keeps the sender alive.
#[derive(Debug, Clone)]
pub struct MediaFeed {
    queue: Arc<Mutex<Option<QueueSender<QueuedItem>>>>,
    ledger: Arc<Ledger>,
}

/// A frame and when it was queued.
#[derive(Debug)]
pub(super) struct QueuedItem {
    pub(super) item: TransportData,
    pub(super) queued: Instant,
}

impl MediaFeed {
    pub(super) fn new(capacity: usize, ledger: Arc<Ledger>) -> (Self, QueueReceiver<QueuedItem>) {
        let (sender, receiver) = queue(capacity, ledger.clone());
        (Self { queue: Arc::new(Mutex::new(Some(sender))), ledger }, receiver)
    }

    /// Hands a frame over. Never waits.
    ///
    /// # Errors
    /// [`QueueClosed`] if the sender is closed; the frame is counted as dropped.
    pub fn send(&self, item: TransportData) -> Result<(), QueueClosed> {
        let item = QueuedItem { item, queued: Instant::now() };
        match &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(queue) => queue.push(item),
            None => {
                self.ledger.count_sent();
                self.ledger.count_dropped(DropReason::Closed, 1);
                Err(QueueClosed)
            }
        }
    }

    /// Ends the queue for all clones.
    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
