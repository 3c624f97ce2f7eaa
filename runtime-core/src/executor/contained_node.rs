//! A node whose errors and panics stay with it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::NodeFault;
use crate::node::{DynNode, NodeContext, NodeError, NodeFactory};

/// One instance of a node type. It is made on first use, and made anew after a panic, since nobody knows
/// what state a panic leaves.
pub(super) struct ContainedNode {
    factory: Arc<dyn NodeFactory>,
    context: NodeContext,
    node: Option<Box<dyn DynNode>>,
    not_made: Option<(Instant, NodeFault)>,
}

/// After a failure to make the node: items fail at once until it is tried again. Making a node can be
/// slow (a model, a device), so it must not happen for every frame.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl ContainedNode {
    pub(super) fn new(factory: Arc<dyn NodeFactory>, context: NodeContext) -> Self {
        Self { factory, context, node: None, not_made: None }
    }

    /// Makes the node if there is none.
    ///
    /// * `params`: asked for only then.
    pub(super) fn ensure_made(&mut self, params: impl FnOnce() -> Arc<Value>) -> Result<(), NodeFault> {
        if self.node.is_some() {
            return Ok(());
        }
        if let Some((since, fault)) = &self.not_made
            && since.elapsed() < RETRY_AFTER
        {
            return Err(fault.clone());
        }
        match contained(|| self.factory.create(&params(), &self.context)) {
            Ok(node) => {
                (self.node, self.not_made) = (Some(node), None);
                Ok(())
            }
            Err(fault) => {
                self.not_made = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    /// Calls the node, which is made first if there is none.
    pub(super) fn call<T>(
        &mut self,
        params: impl FnOnce() -> Arc<Value>,
        work: impl FnOnce(&mut dyn DynNode) -> Result<T, NodeError>,
    ) -> Result<T, NodeFault> {
        self.ensure_made(params)?;
        let node = self.node.as_deref_mut().expect("made in the line above");
        let outcome = contained(|| work(node));
        if let Err(NodeFault::Panic { .. }) = outcome {
            self.drop_node();
        }
        outcome
    }

    fn drop_node(&mut self) {
        let node = self.node.take();
        // A node that panicked may panic again when dropped; that it panicked is known already.
        catch_unwind(AssertUnwindSafe(|| drop(node))).ok();
    }
}

impl Drop for ContainedNode {
    fn drop(&mut self) {
        self.drop_node();
    }
}

/// Makes an instance and drops it, to see whether the params will do.
pub(super) fn try_params(
    factory: &dyn NodeFactory,
    params: &Value,
    context: &NodeContext,
) -> Result<(), NodeFault> {
    contained(|| factory.create(params, context).map(drop))
}

fn contained<T>(work: impl FnOnce() -> Result<T, NodeError>) -> Result<T, NodeFault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(NodeFault::from),
        Err(payload) => Err(NodeFault::Panic { message: panic_message(payload.as_ref()) }),
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> Arc<str> {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Arc::from(text.unwrap_or("no message"))
}
