//! What a server is told at its start.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{ServerError, WebFiles};
use crate::protocol::{IceServer, PROTOCOL_VERSION, ProtocolLimits, ServerInfo};
use crate::room::RoomLimits;

/// What a server is told at its start.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address to listen on. Default 127.0.0.1 and a free port; `0.0.0.0` or `::` for everybody.
    pub bind: SocketAddr,
    /// Name that `server.info` tells. Default `remotemedia`.
    pub name: String,
    /// How much of everything it takes.
    pub limits: ServerLimits,
    /// How long it waits.
    pub timeouts: ServerTimeouts,
    /// Which web pages may connect; programs, which send no `Origin`, always may. On a loopback address it is also what
    /// names the server answers to beside those of this machine.
    pub allowed_origins: AllowedOrigins,
    /// STUN and TURN servers that `server.info` tells to whoever asks, passwords and all. At most 16, default none.
    pub ice_servers: Vec<IceServer>,
    /// What `/` shows.
    pub web_files: WebFiles,
}

/// How much of everything a server takes. Each is refused with an error code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Longest request without a session description, bytes. Range 1 KiB to 1 MiB, default 64 KiB.
    pub control_bytes: u32,
    /// Longest request with a session description, bytes. Range `control_bytes` to 4 MiB, default 256 KiB. A frame of
    /// more than twice this ends its connection.
    pub sdp_bytes: u32,
    /// Requests per second and connection in the long run. Range 1 to 100 000, default 100.
    pub requests_per_second: u32,
    /// Requests at once after a pause. Range 1 to 100 000, default 1000: a host that answers a hundred viewers.
    pub request_burst: u32,
    /// WebSocket connections at a time. Range 1 to 100 000, default 1024. Each takes some 10 kB.
    pub connections: u32,
    /// Events that wait for one connection. Range 16 to 65 536, default 1024. One more, and it is too slow.
    pub outbox_events: u32,
    /// Bytes of the events that wait for one connection. Range `sdp_bytes` to 64 MiB, default 4 MiB.
    pub outbox_bytes: u32,
    /// Sessions and their peers.
    pub rooms: RoomLimits,
}

/// How long a server waits. Each is from 10 ms to one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTimeouts {
    /// For the head of an HTTP request, and between two on one connection. Default 10 s.
    pub request_head: Duration,
    /// Between two pings. Default 15 s.
    pub ping_interval: Duration,
    /// For any sign of life on a WebSocket. At least `ping_interval`. Default 40 s.
    pub silence: Duration,
    /// For all requests of a connection that does not become a WebSocket. Default 60 s.
    pub http_connection: Duration,
    /// For a connection to take one message. Default 10 s.
    pub write: Duration,
}

/// Which web pages may connect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Pages from the host and port that the WebSocket is asked for: the server's own.
    #[default]
    SameHost,
    /// The server's own pages and those of these origins, for example `https://app.example.org`.
    Listed(Vec<String>),
    /// Every page of the web.
    Any,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: "remotemedia".to_owned(),
            limits: ServerLimits::default(),
            timeouts: ServerTimeouts::default(),
            allowed_origins: AllowedOrigins::default(),
            ice_servers: Vec::new(),
            web_files: WebFiles::default(),
        }
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            control_bytes: 64 * 1024,
            sdp_bytes: 256 * 1024,
            requests_per_second: 100,
            request_burst: 1000,
            connections: 1024,
            outbox_events: 1024,
            outbox_bytes: 4 * 1024 * 1024,
            rooms: RoomLimits::default(),
        }
    }
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            request_head: Duration::from_secs(10),
            ping_interval: Duration::from_secs(15),
            silence: Duration::from_secs(40),
            http_connection: Duration::from_secs(60),
            write: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    /// Checks every range.
    pub(super) fn check(&self) -> Result<(), ServerError> {
        let ServerLimits { control_bytes, sdp_bytes, rooms, .. } = self.limits;
        let limits = &self.limits;
        in_range("limits.control_bytes", control_bytes, 1024..=1024 * 1024)?;
        in_range("limits.sdp_bytes", sdp_bytes, control_bytes..=4 * 1024 * 1024)?;
        in_range("limits.requests_per_second", limits.requests_per_second, 1..=100_000)?;
        in_range("limits.request_burst", limits.request_burst, 1..=100_000)?;
        in_range("limits.connections", limits.connections, 1..=100_000)?;
        in_range("limits.outbox_events", limits.outbox_events, 16..=65_536)?;
        in_range("limits.outbox_bytes", limits.outbox_bytes, sdp_bytes..=64 * 1024 * 1024)?;
        in_range("limits.rooms.sessions", rooms.sessions, 1..=MAX_SESSIONS)?;
        in_range("limits.rooms.peers_per_session", rooms.peers_per_session, 1..=MAX_PEERS)?;
        in_range("limits.rooms.mesh_peers", rooms.mesh_peers, 1..=rooms.peers_per_session)?;
        in_range("ice_servers.len()", self.ice_servers.len(), 0..=MAX_ICE_SERVERS)?;
        let timeouts = &self.timeouts;
        let least = Duration::from_millis(10);
        in_range("limits.rooms.resume_window", rooms.resume_window, Duration::ZERO..=HOUR)?;
        in_range("timeouts.request_head", timeouts.request_head, least..=HOUR)?;
        in_range("timeouts.ping_interval", timeouts.ping_interval, least..=HOUR)?;
        in_range("timeouts.silence", timeouts.silence, timeouts.ping_interval..=HOUR)?;
        in_range("timeouts.http_connection", timeouts.http_connection, least..=HOUR)?;
        in_range("timeouts.write", timeouts.write, least..=HOUR)
    }

    /// What `server.info` tells.
    pub(super) fn info(&self) -> ServerInfo {
        let limits = &self.limits;
        ServerInfo {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL_VERSION,
            limits: ProtocolLimits {
                control_bytes: limits.control_bytes,
                sdp_bytes: limits.sdp_bytes,
                requests_per_second: limits.requests_per_second,
                request_burst: limits.request_burst,
                peers_per_session: limits.rooms.peers_per_session,
                sessions: limits.rooms.sessions,
            },
            ice_servers: self.ice_servers.clone(),
        }
    }
}

fn in_range<T>(field: &'static str, value: T, range: RangeInclusive<T>) -> Result<(), ServerError>
where
    T: PartialOrd + std::fmt::Debug,
{
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{:?} to {:?}", range.start(), range.end());
    Err(ServerError::Config { field, value: format!("{value:?}"), expected })
}

/// So many fit into the 1 MiB of the longest message: a session in `session.list` takes at most 200 bytes, a
/// peer in the reply to `peer.announce` at most 2000.
const MAX_SESSIONS: u32 = 4096;
const MAX_PEERS: u32 = 512;

/// As many as a manifest may name: each is asked for candidates, and each takes time.
const MAX_ICE_SERVERS: usize = 16;

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range() {
        ServerConfig::default().check().expect("the defaults");
    }

    #[test]
    fn a_value_out_of_range_is_named() {
        let mut config = ServerConfig::default();
        config.limits.sdp_bytes = config.limits.control_bytes;
        config.check().expect("at the limit");
        config.limits.sdp_bytes -= 1;
        let message = config.check().expect_err("one past it").to_string();
        assert_eq!(message, "limits.sdp_bytes is 65535, and must be 65536 to 4194304");

        let mut config = ServerConfig::default();
        let server = IceServer { urls: vec!["stun:a".to_owned()], username: None, credential: None };
        config.ice_servers = vec![server; 16];
        config.check().expect("at the limit");
        config.ice_servers.extend_from_within(..1);
        let message = config.check().expect_err("one past it").to_string();
        assert_eq!(message, "ice_servers.len() is 17, and must be 0 to 16");

        let mut config = ServerConfig::default();
        config.timeouts.silence = config.timeouts.ping_interval;
        config.check().expect("at the limit");
        config.timeouts.silence -= Duration::from_nanos(1);
        config.check().expect_err("one past it");
    }
}
