//! What all instances of a running pipeline share: the stages and the ways between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tracing::Span;

use super::event::EventSender;
use super::feed::{ControlScope, Delivery, Feed};
use super::outlet::{Outlet, OutputReceiver};
use super::plan::{AccountPlan, Entries, Place, Plan, Target};
use super::stage::{Refusal, Stage};
use super::{InputError, MAX_STREAMS};
use crate::data::{ControlMessage, NodeId, SessionId, StreamId, TransportData};
use crate::ledger::{DropReason, Ledger};
use crate::manifest::PipelineGraph;
use crate::node::NodeContext;
use crate::shm::FramePool;

/// What all instances of a running pipeline share.
pub(super) struct Pipeline {
    pub(super) stages: Vec<Stage>,
    pub(super) outlet: Outlet,
    pub(super) events: EventSender,
    pub(super) runtime: Handle,
    pub(super) span: Span,
    /// Every place where items wait, with its ledger.
    pub(super) accounts: Vec<(AccountPlan, Arc<Ledger>)>,
    /// Items from outside that came nowhere.
    pub(super) refused: Ledger,
    entries: Entries,
    input_refused: AtomicBool,
    session_id: SessionId,
    pool: Arc<dyn FramePool>,
}

impl Pipeline {
    /// Lays out the stages; nothing runs yet.
    pub(super) fn new(
        graph: &PipelineGraph,
        session_id: SessionId,
        pool: Arc<dyn FramePool>,
        runtime: Handle,
    ) -> (Self, OutputReceiver) {
        let plan = Plan::new(graph);
        let ledgers: Vec<Arc<Ledger>> = plan.accounts.iter().map(|_| Arc::default()).collect();
        let (outlet, output) = Outlet::new(&plan.outlet, &ledgers);
        let stages = graph.nodes.iter().cloned().zip(plan.stages).enumerate();
        let stages = stages.map(|(at, (settings, stage))| Stage::new(at, settings, stage, &ledgers));
        let pipeline = Self {
            stages: stages.collect(),
            outlet,
            events: EventSender::new(),
            runtime,
            span: tracing::info_span!("session", %session_id),
            accounts: plan.accounts.into_iter().zip(ledgers).collect(),
            refused: Ledger::default(),
            entries: plan.entries,
            input_refused: AtomicBool::new(false),
            session_id,
            pool,
        };
        (pipeline, output)
    }

    /// Takes no more items from outside.
    pub(super) fn refuse_input(&self) {
        self.input_refused.store(true, Ordering::Release);
    }

    /// Whether the pipeline ends, or has ended.
    pub(super) fn refuses_input(&self) -> bool {
        self.input_refused.load(Ordering::Acquire)
    }

    /// Takes an item from outside to every free port that takes its kind.
    pub(super) async fn enter(self: &Arc<Self>, item: TransportData) -> Result<(), InputError> {
        if self.refuses_input() {
            self.refused.count_refused(DropReason::Closed);
            return Err(InputError::Closed);
        }
        let kind = item.data.kind();
        let mut targets = self.entries.for_kind(kind).peekable();
        if targets.peek().is_none() {
            self.refused.count_refused(DropReason::NoTaker);
            return Err(InputError::NoInput { kind, takes: self.entries.kinds() });
        }
        let mut outcome = Ok(());
        let mut item = Some(item);
        while let Some(target) = targets.next() {
            let last = targets.peek().is_none();
            let Some(item) = (if last { item.take() } else { item.clone() }) else { break };
            let delivered = self.deliver(target, item, true).await;
            outcome = outcome.and(delivered.map_err(|refusal| match (refusal, target.place) {
                (Refusal::TooManyStreams, _) => InputError::TooManyStreams { limit: MAX_STREAMS },
                (Refusal::Node(fault), Place::Node(to)) => {
                    InputError::NodeFailed { node: self.stages[to].settings.id.clone(), fault }
                }
                (Refusal::Closed | Refusal::Node(_), _) => InputError::Closed,
            }));
        }
        outcome
    }

    /// Takes an item that a node gave out to all that take from its port.
    pub(super) async fn forward(self: &Arc<Self>, targets: &[Target], item: TransportData) {
        let Some((last, others)) = targets.split_last() else { return };
        for target in others {
            // Why it was not taken is in the ledger.
            self.deliver(target, item.clone(), false).await.ok();
        }
        self.deliver(last, item, false).await.ok();
    }

    async fn deliver(
        self: &Arc<Self>,
        target: &Target,
        mut item: TransportData,
        from_user: bool,
    ) -> Result<(), Refusal> {
        let kind = item.data.kind();
        let at = target.feed(kind);
        let feeds: &[Feed] = match target.place {
            Place::Node(to) => &self.stages[to].feeds,
            Place::User => &self.outlet.feeds,
        };
        if !target.takes.takes(kind) {
            feeds[at].ledger.count_refused(DropReason::NoTaker);
            return Ok(());
        }
        let lanes = match target.place {
            Place::Node(to) => self.stages[to].lanes(self, &item.source, from_user),
            Place::User => self.outlet.lanes(&item.source),
        };
        match lanes {
            Ok(lanes) => {
                item.output.clone_from(&target.output);
                if lanes.deliver(feeds, at, item).await { Ok(()) } else { Err(Refusal::Closed) }
            }
            Err(refusal) => {
                feeds[at].ledger.count_refused(refusal.reason());
                if let (Refusal::Node(fault), Place::Node(to)) = (&refusal, target.place) {
                    self.stages[to].report(self, item.source.as_ref(), fault.clone());
                }
                Err(refusal)
            }
        }
    }

    /// Passes a control item from outside to the nodes that take the session's input.
    pub(super) async fn enter_control(&self, message: &Arc<ControlMessage>, scope: &ControlScope) {
        for stage in &self.stages {
            let is_entry = |(account, _): &(AccountPlan, _)| {
                account.from == Place::User && account.to == Place::Node(stage.at)
            };
            if self.accounts.iter().any(is_entry) {
                send_control(stage, message, scope).await;
            }
        }
    }

    /// Passes a control item to the nodes that take from a port; at the session's output it ends.
    pub(super) async fn forward_control(
        &self,
        targets: &[Target],
        message: &Arc<ControlMessage>,
        scope: &ControlScope,
    ) {
        for target in targets {
            if let Place::Node(to) = target.place {
                send_control(&self.stages[to], message, scope).await;
            }
        }
    }

    /// Returns the stage of a node.
    pub(super) fn stage(&self, node: &NodeId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.settings.id == *node)
    }

    /// Returns what a node of a stage is given when it is made.
    pub(super) fn node_context(&self, stage: &Stage, stream: Option<StreamId>) -> NodeContext {
        NodeContext {
            node_id: stage.settings.id.clone(),
            session_id: self.session_id.clone(),
            stream,
            pool: self.pool.clone(),
        }
    }
}

async fn send_control(stage: &Stage, message: &Arc<ControlMessage>, scope: &ControlScope) {
    for instance in stage.reached_by(scope) {
        let delivery = Delivery::Control { message: message.clone(), scope: scope.clone() };
        // Closed: the instance is about to end.
        instance.control.send_urgent(delivery).await.ok();
    }
}
