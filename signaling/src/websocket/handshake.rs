//! The server's side of the opening handshake, RFC 6455 §4.2.

use hyper::{Request, Response};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

/// A request that does not open a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a WebSocket handshake: {problem}")]
pub struct HandshakeError {
    /// What is wrong with it.
    pub problem: String,
}

/// Makes the response that opens a WebSocket; the stream is the upgraded connection of the request.
///
/// # Errors
/// [`HandshakeError`] if the request does not ask for a WebSocket of version 13 by GET.
pub fn accept<T, B: Default>(request: &Request<T>) -> Result<Response<B>, HandshakeError> {
    create_response_with_body(request, B::default)
        .map_err(|error| HandshakeError { problem: error.to_string() })
}
