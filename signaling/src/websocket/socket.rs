//! The two halves of a WebSocket.

use std::io;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

/// An open WebSocket, either end.
#[derive(Debug)]
pub struct WebSocket {
    /// Writes frames.
    pub sender: WebSocketSender,
    /// Reads frames.
    pub receiver: WebSocketReceiver,
}

/// The half that writes.
#[derive(Debug)]
pub struct WebSocketSender(SplitSink<WebSocketStream<Box<dyn Bytestream>>, Message>);

/// The half that reads. Pings of the other end are answered while it does.
#[derive(Debug)]
pub struct WebSocketReceiver(SplitStream<WebSocketStream<Box<dyn Bytestream>>>);

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text message, whole.
    Text(String),
    /// A binary message, which the protocol does not have.
    Binary {
        /// Its length.
        bytes: usize,
    },
    /// A ping or a pong: the other end is alive.
    Alive,
}

/// Why a WebSocket is over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The other end closed it in due form.
    #[error("the other end closed the connection with code {code}: {reason:?}")]
    Closed {
        /// The code it gave, RFC 6455 §7.4; 1005 if none.
        code: u16,
        /// The reason it gave, cut by the protocol to 123 bytes.
        reason: String,
    },
    /// The connection ended without a closing handshake.
    #[error("the connection was lost")]
    Lost {
        /// What the operating system says; `None` if the other end just went.
        #[source]
        source: Option<io::Error>,
    },
    /// The other end sent a longer message than it may.
    #[error("a message of {bytes} bytes came in, and {max_bytes} are allowed")]
    TooLarge {
        /// Its length, as far as it was read or announced.
        bytes: usize,
        /// Bytes it may have.
        max_bytes: usize,
    },
    /// What came in is not WebSocket.
    #[error("the other end broke the WebSocket protocol: {problem}")]
    Broken {
        /// What is wrong with it.
        problem: String,
    },
}

/// Codes of a close frame, RFC 6455 §7.4 and our own from 4000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: all is said.
    Normal,
    /// 1001: the server stops.
    GoingAway,
    /// 1002: what the other end sent is not the protocol.
    Broken,
    /// 1009: a message was too long to be read.
    TooLarge,
    /// 1013: the server is full; try again later.
    TryAgainLater,
    /// 4000: the connection was silent for too long.
    Silent,
    /// 4001: the peer came back on another connection.
    Replaced,
    /// 4002: the events were not read fast enough.
    TooSlow,
    /// 4003: the operator removed the peer.
    Kicked,
}

/// What a WebSocket runs over.
pub(super) trait Bytestream: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin> Bytestream for T {}

impl WebSocket {
    /// Takes over the server's end of a stream after the handshake.
    ///
    /// * `max_bytes`: longest message to be read.
    pub async fn server<S>(stream: S, max_bytes: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin + 'static,
    {
        let stream: Box<dyn Bytestream> = Box::new(stream);
        Self::split(WebSocketStream::from_raw_socket(stream, Role::Server, Some(settings(max_bytes))).await)
    }

    /// Takes over the client's end of a stream that needs no handshake, such as one in memory.
    ///
    /// * `max_bytes`: longest message to be read.
    pub async fn client<S>(stream: S, max_bytes: usize) -> Self
    where
        S: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Unpin + 'static,
    {
        let stream: Box<dyn Bytestream> = Box::new(stream);
        Self::split(WebSocketStream::from_raw_socket(stream, Role::Client, Some(settings(max_bytes))).await)
    }

    /// Ends the stream and reads what the other end is still sending, to throw it away.
    ///
    /// A socket that is closed with unread bytes resets the connection, and the other end loses the last words that
    /// were sent to it. After this they have arrived.
    ///
    /// Cancel safety: if dropped, the socket is closed.
    pub async fn drain(self) {
        let Ok(stream) = self.sender.0.reunite(self.receiver.0) else { return };
        let mut stream = stream.into_inner();
        // An error means that the connection is over, which is what is wanted.
        if stream.shutdown().await.is_ok() {
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
        }
    }

    pub(super) fn split(stream: WebSocketStream<Box<dyn Bytestream>>) -> Self {
        let (sender, receiver) = stream.split();
        Self { sender: WebSocketSender(sender), receiver: WebSocketReceiver(receiver) }
    }
}

impl WebSocketSender {
    /// Sends a text message and waits until the operating system has taken it.
    ///
    /// Cancel safety: if dropped, the message is sent in part, and only [`WebSocketSender::close`] may follow.
    ///
    /// # Errors
    /// [`WebSocketError`] if the connection is over.
    pub async fn send(&mut self, text: String) -> Result<(), WebSocketError> {
        self.0.send(Message::Text(Utf8Bytes::from(text))).await.map_err(WebSocketError::from)
    }

    /// Asks the other end for a sign of life, which comes in as [`Frame::Alive`].
    ///
    /// # Errors
    /// [`WebSocketError`] if the connection is over.
    pub async fn ping(&mut self) -> Result<(), WebSocketError> {
        self.0.send(Message::Ping(Default::default())).await.map_err(WebSocketError::from)
    }

    /// Says that nothing more will come.
    ///
    /// # Errors
    /// [`WebSocketError`] if the connection is over already.
    pub async fn close(&mut self, code: CloseCode) -> Result<(), WebSocketError> {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(code.reason()) };
        self.0.send(Message::Close(Some(frame))).await.map_err(WebSocketError::from)
    }
}

impl WebSocketReceiver {
    /// Waits for the next frame.
    ///
    /// Cancel safety: if dropped, nothing is lost.
    ///
    /// # Errors
    /// [`WebSocketError`] once the connection is over, whyever.
    pub async fn receive(&mut self) -> Result<Frame, WebSocketError> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Frame::Text(text.as_str().to_owned())),
                Some(Ok(Message::Binary(data))) => return Ok(Frame::Binary { bytes: data.len() }),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(Frame::Alive),
                Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
                Some(Ok(Message::Frame(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(WebSocketError::Lost { source: None }),
            }
        }
    }
}

impl CloseCode {
    /// Returns the number in the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Broken => 1002,
            Self::TooLarge => 1009,
            Self::TryAgainLater => 1013,
            Self::Silent => 4000,
            Self::Replaced => 4001,
            Self::TooSlow => 4002,
            Self::Kicked => 4003,
        }
    }

    /// Returns the reason in the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "done",
            Self::GoingAway => "the server stops",
            Self::Broken => "the protocol was broken",
            Self::TooLarge => "the message is too large to be read",
            Self::TryAgainLater => "the server has as many connections as it takes",
            Self::Silent => "no sign of life in time",
            Self::Replaced => "the peer came back on another connection",
            Self::TooSlow => "events were not read fast enough",
            Self::Kicked => "removed by the operator",
        }
    }
}

impl From<CloseCode> for coding::CloseCode {
    fn from(code: CloseCode) -> Self {
        code.code().into()
    }
}

impl From<tungstenite::Error> for WebSocketError {
    fn from(error: tungstenite::Error) -> Self {
        use tungstenite::Error;
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => Self::Lost { source: None },
            Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => Self::Lost { source: None },
            Error::Io(source) => Self::Lost { source: Some(source) },
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                Self::TooLarge { bytes: size, max_bytes: max_size }
            }
            other => Self::Broken { problem: other.to_string() },
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> WebSocketError {
    match frame {
        Some(CloseFrame { code, reason }) => {
            WebSocketError::Closed { code: code.into(), reason: reason.as_str().to_owned() }
        }
        None => WebSocketError::Closed { code: NO_CODE, reason: String::new() },
    }
}

pub(super) fn settings(max_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(max_bytes))
        .max_frame_size(Some(max_bytes))
}

/// Read buffer of a connection, bytes: a candidate fits; a thousand connections take 4 MB.
const BUFFER_BYTES: usize = 4096;

/// A close frame without a code, RFC 6455 §7.4.1.
const NO_CODE: u16 = 1005;
