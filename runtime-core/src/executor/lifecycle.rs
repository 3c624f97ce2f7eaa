//! The owner of a running pipeline: starts it, feeds it, ends it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::contained_node::try_params;
use super::ending::Ending;
use super::event::SessionEvents;
use super::feed::ControlScope;
use super::instance_handle::InstanceHandle;
use super::outlet::OutputReceiver;
use super::pipeline::Pipeline;
use super::report::{AbortedNode, PipelineReport};
use super::stage::Stage;
use super::{InputError, ReconfigureError, StartError};
use crate::data::{ControlMessage, NodeId, RuntimeData, SessionId, StreamId, TransportData};
use crate::manifest::PipelineGraph;
use crate::node::{NodeScope, NodeWeight};
use crate::shm::FramePool;

/// The owner of a running pipeline. Dropping it aborts the pipeline.
pub struct Executor {
    pipeline: Arc<Pipeline>,
}

/// How long the end of a pipeline or of a stream may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseDeadlines {
    /// For what is under way to get through.
    pub drain: Duration,
    /// For the rest to stop after that.
    pub join: Duration,
}

impl Executor {
    /// Starts a pipeline: its sources and the nodes that see all streams. Must be called within a Tokio
    /// runtime. Cancel safe: a cancelled call stops what it started.
    ///
    /// # Errors
    /// [`StartError`] if one of these nodes cannot be made, or not within `within`.
    pub async fn start(
        graph: &PipelineGraph,
        session_id: SessionId,
        pool: Arc<dyn FramePool>,
        within: Duration,
    ) -> Result<(Self, OutputReceiver), StartError> {
        let (pipeline, output) = Pipeline::new(graph, session_id, pool, Handle::current());
        let executor = Self { pipeline: Arc::new(pipeline) };
        let deadline = Instant::now() + within;
        let mut starting = Vec::new();
        for stage in &executor.pipeline.stages {
            let failed = |fault| StartError::Node { node: stage.settings.id.clone(), fault };
            if let Some(told) = stage.open(&executor.pipeline).map_err(failed)? {
                starting.push((stage.settings.id.clone(), told));
            }
        }
        for (node, told) in starting {
            match timeout_at(deadline, told).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(fault))) => return Err(StartError::Node { node, fault }),
                Ok(Err(_)) | Err(_) => return Err(StartError::Timeout { node, waited: within }),
            }
        }
        Ok((executor, output))
    }

    /// Gives an item to every node with a free input port for its kind. Media never waits, data waits for
    /// room. A `Flush` goes the same ways; a `Reconfigure` goes to its node.
    ///
    /// Cancel safety: a cancelled call may have given the item to some of several nodes.
    ///
    /// # Errors
    /// [`InputError`]; the item is counted as dropped.
    pub async fn input(&self, item: TransportData, answer_within: Duration) -> Result<(), InputError> {
        let RuntimeData::Control(message) = &item.data else {
            return self.pipeline.enter(item).await;
        };
        match message.as_ref() {
            ControlMessage::Reconfigure { node, params } => {
                Ok(self.reconfigure(node, params.clone(), answer_within).await?)
            }
            ControlMessage::Flush => {
                let scope = ControlScope::of(item.source.as_ref());
                self.pipeline.enter_control(message, &scope).await;
                Ok(())
            }
        }
    }

    /// Gives a node new params, past all that waits, and waits for its answer. Instances made later get
    /// them too.
    ///
    /// # Errors
    /// [`ReconfigureError`]; every instance keeps its old params, or has them again.
    ///
    /// Cancel safety: of a cancelled call some instances may have the new params.
    pub async fn reconfigure(
        &self,
        node: &NodeId,
        params: Value,
        answer_within: Duration,
    ) -> Result<(), ReconfigureError> {
        let unknown = || ReconfigureError::UnknownNode { node: node.clone() };
        let stage = self.pipeline.stage(node).ok_or_else(unknown)?;
        let params = stage.checked_params(params);
        let params = params.map_err(|faults| ReconfigureError::Params { node: node.clone(), faults })?;
        self.give_params(stage, Arc::new(params), answer_within).await
    }

    async fn give_params(
        &self,
        stage: &Stage,
        params: Arc<Value>,
        answer_within: Duration,
    ) -> Result<(), ReconfigureError> {
        let deadline = Instant::now() + answer_within;
        let tell = async |instance: &InstanceHandle| {
            let node = || stage.settings.id.clone();
            match timeout_at(deadline, instance.reconfigure(params.clone())).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(fault)) => Err(ReconfigureError::Refused { node: node(), fault }),
                Err(_) => Err(ReconfigureError::Timeout { node: node(), waited: answer_within }),
            }
        };
        let old = stage.params();
        let told = stage.instances();
        if told.is_empty() {
            self.try_params(stage, params.clone(), answer_within).await?;
        }
        for (at, instance) in told.iter().enumerate() {
            if let Err(error) = tell(instance).await {
                let restored = async {
                    for taken in &told[..at] {
                        // It worked with them a moment ago; what it says against them now, its user hears.
                        taken.reconfigure(old.clone()).await.ok();
                    }
                };
                timeout(answer_within, restored).await.ok();
                stage.set_params(old);
                return Err(error);
            }
        }
        if self.pipeline.refuses_input() {
            return Err(ReconfigureError::Closed);
        }
        stage.set_params(params.clone());
        // Instances that were made in the meantime may still have the old ones.
        for instance in stage.instances() {
            if !told.iter().any(|known| Arc::ptr_eq(known, &instance)) {
                tell(&instance).await?;
            }
        }
        Ok(())
    }

    /// Sees whether an instance can be made with the params when there is none that could say.
    async fn try_params(
        &self,
        stage: &Stage,
        params: Arc<Value>,
        answer_within: Duration,
    ) -> Result<(), ReconfigureError> {
        let node = stage.settings.id.clone();
        let context = self.pipeline.node_context(stage, None);
        let factory = stage.settings.factory.clone();
        let attempt = move || try_params(factory.as_ref(), &params, &context);
        let outcome = match stage.settings.spec.weight {
            NodeWeight::Light => attempt(),
            NodeWeight::Heavy => {
                let tried = timeout(answer_within, self.pipeline.runtime.spawn_blocking(attempt)).await;
                let tried = tried
                    .map_err(|_| ReconfigureError::Timeout { node: node.clone(), waited: answer_within })?;
                tried.map_err(|_| ReconfigureError::Closed)?
            }
        };
        outcome.map_err(|fault| ReconfigureError::Refused { node, fault })
    }

    /// Ends a stream: what is under way of it gets through, its instances end, and the nodes that see all
    /// streams forget it. Until this is done its items are refused; after it, one begins the stream anew.
    /// Returns what did not end in time.
    ///
    /// Cancel safety: call it again to finish what a cancelled call began.
    pub async fn close_stream(&self, stream: &StreamId, deadlines: CloseDeadlines) -> Vec<AbortedNode> {
        let key = Some(stream.clone());
        let stages = &self.pipeline.stages;
        stages.iter().for_each(|stage| stage.begin_ending(&key));
        let mut ending = Ending::new(&self.pipeline, deadlines);
        for stage in stages {
            match (stage.settings.scope, stage.instance_of(&key)) {
                (_, None) => {}
                (NodeScope::Stream, Some(instance)) => ending.end(stage, vec![instance]).await,
                (NodeScope::Session, Some(instance)) => ending.end_stream(&instance, stream).await,
            }
        }
        self.pipeline.outlet.forget(&key);
        // The entrance last, so that no new item meets an instance that has ended.
        stages.iter().rev().for_each(|stage| stage.forget(&key));
        ending.finish().await
    }

    /// Ends the pipeline: takes no more input, lets what is under way get through, aborts the rest.
    /// Returns what did not end in time. Afterwards the output ends when what waits there is taken.
    ///
    /// Cancel safety: call it again to finish what a cancelled call began.
    pub async fn close(&self, deadlines: CloseDeadlines) -> Vec<AbortedNode> {
        self.pipeline.refuse_input();
        self.pipeline.outlet.widen();
        let mut ending = Ending::new(&self.pipeline, deadlines);
        for stage in &self.pipeline.stages {
            ending.end(stage, stage.seal()).await;
        }
        let aborted = ending.finish().await;
        self.pipeline.outlet.close();
        aborted
    }

    /// Returns all figures at this moment.
    pub fn report(&self) -> PipelineReport {
        PipelineReport::of(&self.pipeline)
    }

    /// Returns the events from now on.
    pub fn events(&self) -> SessionEvents {
        self.pipeline.events.subscribe()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.pipeline.refuse_input();
        for stage in &self.pipeline.stages {
            stage.seal().iter().for_each(|instance| instance.abort());
        }
        self.pipeline.outlet.close();
    }
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nodes = self.pipeline.stages.iter().map(|stage| stage.settings.id.as_str());
        f.debug_tuple("Executor").field(&nodes.collect::<Vec<_>>()).finish()
    }
}
