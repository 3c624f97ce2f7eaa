//! A stage's hold on one of its instances.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::NodeFault;
use super::feed::Delivery;
use super::settlement::Settlement;
use crate::data::StreamId;
use crate::queue::QueueSender;

/// A stage's hold on one of its instances.
#[derive(Debug)]
pub(super) struct InstanceHandle {
    /// The stream it serves; `None`: all, or the session's own user.
    pub(super) stream: Option<StreamId>,
    /// Control lane of its queue; closing it ends the instance once the queue is empty.
    pub(super) control: QueueSender<Delivery>,
    pub(super) settlement: Arc<Settlement>,
    /// Cancelled by the instance when it ends, whatever the way.
    pub(super) ended: CancellationToken,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
}

impl InstanceHandle {
    /// Drops what waits and ends the instance after the item that it is at work on.
    pub(super) fn abort(&self) {
        self.settlement.hurry();
        self.control.abort();
    }

    /// Gives the instance new params, past all that waits, and waits for its answer. An instance that ends
    /// needs no params, and agrees.
    ///
    /// Cancel safety: of a cancelled call the instance takes nothing, unless it was just about to answer.
    pub(super) async fn reconfigure(&self, params: Arc<Value>) -> Result<(), NodeFault> {
        let (reply, answer) = oneshot::channel();
        if self.control.send_urgent(Delivery::Reconfigure { params, reply }).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }

    /// Whether the instance has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until the instance has ended and its thread is gone; `false`: it had not by `deadline`.
    pub(super) async fn ended_by(&self, deadline: Instant) -> bool {
        if timeout_at(deadline, self.ended.cancelled()).await.is_err() {
            return false;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The instance has ended: the thread has nothing left to do, and the join takes microseconds.
            // A panic that is none of the node's was told by the panic hook.
            thread.join().ok();
        }
        true
    }
}
