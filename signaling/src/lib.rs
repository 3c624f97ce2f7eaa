//! Signaling for RemoteMedia: how peers find each other before any media flows.
//!
//! JSON-RPC 2.0 over WebSocket. This crate holds the ground floor of it:
//!
//! * [`protocol`]: the messages, error codes and limits, as types;
//! * [`rpc`]: the one trait from which both the client and the server are generated;
//! * [`openrpc_document`]: the machine-readable description, made from the same types;
//! * [`room`]: who may do what and who hears of it, as pure code without sockets or clocks;
//! * [`websocket`] (feature `websocket`): the wire of both ends;
//! * [`server`] (feature `server`): the server that carries it all, to embed or to run alone.
//!
//! It knows nothing of media: session descriptions and candidates are text that it carries.

mod openrpc;
pub mod protocol;
pub mod room;
pub mod rpc;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "websocket")]
pub mod websocket;

pub use openrpc::openrpc_document;
#[cfg(feature = "server")]
pub use server::{ServerConfig, ServerError, ServerHandle, SignalingServer};
