//! Reads one peer's data channel: items to the inlet, replies to who waits, requests to the inlet and
//! their replies back.

use std::sync::Arc;

use remotemedia_runtime_core::data::{PeerId, StreamId, TrackId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Envelope, PeerInlet, PeerLink};
use crate::rtc::{DataMessage, DataReceiver};

/// Requests of one peer that are worked on at once; the next one is refused. As many as its side lets wait.
const MAX_REQUESTS: usize = 64;

/// Messages of one peer that wait to be taken. When they are as many, replies wait too.
const ORDERED: usize = 256;

/// Track id of what comes over the data channel.
const DATA_TRACK: &str = "data";

/// Reads until the channel closes or `cancel`; requests under way are then dropped.
pub(super) async fn read_data(
    link: Arc<PeerLink>,
    mut receiver: DataReceiver,
    inlet: Arc<dyn PeerInlet>,
    cancel: CancellationToken,
) {
    let stream = StreamId::new(link.peer().clone(), TrackId::new(DATA_TRACK).expect("a valid name"));
    // Those under way are dropped with it.
    let mut requests = JoinSet::new();
    // Items may have to wait, and what comes after them keeps its place. A reply may overtake them, but for
    // the account of a stream, which comes after its last output.
    let (ordered, mut waiting) = mpsc::channel(ORDERED);
    let delivering = async {
        while let Some(envelope) = waiting.recv().await {
            match envelope {
                Envelope::Data(item) => inlet.deliver(item.from_stream(stream.clone())).await,
                request @ (Envelope::Execute { id, .. }
                | Envelope::Open { id, .. }
                | Envelope::Close { id, .. }) => {
                    while requests.try_join_next().is_some() {}
                    if requests.len() >= MAX_REQUESTS {
                        let message = format!("{MAX_REQUESTS} requests of this peer are under way already");
                        link.send_envelope(&Envelope::Failed { id, message }).await.ok();
                        continue;
                    }
                    let (link, inlet, stream) = (link.clone(), inlet.clone(), stream.clone());
                    requests.spawn(async move {
                        let reply = inlet.request(&link, with_source(request, &stream)).await;
                        reply_to(&link, id, reply).await;
                    });
                }
                reply @ (Envelope::Closed { id, .. }
                | Envelope::Result { id, .. }
                | Envelope::Failed { id, .. }
                | Envelope::Opened { id }) => complete(&link, id, reply),
            }
        }
    };
    let reading = async {
        let ordered = ordered;
        while let Some(message) = receiver.recv().await {
            match decode(link.peer(), message) {
                Some(
                    reply @ (Envelope::Result { id, .. }
                    | Envelope::Failed { id, .. }
                    | Envelope::Opened { id }),
                ) => complete(&link, id, reply),
                // Its receiver is in this task.
                Some(envelope) => drop(ordered.send(envelope).await),
                None => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        ((), ()) = async { tokio::join!(reading, delivering) } => {}
    }
    requests.shutdown().await;
}

/// Hands a reply to who waits for it.
fn complete(link: &PeerLink, id: u64, reply: Envelope) {
    let waited_for = link.requests.complete(id, reply);
    debug!(peer = %link.peer(), id, waited_for, "reply");
}

fn with_source(request: Envelope, stream: &StreamId) -> Envelope {
    match request {
        Envelope::Execute { id, manifest, item } => {
            Envelope::Execute { id, manifest, item: item.from_stream(stream.clone()) }
        }
        other => other,
    }
}

/// Sends a reply; one that is too large is replaced by the reason.
async fn reply_to(link: &PeerLink, id: u64, reply: Envelope) {
    let Err(error) = link.send_envelope(&reply).await else { return };
    let message = crate::sentence(&error);
    // If this does not get through either, the asker's deadline tells it.
    link.send_envelope(&Envelope::Failed { id, message }).await.ok();
}

fn decode(peer: &PeerId, message: DataMessage) -> Option<Envelope> {
    let DataMessage::Binary(bytes) = message else {
        warn!(%peer, bytes = message.len(), "text message on the data channel, expected binary");
        return None;
    };
    Envelope::decode(&bytes)
        .inspect_err(|error| warn!(%peer, error = crate::sentence(error), "message not understood"))
        .ok()
}
