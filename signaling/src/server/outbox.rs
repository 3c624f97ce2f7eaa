//! The events that wait for one connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::protocol::SignalingEvent;

/// Hub → connection. Events are never dropped one by one: a peer that missed one would have a wrong picture of its
/// session for good. Full means that the connection is too slow and has to go.
#[derive(Debug)]
pub(super) struct Outbox {
    max_events: usize,
    max_bytes: usize,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<SignalingEvent>>,
    bytes: usize,
}

/// There is no room for one more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow;

impl Outbox {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { max_events, max_bytes, queue: Mutex::default(), filled: Notify::new() }
    }

    /// Puts an event at the end. Never waits.
    pub(super) fn push(&self, event: Arc<SignalingEvent>) -> Result<(), Overflow> {
        let mut queue = self.lock();
        let bytes = queue.bytes + weight(&event);
        if queue.events.len() >= self.max_events || bytes > self.max_bytes {
            return Err(Overflow);
        }
        queue.bytes = bytes;
        queue.events.push_back(event);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for the first event and takes it.
    ///
    /// Cancel safety: if dropped, nothing is taken.
    pub(super) async fn next(&self) -> Arc<SignalingEvent> {
        loop {
            let filled = self.filled.notified();
            if let Some(event) = self.pop() {
                return event;
            }
            filled.await;
        }
    }

    /// Drops what waits: the connection is out of the session that it is about.
    pub(super) fn clear(&self) {
        *self.lock() = Queue::default();
    }

    fn pop(&self) -> Option<Arc<SignalingEvent>> {
        let mut queue = self.lock();
        let event = queue.events.pop_front()?;
        queue.bytes -= weight(&event);
        Some(event)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing panics while it holds an outbox")
    }
}

fn weight(event: &SignalingEvent) -> usize {
    size_of::<SignalingEvent>() + event.payload_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(bytes: usize) -> Arc<SignalingEvent> {
        let sdp = "v".repeat(bytes);
        Arc::new(SignalingEvent::Offer { from: "a".into(), generation: 1, handshake_id: "h".into(), sdp })
    }

    #[test]
    fn an_outbox_takes_as_many_events_as_it_may_and_not_one_more() {
        let outbox = Outbox::new(2, usize::MAX);
        assert_eq!(outbox.push(offer(0)), Ok(()));
        assert_eq!(outbox.push(offer(0)), Ok(()));
        assert_eq!(outbox.push(offer(0)), Err(Overflow));
        assert!(outbox.pop().is_some());
        assert_eq!(outbox.push(offer(0)), Ok(()));
    }

    #[test]
    fn an_outbox_takes_as_many_bytes_as_it_may_and_not_one_more() {
        let outbox = Outbox::new(100, weight(&offer(1000)));
        assert_eq!(outbox.push(offer(1001)), Err(Overflow));
        assert_eq!(outbox.push(offer(1000)), Ok(()));
        assert!(outbox.pop().is_some());
        assert_eq!(outbox.push(offer(1000)), Ok(()));
        outbox.clear();
        assert_eq!(outbox.push(offer(1000)), Ok(()));
    }
}
