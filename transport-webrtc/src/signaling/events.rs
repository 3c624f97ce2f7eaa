//! What the server tells unasked.

use std::sync::Arc;

use jsonrpsee::core::client::{Subscription, SubscriptionCloseReason};
use remotemedia_signaling::protocol::SignalingEvent;

use super::client::Connection;
use super::{CloseReason, SignalingError};

/// The events of the session, in the order in which they happened. Dropped, the peer leaves its session.
#[derive(Debug)]
pub struct SignalingEvents {
    subscription: Subscription<SignalingEvent>,
    connection: Arc<Connection>,
}

impl SignalingEvents {
    pub(super) fn new(subscription: Subscription<SignalingEvent>, connection: Arc<Connection>) -> Self {
        Self { subscription, connection }
    }

    /// Waits for the next event. Events of a later version of the protocol are passed over.
    ///
    /// Cancel safety: if dropped, no event is lost.
    ///
    /// # Errors
    /// [`SignalingError::Closed`] once the connection is over, now and always.
    pub async fn recv(&mut self) -> Result<SignalingEvent, SignalingError> {
        loop {
            match self.subscription.next().await {
                Some(Ok(SignalingEvent::Unknown)) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    let problem = format!("an event that cannot be read: {error}");
                    return Err(self.connection.end(CloseReason::Garbage { problem }));
                }
                None => return Err(self.closed().await),
            }
        }
    }

    async fn closed(&self) -> SignalingError {
        match self.subscription.close_reason() {
            Some(SubscriptionCloseReason::Lagged) => {
                let capacity = self.connection.config.event_capacity;
                self.connection.end(CloseReason::EventsLagged { capacity })
            }
            _ => SignalingError::Closed { reason: self.connection.over().await },
        }
    }
}
