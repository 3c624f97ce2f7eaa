//! One node of the graph: its instances, and the lanes that lead to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::oneshot;

use super::event::SessionEvent;
use super::feed::{ControlScope, Feed, Lanes};
use super::instance::Instance;
use super::instance_handle::InstanceHandle;
use super::pipeline::Pipeline;
use super::plan::{StagePlan, Target};
use super::rate_gate::RateGate;
use super::{MAX_STREAMS, NodeFault};
use crate::data::StreamId;
use crate::latency::LatencyHistogram;
use crate::ledger::{DropReason, Ledger};
use crate::manifest::{Manifest, ManifestFaults, NodeManifest, NodeSettings};
use crate::node::{NodeRegistry, NodeScope};

/// One node of the graph.
pub(super) struct Stage {
    pub(super) at: usize,
    pub(super) settings: NodeSettings,
    pub(super) feeds: Vec<Feed>,
    /// Where its outputs go, per output port in the spec's order.
    pub(super) targets: Vec<Vec<Target>>,
    /// How long `process` takes.
    pub(super) processing: LatencyHistogram,
    /// How long items wait for it.
    pub(super) queue_wait: LatencyHistogram,
    /// Items given out on a port that the node does not have.
    pub(super) unrouted: Ledger,
    /// Control items are counted apart, and not reported.
    pub(super) control: Arc<Ledger>,
    params: Mutex<Arc<Value>>,
    reports: Mutex<RateGate>,
    state: Mutex<StageState>,
}

#[derive(Default)]
struct StageState {
    streams: HashMap<Option<StreamId>, StreamEntry>,
    /// The only instance of a session-scoped stage.
    for_all: Option<Arc<InstanceHandle>>,
    sealed: bool,
}

struct StreamEntry {
    lanes: Arc<Lanes>,
    instance: Arc<InstanceHandle>,
    ending: bool,
}

/// Why a stage takes no item of a stream.
#[derive(Debug)]
pub(super) enum Refusal {
    Closed,
    TooManyStreams,
    Node(NodeFault),
}

impl Refusal {
    /// Returns how the ledger counts the item.
    pub(super) fn reason(&self) -> DropReason {
        match self {
            Self::Closed => DropReason::Closed,
            Self::TooManyStreams => DropReason::NoTaker,
            Self::Node(_) => DropReason::NodeFailed,
        }
    }
}

impl Stage {
    pub(super) fn new(at: usize, settings: NodeSettings, plan: StagePlan, ledgers: &[Arc<Ledger>]) -> Self {
        Self {
            at,
            feeds: plan.feeds.iter().map(|feed| Feed::new(feed, ledgers)).collect(),
            targets: plan.targets,
            processing: LatencyHistogram::new(),
            queue_wait: LatencyHistogram::new(),
            unrouted: Ledger::default(),
            control: Arc::default(),
            params: Mutex::new(Arc::new(settings.params.clone())),
            reports: Mutex::default(),
            state: Mutex::default(),
            settings,
        }
    }

    /// Starts the instance that is there from the start: a source, or one that sees all streams. Returns
    /// where it tells whether its node could be made.
    pub(super) fn open(
        &self,
        pipeline: &Arc<Pipeline>,
    ) -> Result<Option<oneshot::Receiver<Result<(), NodeFault>>>, NodeFault> {
        if self.settings.scope == NodeScope::Stream && !self.settings.spec.inputs.is_empty() {
            return Ok(None);
        }
        let (ready, told) = oneshot::channel();
        let instance = Instance::start(pipeline, self, None, Some(ready))?;
        lock(&self.state).for_all = Some(Arc::new(instance));
        Ok(Some(told))
    }

    /// Returns the lanes for items of a stream; the first call for a stream of a stream-scoped stage
    /// starts its instance.
    ///
    /// * `from_user`: whether the item comes from outside; if so an ending stream is closed already.
    pub(super) fn lanes(
        &self,
        pipeline: &Arc<Pipeline>,
        stream: &Option<StreamId>,
        from_user: bool,
    ) -> Result<Arc<Lanes>, Refusal> {
        let mut state = lock(&self.state);
        match state.streams.get(stream) {
            Some(entry) if entry.ending && from_user => return Err(Refusal::Closed),
            Some(entry) => return Ok(entry.lanes.clone()),
            None if state.sealed => return Err(Refusal::Closed),
            None if state.streams.len() >= MAX_STREAMS => return Err(Refusal::TooManyStreams),
            None => {}
        }
        let instance = match &state.for_all {
            Some(instance) => instance.clone(),
            None => {
                let started = Instance::start(pipeline, self, stream.clone(), None);
                Arc::new(started.map_err(Refusal::Node)?)
            }
        };
        let lanes = Arc::new(Lanes::new(instance.control.clone(), self.feeds.len()));
        let entry = StreamEntry { lanes: lanes.clone(), instance, ending: false };
        state.streams.insert(stream.clone(), entry);
        Ok(lanes)
    }

    /// Refuses new streams and further items from outside; returns the instances that there are.
    pub(super) fn seal(&self) -> Vec<Arc<InstanceHandle>> {
        let mut state = lock(&self.state);
        state.sealed = true;
        instances(&state)
    }

    /// Returns the instances that there are.
    pub(super) fn instances(&self) -> Vec<Arc<InstanceHandle>> {
        instances(&lock(&self.state))
    }

    /// Refuses further items of a stream from outside.
    pub(super) fn begin_ending(&self, stream: &Option<StreamId>) {
        if let Some(entry) = lock(&self.state).streams.get_mut(stream) {
            entry.ending = true;
        }
    }

    /// Returns the instance that serves a stream, if it has sent anything.
    pub(super) fn instance_of(&self, stream: &Option<StreamId>) -> Option<Arc<InstanceHandle>> {
        lock(&self.state).streams.get(stream).map(|entry| entry.instance.clone())
    }

    /// Forgets a stream; its next item begins it anew.
    pub(super) fn forget(&self, stream: &Option<StreamId>) {
        let entry = lock(&self.state).streams.remove(stream);
        // Its lanes lock their queue when they are dropped, so not under the stage's lock.
        drop(entry);
    }

    /// Returns the instances that a control item reaches.
    pub(super) fn reached_by(&self, scope: &ControlScope) -> Vec<Arc<InstanceHandle>> {
        let mut instances = self.instances();
        if self.settings.scope == NodeScope::Stream {
            instances.retain(|instance| scope.reaches(instance.stream.as_ref()));
        }
        instances
    }

    /// Returns the params for new instances.
    pub(super) fn params(&self) -> Arc<Value> {
        lock(&self.params).clone()
    }

    /// Checks params as those of a manifest with this node alone, and returns them with keys in snake_case.
    pub(super) fn checked_params(&self, params: Value) -> Result<Value, ManifestFaults> {
        let manifest = Manifest {
            version: "v1".to_owned(),
            metadata: None,
            nodes: vec![NodeManifest {
                id: self.settings.id.to_string(),
                node_type: self.settings.spec.node_type.to_owned(),
                params,
                is_streaming: None,
                scope: None,
            }],
            connections: Vec::new(),
            transport: None,
            routes: Vec::new(),
        };
        let mut registry = NodeRegistry::empty();
        let factory = self.settings.factory.clone();
        registry.register_factory(factory).expect("an empty registry has no such type");
        let mut graph = manifest.check(&registry)?;
        Ok(graph.nodes.pop().map_or(Value::Null, |node| node.params))
    }

    /// Sets the params for new instances.
    pub(super) fn set_params(&self, params: Arc<Value>) {
        *lock(&self.params) = params;
    }

    /// Tells the session's user of a fault, unless one was told just before.
    pub(super) fn report(&self, pipeline: &Pipeline, stream: Option<&StreamId>, fault: NodeFault) {
        let admitted = lock(&self.reports).admit(Instant::now());
        if let Some(untold) = admitted {
            let (node, stream) = (self.settings.id.clone(), stream.cloned());
            pipeline.events.send(SessionEvent::NodeFailed { node, stream, fault, untold });
        }
    }
}

fn instances(state: &StageState) -> Vec<Arc<InstanceHandle>> {
    match &state.for_all {
        Some(instance) => vec![instance.clone()],
        None => state.streams.values().map(|entry| entry.instance.clone()).collect(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
