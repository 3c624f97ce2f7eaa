//! What can go wrong with a connection.

use std::fmt;

/// The two kinds of description; provisional answers are not used, and a rollback is no description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SdpKind {
    /// A proposal.
    Offer,
    /// The reply to an offer; ends the negotiation.
    Answer,
}

/// Why a step of the connection failed. The connection stays as it was before the call, unless the
/// variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A setting is out of its range.
    #[error("{setting} is {got}, expected {expected}")]
    InvalidConfig {
        /// Name of the field in [`ConnectionConfig`](super::ConnectionConfig).
        setting: &'static str,
        /// The value.
        got: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// No connection could be made ready: no socket could be bound, or the engine refused the settings.
    #[error("connection cannot be opened: {reason}")]
    Open {
        /// The engine's or the system's words.
        reason: String,
    },
    /// The description is faulty; names the value.
    #[error("remote {kind} is refused: {reason}")]
    InvalidSdp {
        /// Offer or answer.
        kind: SdpKind,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// Both ends have codecs of that kind, but none in common.
    #[error("no common {media} codec: remote has [{remote}], local has [{local}]")]
    NoCommonCodec {
        /// `audio` or `video`.
        media: String,
        /// The remote codecs with their parameters.
        remote: String,
        /// Our codecs with their parameters.
        local: String,
    },
    /// The call does not fit the state of the negotiation.
    #[error("{operation} is not possible while the negotiation is {state}")]
    WrongState {
        /// What was asked for.
        operation: &'static str,
        /// The state, as in `stable`.
        state: &'static str,
    },
    /// The engine refused; the negotiation may be half done: close the connection.
    #[error("{operation} failed: {reason}")]
    Engine {
        /// What was asked for.
        operation: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The connection is closed.
    #[error("connection is closed")]
    Closed,
}

/// Why a candidate was refused. The connection goes on without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// The candidate cannot be parsed.
    #[error("candidate {candidate:?} is refused: {reason}")]
    Invalid {
        /// The candidate, at most its first 120 characters.
        candidate: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no remote description yet: keep the candidate until there is.
    #[error("candidate {candidate:?} came before the remote description")]
    TooEarly {
        /// The candidate, at most its first 120 characters.
        candidate: String,
    },
    /// The connection is closed.
    #[error("connection is closed")]
    Closed,
}

impl fmt::Display for SdpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
        })
    }
}
