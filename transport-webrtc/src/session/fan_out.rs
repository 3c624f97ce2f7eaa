//! Data outputs on their way to several peers. Each peer has a queue of its own, so that one that takes nothing holds
//! the others up for a moment at most.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::join_all;
use remotemedia_runtime_core::data::TransportData;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, debug};

use crate::peer::{PeerLink, SharedLink};

/// Pipeline → one peer's data channel. Data waits.
const WAITING: usize = 64;

/// A peer whose queue is full may hold the others up for this long. After it, what comes for that peer is dropped and
/// counted, until it takes something again.
const HOLD_UP: Duration = Duration::from_millis(500);

/// The queues to all peers that got something.
pub(super) struct FanOut {
    lanes: Vec<Lane>,
    tasks: TaskTracker,
    end: CancellationToken,
    send_within: Duration,
}

/// The queue to one peer; its task sends what is in it. It does not keep the peer's link, which leads back to the
/// pipeline.
struct Lane {
    link: Weak<PeerLink>,
    items: Sender<TransportData>,
    stalled: bool,
}

/// The task's end of a lane. What is left in it when it is dropped is counted as not sent.
struct LaneItems {
    link: Weak<PeerLink>,
    items: Receiver<TransportData>,
}

impl FanOut {
    /// * `tasks`, `end`: where the lanes' tasks run, and what ends them.
    /// * `send_within`: how long an item may wait for the data channel.
    pub(super) fn new(tasks: TaskTracker, end: CancellationToken, send_within: Duration) -> Self {
        Self { lanes: Vec::new(), tasks, end, send_within }
    }

    /// Gives an item to each of `links`. Waits while a queue is full: for one peer as long as its data channel may
    /// take, beside others for [`HOLD_UP`].
    pub(super) async fn send(&mut self, item: &TransportData, links: &[SharedLink]) {
        self.lanes.retain(|lane| !lane.items.is_closed() && lane.link.strong_count() > 0);
        for link in links {
            if !self.lanes.iter().any(|lane| lane.leads_to(link)) {
                self.add_lane(Arc::downgrade(link));
            }
        }
        let patience = if self.lanes.len() == 1 { self.send_within } else { HOLD_UP };
        let sending = self.lanes.iter_mut().filter_map(|lane| {
            let link = links.iter().find(|link| lane.leads_to(link))?;
            Some(lane.send(link, item, patience))
        });
        join_all(sending).await;
    }

    fn add_lane(&mut self, link: Weak<PeerLink>) {
        let (sender, items) = channel(WAITING);
        let items = LaneItems { link: link.clone(), items };
        let sending = send_items(items, self.send_within).instrument(Span::current());
        self.tasks.spawn(self.end.clone().run_until_cancelled_owned(sending));
        self.lanes.push(Lane { link, items: sender, stalled: false });
    }
}

impl Lane {
    fn leads_to(&self, link: &SharedLink) -> bool {
        std::ptr::eq(self.link.as_ptr(), Arc::as_ptr(link))
    }

    async fn send(&mut self, link: &PeerLink, item: &TransportData, patience: Duration) {
        let full = match self.items.try_send(item.clone()) {
            Ok(()) => {
                self.stalled = false;
                return;
            }
            Err(TrySendError::Full(item)) => item,
            Err(TrySendError::Closed(_)) => return link.count_unsent(),
        };
        if self.stalled {
            return link.count_unsent();
        }
        match tokio::time::timeout(patience, self.items.send(full)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => link.count_unsent(),
            Err(_) => {
                self.stalled = true;
                debug!(peer = %link.peer(), ?patience, "peer takes no data: it is dropped until it does");
                link.count_unsent();
            }
        }
    }
}

async fn send_items(mut lane: LaneItems, within: Duration) {
    while let Some(item) = lane.items.recv().await {
        let Some(link) = lane.link.upgrade() else { return };
        match tokio::time::timeout(within, link.send_data(item)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                debug!(peer = %link.peer(), %error, "output not sent");
                if !link.is_alive() {
                    return;
                }
            }
            Err(_) => link.count_unsent(),
        }
    }
}

impl Drop for LaneItems {
    fn drop(&mut self) {
        self.items.close();
        let link = self.link.upgrade();
        while self.items.try_recv().is_ok() {
            link.iter().for_each(|link| link.count_unsent());
        }
    }
}
