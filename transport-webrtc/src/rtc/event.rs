//! What comes out of a connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::{DataReceiver, DataSender, IceCandidate, NegotiatedCodec, TrackKind, TrackReceiver};

/// Connection → its peer actor. Control: candidates (a few dozen), states, tracks. Full means that nobody
/// has read for the whole set-up: the event is lost and logged, the engine's task never waits.
const EVENT_CAPACITY: usize = 256;

/// Something that happened to a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// A local candidate to send to the peer; the end marker comes last.
    LocalCandidate(IceCandidate),
    /// The state changed.
    StateChanged(ConnectionState),
    /// The first packet of a remote track arrived. Comes again, with a new receiver, if the peer switches
    /// to another codec; the old receiver then ends.
    TrackOpened {
        /// Audio or video.
        kind: TrackKind,
        /// What the packets hold.
        codec: NegotiatedCodec,
        /// The packets.
        receiver: TrackReceiver,
    },
    /// A data channel is open, made by either end.
    DataOpened {
        /// Name of the channel: `data` for the one of [`TrackPlan`](super::TrackPlan).
        label: String,
        /// To the peer.
        sender: DataSender,
        /// From the peer; `None` at its end: the channel is closed.
        receiver: DataReceiver,
    },
    /// The peer asks for a key frame of our video (PLI or FIR); at most one in 100 ms comes through.
    KeyFrameRequested,
}

/// Where a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nothing negotiated yet.
    New,
    /// Looking for a path, then the handshake.
    Connecting,
    /// Media and data flow.
    Connected,
    /// The peer has been silent for a while; may recover by itself.
    Disconnected,
    /// Given up; an ICE restart may help if `cause` is about the path.
    Failed {
        /// What is known, and what to look at.
        cause: String,
    },
    /// Closed by us or by the peer.
    Closed,
}

/// The events of one connection, in order.
#[derive(Debug)]
pub struct ConnectionEvents {
    events: mpsc::Receiver<ConnectionEvent>,
}

/// Where a connection's parts put their events.
#[derive(Debug, Clone)]
pub(super) struct EventSink {
    /// `None` once the connection is closed.
    events: Arc<Mutex<Option<mpsc::Sender<ConnectionEvent>>>>,
    lost: Arc<AtomicU64>,
}

/// Makes the two ends of a connection's events.
pub(super) fn event_channel() -> (EventSink, ConnectionEvents) {
    let (sender, events) = mpsc::channel(EVENT_CAPACITY);
    let sink = EventSink { events: Arc::new(Mutex::new(Some(sender))), lost: Arc::default() };
    (sink, ConnectionEvents { events })
}

impl ConnectionEvents {
    /// Waits for the next event; `None`: the connection is closed and all was read. Cancel safe.
    pub async fn recv(&mut self) -> Option<ConnectionEvent> {
        self.events.recv().await
    }
}

impl EventSink {
    /// Hands an event over without waiting; if nobody has read for long, it is lost, counted and logged.
    pub(super) fn push(&self, event: ConnectionEvent) {
        let outcome = self.lock().as_ref().map(|events| events.try_send(event));
        if let Some(Err(mpsc::error::TrySendError::Full(event))) = outcome {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(?event, lost, "connection event lost: nobody reads them");
        }
    }

    /// Ends the events: those that wait can still be read.
    pub(super) fn close(&self) {
        self.lock().take();
    }

    /// Returns how many events were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<ConnectionEvent>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_that_nobody_reads_are_lost_and_counted_and_the_end_is_seen() {
        let (sink, mut events) = event_channel();
        (0..=EVENT_CAPACITY).for_each(|_| sink.push(ConnectionEvent::KeyFrameRequested));
        assert_eq!(sink.lost(), 1);
        sink.close();
        sink.push(ConnectionEvent::KeyFrameRequested);
        let mut read = 0;
        while events.recv().await.is_some() {
            read += 1;
        }
        assert_eq!((read, sink.lost()), (EVENT_CAPACITY, 1));
    }
}
