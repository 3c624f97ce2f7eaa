//! How a client waits, and how much it takes.

use std::time::Duration;

/// How a client waits, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalingClientConfig {
    /// For the name, the connection, the handshake and the server's first replies together. Default 5 s.
    pub connect_timeout: Duration,
    /// For the reply to a request. Default 5 s.
    pub request_timeout: Duration,
    /// For the connection to take one message. Default 5 s.
    pub write_timeout: Duration,
    /// Between two pings. Default 15 s.
    pub ping_interval: Duration,
    /// For any sign of life of the server; more than `ping_interval`. Default 40 s.
    pub silence: Duration,
    /// Longest message to be read, bytes. Default 1 MiB: four times the longest session description, and enough for
    /// the list of a session of 256 peers.
    pub max_message_bytes: usize,
    /// Events that may wait to be received. One more, and the connection is closed, since a client that misses an
    /// event has a wrong picture of its session for good. At least 1, default 1024.
    pub event_capacity: usize,
}

impl Default for SignalingClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(15),
            silence: Duration::from_secs(40),
            max_message_bytes: 1024 * 1024,
            event_capacity: 1024,
        }
    }
}
