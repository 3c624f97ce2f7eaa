//! The client's side of the opening handshake.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::{self, http::Uri};

use super::WebSocket;
use super::socket::{Bytestream, settings};

/// Where a server is: a URL that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    port: u16,
}

/// A WebSocket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used.
    #[error("{url:?} is not a signaling URL: {problem}, expected ws://host[:port]/path")]
    InvalidUrl {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
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
    /// It is an HTTP server, but not a WebSocket one, not at this path, or it refuses us.
    #[error(
        "{url} answered the WebSocket handshake with HTTP status {status}: is this the signaling server, and is the path right?"
    )]
    NotWebSocket {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
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

impl Endpoint {
    /// Checks a URL: `ws://host[:port][/path][?query]`, port 80 if not given.
    ///
    /// # Errors
    /// [`ConnectError::InvalidUrl`].
    pub fn parse(url: &str) -> Result<Self, ConnectError> {
        let invalid =
            |problem| ConnectError::InvalidUrl { url: url.chars().take(QUOTED_LEN).collect(), problem };
        let uri: Uri = url.trim().parse().map_err(|_| invalid("it is not a URL"))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(invalid("TLS is not supported by this build")),
            Some("http" | "https") => return Err(invalid("http:// is the web page, not the WebSocket")),
            Some(_) => return Err(invalid("it has another scheme")),
            None => return Err(invalid("it has no scheme")),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| invalid("it names no host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(invalid("it carries a user name"));
        }
        // An IPv6 address stands in brackets in a URL and without them in a socket address.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { url: url.trim().to_owned(), host, port: uri.port_u16().unwrap_or(80) })
    }
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
    let url = || endpoint.url.clone();
    let until = tokio::time::Instant::now() + deadline;
    let stream = timeout(deadline, TcpStream::connect((endpoint.host.as_str(), endpoint.port)))
        .await
        .map_err(|_| ConnectError::NoConnection { url: url(), waited: deadline })?
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| ConnectError::Unreachable { url: url(), source })?;
    let stream: Box<dyn Bytestream> = Box::new(stream);
    let handshake = client_async_with_config(endpoint.url.as_str(), stream, Some(settings(max_bytes)));
    match tokio::time::timeout_at(until, handshake).await {
        Ok(Ok((stream, _response))) => Ok(WebSocket::split(stream)),
        Ok(Err(error)) => Err(handshake_error(error, url())),
        Err(_) => Err(ConnectError::NoHandshake { url: url(), waited: deadline }),
    }
}

fn handshake_error(error: tungstenite::Error, url: String) -> ConnectError {
    match error {
        tungstenite::Error::Http(response) => {
            ConnectError::NotWebSocket { url, status: response.status().as_u16() }
        }
        tungstenite::Error::Io(source) => ConnectError::Unreachable { url, source },
        other => ConnectError::NotHttp { url, problem: other.to_string() },
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// How much of a bad URL an error repeats, characters.
const QUOTED_LEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_and_port() {
        let at = |url| Endpoint::parse(url).map(|e| (e.host, e.port)).expect(url);
        assert_eq!(at("ws://localhost:8080/ws"), ("localhost".into(), 8080));
        assert_eq!(at("ws://example.org"), ("example.org".into(), 80));
        assert_eq!(at("ws://[::1]:9000/"), ("::1".into(), 9000));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_named_with_what_is_expected() {
        let cases = [
            "",
            "localhost:8080",
            "http://localhost:8080/ws",
            "ftp://a/b",
            "ws://",
            "ws://a b/",
            "ws://u@h/",
        ];
        for url in cases {
            let message = Endpoint::parse(url).expect_err(url).to_string();
            assert!(message.contains(&format!("{url:?}")) && message.contains("ws://host"), "{message}");
        }
    }
}
