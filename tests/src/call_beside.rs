//! A call that goes on beside what a story does to its other end.

use std::time::Duration;

use remotemedia_runtime_core::data::{MediaTime, RuntimeData, TransportData};
use remotemedia_runtime_core::node::builtin::read_barcode;
use remotemedia_transport_webrtc::{WebRtcConfig, WebRtcTransport};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Room, numbered_picture};

/// A peer that sends numbered pictures to a pipeline and looks at what comes back, until it is told to end.
pub struct CallBeside {
    returned: watch::Receiver<u64>,
    stop: CancellationToken,
    calling: JoinHandle<()>,
}

impl CallBeside {
    /// Joins as `film`, connects to `pipeline`, and waits until pictures come back.
    pub async fn start(room: &Room, pipeline: &str) -> Self {
        Self::start_as(room.config("film"), pipeline).await
    }

    /// Joins with a config of the story's own, connects to `pipeline`, and waits until pictures come back.
    pub async fn start_as(config: WebRtcConfig, pipeline: &str) -> Self {
        let film = WebRtcTransport::join(config, Room::runner()).await.expect("the room is open");
        film.connect(&Room::peer(pipeline)).await.expect("a path on the loopback");
        let (counting, returned) = watch::channel(0);
        let stop = CancellationToken::new();
        let calling = tokio::spawn(call(film, pipeline.to_owned(), counting, stop.clone()));
        let mut call = Self { returned, stop, calling };
        call.goes_on().await;
        call
    }

    /// Waits for some more pictures; the call fails by itself if they come in another order.
    pub async fn goes_on(&mut self) {
        let wanted = *self.returned.borrow() + 10;
        let more = self.returned.wait_for(|returned| *returned >= wanted);
        let more = tokio::time::timeout(PATIENCE, more).await.expect("the call beside goes on");
        assert!(more.is_ok(), "the call beside has failed");
    }

    /// Hangs up.
    pub async fn end(mut self) {
        self.goes_on().await;
        self.stop.cancel();
        self.calling.await.expect("pictures came in order");
    }
}

async fn call(
    film: WebRtcTransport,
    pipeline: String,
    counting: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let (to, runner) = (Room::peer(&pipeline), Room::runner());
    let mut pace = tokio::time::interval(INTERVAL);
    let (mut sent, mut last) = (0, None);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = pace.tick() => {
                let picture = numbered_picture(&**runner.pool(), 320, 180, sent);
                let item = TransportData::new(picture).numbered(sent).at(MediaTime::ZERO + INTERVAL * sent as u32);
                film.send_to(&to, item).await.expect("the call beside is connected");
                sent += 1;
            }
            item = film.recv() => if let RuntimeData::Video(picture) = item.expect("open").data {
                let number = read_barcode(&picture).expect("intact");
                assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
                last = Some(number);
                counting.send_modify(|returned| *returned += 1);
            },
        }
    }
    assert!(film.close().await.complete);
}

const INTERVAL: Duration = Duration::from_millis(33);

/// How long the next pictures may take to come. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(30);
