//! Why a request failed, and why a connection is over.

use std::time::Duration;

use remotemedia_signaling::protocol::ErrorCode;
use remotemedia_signaling::websocket::ConnectError;
use serde_json::Value;

/// A connection that could not be made, or a request that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalingError {
    /// There is no signaling server at the URL.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server speaks another version of the protocol.
    #[error(
        "the signaling server at {url} speaks protocol {theirs}, and this program {ours}: update the older one"
    )]
    ProtocolVersion {
        /// The URL.
        url: String,
        /// The server's version.
        theirs: u32,
        /// Our version.
        ours: u32,
    },
    /// The server refused the request.
    #[error("{method} was refused with error {code}: {message}")]
    Refused {
        /// The method.
        method: &'static str,
        /// The error code; see [`SignalingError::code`].
        code: i32,
        /// What the server says.
        message: String,
        /// The values that belong to it.
        data: Option<Value>,
    },
    /// The server did not reply in time. It may still have done what was asked.
    #[error("{method} was not answered within {waited:?}")]
    NoReply {
        /// The method.
        method: &'static str,
        /// The deadline that passed.
        waited: Duration,
    },
    /// The server replied something that the method does not return.
    #[error("the reply to {method} is not what it should be: {problem}")]
    BadReply {
        /// The method.
        method: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The connection is over.
    #[error("the signaling connection is over: {reason}")]
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    #[error("closed by this program")]
    ByUs,
    /// The server closed it.
    #[error("closed by the server with code {code}: {reason:?}")]
    ByServer {
        /// RFC 6455 §7.4, and from 4000 on those of `docs/signaling.md`.
        code: u16,
        /// What the server says.
        reason: String,
    },
    /// The server said why it closes it.
    #[error("refused by the server with error {code}: {message}")]
    Refused {
        /// The error code.
        code: i32,
        /// What the server says.
        message: String,
    },
    /// The network or the server went.
    #[error("connection lost: {problem}")]
    Lost {
        /// What the operating system says.
        problem: String,
    },
    /// The server gave no sign of life.
    #[error("no sign of life from the server within {waited:?}")]
    Silent {
        /// The deadline that passed.
        waited: Duration,
    },
    /// The connection did not take a message.
    #[error("the connection did not take a message within {waited:?}")]
    Stuck {
        /// The deadline that passed.
        waited: Duration,
    },
    /// The server sent more than it may.
    #[error("the server sent a message of {bytes} bytes, and {max_bytes} are allowed")]
    TooLarge {
        /// Bytes it has.
        bytes: usize,
        /// Bytes it may have.
        max_bytes: usize,
    },
    /// The server sent something that is not this protocol.
    #[error("the server sent something that is not JSON-RPC 2.0 of this protocol: {problem}")]
    Garbage {
        /// What is wrong with it.
        problem: String,
    },
    /// The server replied to a request that was not made, or replied twice.
    #[error("the server replied to a request that is not waiting for a reply: {problem}")]
    UnknownReply {
        /// Which.
        problem: String,
    },
    /// Events were not received fast enough.
    #[error("{capacity} events were waiting to be received, as many as may")]
    EventsLagged {
        /// Events that may wait.
        capacity: usize,
    },
}

impl SignalingError {
    /// Returns the error code of a refusal, if it is one of the protocol's.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => ErrorCode::from_code(*code),
            _ => None,
        }
    }
}
