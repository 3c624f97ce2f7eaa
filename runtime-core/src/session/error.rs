//! Why a session did not do what was asked of it.

use std::time::Duration;

use crate::data::{DataKind, NodeId};
use crate::executor::{InputError, KindList, NodeFault, ReconfigureError, StartError};
use crate::manifest::ManifestFaults;

/// Why a session did not do what was asked of it; the error of every transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The session is closed.
    #[error("session is closed")]
    Closed,
    /// No node of the manifest takes items of this kind from outside.
    #[error("no node takes {kind} from outside, the pipeline takes {}", KindList(takes))]
    NoInput {
        /// The item's kind.
        kind: DataKind,
        /// The kinds that the pipeline takes; none: it takes no input.
        takes: Vec<DataKind>,
    },
    /// The item would begin one stream too many.
    #[error("session has {limit} streams already, close one first")]
    TooManyStreams {
        /// Most streams of a session.
        limit: usize,
    },
    /// The pipeline processed the item and gave nothing out.
    #[error("the pipeline gave nothing out")]
    NoOutput,
    /// The manifest has faults; nothing was started.
    #[error(transparent)]
    InvalidManifest(#[from] ManifestFaults),
    /// A node failed on the item, or could not be made.
    #[error("node {node} failed")]
    NodeFailed {
        /// The node.
        node: NodeId,
        /// Why.
        #[source]
        fault: NodeFault,
    },
    /// A node did not take new params.
    #[error(transparent)]
    Reconfigure(ReconfigureError),
    /// Something took too long.
    #[error("{awaited} took longer than {waited:?}")]
    Timeout {
        /// What was waited for.
        awaited: String,
        /// How long.
        waited: Duration,
    },
    /// The transport failed.
    #[error("the transport failed")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SessionError {
    /// Wraps an error of a transport.
    pub fn transport(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Transport(source.into())
    }
}

impl From<InputError> for SessionError {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Closed => Self::Closed,
            InputError::NoInput { kind, takes } => Self::NoInput { kind, takes },
            InputError::TooManyStreams { limit } => Self::TooManyStreams { limit },
            InputError::NodeFailed { node, fault } => Self::NodeFailed { node, fault },
            InputError::Reconfigure(error) => error.into(),
        }
    }
}

impl From<ReconfigureError> for SessionError {
    fn from(error: ReconfigureError) -> Self {
        match error {
            ReconfigureError::Closed => Self::Closed,
            other => Self::Reconfigure(other),
        }
    }
}

impl From<StartError> for SessionError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Node { node, fault } => Self::NodeFailed { node, fault },
            StartError::Timeout { node, waited } => {
                Self::Timeout { awaited: format!("making node {node}"), waited }
            }
        }
    }
}
