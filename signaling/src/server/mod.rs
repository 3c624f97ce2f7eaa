//! The signaling server: one port for the WebSocket, the web client, `/healthz`, `/metrics` and `/openrpc.json`.
//!
//! [`SignalingServer::start`] returns a [`ServerHandle`], whose [`stop`](ServerHandle::stop) ends every task and
//! socket. The rules are in [`crate::room`]; here they are carried out:
//!
//! * `listener` accepts, `http` answers pages and upgrades, `connection` is the one task of one WebSocket;
//! * `dispatch` makes a reply of a text frame by way of `methods`, which implements the trait of [`crate::rpc`];
//! * `hub` is the one lock: a step of the rooms and the queueing of its outputs happen under it, nothing else;
//! * `outbox` is the bounded queue of one connection. Full: the connection is closed, so that nobody waits for it.
//!
//! Replies are written in the order of the requests, and before the events that the request set off.

mod admission;
mod config;
mod connection;
mod dispatch;
mod error;
mod handle;
mod http;
mod hub;
mod listener;
mod methods;
mod outbox;
mod report;
mod web_files;

pub use config::{AllowedOrigins, ServerConfig, ServerLimits, ServerTimeouts};
pub use error::ServerError;
pub use handle::{ServerHandle, SignalingServer};
pub use report::ServerReport;
pub use web_files::WebFiles;
