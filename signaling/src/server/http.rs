//! What the port answers to HTTP: the handshake of the WebSocket, the web client, health and metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::admission::{foreign_host, is_page_allowed};
use super::connection::{self, Service};
use super::web_files::Pages;
use crate::websocket::{WebSocket, accept};

/// Answers requests; a handshake becomes a task of its own.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) service: Arc<Service>,
    pub(super) pages: Pages,
    /// Made once: it does not change.
    pub(super) openrpc: Bytes,
    pub(super) tasks: TaskTracker,
    /// Drops the tasks that have not ended when the server stopped.
    pub(super) aborting: CancellationToken,
}

type Page = Response<Full<Bytes>>;

impl Site {
    /// Answers one request.
    pub(super) fn answer(&self, request: Request<Incoming>) -> Page {
        let mut response = self.route(request);
        for (name, value) in SECURITY_HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn route(&self, request: Request<Incoming>) -> Page {
        let upgrades = asks_for_websocket(request.headers());
        let config = &self.service.config;
        if let Some(name) = foreign_host(config.bind.ip(), &config.allowed_origins, request.headers()) {
            if upgrades {
                self.service.hub.counters.connections_refused.fetch_add(1, Relaxed);
            }
            return text(StatusCode::MISDIRECTED_REQUEST, misdirected(&name));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/" | "/ws" if upgrades => self.upgrade(request),
            "/ws" => {
                let mut response =
                    text(StatusCode::UPGRADE_REQUIRED, "this is the WebSocket of the signaling server\n");
                response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                response
            }
            "/healthz" => self.health(),
            "/metrics" => page("text/plain; version=0.0.4", self.service.hub.report().prometheus()),
            "/openrpc.json" => page("application/json", self.openrpc.clone()),
            path => match self.pages.find(path) {
                Some(found) => page(found.content_type, found.content.clone()),
                None if path == "/" => text(StatusCode::OK, "RemoteMedia signaling server. WebSocket: /ws\n"),
                None => text(StatusCode::NOT_FOUND, "there is no such page\n"),
            },
        }
    }

    fn health(&self) -> Page {
        let info = self.service.config.info();
        let report = self.service.hub.report();
        let health = json!({
            "status": "ok",
            "name": info.name,
            "version": info.version,
            "protocol": info.protocol,
            "connections": report.connections,
            "sessions": report.sessions,
            "peers": report.peers,
        });
        page("application/json", health.to_string())
    }

    fn upgrade(&self, mut request: Request<Incoming>) -> Page {
        if !is_page_allowed(&self.service.config.allowed_origins, request.headers()) {
            self.service.hub.counters.connections_refused.fetch_add(1, Relaxed);
            return text(
                StatusCode::FORBIDDEN,
                "pages of this origin may not connect to this signaling server\n",
            );
        }
        let response = match accept(&request) {
            Ok(response) => response,
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        let service = Arc::clone(&self.service);
        let max_bytes = self.max_frame_bytes();
        self.spawn(async move {
            match hyper::upgrade::on(&mut request).await {
                Ok(stream) => {
                    let socket = WebSocket::server(TokioIo::new(stream), max_bytes).await;
                    connection::serve(service, socket).await;
                }
                Err(error) => debug!(%error, "the client went during the handshake"),
            }
        });
        response
    }

    /// Serves a WebSocket in a task of its own.
    pub(super) fn serve(&self, socket: WebSocket) {
        self.spawn(connection::serve(Arc::clone(&self.service), socket));
    }

    /// Longest frame that is read to its end, and so can be answered by its id.
    pub(super) fn max_frame_bytes(&self) -> usize {
        2 * self.service.config.limits.sdp_bytes as usize
    }

    fn spawn(&self, serving: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.aborting.clone().run_until_cancelled_owned(serving));
    }
}

/// Whether a request wants the WebSocket (RFC 9110 §7.8: a list of protocols, in any case), and not, as some
/// programs do of every server, HTTP/2.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let protocols = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    protocols.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

/// What a request hears that calls a server of this machine alone by a stranger's name.
fn misdirected(name: &str) -> String {
    format!(
        "this server is for its own machine and is not called {name:?}: open it as localhost, or, if a proxy of that \
         name stands in front of it, allow its origin (remotemedia serve --allow-origin https://NAME)\n"
    )
}

fn page(content_type: &'static str, content: impl Into<Bytes>) -> Page {
    let mut response = Response::new(Full::new(content.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn text(status: StatusCode, content: impl Into<Bytes>) -> Page {
    let mut response = page("text/plain; charset=utf-8", content);
    *response.status_mut() = status;
    response
}

/// The web client runs its own scripts and styles alone, talks to WebSockets, and is not framed by other pages.
const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' blob: \
         mediastream:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Asked again each time, so that a page and its scripts are of one version.
    (header::CACHE_CONTROL, "no-cache"),
];
