//! Ending instances in the graph's order, within deadlines.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::CloseDeadlines;
use super::event::SessionEvent;
use super::feed::Delivery;
use super::instance_handle::InstanceHandle;
use super::pipeline::Pipeline;
use super::report::AbortedNode;
use super::stage::Stage;
use crate::data::StreamId;
use crate::ledger::DropReason;

/// The end of a pipeline or of one of its streams, stage by stage in the graph's order: when a stage's
/// turn comes, nothing more can come to it.
pub(super) struct Ending<'a> {
    pipeline: &'a Pipeline,
    drain_by: Instant,
    join_by: Instant,
    late: Vec<(&'a Stage, Arc<InstanceHandle>)>,
}

impl<'a> Ending<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, deadlines: CloseDeadlines) -> Self {
        let drain_by = Instant::now() + deadlines.drain;
        Self { pipeline, drain_by, join_by: drain_by + deadlines.join, late: Vec::new() }
    }

    /// Lets instances of the next stage work off what waits, and end. One that is late loses what waits
    /// and ends after the item that it is at work on.
    pub(super) async fn end(&mut self, stage: &'a Stage, instances: Vec<Arc<InstanceHandle>>) {
        instances.iter().for_each(|instance| instance.control.close());
        for instance in instances {
            // Behind a late instance there is little left to drain, but ending takes a moment.
            let by = if self.late.is_empty() { self.drain_by } else { self.join_by };
            if !instance.ended_by(by).await {
                instance.abort();
                self.late.push((stage, instance));
            }
        }
    }

    /// Tells an instance of the next stage, one that sees all streams, that one has ended, and waits until
    /// it knows. Late: it goes on with the other streams, and learns of this one's end when it gets there.
    pub(super) async fn end_stream(&mut self, instance: &InstanceHandle, stream: &StreamId) {
        let (known, told) = oneshot::channel();
        let telling = async {
            // Not urgent: it must come after the stream's last item. Closed: the instance is about to end.
            if instance.control.send(Delivery::EndStream { stream: stream.clone(), known }).await.is_ok() {
                told.await.ok();
            }
        };
        timeout_at(self.drain_by, telling).await.ok();
    }

    /// Gives up what is still at work, and counts what it is at work on as dropped.
    pub(super) async fn finish(self) -> Vec<AbortedNode> {
        let mut aborted = Vec::with_capacity(self.late.len());
        for (stage, instance) in self.late {
            let ended = instance.ended_by(self.join_by).await;
            if !ended && let Some(feed) = instance.settlement.give_up() {
                stage.feeds[feed].ledger.count_dropped(DropReason::Closed, 1);
            }
            let (node, stream) = (stage.settings.id.clone(), instance.stream.clone());
            self.pipeline
                .events
                .send(SessionEvent::NodeAborted { node: node.clone(), stream: stream.clone() });
            aborted.push(AbortedNode { node, stream, still_running: !ended });
        }
        aborted
    }
}
