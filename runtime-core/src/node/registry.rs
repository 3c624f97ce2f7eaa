//! The node types that a runner knows.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Node, NodeContext, NodeError, NodeSpec, Outputs, ParamError};
use crate::data::{StreamId, TransportData};

/// The node types that a runner knows, by name. Cloning is cheap.
#[derive(Clone, Default)]
pub struct NodeRegistry {
    factories: BTreeMap<&'static str, Arc<dyn NodeFactory>>,
}

/// Makes instances of one node type. [`NodeRegistry::register`] makes one for every [`Node`].
pub trait NodeFactory: Send + Sync {
    /// Returns the node type's description.
    fn spec(&self) -> NodeSpec;

    /// Returns the JSON schema (draft 2020-12) of its params.
    fn param_schema(&self) -> Value;

    /// Checks of params that fit the schema what the schema cannot say; see [`Node::check_params`].
    ///
    /// # Errors
    /// [`ParamError`] names the param, its value, and what would do.
    fn check_params(&self, params: &Value) -> Result<(), ParamError> {
        let _ = params;
        Ok(())
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// [`NodeError`] if the params do not fit or a resource is missing.
    fn create(&self, params: &Value, context: &NodeContext) -> Result<Box<dyn DynNode>, NodeError>;
}

/// A [`Node`] whose type is not known at compile time; see there for the methods.
#[allow(missing_docs)]
pub trait DynNode: Send {
    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError>;
    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError>;
    fn reconfigure(&mut self, params: &Value) -> Result<(), NodeError>;
    fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError>;
    fn end_stream(&mut self, stream: &StreamId, outputs: &mut Outputs) -> Result<(), NodeError> {
        let _ = (stream, outputs);
        Ok(())
    }
}

/// Why a node type was not registered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Another type has that name already.
    #[error("node type {node_type} is registered already")]
    Taken {
        /// The name.
        node_type: &'static str,
    },
}

impl NodeRegistry {
    /// Makes a registry that knows no types.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a node type.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] if a type of that name is there already.
    pub fn register<N: Node>(&mut self) -> Result<(), RegistryError> {
        self.register_factory(Arc::new(TypedFactory::<N>(PhantomData)))
    }

    /// Adds a node type by its factory, for types that are not known at compile time.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] if a type of that name is there already.
    pub fn register_factory(&mut self, factory: Arc<dyn NodeFactory>) -> Result<(), RegistryError> {
        let node_type = factory.spec().node_type;
        if self.factories.contains_key(node_type) {
            return Err(RegistryError::Taken { node_type });
        }
        self.factories.insert(node_type, factory);
        Ok(())
    }

    /// Returns the factory of a node type.
    pub fn factory(&self, node_type: &str) -> Option<&Arc<dyn NodeFactory>> {
        self.factories.get(node_type)
    }

    /// Returns all factories, by name.
    pub fn factories(&self) -> impl Iterator<Item = &Arc<dyn NodeFactory>> {
        self.factories.values()
    }
}

impl fmt::Debug for NodeRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.factories.keys()).finish()
    }
}

struct TypedFactory<N>(PhantomData<fn() -> N>);

struct TypedNode<N>(N);

impl<N: Node> NodeFactory for TypedFactory<N> {
    fn spec(&self) -> NodeSpec {
        N::SPEC
    }

    fn param_schema(&self) -> Value {
        schemars::schema_for!(N::Params).to_value()
    }

    fn check_params(&self, params: &Value) -> Result<(), ParamError> {
        checked_params::<N>(params).map(drop)
    }

    fn create(&self, params: &Value, context: &NodeContext) -> Result<Box<dyn DynNode>, NodeError> {
        Ok(Box::new(TypedNode(N::create(checked_params::<N>(params)?, context)?)))
    }
}

impl<N: Node> DynNode for TypedNode<N> {
    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        self.0.process(port, item, outputs)
    }

    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError> {
        self.0.produce(elapsed, outputs)
    }

    fn reconfigure(&mut self, params: &Value) -> Result<(), NodeError> {
        self.0.reconfigure(checked_params::<N>(params)?)
    }

    fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError> {
        self.0.flush(outputs)
    }

    fn end_stream(&mut self, stream: &StreamId, outputs: &mut Outputs) -> Result<(), NodeError> {
        self.0.end_stream(stream, outputs)
    }
}

/// Reads params and checks them. Absent ones (`null`) mean an empty object, so that nodes with defaults need none.
fn checked_params<N: Node>(params: &Value) -> Result<N::Params, ParamError> {
    let params = match params {
        Value::Null => Value::Object(Map::new()),
        given => snake_case_keys(given),
    };
    let params = serde_json::from_value(params).map_err(ParamError::Shape)?;
    N::check_params(&params)?;
    Ok(params)
}

/// Returns `value` with the keys of its outermost object in snake_case.
fn snake_case_keys(value: &Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    Value::Object(fields.iter().map(|(key, value)| (snake_case(key), value.clone())).collect())
}

/// Returns a camelCase key in snake_case.
pub(crate) fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
