//! Items on their way to this process's user, from a pipeline or from peers: media and data in queues of their own, received as one.

use std::sync::Arc;

use remotemedia_runtime_core::data::TransportData;
use remotemedia_runtime_core::ledger::Ledger;
use remotemedia_runtime_core::queue::{QueueReceiver, QueueSender, queue};

/// Media → user. The oldest is dropped and counted: 16 pictures of 720p are 22 MB.
const MEDIA_OUTPUTS: usize = 16;

/// Data → user. It waits when this is full; what came out before a close can still be received after it.
const DATA_OUTPUTS: usize = 1024;

/// Data → user once a session at a peer is being closed: as many messages of 20 bytes as the buffers of a
/// connection hold, so that the peer's last word behind them is heard.
const DATA_OUTPUTS_AT_THE_END: usize = 65_536;

/// The end that outputs go into; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct UserSender {
    media: QueueSender<TransportData>,
    data: QueueSender<TransportData>,
}

/// The user's end.
#[derive(Debug)]
pub(crate) struct UserReceiver {
    media: QueueReceiver<TransportData>,
    data: QueueReceiver<TransportData>,
    ledger: Arc<Ledger>,
}

/// Makes both ends; they count in `ledger`.
pub(crate) fn user_outputs(ledger: Arc<Ledger>) -> (UserSender, UserReceiver) {
    let (media_sender, media) = queue(MEDIA_OUTPUTS, ledger.clone());
    let (data_sender, data) = queue(DATA_OUTPUTS, ledger.clone());
    (UserSender { media: media_sender, data: data_sender }, UserReceiver { media, data, ledger })
}

impl UserSender {
    /// Gives an item to the user; what it takes no more is counted.
    pub(crate) async fn give(&self, item: TransportData) {
        let taken = match item.data.kind().is_media() {
            true => self.media.push(item),
            false => self.data.send(item).await,
        };
        // Closed: the queue has counted it.
        taken.ok();
    }

    /// Ends the user's receiving; what waits is dropped and counted.
    pub(crate) fn abort(&self) {
        self.media.abort();
        self.data.abort();
    }

    /// Makes room for the data that is still under way at the end, whether it is received or not.
    pub(crate) fn make_room(&self) {
        self.data.widen(DATA_OUTPUTS_AT_THE_END);
    }

    /// Whether the user's end is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.data.is_closed()
    }
}

impl UserReceiver {
    /// Waits for the next item; `None`: there will be no more. Cancel safe.
    pub(crate) async fn recv(&mut self) -> Option<TransportData> {
        let item = tokio::select! {
            biased;
            Some(item) = self.data.recv() => item,
            Some(item) = self.media.recv() => item,
            else => return None,
        };
        self.ledger.count_delivered();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn data_waits_for_its_user_up_to_the_limit_and_the_end_comes_after_the_last() {
        let ledger = Arc::new(Ledger::default());
        let (sender, mut receiver) = user_outputs(ledger.clone());
        for n in 0..DATA_OUTPUTS as u64 {
            sender.give(TransportData::new(json!(n)).numbered(n)).await;
        }
        let one_more = sender.clone();
        let waiting = tokio::spawn(async move { one_more.give(TransportData::new(json!(null))).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "one past the limit waits");
        drop(sender);
        let mut received = 0;
        while receiver.recv().await.is_some() {
            received += 1;
        }
        waiting.await.expect("no panic");
        assert_eq!(received, DATA_OUTPUTS + 1);
        assert!(ledger.report().is_balanced());
    }
}
