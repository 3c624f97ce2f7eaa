//! Why a node did not do its work.

use super::ParamError;
use crate::data::{DataKind, FrameError};

/// Why a node did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The node does not take its params.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The item is of a kind or shape that the node does not process.
    #[error("cannot process {got}, expected {expected}")]
    Unsupported {
        /// The item.
        got: String,
        /// What would do.
        expected: &'static str,
    },
    /// The item's kind is not one that the port takes.
    #[error("port {port} does not take {kind}")]
    Kind {
        /// The port.
        port: String,
        /// The item's kind.
        kind: DataKind,
    },
    /// The node gave an item out on a port that its spec does not name.
    #[error("{node_type} has no output port {port}")]
    UnknownOutput {
        /// The node's type.
        node_type: &'static str,
        /// The port.
        port: &'static str,
    },
    /// A frame could not be made.
    #[error("could not make a frame")]
    Frame(#[from] FrameError),
    /// The node's params cannot change while it runs.
    #[error("{node_type} cannot change its params while it runs")]
    NotReconfigurable {
        /// The node's type.
        node_type: &'static str,
    },
    /// What the node is built on failed.
    #[error("the node's work failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl NodeError {
    /// Wraps the error of a library that the node is built on.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
