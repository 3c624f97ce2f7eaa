//! The client: requests out, replies in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::async_client::{Client, ClientBuilder, PingConfig, RpcService};
use jsonrpsee::core::client::Error as RpcError;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use remotemedia_signaling::protocol::{
    AnnounceParams, AnnounceResult, IceCandidate, PROTOCOL_VERSION, PeerInfo, ServerInfo, SessionSummary,
};
use remotemedia_signaling::rpc::SignalingRpcClient;
use remotemedia_signaling::websocket::{Endpoint, WebSocket, connect};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use super::wire::{Link, WireEnd, wire};
use super::{CloseReason, SignalingClientConfig, SignalingError, SignalingEvents};

/// A connection to a signaling server. Clones share it; it is closed with the last of them, or by
/// [`SignalingClient::close`].
#[derive(Debug, Clone)]
pub struct SignalingClient {
    connection: Arc<Connection>,
    /// Ends the connection with the last client, even while its events are still held.
    _last: Arc<EndOnDrop>,
}

/// What the client and its events share.
pub(super) struct Connection {
    pub(super) config: SignalingClientConfig,
    rpc: Client<RpcService>,
    link: Arc<Link>,
    end: Mutex<WireEnd>,
    info: ServerInfo,
}

#[derive(Debug)]
struct EndOnDrop(Arc<Link>);

impl SignalingClient {
    /// Connects to a server, checks its protocol, and subscribes to its events.
    ///
    /// Cancel safety: if dropped, the connection is closed.
    ///
    /// # Errors
    /// [`SignalingError`] within `connect_timeout`: nobody there, nobody answering, not a WebSocket, not our
    /// protocol, or a refusal.
    pub async fn connect(
        endpoint: &Endpoint,
        config: SignalingClientConfig,
    ) -> Result<(Self, SignalingEvents), SignalingError> {
        let until = Instant::now() + config.connect_timeout;
        let socket = connect(endpoint, config.connect_timeout, config.max_message_bytes).await?;
        Self::open(socket, &endpoint.to_string(), config, until).await
    }

    /// Starts on a WebSocket that is open already, such as one in memory; `url` is what errors call it.
    ///
    /// Cancel safety: if dropped, the connection is closed.
    ///
    /// # Errors
    /// [`SignalingError`] within `connect_timeout`.
    pub async fn over(
        socket: WebSocket,
        url: &str,
        config: SignalingClientConfig,
    ) -> Result<(Self, SignalingEvents), SignalingError> {
        Self::open(socket, url, config, Instant::now() + config.connect_timeout).await
    }

    async fn open(
        socket: WebSocket,
        url: &str,
        config: SignalingClientConfig,
        until: Instant,
    ) -> Result<(Self, SignalingEvents), SignalingError> {
        let link = Arc::new(Link::default());
        let ends = EndOnDrop(Arc::clone(&link));
        let (sender, receiver, end) = wire(socket, &link, &config);
        let rpc = ClientBuilder::new()
            .request_timeout(config.request_timeout)
            .max_concurrent_requests(MAX_REQUESTS)
            .max_buffer_capacity_per_subscription(config.event_capacity)
            // The wire watches for silence; this only makes the server answer.
            .enable_ws_ping(PingConfig::new().ping_interval(config.ping_interval).inactive_limit(NEVER))
            // No logging: it would write session descriptions.
            .set_rpc_middleware(RpcServiceBuilder::new())
            .build_with_tokio(sender, receiver);

        // The request's own deadline may be the shorter one.
        let waited = config.request_timeout.min(config.connect_timeout);
        let info = timeout_at(until, rpc.server_info()).await.unwrap_or(Err(RpcError::RequestTimeout));
        let info = outcome("server.info", &rpc, &link, waited, info).await?;
        if info.protocol != PROTOCOL_VERSION {
            let url = url.to_owned();
            return Err(SignalingError::ProtocolVersion {
                url,
                theirs: info.protocol,
                ours: PROTOCOL_VERSION,
            });
        }
        let events = timeout_at(until, rpc.subscribe_events()).await.unwrap_or(Err(RpcError::RequestTimeout));
        let events = outcome("events.subscribe", &rpc, &link, waited, events).await?;
        let connection = Arc::new(Connection { config, rpc, link, end: Mutex::new(end), info });
        let events = SignalingEvents::new(events, Arc::clone(&connection));
        Ok((Self { connection, _last: Arc::new(ends) }, events))
    }

    /// Returns what the server told of itself.
    pub fn server_info(&self) -> &ServerInfo {
        &self.connection.info
    }

    /// Lists the sessions there are, by name.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, SignalingError> {
        let list = self.rpc().session_list().await;
        Ok(self.outcome("session.list", list).await?.sessions)
    }

    /// Joins a session. Everyone who is there is in the result, everyone who comes later is an event.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn announce(&self, params: AnnounceParams) -> Result<AnnounceResult, SignalingError> {
        let AnnounceParams {
            session,
            peer_id,
            role,
            display_name,
            capabilities,
            resume_token,
            topology,
            max_peers,
        } = params;
        let announced = self
            .rpc()
            .announce(session, peer_id, role, display_name, capabilities, resume_token, topology, max_peers)
            .await;
        self.outcome("peer.announce", announced).await
    }

    /// Lists the others in the session, by id.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn peers(&self) -> Result<Vec<PeerInfo>, SignalingError> {
        let list = self.rpc().peer_list().await;
        Ok(self.outcome("peer.list", list).await?.peers)
    }

    /// Sends an offer to a peer of the session.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn offer(&self, to: &str, handshake_id: &str, sdp: String) -> Result<(), SignalingError> {
        let sent = self.rpc().offer(to.to_owned(), handshake_id.to_owned(), sdp).await;
        self.outcome("peer.offer", sent).await.map(drop)
    }

    /// Sends an answer to a peer of the session.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn answer(&self, to: &str, handshake_id: &str, sdp: String) -> Result<(), SignalingError> {
        let sent = self.rpc().answer(to.to_owned(), handshake_id.to_owned(), sdp).await;
        self.outcome("peer.answer", sent).await.map(drop)
    }

    /// Sends a candidate to a peer of the session; `None` says that there are no more.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn ice_candidate(
        &self,
        to: &str,
        handshake_id: &str,
        candidate: Option<IceCandidate>,
    ) -> Result<(), SignalingError> {
        let sent = self.rpc().ice_candidate(to.to_owned(), handshake_id.to_owned(), candidate).await;
        self.outcome("peer.ice_candidate", sent).await.map(drop)
    }

    /// Leaves the session; the connection stays and may announce again.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn leave(&self) -> Result<(), SignalingError> {
        let left = self.rpc().leave().await;
        self.outcome("peer.leave", left).await.map(drop)
    }

    /// Calls a peer of the session.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn call_start(&self, to: &str, call_id: &str) -> Result<(), SignalingError> {
        let sent = self.rpc().call_start(to.to_owned(), call_id.to_owned()).await;
        self.outcome("call.start", sent).await.map(drop)
    }

    /// Takes a peer's call.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn call_accept(&self, to: &str, call_id: &str) -> Result<(), SignalingError> {
        let sent = self.rpc().call_accept(to.to_owned(), call_id.to_owned()).await;
        self.outcome("call.accept", sent).await.map(drop)
    }

    /// Ends a call, or declines it.
    ///
    /// # Errors
    /// [`SignalingError`].
    pub async fn call_end(
        &self,
        to: &str,
        call_id: &str,
        reason: Option<String>,
    ) -> Result<(), SignalingError> {
        let sent = self.rpc().call_end(to.to_owned(), call_id.to_owned(), reason).await;
        self.outcome("call.end", sent).await.map(drop)
    }

    /// Leaves, closes the connection, and returns when its socket and tasks are gone or the deadline has passed.
    /// Closed already: returns at once.
    ///
    /// Cancel safety: if dropped, the connection may stay open until the last clone is dropped.
    pub async fn close(&self, deadline: Duration) {
        let until = Instant::now() + deadline;
        if self.connection.link.reason().is_none() {
            // Best effort: it only tells the others that we left, instead of vanished.
            timeout(deadline / 2, self.rpc().leave()).await.ok();
        }
        self.connection.link.end(CloseReason::ByUs);
        let gone = async { self.connection.end.lock().await.wait().await };
        // Past the deadline the socket closes by itself: nothing holds it but its own close frame.
        timeout_at(until, gone).await.ok();
    }

    /// Waits until the connection is over and returns why.
    ///
    /// Cancel safety: may be dropped and called again.
    pub async fn closed(&self) -> CloseReason {
        self.connection.over().await
    }

    fn rpc(&self) -> &Client<RpcService> {
        &self.connection.rpc
    }

    async fn outcome<T>(
        &self,
        method: &'static str,
        result: Result<T, RpcError>,
    ) -> Result<T, SignalingError> {
        let Connection { rpc, link, config, .. } = &*self.connection;
        outcome(method, rpc, link, config.request_timeout, result).await
    }
}

impl Connection {
    /// Ends the connection for a reason of ours; the first reason stands.
    pub(super) fn end(&self, reason: CloseReason) -> SignalingError {
        SignalingError::Closed { reason: self.link.end(reason) }
    }

    /// Waits until the connection is over and returns why.
    pub(super) async fn over(&self) -> CloseReason {
        let error = self.rpc.on_disconnect().await;
        self.link.end(reason_of(&error))
    }
}

/// Says what became of a request.
async fn outcome<T>(
    method: &'static str,
    rpc: &Client<RpcService>,
    link: &Link,
    waited: Duration,
    result: Result<T, RpcError>,
) -> Result<T, SignalingError> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    Err(match error {
        RpcError::Call(object) => SignalingError::Refused {
            method,
            code: object.code(),
            message: object.message().to_owned(),
            data: object.data().and_then(|data| serde_json::from_str(data.get()).ok()),
        },
        RpcError::RequestTimeout => SignalingError::NoReply { method, waited },
        RpcError::ParseError(error) => SignalingError::BadReply { method, problem: error.to_string() },
        RpcError::RestartNeeded(cause) => SignalingError::Closed { reason: link.end(reason_of(&cause)) },
        RpcError::Transport(_) | RpcError::ServiceDisconnect => {
            let cause = rpc.on_disconnect().await;
            SignalingError::Closed { reason: link.end(reason_of(&cause)) }
        }
        other => SignalingError::BadReply { method, problem: other.to_string() },
    })
}

/// What jsonrpsee noticed; what the wire noticed stands in the link already.
fn reason_of(error: &RpcError) -> CloseReason {
    match error {
        RpcError::RestartNeeded(cause) => reason_of(cause),
        RpcError::InvalidRequestId(id) => CloseReason::UnknownReply { problem: quoted(id) },
        RpcError::Transport(cause) => CloseReason::Lost { problem: quoted(cause) },
        other => CloseReason::Garbage { problem: quoted(other) },
    }
}

/// The start of a message that may quote what the server sent.
fn quoted(message: &impl fmt::Display) -> String {
    message.to_string().chars().take(QUOTED_LEN).collect()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(CloseReason::ByUs);
    }
}

/// Client → wire. Requests that wait for the wire to take them; more wait at the caller, within the request's deadline.
/// A host that answers a hundred viewers at once fits.
const MAX_REQUESTS: usize = 256;

/// Longer than any connection lives.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How much of what the server sent an error repeats, characters.
const QUOTED_LEN: usize = 200;
