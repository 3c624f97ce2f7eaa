//! Names of peers, tracks, nodes, sessions and streams.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name, characters.
const MAX_NAME_LEN: usize = 64;

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{noun} {value:?} is not 1 to {MAX_NAME_LEN} letters, digits, '_', '-', '.' or ':'")]
pub struct IdentityError {
    noun: &'static str,
    value: String,
}

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// [`IdentityError`] unless it is 1 to 64 letters, digits, `_`, `-`, `.` or `:` (ASCII).
            pub fn new(name: impl AsRef<str>) -> Result<Self, IdentityError> {
                let name = name.as_ref();
                let fits = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
                if name.is_empty() || name.len() > MAX_NAME_LEN || !name.chars().all(fits) {
                    let value = name.chars().take(2 * MAX_NAME_LEN).collect();
                    return Err(IdentityError { noun: $noun, value });
                }
                Ok(Self(name.into()))
            }

            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentityError;
            fn try_from(name: String) -> Result<Self, IdentityError> {
                Self::new(name)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdentityError;
            fn from_str(name: &str) -> Result<Self, IdentityError> {
                Self::new(name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

identity!(
    /// A peer of a session, local or remote.
    PeerId,
    "peer id"
);
identity!(
    /// One track of a peer: its camera, its microphone, one output of its pipeline.
    TrackId,
    "track id"
);
identity!(
    /// A node of a manifest.
    NodeId,
    "node id"
);
identity!(
    /// A session, globally unique.
    SessionId,
    "session id"
);

/// Where an item came in: the peer and its track.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId {
    /// The peer that sent it.
    pub peer: PeerId,
    /// The peer's track.
    pub track: TrackId,
}

/// Where a node wants its output to go; it takes effect for outputs routed `tagged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Everybody in the session.
    All,
    /// Everybody but the peer the item came from.
    Others,
    /// The peer the item came from.
    Sender,
    /// These peers.
    Peers(Arc<[PeerId]>),
}

impl StreamId {
    /// Names a peer's track.
    pub fn new(peer: PeerId, track: TrackId) -> Self {
        Self { peer, track }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.peer, self.track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_64_characters_is_taken_and_one_of_65_refused() {
        assert!(PeerId::new("a".repeat(64)).is_ok());
        let refused = PeerId::new("a".repeat(65)).expect_err("65 characters");
        assert!(refused.to_string().starts_with("peer id \"aaa"));
    }

    #[test]
    fn empty_names_and_foreign_characters_are_refused_by_value() {
        assert!(TrackId::new("").is_err());
        assert_eq!(
            TrackId::new("a b").expect_err("space").to_string(),
            "track id \"a b\" is not 1 to 64 letters, digits, '_', '-', '.' or ':'"
        );
    }
}
