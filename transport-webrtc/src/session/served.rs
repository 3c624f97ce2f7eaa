//! A pipeline that runs here for peers: its outputs go to whom the routes name.

use std::sync::Arc;
use std::time::Duration;

use remotemedia_runtime_core::data::{PeerId, StreamId, TransportData};
use remotemedia_runtime_core::ledger::{Ledger, LedgerReport};
use remotemedia_runtime_core::queue::{QueueReceiver, QueueSender, queue};
use remotemedia_runtime_core::session::{
    PipelineHandle, PipelineOutput, PipelineSession, SessionError, SessionReport,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use super::fan_out::FanOut;
use super::outputs::{UserReceiver, UserSender, user_outputs};
use super::{Recipient, SessionRouter};
use crate::peer::{PeerManager, SharedLink};

/// Pipeline → peers' data channels. Data waits; when this is full the pipeline waits too.
const DATA_OUTPUTS: usize = 64;

/// How long the last outputs may take on their way after the pipeline has ended.
const LAST_OUTPUTS_WITHIN: Duration = Duration::from_millis(500);

/// A pipeline that runs here for peers. Dropping it ends its tasks; what waits in them is dropped.
pub(crate) struct ServedPipeline {
    handle: PipelineHandle,
    routing: Arc<Routing>,
    tasks: TaskTracker,
    /// Ends the tasks, which hold the pipeline's output, if nobody closes it.
    _end: DropGuard,
}

/// Who may get outputs.
pub(crate) enum Audience {
    /// Everybody in the session, and this process's user.
    Session(Arc<PeerManager>),
    /// The peer that opened the pipeline.
    Peer(SharedLink),
}

struct Routing {
    router: SessionRouter,
    audience: Audience,
    /// Outputs that no peer and no user got or could take.
    ledger: Arc<Ledger>,
}

impl ServedPipeline {
    /// Runs `session` for `audience`.
    ///
    /// * `data_within`: how long an item may wait for a peer's data channel.
    pub(crate) fn start(
        session: PipelineSession,
        router: SessionRouter,
        audience: Audience,
        data_within: Duration,
    ) -> (Arc<Self>, UserReceiver) {
        let ledger = Arc::new(Ledger::default());
        let (local, outputs) = user_outputs(ledger.clone());
        let (data, data_items) = queue(DATA_OUTPUTS, ledger.clone());
        let routing = Arc::new(Routing { router, audience, ledger });
        let span = info_span!("pipeline", session_id = %session.session_id());
        let (handle, output) = session.into_halves();
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let sending = send_outputs(routing.clone(), output, local, data).instrument(span.clone());
        tasks.spawn(end.clone().run_until_cancelled_owned(sending));
        let peers = FanOut::new(tasks.clone(), end.clone(), data_within);
        let sending = send_data(routing.clone(), data_items, peers).instrument(span);
        tasks.spawn(end.clone().run_until_cancelled_owned(sending));
        tasks.close();
        let served = Self { handle, routing, tasks, _end: end.drop_guard() };
        (Arc::new(served), outputs)
    }

    /// Gives an item to the pipeline.
    pub(crate) async fn send(&self, item: TransportData) -> Result<(), SessionError> {
        self.handle.input(item).await
    }

    /// Ends the nodes that serve a peer's streams.
    pub(crate) async fn end_stream(&self, stream: &StreamId) {
        self.handle.close_stream(stream).await;
    }

    /// Ends the pipeline: drains it, sends what comes out, and returns its account.
    pub(crate) async fn close(&self) -> SessionReport {
        let mut report = self.handle.close().await;
        // Outputs that nobody takes must not hold the end up.
        tokio::time::timeout(LAST_OUTPUTS_WITHIN, self.tasks.wait()).await.ok();
        // Outputs that waited at the end of the pipeline have been taken meanwhile.
        report.pipeline = self.handle.ledger();
        report.outputs_waiting = report.pipeline.output.under_way();
        report
    }

    /// Whether the pipeline takes items.
    pub(crate) fn is_active(&self) -> bool {
        self.handle.is_active()
    }

    /// Returns the account of outputs on their way to peers and user.
    pub(crate) fn outputs_ledger(&self) -> LedgerReport {
        self.routing.ledger.report()
    }
}

async fn send_outputs(
    routing: Arc<Routing>,
    mut output: PipelineOutput,
    local: UserSender,
    data: QueueSender<TransportData>,
) {
    while let Some(item) = output.recv().await {
        let is_media = item.data.kind().is_media();
        if routing.has_local_user() && routing.router.reaches(&item, Recipient::Local) {
            local.give(item.clone()).await;
        }
        if is_media {
            routing.for_each_recipient(&item, |link| {
                // Counted by the link.
                link.send_media(item.clone()).ok();
            });
        } else {
            // The task that takes it lives as long as this one.
            data.send(item).await.ok();
        }
    }
}

async fn send_data(routing: Arc<Routing>, mut items: QueueReceiver<TransportData>, mut peers: FanOut) {
    while let Some(item) = items.recv().await {
        let mut links = Vec::new();
        routing.for_each_recipient(&item, |link| links.push(link.clone()));
        // What a peer could not get is counted by its link.
        peers.send(&item, &links).await;
        routing.ledger.count_delivered();
    }
}

impl Routing {
    fn has_local_user(&self) -> bool {
        matches!(self.audience, Audience::Session(_))
    }

    fn for_each_recipient(&self, item: &TransportData, mut send: impl FnMut(&SharedLink)) {
        let reaches = |peer: &PeerId| self.router.reaches(item, Recipient::Peer(peer));
        match &self.audience {
            Audience::Session(manager) => {
                manager.links().iter().filter(|link| reaches(link.peer())).for_each(send);
            }
            Audience::Peer(link) if reaches(link.peer()) => send(link),
            Audience::Peer(_) => {}
        }
    }
}
