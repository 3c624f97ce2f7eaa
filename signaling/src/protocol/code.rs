//! The error codes of the protocol.

use serde_json::{Value, json};

macro_rules! codes {
    ($($variant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        /// Why a request was refused. The codes below −32000 of JSON-RPC 2.0 §5.1, and our own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the number on the wire.
            pub const fn code(self) -> i32 {
                match self { $(Self::$variant => $code,)* }
            }

            /// Returns the name, as `data.name` of an error carries it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns what it means, as a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// Finds the code of a number on the wire.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    ParseError = -32700, "parse_error", "The message is not JSON.";
    InvalidRequest = -32600, "invalid_request", "The message is JSON but not a JSON-RPC 2.0 request.";
    MethodNotFound = -32601, "method_not_found", "The server has no such method.";
    InvalidParams = -32602, "invalid_params", "A parameter is missing, of the wrong type or out of range.";
    InternalError = -32603, "internal_error", "The server failed; the request may be sent again.";
    NotSubscribed = -32001, "not_subscribed", "The connection must subscribe to events before it announces a peer.";
    NotAnnounced = -32002, "not_announced", "The connection must announce a peer first.";
    AlreadyAnnounced = -32003, "already_announced", "The connection has announced a peer already.";
    PeerIdTaken = -32004, "peer_id_taken", "Another peer of the session has this id and the token does not match.";
    UnknownPeer = -32005, "unknown_peer", "The session has no other peer of this id.";
    SessionFull = -32006, "session_full", "The session has as many peers as it takes.";
    TooManySessions = -32007, "too_many_sessions", "The server has as many sessions as it takes.";
    MessageTooLarge = -32008, "message_too_large", "The message is longer than its kind may be.";
    RateLimited = -32009, "rate_limited", "The connection sent too many requests in too short a time.";
    RoleForbids = -32010, "role_forbids", "The peer's role does not allow this in a session of this topology.";
    InvalidName = -32011, "invalid_name", "A session name, peer id, handshake id or call id is malformed.";
    HostTaken = -32012, "host_taken", "The session has a host already.";
    AlreadySubscribed = -32013, "already_subscribed", "The connection has a subscription already.";
    TooManyConnections = -32014, "too_many_connections", "The server has as many connections as it takes.";
}

impl ErrorCode {
    /// Describes the code as an OpenRPC error object.
    pub(crate) fn openrpc(self) -> Value {
        json!({"code": self.code(), "message": self.meaning(), "data": {"name": self.name()}})
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_lead_back() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.code()).collect();
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.name()).collect();
        assert_eq!((codes.len(), names.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(code.code()), Some(*code));
        }
        assert_eq!(ErrorCode::from_code(-1), None);
    }
}
