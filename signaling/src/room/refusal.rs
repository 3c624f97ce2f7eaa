//! Why a request is refused, with the values that a client needs to do better.

use serde::Serialize;

use crate::protocol::{ErrorCode, NameError, Role, Topology};

/// A request that is not carried out. Changes nothing.
///
/// As JSON it is the `data` of the error: its name and its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "name", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// See [`ErrorCode::NotSubscribed`].
    #[error("announce needs a subscription: call events.subscribe first, so that no event is missed")]
    NotSubscribed,
    /// See [`ErrorCode::AlreadySubscribed`].
    #[error("this connection has a subscription already: use it, or end it with events.unsubscribe")]
    AlreadySubscribed,
    /// See [`ErrorCode::NotAnnounced`].
    #[error("this connection is in no session: call peer.announce first")]
    NotAnnounced,
    /// See [`ErrorCode::AlreadyAnnounced`].
    #[error(
        "this connection is peer {peer_id} of session {session}: call peer.leave before announcing again"
    )]
    AlreadyAnnounced {
        /// Where it is.
        session: String,
        /// Who it is.
        peer_id: String,
    },
    /// See [`ErrorCode::PeerIdTaken`].
    #[error(
        "peer id {peer_id} is taken in session {session}: choose another, or send the resume_token of the \
         peer that has it"
    )]
    PeerIdTaken {
        /// The session.
        session: String,
        /// The id.
        peer_id: String,
    },
    /// See [`ErrorCode::UnknownPeer`].
    #[error("session {session} has no other peer {to}: peer.list tells who is there")]
    UnknownPeer {
        /// The caller's session.
        session: String,
        /// The id that was asked for.
        to: String,
    },
    /// See [`ErrorCode::SessionFull`].
    #[error("session {session} is full with {max_peers} peers: choose another, or wait until one leaves")]
    SessionFull {
        /// The session.
        session: String,
        /// Peers it takes.
        max_peers: u32,
    },
    /// See [`ErrorCode::TooManySessions`].
    #[error(
        "the server has {max_sessions} sessions, as many as it takes: join one of them, or wait until one ends"
    )]
    TooManySessions {
        /// Sessions it takes.
        max_sessions: u32,
    },
    /// See [`ErrorCode::MessageTooLarge`].
    #[error("the message has {bytes} bytes, and {subject} may have {max_bytes}")]
    MessageTooLarge {
        /// What the limit is on: a method, or a frame of any kind.
        subject: String,
        /// Bytes it has, at least.
        bytes: u64,
        /// Bytes it may have.
        max_bytes: u64,
    },
    /// See [`ErrorCode::RateLimited`].
    #[error(
        "too many requests: {requests_per_second} per second and {request_burst} at once are allowed, the next in \
         {retry_after_ms} ms"
    )]
    RateLimited {
        /// Requests per second in the long run.
        requests_per_second: u32,
        /// Requests at once after a pause.
        request_burst: u32,
        /// Time until a request will be taken again.
        retry_after_ms: u64,
    },
    /// See [`ErrorCode::RoleForbids`].
    #[error("in session {session} of topology {topology} a {role} may not {action}")]
    RoleForbids {
        /// The caller's session.
        session: String,
        /// What it is.
        topology: Topology,
        /// The caller's role.
        role: Role,
        /// What it tried.
        action: &'static str,
    },
    /// See [`ErrorCode::InvalidName`].
    #[error("{field} {value:?} must be {expected}")]
    InvalidName {
        /// The parameter.
        field: &'static str,
        /// Its value, cut to 64 characters.
        value: String,
        /// What it must look like.
        expected: &'static str,
    },
    /// See [`ErrorCode::HostTaken`].
    #[error("session {session} has a host already, {host}: join as viewer, or choose another session")]
    HostTaken {
        /// The session.
        session: String,
        /// The peer that is host.
        host: String,
    },
    /// See [`ErrorCode::TooManyConnections`].
    #[error("the server has {max_connections} connections, as many as it takes: try again later")]
    TooManyConnections {
        /// Connections it takes.
        max_connections: u32,
    },
    /// See [`ErrorCode::InvalidParams`].
    #[error("{field} is {value}, and must be {expected}")]
    InvalidParams {
        /// The parameter.
        field: &'static str,
        /// Its value, or what counts of it.
        value: String,
        /// What it must be.
        expected: String,
    },
}

impl Refusal {
    /// Returns the error code that says so on the wire.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotSubscribed => ErrorCode::NotSubscribed,
            Self::AlreadySubscribed => ErrorCode::AlreadySubscribed,
            Self::NotAnnounced => ErrorCode::NotAnnounced,
            Self::AlreadyAnnounced { .. } => ErrorCode::AlreadyAnnounced,
            Self::PeerIdTaken { .. } => ErrorCode::PeerIdTaken,
            Self::UnknownPeer { .. } => ErrorCode::UnknownPeer,
            Self::SessionFull { .. } => ErrorCode::SessionFull,
            Self::TooManySessions { .. } => ErrorCode::TooManySessions,
            Self::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::RoleForbids { .. } => ErrorCode::RoleForbids,
            Self::InvalidName { .. } => ErrorCode::InvalidName,
            Self::HostTaken { .. } => ErrorCode::HostTaken,
            Self::TooManyConnections { .. } => ErrorCode::TooManyConnections,
            Self::InvalidParams { .. } => ErrorCode::InvalidParams,
        }
    }
}

impl From<NameError> for Refusal {
    fn from(NameError { field, value, expected }: NameError) -> Self {
        Self::InvalidName { field, value, expected }
    }
}
