//! Who may do what, and who hears of it: the decisions of signaling, without sockets, tasks or clocks.
//!
//! [`Rooms`] owns all sessions and all connections. Each call is one step: it takes what a connection asked for and
//! `now`, changes the state, and returns the reply for the caller and an [`Output`] for everybody else. Whoever
//! calls it holds it exclusively while it carries the outputs to their queues; that makes a step atomic for those
//! who watch. [`RateLimit`] is the one rule that is per connection alone.
//!
//! It must not know how messages are written, how large they are on the wire, or that there is a network.

mod limits;
mod rate;
mod refusal;
mod rooms;
mod session;

use std::sync::Arc;

pub use limits::RoomLimits;
pub use rate::RateLimit;
pub use refusal::Refusal;
pub use rooms::Rooms;

use crate::protocol::SignalingEvent;

/// A connection of the server. Ids are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What a step asks to be carried out, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Tell a connection of an event.
    Deliver {
        /// Whom.
        to: ConnectionId,
        /// What.
        event: Arc<SignalingEvent>,
    },
    /// End a connection; it is out of its session already.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        cause: CloseCause,
    },
}

/// Why the server ends a connection of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCause {
    /// Its peer came back on another connection.
    Replaced,
    /// Its peer was removed by the operator.
    Kicked,
    /// It did not read its events fast enough.
    TooSlow,
}

/// A message from one peer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A session description to answer.
    Offer {
        /// Tells handshakes apart.
        handshake_id: String,
        /// The session description.
        sdp: String,
    },
    /// The answer to an offer.
    Answer {
        /// The offer it answers.
        handshake_id: String,
        /// The session description.
        sdp: String,
    },
    /// A way to reach the sender, or the end of them.
    IceCandidate {
        /// The handshake it belongs to.
        handshake_id: String,
        /// The candidate.
        candidate: Option<crate::protocol::IceCandidate>,
    },
    /// A call.
    CallStart {
        /// Tells calls apart.
        call_id: String,
    },
    /// The call is taken.
    CallAccept {
        /// Tells calls apart.
        call_id: String,
    },
    /// The call is over.
    CallEnd {
        /// Tells calls apart.
        call_id: String,
        /// Why, for people to read.
        reason: Option<String>,
    },
}
