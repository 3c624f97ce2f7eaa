//! The one task of one WebSocket.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jsonrpsee::SubscriptionSink;
use jsonrpsee::types::{SubscriptionId, SubscriptionPayload, SubscriptionResponse};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span};

use super::ServerConfig;
use super::dispatch::{Dispatcher, farewell};
use super::hub::{Hub, Line};
use crate::protocol::{EVENTS_METHOD, LeaveReason, SignalingEvent};
use crate::room::{CloseCause, ConnectionId, RateLimit, Refusal};
use crate::websocket::{CloseCode, Frame, WebSocket, WebSocketError, WebSocketSender};

/// A connection as the methods see it.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) line: Arc<Line>,
    subscription: Mutex<Option<SubscriptionSink>>,
    /// What jsonrpsee sends for a subscription itself. It sends only the reply to `events.subscribe`, which the
    /// dispatcher returns as well: nobody reads this end, it tells the sink that the connection lives.
    unread: Mutex<Option<mpsc::Receiver<Box<RawValue>>>>,
}

impl Caller {
    /// Keeps the other end of a subscription's channel for as long as the connection lives.
    pub(super) fn keep_alive(&self, unread: mpsc::Receiver<Box<RawValue>>) {
        *self.unread.lock().expect("nothing panics while it holds a receiver") = Some(unread);
    }

    /// Keeps a subscription until it is ended.
    pub(super) fn hold(&self, sink: SubscriptionSink) {
        *self.lock() = Some(sink);
    }

    /// Drops the subscription if the client has ended it, and tells whether it has.
    pub(super) fn let_go_if_unsubscribed(&self) -> bool {
        self.lock().take_if(|sink| sink.is_closed()).is_some()
    }

    fn subscription_id(&self) -> Option<SubscriptionId<'static>> {
        self.lock().as_ref().map(SubscriptionSink::subscription_id)
    }

    fn lock(&self) -> MutexGuard<'_, Option<SubscriptionSink>> {
        self.subscription.lock().expect("nothing panics while it holds a subscription")
    }
}

/// What every connection of a server uses.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) config: ServerConfig,
    pub(super) hub: Arc<Hub>,
    pub(super) dispatcher: Dispatcher,
    /// Cancelled when the server stops.
    pub(super) stopping: CancellationToken,
}

/// Why a connection is over.
#[derive(Debug)]
enum End {
    /// The hub wants it.
    Closed(CloseCause),
    /// The server stops.
    Stopping,
    /// The other end went, or broke the protocol.
    Gone(WebSocketError),
    /// No sign of life.
    Silent,
    /// One message was not taken in time.
    Stuck,
}

/// Serves a WebSocket until it is over.
pub(super) async fn serve(service: Arc<Service>, mut socket: WebSocket) {
    let line = match service.hub.connect() {
        Ok(line) => line,
        Err(refusal) => {
            dismiss(&service, socket, &refusal, CloseCode::TryAgainLater).await;
            return;
        }
    };
    let id = line.id;
    let registration = Registration { hub: &service.hub, id };
    let span = info_span!("connection", connection = id.0);
    async {
        let caller = Arc::new(Caller { line, subscription: Mutex::default(), unread: Mutex::default() });
        let end = tokio::select! {
            biased;
            () = service.stopping.cancelled() => End::Stopping,
            cause = caller.line.closing() => End::Closed(cause),
            end = converse(&service, &caller, &mut socket) => end,
        };
        debug!(?end, "connection over");
        let (reason, code) = outcome(&service, &end);
        service.hub.disconnect(id, reason);
        if let End::Gone(WebSocketError::TooLarge { bytes, max_bytes }) = end {
            let subject = "a frame of any kind".to_owned();
            let (bytes, max_bytes) = (bytes as u64, max_bytes as u64);
            let refusal = Refusal::MessageTooLarge { subject, bytes, max_bytes };
            service.hub.counters.count_refusal(refusal.code().code());
            dismiss(&service, socket, &refusal, code).await;
        } else {
            // Best effort: it may be gone, or not read any more.
            timeout(CLOSE_GRACE, socket.sender.close(code)).await.ok();
        }
    }
    .instrument(span)
    .await;
    drop(registration);
}

/// Says why the connection ends, and sees to it that the client can read it.
async fn dismiss(service: &Service, mut socket: WebSocket, refusal: &Refusal, code: CloseCode) {
    let bye = async {
        socket.sender.send(farewell(refusal)).await?;
        socket.sender.close(code).await?;
        socket.drain().await;
        Ok::<_, WebSocketError>(())
    };
    // Best effort: it is going anyway.
    service.stopping.run_until_cancelled(timeout(LINGER, bye)).await;
}

/// Reads requests and writes replies and events, until one of them cannot go on.
async fn converse(service: &Service, caller: &Arc<Caller>, socket: &mut WebSocket) -> End {
    let timeouts = &service.config.timeouts;
    let limits = &service.config.limits;
    let mut rate = RateLimit::new(limits.requests_per_second, limits.request_burst, Instant::now());
    let mut pings = interval(timeouts.ping_interval);
    let mut last_sign = tokio::time::Instant::now();
    loop {
        let outgoing = tokio::select! {
            frame = socket.receiver.receive() => {
                last_sign = tokio::time::Instant::now();
                match frame {
                    Ok(Frame::Text(text)) => {
                        service.dispatcher.reply(caller, &mut rate, &text, Instant::now()).await
                    }
                    Ok(Frame::Binary { bytes }) => {
                        Some(service.dispatcher.refuse_binary(&mut rate, bytes, Instant::now()))
                    }
                    Ok(Frame::Alive) => None,
                    Err(error) => return End::Gone(error),
                }
            }
            event = caller.line.outbox.next() => {
                if let Some(id) = caller.subscription_id() {
                    let text = notification(id, &event);
                    if let Err(end) = write(&mut socket.sender, text, timeouts.write).await {
                        return end;
                    }
                    service.hub.counters.events_delivered.fetch_add(1, Relaxed);
                }
                None
            }
            () = sleep_until(last_sign + timeouts.silence) => return End::Silent,
            _ = pings.tick() => {
                match timeout(timeouts.write, socket.sender.ping()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => return End::Gone(error),
                    Err(_) => return End::Stuck,
                }
            }
        };
        if let Some(text) = outgoing {
            match write(&mut socket.sender, text, timeouts.write).await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }
}

async fn write(sender: &mut WebSocketSender, text: String, deadline: Duration) -> Result<(), End> {
    match timeout(deadline, sender.send(text)).await {
        Ok(sent) => sent.map_err(End::Gone),
        Err(_) => Err(End::Stuck),
    }
}

fn notification(subscription: SubscriptionId<'_>, event: &SignalingEvent) -> String {
    let payload = SubscriptionPayload { subscription, result: event };
    let message = SubscriptionResponse::new(EVENTS_METHOD.into(), payload);
    serde_json::to_string(&message).expect("an event has string keys only and is written to memory")
}

/// What the others are told and what the connection is told; counts what is counted.
fn outcome(service: &Service, end: &End) -> (LeaveReason, CloseCode) {
    let counters = &service.hub.counters;
    match end {
        // The rooms have told the others already.
        End::Closed(CloseCause::Replaced) => (LeaveReason::Replaced, CloseCode::Replaced),
        End::Closed(CloseCause::Kicked) => (LeaveReason::Kicked, CloseCode::Kicked),
        End::Closed(CloseCause::TooSlow) => (LeaveReason::TooSlow, CloseCode::TooSlow),
        End::Stopping => (LeaveReason::Disconnected, CloseCode::GoingAway),
        End::Gone(WebSocketError::TooLarge { .. }) => (LeaveReason::Disconnected, CloseCode::TooLarge),
        End::Gone(WebSocketError::Closed { code, .. }) if GOODBYES.contains(code) => {
            (LeaveReason::Left, CloseCode::Normal)
        }
        End::Gone(_) => (LeaveReason::Disconnected, CloseCode::Normal),
        End::Silent => {
            counters.connections_silent.fetch_add(1, Relaxed);
            (LeaveReason::Disconnected, CloseCode::Silent)
        }
        End::Stuck => {
            counters.connections_too_slow.fetch_add(1, Relaxed);
            (LeaveReason::TooSlow, CloseCode::TooSlow)
        }
    }
}

/// Takes the connection out of the hub even if its task is dropped.
struct Registration<'a> {
    hub: &'a Hub,
    id: ConnectionId,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.hub.disconnect(self.id, LeaveReason::Disconnected);
    }
}

/// Codes by which a client closes its WebSocket because it has done with it: 1000, 1001 as of a page that is left, and
/// 1005 for none, as browsers have it of `close()` (RFC 6455 §7.4.1).
const GOODBYES: [u16; 3] = [1000, 1001, 1005];

/// For a client that is dismissed to send the rest of what it was sending, and to close.
const LINGER: Duration = Duration::from_millis(500);

/// For the close frame of a connection that is over: one round trip of a slow network would be polite, more would
/// keep sockets that nobody needs.
const CLOSE_GRACE: Duration = Duration::from_millis(100);
