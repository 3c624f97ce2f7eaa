//! Starts and stops a server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use super::connection::Service;
use super::dispatch::Dispatcher;
use super::http::Site;
use super::hub::Hub;
use super::listener::listen;
use super::web_files::Pages;
use super::{ServerConfig, ServerError, ServerReport};
use crate::openrpc_document;
use crate::websocket::WebSocket;

/// Starts signaling servers.
#[derive(Debug)]
pub struct SignalingServer;

/// A running server. Dropped, it stops without being waited for.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    site: Arc<Site>,
}

impl SignalingServer {
    /// Starts a server and returns when it accepts connections.
    ///
    /// ```
    /// # tokio_test_block(async {
    /// use remotemedia_signaling::{ServerConfig, SignalingServer};
    ///
    /// let server = SignalingServer::start(ServerConfig::default()).await?;
    /// assert!(server.url().starts_with("ws://127.0.0.1:"));
    /// server.stop(std::time::Duration::from_secs(1)).await?;
    /// # Ok::<(), remotemedia_signaling::ServerError>(())
    /// # }).unwrap();
    /// # fn tokio_test_block<F: Future>(f: F) -> F::Output {
    /// #     tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(f)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ServerError`] if a value of the configuration is out of range, a file of the web client cannot be read, or
    /// the address cannot be listened on.
    pub async fn start(config: ServerConfig) -> Result<ServerHandle, ServerError> {
        config.check()?;
        let pages = Pages::load(&config.web_files)?;
        let bind = config.bind;
        let failed = |source| ServerError::Bind { address: bind, source };
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let hub = Arc::new(Hub::new(config.limits));
        let dispatcher = Dispatcher::new(Arc::clone(&hub), config.info(), config.limits);
        let service = Arc::new(Service { config, hub, dispatcher, stopping: CancellationToken::new() });
        let site = Arc::new(Site {
            service,
            pages,
            openrpc: Bytes::from(openrpc_document().to_string()),
            tasks: TaskTracker::new(),
            aborting: CancellationToken::new(),
        });
        site.tasks.spawn(listen(listener, Arc::clone(&site)));
        info!(%address, "signaling server started");
        Ok(ServerHandle { address, site })
    }
}

impl ServerHandle {
    /// Returns the address it listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the WebSocket, as seen from this machine.
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.reachable())
    }

    /// Returns the URL of the web client, as seen from this machine.
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.reachable())
    }

    /// Returns what it has done so far.
    pub fn report(&self) -> ServerReport {
        self.site.service.hub.report()
    }

    /// Connects without a network: returns the client's end of a stream in memory, for tests and for a peer in the same
    /// process. Limits and rules are those of any other connection.
    ///
    /// * `max_bytes`: longest message to be read by the client.
    pub async fn connect_in_memory(&self, max_bytes: usize) -> WebSocket {
        let (near, far) = tokio::io::duplex(MEMORY_STREAM_BYTES);
        self.site.serve(WebSocket::server(far, self.site.max_frame_bytes()).await);
        WebSocket::client(near, max_bytes).await
    }

    /// Removes a peer from its session and ends its connection; returns whether it was there.
    pub fn kick(&self, session: &str, peer_id: &str) -> bool {
        self.site.service.hub.kick(session, peer_id)
    }

    /// Stops: closes every connection and returns when every task has ended and every socket is closed.
    ///
    /// Cancel safety: if dropped, the server stops all the same, without being waited for.
    ///
    /// # Errors
    /// [`ServerError::StopDeadline`] if tasks had to be dropped at the deadline. They are gone then, too.
    pub async fn stop(self, deadline: Duration) -> Result<(), ServerError> {
        let Site { service, tasks, aborting, .. } = &*self.site;
        service.stopping.cancel();
        tasks.close();
        if tokio::time::timeout(deadline, tasks.wait()).await.is_ok() {
            return Ok(());
        }
        let left = tasks.len();
        aborting.cancel();
        tasks.wait().await;
        Err(ServerError::StopDeadline { tasks: left, deadline })
    }

    /// Nobody can connect to "any address"; this machine can, by loopback.
    fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        match address.ip() {
            ip if !ip.is_unspecified() => {}
            ip if ip.is_ipv4() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            _ => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        }
        address
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.site.service.stopping.cancel();
    }
}

/// Stream in memory, bytes each way: about what a socket buffers.
const MEMORY_STREAM_BYTES: usize = 64 * 1024;
