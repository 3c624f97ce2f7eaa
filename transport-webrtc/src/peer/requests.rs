//! Requests over the data channel that wait for their reply.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Envelope;

/// Requests that may wait for a reply at once, per peer. More means that the peer does not answer.
const MAX_PENDING: usize = 64;

/// The requests of one peer that wait for their reply.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last_id: AtomicU64,
    pending: Mutex<HashMap<u64, oneshot::Sender<Envelope>>>,
}

/// A request's number; the request is forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct PendingRequest<'a> {
    requests: &'a Requests,
    id: u64,
    reply: oneshot::Receiver<Envelope>,
}

/// Why a request has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// As many requests as may wait at once wait already.
    #[error("{MAX_PENDING} requests wait for a reply of the peer already")]
    TooMany,
    /// The peer said nothing.
    #[error("the peer did not reply within {waited_ms} ms")]
    NoReply {
        /// How long was waited, milliseconds.
        waited_ms: u64,
    },
    /// The connection to the peer ended.
    #[error("the connection to the peer ended before it replied")]
    ConnectionEnded,
}

impl Requests {
    /// Takes a number for a request that is about to be sent.
    pub(super) fn begin(&self) -> Result<PendingRequest<'_>, RequestError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, reply) = oneshot::channel();
        let mut pending = self.lock();
        if pending.len() >= MAX_PENDING {
            return Err(RequestError::TooMany);
        }
        pending.insert(id, sender);
        Ok(PendingRequest { requests: self, id, reply })
    }

    /// Hands a reply to who waits for it; `false`: nobody does.
    pub(super) fn complete(&self, id: u64, reply: Envelope) -> bool {
        let waiting = self.lock().remove(&id);
        waiting.is_some_and(|waiting| waiting.send(reply).is_ok())
    }

    /// Tells all who wait that no reply will come.
    pub(super) fn end(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Envelope>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingRequest<'_> {
    /// Returns the number that the reply will carry.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the reply. Cancel safe: the request is then forgotten.
    pub(super) async fn reply(mut self, within: Duration) -> Result<Envelope, RequestError> {
        match tokio::time::timeout(within, &mut self.reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(RequestError::ConnectionEnded),
            Err(_) => Err(RequestError::NoReply { waited_ms: within.as_millis() as u64 }),
        }
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reply_reaches_the_request_of_its_number_and_only_once() {
        let requests = Requests::default();
        let (first, second) = (requests.begin().expect("room"), requests.begin().expect("room"));
        let id = second.id();
        assert!(requests.complete(id, Envelope::Opened { id }));
        assert!(!requests.complete(id, Envelope::Opened { id }), "a second reply");
        let reply = second.reply(Duration::from_secs(5)).await.expect("completed");
        assert!(matches!(reply, Envelope::Opened { id: got } if got == id));
        requests.end();
        let ended = first.reply(Duration::from_secs(5)).await.expect_err("ended");
        assert_eq!(ended, RequestError::ConnectionEnded);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_not_waited_for_beyond_the_deadline_and_frees_its_place() {
        let requests = Requests::default();
        let waited = requests.begin().expect("room").reply(Duration::from_millis(50)).await;
        assert_eq!(waited.expect_err("silent"), RequestError::NoReply { waited_ms: 50 });
        assert!(requests.lock().is_empty());
    }

    #[test]
    fn as_many_requests_as_the_limit_may_wait_and_no_more() {
        let requests = Requests::default();
        let waiting: Vec<_> = (0..MAX_PENDING).map(|_| requests.begin().expect("room")).collect();
        assert_eq!(requests.begin().expect_err("one past"), RequestError::TooMany);
        drop(waiting);
        assert!(requests.begin().is_ok());
    }
}
