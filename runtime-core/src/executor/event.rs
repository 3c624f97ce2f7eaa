//! What a running pipeline tells its user beside its outputs.

use tokio::sync::broadcast;

use super::NodeFault;
use crate::data::{NodeId, StreamId};

/// Something that happened in a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A node failed on an item, or could not be made. At most ten a second for each node.
    NodeFailed {
        /// The node.
        node: NodeId,
        /// The stream that its instance serves; `None`: all, or the session's own user.
        stream: Option<StreamId>,
        /// Why.
        fault: NodeFault,
        /// Failures of this node since the last event that were counted in the ledger but not told.
        untold: u64,
    },
    /// A node did not end by the deadline; what it held was dropped.
    NodeAborted {
        /// The node.
        node: NodeId,
        /// The stream that its instance served.
        stream: Option<StreamId>,
    },
    /// The events came faster than they were taken, and this many are lost.
    EventsLost {
        /// How many.
        count: u64,
    },
}

/// The events of a session from the moment of subscription.
#[derive(Debug)]
pub struct SessionEvents {
    events: broadcast::Receiver<SessionEvent>,
}

/// Sends events to all subscribers.
#[derive(Debug, Clone)]
pub(super) struct EventSender {
    events: broadcast::Sender<SessionEvent>,
}

/// Session → every subscriber. Rare and rate-bounded at the source; a subscriber that is slower loses the
/// oldest and is told how many.
const EVENTS: usize = 64;

impl SessionEvents {
    /// Waits for the next event; `None`: the session is gone. Cancel safe.
    pub async fn recv(&mut self) -> Option<SessionEvent> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(SessionEvent::EventsLost { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// Takes the next event if there is one.
    pub fn try_recv(&mut self) -> Option<SessionEvent> {
        match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(broadcast::error::TryRecvError::Lagged(count)) => Some(SessionEvent::EventsLost { count }),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}

impl EventSender {
    pub(super) fn new() -> Self {
        Self { events: broadcast::Sender::new(EVENTS) }
    }

    pub(super) fn send(&self, event: SessionEvent) {
        // Nobody listens: the ledger has the figures.
        self.events.send(event).ok();
    }

    pub(super) fn subscribe(&self) -> SessionEvents {
        SessionEvents { events: self.events.subscribe() }
    }
}
