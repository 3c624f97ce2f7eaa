//! A WebSocket under jsonrpsee's transport traits, and what the two halves and the client share.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use jsonrpsee::core::client::{ReceivedMessage, TransportReceiverT, TransportSenderT};
use jsonrpsee::types::{ErrorObject, Id, Response, ResponsePayload};
use remotemedia_signaling::websocket::{
    CloseCode, Frame, WebSocket, WebSocketError, WebSocketReceiver, WebSocketSender,
};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{CloseReason, SignalingClientConfig};

/// What the client and its wire share: the wish to end, and the reason that stands.
#[derive(Debug, Default)]
pub(super) struct Link {
    ending: CancellationToken,
    reason: OnceLock<CloseReason>,
}

/// Ends when both halves of a wire are dropped, and with them the socket.
#[derive(Debug)]
pub(super) struct WireEnd(mpsc::Receiver<()>);

/// The half that writes.
pub(super) struct WireSender {
    socket: WebSocketSender,
    link: Arc<Link>,
    deadline: Duration,
    _alive: mpsc::Sender<()>,
}

/// The half that reads.
pub(super) struct WireReceiver {
    socket: WebSocketReceiver,
    link: Arc<Link>,
    silence: Duration,
    _alive: mpsc::Sender<()>,
}

/// The wire is over; why stands in the link.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct WireOver(CloseReason);

/// Puts a WebSocket under jsonrpsee.
pub(super) fn wire(
    socket: WebSocket,
    link: &Arc<Link>,
    config: &SignalingClientConfig,
) -> (WireSender, WireReceiver, WireEnd) {
    let (alive, end) = mpsc::channel(1);
    let sender = WireSender {
        socket: socket.sender,
        link: Arc::clone(link),
        deadline: config.write_timeout,
        _alive: alive.clone(),
    };
    let receiver = WireReceiver {
        socket: socket.receiver,
        link: Arc::clone(link),
        silence: config.silence,
        _alive: alive,
    };
    (sender, receiver, WireEnd(end))
}

impl Link {
    /// Ends the connection; the first reason stands.
    pub(super) fn end(&self, reason: CloseReason) -> CloseReason {
        let reason = self.reason.get_or_init(|| reason).clone();
        self.ending.cancel();
        reason
    }

    /// Why the connection is over, if it is.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        self.reason.get().cloned()
    }

    fn over(&self, reason: CloseReason) -> WireOver {
        WireOver(self.end(reason))
    }

    /// What a half says that was told to end. Why is up to who told it: jsonrpsee closes the wire both when
    /// the client is dropped and when a message was no good.
    fn told_to_end(&self) -> WireOver {
        WireOver(self.reason().unwrap_or(CloseReason::ByUs))
    }
}

impl WireEnd {
    /// Waits until the socket is closed.
    ///
    /// Cancel safety: may be dropped and called again.
    pub(super) async fn wait(&mut self) {
        // Nothing is ever sent: this ends when the senders are dropped.
        self.0.recv().await;
    }
}

impl TransportSenderT for WireSender {
    type Error = WireOver;

    async fn send(&mut self, message: String) -> Result<(), WireOver> {
        let Self { socket, link, deadline, .. } = self;
        tokio::select! {
            biased;
            () = link.ending.cancelled() => Err(link.told_to_end()),
            sent = timeout(*deadline, socket.send(message)) => match sent {
                Ok(sent) => sent.map_err(|error| link.over(error.into_reason())),
                Err(_) => Err(link.over(CloseReason::Stuck { waited: *deadline })),
            },
        }
    }

    async fn send_ping(&mut self) -> Result<(), WireOver> {
        let Self { socket, link, deadline, .. } = self;
        match timeout(*deadline, socket.ping()).await {
            Ok(sent) => sent.map_err(|error| link.over(error.into_reason())),
            Err(_) => Err(link.over(CloseReason::Stuck { waited: *deadline })),
        }
    }

    async fn close(&mut self) -> Result<(), WireOver> {
        self.link.ending.cancel();
        let code = self.link.reason().map_or(CloseCode::Normal, |reason| close_code(&reason));
        // Best effort: the other end may be gone already, or not read any more.
        timeout(CLOSE_GRACE, self.socket.close(code)).await.ok();
        Ok(())
    }
}

impl TransportReceiverT for WireReceiver {
    type Error = WireOver;

    async fn receive(&mut self) -> Result<ReceivedMessage, WireOver> {
        let Self { socket, link, silence, .. } = self;
        let frame = tokio::select! {
            biased;
            () = link.ending.cancelled() => return Err(link.told_to_end()),
            frame = timeout(*silence, socket.receive()) => {
                frame.map_err(|_| link.over(CloseReason::Silent { waited: *silence }))?
            }
        };
        match frame {
            Ok(Frame::Text(text)) => match farewell(&text) {
                Some(reason) => Err(link.over(reason)),
                None => Ok(ReceivedMessage::Text(text)),
            },
            Ok(Frame::Binary { bytes }) => {
                let problem = format!("a binary frame of {bytes} bytes");
                Err(link.over(CloseReason::Garbage { problem }))
            }
            Ok(Frame::Alive) => Ok(ReceivedMessage::Pong),
            Err(error) => Err(link.over(error.into_reason())),
        }
    }
}

/// What the server hears of the reason: only who has done with it says goodbye to the session.
fn close_code(reason: &CloseReason) -> CloseCode {
    match reason {
        CloseReason::ByUs | CloseReason::ByServer { .. } => CloseCode::Normal,
        CloseReason::TooLarge { .. } => CloseCode::TooLarge,
        CloseReason::EventsLagged { .. } => CloseCode::TooSlow,
        CloseReason::Silent { .. } | CloseReason::Stuck { .. } | CloseReason::Lost { .. } => {
            CloseCode::Silent
        }
        CloseReason::Refused { .. } | CloseReason::Garbage { .. } | CloseReason::UnknownReply { .. } => {
            CloseCode::Broken
        }
    }
}

/// The reason that the server gives before it closes: an error that answers no request.
fn farewell(text: &str) -> Option<CloseReason> {
    let response: Response<'_, &RawValue> = serde_json::from_str(text).ok()?;
    match (response.id, response.payload) {
        (Id::Null, ResponsePayload::Error(error)) => Some(refused(&error)),
        _ => None,
    }
}

fn refused(error: &ErrorObject<'_>) -> CloseReason {
    CloseReason::Refused { code: error.code(), message: error.message().to_owned() }
}

trait IntoReason {
    fn into_reason(self) -> CloseReason;
}

impl IntoReason for WebSocketError {
    fn into_reason(self) -> CloseReason {
        match self {
            Self::Closed { code, reason } => CloseReason::ByServer { code, reason },
            Self::TooLarge { bytes, max_bytes } => CloseReason::TooLarge { bytes, max_bytes },
            Self::Lost { source: Some(source) } => CloseReason::Lost { problem: source.to_string() },
            Self::Lost { source: None } => {
                CloseReason::Lost { problem: "the server went without a word".to_owned() }
            }
            other => CloseReason::Garbage { problem: other.to_string() },
        }
    }
}

/// For the close frame of a connection that is over.
const CLOSE_GRACE: Duration = Duration::from_millis(100);
