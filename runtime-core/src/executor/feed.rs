//! What comes in at a node or at the session's output, and where it waits.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::oneshot;

use super::NodeFault;
use super::plan::FeedPlan;
use crate::data::{ControlMessage, StreamId, TransportData};
use crate::ledger::Ledger;
use crate::queue::{FullPolicy, QueueSender};

/// One way in, with its ledger.
#[derive(Debug)]
pub(super) struct Feed {
    /// The node's input port.
    pub(super) port: &'static str,
    pub(super) ledger: Arc<Ledger>,
    policy: FullPolicy,
    capacity: usize,
}

/// Where the items of one stream wait: a lane per feed in the queue of one receiver. Lanes are made when
/// they are first used.
#[derive(Debug)]
pub(super) struct Lanes {
    control: QueueSender<Delivery>,
    lanes: Box<[OnceLock<QueueSender<Delivery>>]>,
}

/// What waits in a queue.
#[expect(clippy::large_enum_variant, reason = "nearly all are items, and a box would allocate for each")]
#[derive(Debug)]
pub(super) enum Delivery {
    /// An item that came in at a feed.
    Item { feed: usize, item: TransportData, queued: Instant },
    /// A word to the nodes that it passes.
    Control { message: Arc<ControlMessage>, scope: ControlScope },
    /// New params for this node.
    Reconfigure { params: Arc<Value>, reply: oneshot::Sender<Result<(), NodeFault>> },
    /// The stream's last item was before this; the sender is dropped when the node knows.
    EndStream { stream: StreamId, known: oneshot::Sender<()> },
}

/// Whom a control item reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ControlScope {
    /// Every instance.
    All,
    /// The instances of one stream, and those that see all streams.
    Stream(StreamId),
}

impl Feed {
    /// Takes a planned feed with the ledgers of the plan's accounts.
    pub(super) fn new(plan: &FeedPlan, ledgers: &[Arc<Ledger>]) -> Self {
        let FeedPlan { port, policy, capacity, account } = *plan;
        Self { port, policy, capacity, ledger: ledgers[account].clone() }
    }
}

impl Lanes {
    pub(super) fn new(control: QueueSender<Delivery>, feeds: usize) -> Self {
        Self { control, lanes: (0..feeds).map(|_| OnceLock::new()).collect() }
    }

    /// Puts an item in at the feed at position `at`; waits if the feed's policy is to wait. A closed queue
    /// counts the item as dropped.
    pub(super) async fn deliver(&self, feeds: &[Feed], at: usize, item: TransportData) -> bool {
        let feed = &feeds[at];
        let lane = self.lanes[at].get_or_init(|| self.control.add_lane(feed.capacity, feed.ledger.clone()));
        let delivery = Delivery::Item { feed: at, item, queued: Instant::now() };
        lane.offer(delivery, feed.policy).await.is_ok()
    }
}

impl ControlScope {
    /// Returns whom a control item of `source` is for; the session's own user speaks to all.
    pub(super) fn of(source: Option<&StreamId>) -> Self {
        source.cloned().map_or(Self::All, Self::Stream)
    }

    /// Whether an instance of `stream` is meant; `None` is the session's own user.
    pub(super) fn reaches(&self, stream: Option<&StreamId>) -> bool {
        match self {
            Self::All => true,
            Self::Stream(only) => stream == Some(only),
        }
    }
}
