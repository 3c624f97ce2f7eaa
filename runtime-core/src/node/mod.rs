//! Nodes: what processes items, how one is described, and where the executor finds it.
//!
//! An author writes one type that implements [`Node`] and registers it with one line,
//! `registry.register::<MyNode>()`. The executor owns every instance and calls it from one thread at
//! a time, so a node needs no locks. Nodes know no executor, no session and no network.

pub mod builtin;
mod context;
mod error;
mod outputs;
mod param_error;
mod registry;
mod spec;

pub use context::NodeContext;
pub use error::NodeError;
pub use outputs::Outputs;
pub use param_error::ParamError;
pub(crate) use registry::snake_case;
pub use registry::{DynNode, NodeFactory, NodeRegistry, RegistryError};
pub use spec::{NodeScope, NodeSpec, NodeWeight, PortSpec};

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::data::{StreamId, TransportData};

/// A processing step.
///
/// Panics and errors are contained: the item fails, is counted, and is reported to the session's user;
/// the node goes on with the next.
pub trait Node: Sized + Send + 'static {
    /// The params as they stand in a manifest; snake_case and camelCase keys are both accepted.
    /// Ranges belong into the schema (`#[schemars(range(min = 1, max = 99))]`): the manifest's
    /// validation reports every violation before anything starts.
    type Params: DeserializeOwned + JsonSchema;

    /// Name, ports, weight and scope.
    const SPEC: NodeSpec;

    /// Checks what the schema cannot say: params that must fit each other.
    ///
    /// The manifest's validation asks it of params that fit the schema, before anything starts, and neither
    /// [`create`](Self::create) nor [`reconfigure`](Self::reconfigure) is given params that it refuses.
    ///
    /// # Errors
    /// [`ParamError`] names the param, its value, and what would do.
    fn check_params(params: &Self::Params) -> Result<(), ParamError> {
        let _ = params;
        Ok(())
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// [`NodeError`] if a resource is missing.
    fn create(params: Self::Params, context: &NodeContext) -> Result<Self, NodeError>;

    /// Processes one item; what it makes goes into `outputs`, in any number.
    ///
    /// * `port`: the input port's name.
    ///
    /// # Errors
    /// [`NodeError`]: this item fails, the node goes on.
    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError>;

    /// For nodes without input ports: gives out what is due at `elapsed` since the start, and says when
    /// to be called again (time since the start), or `None` when there is no more.
    ///
    /// # Errors
    /// [`NodeError`]: the source ends.
    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError> {
        let _ = (elapsed, outputs);
        Ok(None)
    }

    /// Takes new params while running, between two items.
    ///
    /// # Errors
    /// [`NodeError::NotReconfigurable`] unless the node implements it; the old params stay in force.
    fn reconfigure(&mut self, params: Self::Params) -> Result<(), NodeError> {
        let _ = params;
        Err(NodeError::NotReconfigurable { node_type: Self::SPEC.node_type })
    }

    /// Gives out what the node holds back (delay lines, half-filled blocks): before the end of its
    /// stream, and on [`crate::data::ControlMessage::Flush`].
    ///
    /// # Errors
    /// [`NodeError`]: counted and reported.
    fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError> {
        let _ = outputs;
        Ok(())
    }

    /// For session-scoped nodes: forgets what it keeps of `stream`, which has ended; its last item has been
    /// processed.
    ///
    /// # Errors
    /// [`NodeError`]: counted and reported.
    fn end_stream(&mut self, stream: &StreamId, outputs: &mut Outputs) -> Result<(), NodeError> {
        let _ = (stream, outputs);
        Ok(())
    }
}
