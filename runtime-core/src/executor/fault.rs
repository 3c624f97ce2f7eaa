//! What can go wrong in a running pipeline.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::data::{DataKind, NodeId};
use crate::manifest::ManifestFaults;
use crate::node::NodeError;

/// Why a node failed. Cloning shares the error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFault {
    /// The node returned an error.
    #[error(transparent)]
    Error(Arc<NodeError>),
    /// The node panicked; its instance was dropped and is made anew for the next item.
    #[error("node panicked: {message}")]
    Panic {
        /// What the panic said.
        message: Arc<str>,
    },
    /// No thread could be started for it.
    #[error("no thread could be started")]
    Thread(#[source] Arc<io::Error>),
}

/// Why an item was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The session, or the item's stream, is closed.
    #[error("session is closed")]
    Closed,
    /// No node has a free input port for items of this kind.
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
    /// No instance could be started for the item.
    #[error("node {node} could not be started")]
    NodeFailed {
        /// The node.
        node: NodeId,
        /// Why.
        #[source]
        fault: NodeFault,
    },
    /// A control item did what [`ReconfigureError`] says.
    #[error(transparent)]
    Reconfigure(#[from] ReconfigureError),
}

/// Why a node did not take new params; its old ones stay in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// The pipeline has no such node.
    #[error("pipeline has no node {node}")]
    UnknownNode {
        /// The id asked for.
        node: NodeId,
    },
    /// They do not fit the node type's schema.
    #[error("params do not fit node {node}")]
    Params {
        /// The node.
        node: NodeId,
        /// What does not fit; paths are those of a manifest with this node alone.
        #[source]
        faults: ManifestFaults,
    },
    /// The node refused them.
    #[error("node {node} did not take its new params")]
    Refused {
        /// The node.
        node: NodeId,
        /// Why.
        #[source]
        fault: NodeFault,
    },
    /// The node did not answer.
    #[error("node {node} did not answer within {waited:?}")]
    Timeout {
        /// The node.
        node: NodeId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The session closed.
    #[error("session is closed")]
    Closed,
}

/// Why a pipeline did not start; what had started was stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A node could not be made.
    #[error("node {node} could not be made")]
    Node {
        /// The node.
        node: NodeId,
        /// Why.
        #[source]
        fault: NodeFault,
    },
    /// A node took too long.
    #[error("node {node} was not ready within {waited:?}")]
    Timeout {
        /// The node.
        node: NodeId,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Names kinds for a message.
pub(crate) struct KindList<'a>(pub(crate) &'a [DataKind]);

impl fmt::Display for KindList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no input"),
            [first, others @ ..] => {
                write!(f, "{first}")?;
                others.iter().try_for_each(|kind| write!(f, ", {kind}"))
            }
        }
    }
}

impl From<NodeError> for NodeFault {
    fn from(error: NodeError) -> Self {
        Self::Error(Arc::new(error))
    }
}
