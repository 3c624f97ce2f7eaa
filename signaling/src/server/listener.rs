//! Accepts connections and serves HTTP on them.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::ServerTimeouts;
use super::http::Site;

/// Accepts until the server stops.
pub(super) async fn listen(listener: TcpListener, site: Arc<Site>) {
    let slots = Arc::new(Semaphore::new(HTTP_CONNECTIONS));
    let stopping = site.service.stopping.clone();
    let accept = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _address)) => {
                    let serving = serve(stream, Arc::clone(&site));
                    let aborting = site.aborting.clone();
                    site.tasks.spawn(async move {
                        aborting.run_until_cancelled_owned(serving).await;
                        drop(slot);
                    });
                }
                Err(error) => pause(error).await,
            }
        }
    };
    stopping.run_until_cancelled(accept).await;
}

/// Serves HTTP on one connection, until it is idle for too long, has had its time, becomes a WebSocket, or the
/// server stops.
async fn serve(stream: TcpStream, site: Arc<Site>) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "the client went before it was served");
        return;
    }
    let stopping = site.service.stopping.clone();
    let ServerTimeouts { request_head, http_connection, .. } = site.service.config.timeouts;
    let answer = service_fn(|request| {
        let response = site.answer(request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(request_head)
        .max_buf_size(HTTP_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    match stopping.run_until_cancelled(timeout(http_connection, connection)).await {
        None | Some(Ok(Ok(()))) => {}
        Some(Ok(Err(error))) => debug!(%error, "HTTP connection over"),
        Some(Err(_)) => debug!("HTTP connection ended: its time is over"),
    }
}

/// An accept fails when its client is gone already, or when the process has no file descriptors left: then it is
/// better to wait than to spin.
async fn pause(error: io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        warn!(%error, "cannot accept connections for the moment");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Connections at a time that are not WebSockets (yet); more wait to be accepted.
const HTTP_CONNECTIONS: usize = 512;

/// Head of a request at most, bytes: no browser sends more.
const HTTP_BUFFER_BYTES: usize = 16 * 1024;
