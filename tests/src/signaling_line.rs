//! A way to a room's signaling server that can be cut.

use std::net::SocketAddr;

use remotemedia_transport_webrtc::WebRtcConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Room;

/// A way to a room's signaling server. Cut or dropped, both its ends lose the connection without a word.
pub struct SignalingLine {
    url: String,
    cutting: CancellationToken,
    carrying: TaskTracker,
}

impl SignalingLine {
    /// Lays one.
    pub async fn lay(room: &Room) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("ws://{}/ws", listener.local_addr().expect("bound"));
        let (cutting, carrying) = (CancellationToken::new(), TaskTracker::new());
        let (cut, server, tasks) = (cutting.clone(), room.server.address(), carrying.clone());
        carrying.spawn(cutting.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tasks.spawn(cut.clone().run_until_cancelled_owned(carry(stream, server)));
            }
        }));
        Self { url, cutting, carrying }
    }

    /// Returns the URL by which the server is reached over it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the config of a peer that joins the room over it.
    pub fn config(&self, room: &Room, peer: &str) -> WebRtcConfig {
        WebRtcConfig { signaling_url: self.url.clone(), ..room.config(peer) }
    }

    /// Cuts it; returns when nothing more is carried.
    pub async fn cut(self) {
        self.cutting.cancel();
        self.carrying.close();
        self.carrying.wait().await;
    }
}

impl Drop for SignalingLine {
    fn drop(&mut self) {
        self.cutting.cancel();
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr) {
    let mut far = TcpStream::connect(server).await.expect("the room is open");
    // Either end may be gone.
    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
}
