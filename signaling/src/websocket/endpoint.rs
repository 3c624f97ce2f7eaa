//! Where a signaling server is.

use std::fmt;

use tokio_tungstenite::tungstenite::http::Uri;

/// Where a signaling server is: a URL that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    port: u16,
}

/// A URL that names no signaling server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not a signaling URL: {problem}, expected ws://host[:port]/path")]
pub struct EndpointError {
    /// The URL as it was given.
    pub url: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Endpoint {
    /// Checks a URL: `ws://host[:port][/path][?query]`, port 80 if not given.
    ///
    /// # Errors
    /// [`EndpointError`] names the URL and what is wrong with it.
    ///
    /// Source: RFC 6455 §3.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let parts = check(url.trim())
            .map_err(|problem| EndpointError { url: url.chars().take(QUOTED_LEN).collect(), problem });
        // A scheme may be written in capitals, and the library knows it in small letters alone.
        let url = || format!("{SCHEME}{}", &url.trim()[SCHEME.len()..]);
        parts.map(|(host, port)| Self { url: url(), host, port })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns host and port as a socket takes them.
    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }
}

fn check(url: &str) -> Result<(String, u16), &'static str> {
    if url.contains('#') {
        return Err("a WebSocket URL has no #fragment");
    }
    let uri: Uri = url.parse().map_err(|_| "it is not a URL")?;
    match uri.scheme_str().map(str::to_ascii_lowercase).as_deref() {
        Some(SCHEME) => {}
        Some("wss") => return Err("TLS is not supported by this build"),
        Some("http" | "https") => return Err("http:// is the web page, not the WebSocket"),
        Some(_) => return Err("it has another scheme"),
        None => return Err("it has no scheme"),
    }
    let authority = uri.authority().ok_or("it names no host")?.as_str();
    if authority.contains('@') {
        return Err("it carries a user name");
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    // The library takes a port that is no number of 16 bits for none at all.
    let port = match authority.strip_prefix(host).unwrap_or_default() {
        "" => DEFAULT_PORT,
        port => port_of(port).ok_or("the port is not a number from 1 to 65535")?,
    };
    // An IPv6 address stands in brackets in a URL and without them in a socket address.
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
}

fn port_of(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':').filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port > 0)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

const SCHEME: &str = "ws";

/// Port of `ws://` URLs that name none: RFC 6455 §3.
const DEFAULT_PORT: u16 = 80;

/// How much of a bad URL an error repeats, characters.
const QUOTED_LEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_and_port() {
        let at = |url| {
            let endpoint = Endpoint::parse(url).expect(url);
            let (host, port) = endpoint.address();
            (host.to_owned(), port)
        };
        assert_eq!(at("ws://localhost:8080/ws"), ("localhost".into(), 8080));
        assert_eq!(at("ws://example.org"), ("example.org".into(), 80));
        assert_eq!(at("WS://example.org?a=b"), ("example.org".into(), 80));
        assert_eq!(Endpoint::parse(" WS://h/ws ").expect("a URL").to_string(), "ws://h/ws");
        assert_eq!(at("ws://[::1]:9000/"), ("::1".into(), 9000));
        assert_eq!(at("ws://[::1]/"), ("::1".into(), 80));
        assert_eq!(at("ws://host:1/"), ("host".into(), 1));
        assert_eq!(at("ws://host:65535/"), ("host".into(), 65535));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_named_with_what_is_wrong_and_what_is_expected() {
        let cases = [
            ("", "not a URL"),
            ("localhost:8080", "no scheme"),
            ("http://localhost:8080/ws", "web page"),
            ("ftp://a/b", "another scheme"),
            ("wss://host/ws", "TLS"),
            ("ws://", "not a URL"),
            ("ws://a b/", "not a URL"),
            ("ws://u@h/", "user name"),
            ("ws://host/ws#top", "#fragment"),
            ("ws://host:0/ws", "1 to 65535"),
            ("ws://host:65536/ws", "1 to 65535"),
            ("ws://host:99999/ws", "1 to 65535"),
            ("ws://host:/ws", "1 to 65535"),
            ("ws://[::1]:65536/ws", "1 to 65535"),
        ];
        for (url, problem) in cases {
            let message = Endpoint::parse(url).expect_err(url).to_string();
            let words = [&format!("{url:?}"), problem, "ws://host"];
            assert!(words.iter().all(|words| message.contains(words)), "{url}: {message}");
        }
    }
}
