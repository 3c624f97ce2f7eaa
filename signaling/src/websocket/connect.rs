//! The client's side of the opening handshake.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;

use super::socket::{Bytestream, settings};
use super::{Endpoint, WebSocket};

/// A WebSocket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is nobody at the address.
    #[error("cannot connect to {url}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The address does not answer at all.
    #[error("{url} did not accept a connection within {waited:?}")]
    NoConnection {
        /// The URL.
        url: String,
        /// The deadline that passed.
        waited: Duration,
    },
    /// Something accepted the connection and then said nothing.
    #[error("{url} accepted the connection but did not answer the WebSocket handshake within {waited:?}")]
    NoHandshake {
        /// The URL.
        url: String,
        /// The deadline that passed.
        waited: Duration,
    },
    /// It is an HTTP server, but not a WebSocket one, or not at this path.
    #[error(
        "{url} answered the WebSocket handshake with HTTP status {status}: is this the signaling server, and is the path right?"
    )]
    NotWebSocket {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is the signaling server, maybe, and does not take us.
    #[error("{url} refused the WebSocket with HTTP status {status}: {reason}")]
    Refused {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it says, cut.
        reason: String,
    },
    /// It is no HTTP server.
    #[error("{url} answered the WebSocket handshake with something else: {problem}")]
    NotHttp {
        /// The URL.
        url: String,
        /// What is wrong with the answer.
        problem: String,
    },
}

/// Connects to a server and opens a WebSocket.
///
/// * `deadline`: for the name, the connection and the handshake together.
/// * `max_bytes`: longest message to be read.
///
/// Cancel safety: if dropped, the connection is closed.
///
/// # Errors
/// [`ConnectError`] within the deadline.
pub async fn connect(
    endpoint: &Endpoint,
    deadline: Duration,
    max_bytes: usize,
) -> Result<WebSocket, ConnectError> {
    let url = || endpoint.url().to_owned();
    let until = tokio::time::Instant::now() + deadline;
    let stream = timeout(deadline, TcpStream::connect(endpoint.address()))
        .await
        .map_err(|_| ConnectError::NoConnection { url: url(), waited: deadline })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| ConnectError::Unreachable { url: url(), source })?;
    let stream: Box<dyn Bytestream> = Box::new(stream);
    let handshake = client_async_with_config(endpoint.url(), stream, Some(settings(max_bytes)));
    match tokio::time::timeout_at(until, handshake).await {
        Ok(Ok((stream, _response))) => Ok(WebSocket::split(stream)),
        Ok(Err(error)) => Err(handshake_error(error, url())),
        Err(_) => Err(ConnectError::NoHandshake { url: url(), waited: deadline }),
    }
}

fn handshake_error(error: tungstenite::Error, url: String) -> ConnectError {
    match error {
        tungstenite::Error::Http(response) => match response.status().as_u16() {
            status @ (403 | 421) => {
                ConnectError::Refused { url, status, reason: first_line(response.body().as_deref()) }
            }
            status => ConnectError::NotWebSocket { url, status },
        },
        tungstenite::Error::Io(source) => ConnectError::Unreachable { url, source },
        other => ConnectError::NotHttp { url, problem: other.to_string() },
    }
}

/// The start of what a server said, as far as it came with the head of its answer.
fn first_line(body: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy(body.unwrap_or_default());
    let line = text.lines().next().unwrap_or_default().trim();
    match line {
        "" => "no reason given".to_owned(),
        line => line.chars().filter(|c| !c.is_control()).take(QUOTED_LEN).collect(),
    }
}

/// How much of what a server says is repeated, characters.
const QUOTED_LEN: usize = 400;
