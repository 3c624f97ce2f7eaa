//! The wire of both ends: text frames over a WebSocket (RFC 6455), with a bound on their size.
//!
//! A server makes one of an HTTP request ([`accept`], [`WebSocket::server`]), a client of a URL ([`connect`]). The
//! two halves can live in different tasks. This folder alone imports tungstenite, and none of its types leaves it.
//! It must not know what the frames say.

mod connect;
mod endpoint;
mod handshake;
mod socket;

pub use connect::{ConnectError, connect};
pub use endpoint::{Endpoint, EndpointError};
pub use handshake::{HandshakeError, accept};
pub use socket::{CloseCode, Frame, WebSocket, WebSocketError, WebSocketReceiver, WebSocketSender};
