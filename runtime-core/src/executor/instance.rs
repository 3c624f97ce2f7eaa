//! One running node: takes what waits, has the node work on it, and sends on what it gives out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::NodeFault;
use super::contained_node::ContainedNode;
use super::feed::{ControlScope, Delivery};
use super::instance_handle::InstanceHandle;
use super::pipeline::Pipeline;
use super::settlement::Settlement;
use super::stage::Stage;
use crate::data::{ControlMessage, RuntimeData, StreamId, TransportData};
use crate::ledger::DropReason;
use crate::node::{DynNode, NodeError, NodeScope, NodeWeight, Outputs};
use crate::queue::{QueueReceiver, queue};

/// One running node.
pub(super) struct Instance {
    inbox: QueueReceiver<Delivery>,
    node: ContainedNode,
    outputs: Outputs,
    settlement: Arc<Settlement>,
    desk: Desk,
    ready: Option<oneshot::Sender<Result<(), NodeFault>>>,
    _ended: DropGuard,
}

/// What sends an instance's outputs on.
struct Desk {
    pipeline: Arc<Pipeline>,
    at: usize,
    stream: Option<StreamId>,
}

/// What an instance does next.
#[expect(clippy::large_enum_variant, reason = "lives on the stack for one turn of the loop")]
enum Next {
    Work(Delivery),
    Produce,
    End,
}

/// After a source has panicked: until its new instance is asked. A source that panics each time must not
/// keep a core busy.
const SOURCE_RETRY: Duration = Duration::from_secs(1);

/// Stage → instance: ends of streams that wait their turn. Each waits for its answer, so there are few.
const ENDS: usize = 16;

impl Instance {
    /// Starts an instance for a stream, in a task or on a thread as its weight demands.
    ///
    /// * `ready`: is told whether the node could be made; without it the first item finds out.
    pub(super) fn start(
        pipeline: &Arc<Pipeline>,
        stage: &Stage,
        stream: Option<StreamId>,
        ready: Option<oneshot::Sender<Result<(), NodeFault>>>,
    ) -> Result<InstanceHandle, NodeFault> {
        let (control, inbox) = queue(ENDS, stage.control.clone());
        let settlement = Arc::<Settlement>::default();
        let ended = CancellationToken::new();
        let context = pipeline.node_context(stage, stream.clone());
        let span = tracing::debug_span!(parent: &pipeline.span, "node", node_id = %context.node_id);
        let instance = Self {
            inbox,
            node: ContainedNode::new(stage.settings.factory.clone(), context),
            outputs: Outputs::default(),
            settlement: settlement.clone(),
            desk: Desk { pipeline: pipeline.clone(), at: stage.at, stream: stream.clone() },
            ready,
            _ended: ended.clone().drop_guard(),
        };
        let running = instance.run().instrument(span);
        let thread = match stage.settings.spec.weight {
            NodeWeight::Light => {
                pipeline.runtime.spawn(running);
                None
            }
            NodeWeight::Heavy => {
                let runtime = pipeline.runtime.clone();
                let named = std::thread::Builder::new().name(stage.settings.id.to_string());
                let thread = named.spawn(move || runtime.block_on(running));
                Some(thread.map_err(|error| NodeFault::Thread(Arc::new(error)))?)
            }
        };
        Ok(InstanceHandle { stream, control, settlement, ended, thread: thread.into() })
    }

    async fn run(mut self) {
        let stage = self.desk.stage();
        let made = self.node.ensure_made(|| stage.params());
        let is_source = stage.settings.spec.inputs.is_empty();
        let mut due = (is_source && made.is_ok()).then(Instant::now);
        match self.ready.take() {
            // Whoever started the session may have given up waiting.
            Some(ready) => drop(ready.send(made)),
            None => made.unwrap_or_else(|fault| self.desk.report(fault)),
        }
        let start = Instant::now();
        loop {
            match self.next(due).await {
                Next::Work(Delivery::Item { feed, item, queued }) => self.process(feed, item, queued).await,
                Next::Work(Delivery::Control { message, scope }) => self.heed(message, scope).await,
                Next::Work(Delivery::Reconfigure { params, reply }) => {
                    // Who asked and has given up waiting was told that the old params stay.
                    if !reply.is_closed() {
                        reply.send(self.reconfigure(params)).ok();
                    }
                }
                Next::Work(Delivery::EndStream { stream, known }) => {
                    self.attempt(|node, outputs| node.end_stream(&stream, outputs)).await;
                    drop(known);
                }
                Next::Produce => due = self.produce(start).await,
                Next::End => break,
            }
            // A node that always finds work would otherwise keep its worker from all other tasks.
            tokio::task::coop::consume_budget().await;
        }
        if !self.settlement.is_hurried() {
            self.attempt(|node, outputs| node.flush(outputs)).await;
        }
    }

    async fn next(&mut self, due: Option<Instant>) -> Next {
        let Some(due) = due else {
            return self.inbox.recv().await.map_or(Next::End, Next::Work);
        };
        tokio::select! {
            biased;
            delivery = self.inbox.recv() => delivery.map_or(Next::End, Next::Work),
            () = sleep_until(due) => Next::Produce,
        }
    }

    async fn process(&mut self, feed: usize, item: TransportData, queued: std::time::Instant) {
        let stage = self.desk.stage();
        let Some(way) = stage.feeds.get(feed) else { return };
        if !self.settlement.begin(feed) {
            way.ledger.count_dropped(DropReason::Closed, 1);
            return self.inbox.abort();
        }
        let entered = item.entered;
        let started = std::time::Instant::now();
        stage.queue_wait.record(started.saturating_duration_since(queued));
        let outputs = &mut self.outputs;
        let outcome = self.node.call(|| stage.params(), |node| node.process(way.port, item, outputs));
        stage.processing.record(started.elapsed());
        if !self.settlement.finish() {
            return self.inbox.abort();
        }
        match outcome {
            Ok(()) => {
                way.ledger.count_delivered();
                self.desk.send_on(&mut self.outputs, Some(entered)).await;
            }
            Err(fault) => {
                let panicked = matches!(fault, NodeFault::Panic { .. });
                let reason = if panicked { DropReason::NodePanicked } else { DropReason::NodeFailed };
                way.ledger.count_dropped(reason, 1);
                self.fail(fault);
            }
        }
    }

    /// Returns when to produce again.
    async fn produce(&mut self, start: Instant) -> Option<Instant> {
        let stage = self.desk.stage();
        let outputs = &mut self.outputs;
        let produced = self.node.call(|| stage.params(), |node| node.produce(start.elapsed(), outputs));
        if self.settlement.is_given_up() {
            self.inbox.abort();
            return None;
        }
        match produced {
            Ok(next) => {
                self.desk.send_on(&mut self.outputs, None).await;
                next.map(|elapsed| start + elapsed)
            }
            Err(fault) => {
                let panicked = matches!(fault, NodeFault::Panic { .. });
                self.fail(fault);
                panicked.then(|| Instant::now() + SOURCE_RETRY)
            }
        }
    }

    fn reconfigure(&mut self, params: Arc<Value>) -> Result<(), NodeFault> {
        let stage = self.desk.stage();
        self.node.call(|| stage.params(), |node| node.reconfigure(&params))?;
        stage.set_params(params);
        Ok(())
    }

    /// Does what a control item says and passes it on, unless it was for this node alone.
    async fn heed(&mut self, message: Arc<ControlMessage>, scope: ControlScope) {
        match message.as_ref() {
            ControlMessage::Reconfigure { node, params } if *node == self.desk.stage().settings.id => {
                let checked = self.desk.stage().checked_params(params.clone());
                let checked = checked.map_err(|faults| NodeError::failed(faults).into());
                if let Err(fault) = checked.and_then(|params| self.reconfigure(Arc::new(params))) {
                    self.desk.report(fault);
                }
                return;
            }
            ControlMessage::Reconfigure { .. } => {}
            ControlMessage::Flush => self.attempt(|node, outputs| node.flush(outputs)).await,
        }
        let scope = self.desk.stream.clone().map_or(scope, ControlScope::Stream);
        for targets in &self.desk.stage().targets {
            self.desk.pipeline.forward_control(targets, &message, &scope).await;
        }
    }

    /// Has the node do something that is no item's processing.
    async fn attempt(&mut self, work: impl FnOnce(&mut dyn DynNode, &mut Outputs) -> Result<(), NodeError>) {
        let stage = self.desk.stage();
        let outputs = &mut self.outputs;
        let outcome = self.node.call(|| stage.params(), |node| work(node, outputs));
        if self.settlement.is_given_up() {
            return self.inbox.abort();
        }
        match outcome {
            Ok(()) => self.desk.send_on(&mut self.outputs, None).await,
            Err(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: NodeFault) {
        self.outputs.drain().for_each(drop);
        self.desk.report(fault);
    }
}

impl Desk {
    fn stage(&self) -> &Stage {
        &self.pipeline.stages[self.at]
    }

    fn report(&self, fault: NodeFault) {
        self.stage().report(&self.pipeline, self.stream.as_ref(), fault);
    }

    /// Sends on what the node gave out.
    ///
    /// * `entered`: when the item that it worked on entered the process.
    async fn send_on(&self, outputs: &mut Outputs, entered: Option<std::time::Instant>) {
        let stage = self.stage();
        for (port, mut item) in outputs.drain() {
            let Some((port, _)) = stage.settings.spec.output(port) else {
                stage.unrouted.count_refused(DropReason::NoTaker);
                let node_type = stage.settings.spec.node_type;
                self.report(NodeError::UnknownOutput { node_type, port }.into());
                continue;
            };
            item.entered = entered.map_or(item.entered, |entered| entered.min(item.entered));
            if stage.settings.scope == NodeScope::Stream && item.source.is_none() {
                item.source.clone_from(&self.stream);
            }
            let targets = &stage.targets[port];
            match &item.data {
                RuntimeData::Control(message) => {
                    let scope = ControlScope::of(item.source.as_ref());
                    self.pipeline.forward_control(targets, message, &scope).await;
                }
                _ => self.pipeline.forward(targets, item).await,
            }
        }
    }
}
