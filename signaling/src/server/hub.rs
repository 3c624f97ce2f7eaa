//! The one lock of the server: steps of the rooms, and the queueing of what they put out.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::ServerLimits;
use super::outbox::Outbox;
use super::report::{Counters, ServerReport};
use crate::protocol::{AnnounceParams, AnnounceResult, ErrorCode, LeaveReason, PeerList, SessionList};
use crate::room::{CloseCause, ConnectionId, Message, Output, Refusal, Rooms};

/// Owns the rooms and knows every connection.
///
/// A step takes the lock, changes the rooms, and puts the outputs into the outboxes before it lets go: two that watch
/// see all steps in one order. Nothing waits, writes or serialises under the lock.
#[derive(Debug)]
pub(super) struct Hub {
    limits: ServerLimits,
    next_id: AtomicU64,
    state: Mutex<State>,
    pub(super) counters: Counters,
}

#[derive(Debug)]
struct State {
    rooms: Rooms,
    lines: HashMap<ConnectionId, Arc<Line>>,
}

/// What the hub and the task of one connection share.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: ConnectionId,
    pub(super) outbox: Outbox,
    /// Set before `closing` is cancelled.
    cause: OnceLock<CloseCause>,
    closing: CancellationToken,
}

impl Hub {
    pub(super) fn new(limits: ServerLimits) -> Self {
        let state = State { rooms: Rooms::new(limits.rooms), lines: HashMap::new() };
        Self { limits, next_id: AtomicU64::new(1), state: Mutex::new(state), counters: Counters::new() }
    }

    /// Takes in a connection.
    pub(super) fn connect(&self) -> Result<Arc<Line>, Refusal> {
        let mut state = self.lock();
        if state.lines.len() >= self.limits.connections as usize {
            self.counters.connections_refused.fetch_add(1, Relaxed);
            self.counters.count_refusal(ErrorCode::TooManyConnections.code());
            return Err(Refusal::TooManyConnections { max_connections: self.limits.connections });
        }
        let id = ConnectionId(self.next_id.fetch_add(1, Relaxed));
        let line = Arc::new(Line {
            id,
            outbox: Outbox::new(self.limits.outbox_events as usize, self.limits.outbox_bytes as usize),
            cause: OnceLock::new(),
            closing: CancellationToken::new(),
        });
        state.rooms.connect(id);
        state.lines.insert(id, Arc::clone(&line));
        self.counters.connections_opened.fetch_add(1, Relaxed);
        Ok(line)
    }

    /// Forgets a connection; its peer leaves for `reason` if it is still there.
    pub(super) fn disconnect(&self, id: ConnectionId, reason: LeaveReason) {
        let mut state = self.lock();
        let outputs = state.rooms.disconnect(id, reason, Instant::now());
        state.lines.remove(&id);
        self.carry(&mut state, outputs);
    }

    pub(super) fn subscribe(&self, id: ConnectionId) -> Result<(), Refusal> {
        self.lock().rooms.subscribe(id)
    }

    pub(super) fn unsubscribe(&self, id: ConnectionId) {
        let mut state = self.lock();
        let outputs = state.rooms.unsubscribe(id, Instant::now());
        state.clear_outbox(id);
        self.carry(&mut state, outputs);
    }

    pub(super) fn announce(
        &self,
        id: ConnectionId,
        params: AnnounceParams,
        fresh_token: String,
    ) -> Result<AnnounceResult, Refusal> {
        let mut state = self.lock();
        let (result, outputs) = state.rooms.announce(id, params, fresh_token, Instant::now())?;
        self.carry(&mut state, outputs);
        Ok(result)
    }

    pub(super) fn send(&self, id: ConnectionId, to: &str, message: Message) -> Result<(), Refusal> {
        let mut state = self.lock();
        let sent = state.rooms.send(id, to, message);
        if matches!(sent, Err(Refusal::RoleForbids { .. })) {
            self.counters.offers_forbidden.fetch_add(1, Relaxed);
        }
        self.carry(&mut state, vec![sent?]);
        Ok(())
    }

    pub(super) fn leave(&self, id: ConnectionId) -> Result<(), Refusal> {
        let mut state = self.lock();
        let outputs = state.rooms.leave(id, Instant::now())?;
        state.clear_outbox(id);
        self.carry(&mut state, outputs);
        Ok(())
    }

    pub(super) fn kick(&self, session: &str, peer_id: &str) -> bool {
        let mut state = self.lock();
        let Some(outputs) = state.rooms.kick(session, peer_id, Instant::now()) else { return false };
        self.carry(&mut state, outputs);
        true
    }

    pub(super) fn peers(&self, id: ConnectionId) -> Result<PeerList, Refusal> {
        self.lock().rooms.peers(id)
    }

    pub(super) fn sessions(&self) -> SessionList {
        self.lock().rooms.sessions()
    }

    pub(super) fn report(&self) -> ServerReport {
        self.counters.report(self.lock().rooms.count())
    }

    /// Carries outputs out, and those that follow from them: a connection whose outbox is full has to go, which
    /// the others are told in turn. Ends, since each round takes a connection out.
    fn carry(&self, state: &mut State, outputs: Vec<Output>) {
        let mut outputs = VecDeque::from(outputs);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Deliver { to, event } => {
                    let Some(line) = state.lines.get(&to) else { continue };
                    if line.outbox.push(event).is_err() {
                        self.counters.connections_too_slow.fetch_add(1, Relaxed);
                        line.close(CloseCause::TooSlow);
                        state.lines.remove(&to);
                        outputs.extend(state.rooms.disconnect(to, LeaveReason::TooSlow, Instant::now()));
                    }
                }
                Output::Close { connection, cause } => {
                    if let Some(line) = state.lines.remove(&connection) {
                        line.close(cause);
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the hub")
    }
}

impl State {
    fn clear_outbox(&self, id: ConnectionId) {
        if let Some(line) = self.lines.get(&id) {
            line.outbox.clear();
        }
    }
}

impl Line {
    /// Waits until the hub wants the connection closed.
    ///
    /// Cancel safety: may be dropped and called again.
    pub(super) async fn closing(&self) -> CloseCause {
        self.closing.cancelled().await;
        *self.cause.get().expect("the cause is set before the token is cancelled")
    }

    fn close(&self, cause: CloseCause) {
        // The first cause stands.
        self.cause.set(cause).ok();
        self.closing.cancel();
    }
}
