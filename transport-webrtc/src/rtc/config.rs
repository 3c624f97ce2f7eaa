//! How a connection is opened.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::ConnectionError;
use crate::codec_name::VideoCodec;

/// Range of [`ConnectionConfig::ice_check_interval`]: faster is no faster to connect, slower than the
/// 500 ms of RFC 8445 §14.3 gives a path up too late.
const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(10);
const CHECK_INTERVAL_MAX: Duration = Duration::from_millis(500);

/// Settings of one connection; the defaults suit a call between two peers.
#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// STUN and TURN servers. Default: none. Each that cannot be reached delays gathering, not connecting.
    pub ice_servers: Vec<IceServer>,
    /// Whether to use relayed candidates only, which hides the addresses. Needs a TURN server. Default: no.
    pub relay_only: bool,
    /// Tracks and channel to negotiate. Default: all.
    pub tracks: TrackPlan,
    /// Video codings to offer and accept, best first. Default: H264. At least one if `tracks.video`.
    pub video_codecs: Vec<VideoCodec>,
    /// UDP addresses to bind. Default: every interface, and loopback, an ephemeral port each. `0.0.0.0`
    /// and `[::]` mean every interface of that family except loopback.
    pub bind_addresses: Vec<SocketAddr>,
    /// Pause between two connectivity checks. Range 10..=500 ms, default 10 ms: on loopback two peers
    /// connect in a few milliseconds, and a check costs 100 bytes.
    pub ice_check_interval: Duration,
    /// Silence after which the state becomes disconnected. Default 3 s.
    pub ice_disconnected_timeout: Duration,
    /// Further silence after which the connection has failed. Default 7 s.
    pub ice_failed_timeout: Duration,
    /// Pause between two keep-alive messages on a silent connection. Default 1 s.
    pub ice_keepalive_interval: Duration,
    /// Receive and send buffer of each socket, in bytes; the system may grant less. Default 2 MiB: bursts
    /// of a data channel overflow the usual 200 KiB, which costs a second each time.
    pub socket_buffer_bytes: usize,
}

/// A STUN or TURN server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IceServer {
    /// Addresses: `stun:host:port`, `turn:host:port?transport=udp`.
    pub urls: Vec<String>,
    /// User name for TURN.
    pub username: Option<String>,
    /// Password for TURN; never logged.
    pub credential: Option<String>,
}

/// What a connection carries, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackPlan {
    /// One audio track (Opus).
    pub audio: bool,
    /// One video track.
    pub video: bool,
    /// The reliable, ordered data channel `data`; who offers creates it.
    pub data: bool,
}

impl ConnectionConfig {
    /// Checks the fields.
    pub(super) fn check(&self) -> Result<(), ConnectionError> {
        let invalid =
            |setting, got: String, expected| Err(ConnectionError::InvalidConfig { setting, got, expected });
        if !(CHECK_INTERVAL_MIN..=CHECK_INTERVAL_MAX).contains(&self.ice_check_interval) {
            return invalid(
                "ice_check_interval",
                format!("{:?}", self.ice_check_interval),
                "10 ms to 500 ms",
            );
        }
        if self.tracks.video && self.video_codecs.is_empty() {
            return invalid("video_codecs", "empty".into(), "at least one, or no video in `tracks`");
        }
        if !self.tracks.audio && !self.tracks.video && !self.tracks.data {
            return invalid("tracks", "nothing".into(), "audio, video or data");
        }
        if self.bind_addresses.is_empty() {
            return invalid("bind_addresses", "empty".into(), "at least one address, as 0.0.0.0:0");
        }
        for server in &self.ice_servers {
            server.check()?;
        }
        if self.relay_only && !self.ice_servers.iter().any(IceServer::is_turn) {
            return invalid(
                "relay_only",
                "true without a TURN server".into(),
                "a TURN server in `ice_servers`",
            );
        }
        Ok(())
    }
}

impl IceServer {
    /// Checks the addresses, and that a TURN server has a user.
    pub(crate) fn check(&self) -> Result<(), ConnectionError> {
        let invalid = |got: &str, expected| {
            Err(ConnectionError::InvalidConfig { setting: "ice_servers", got: format!("{got:?}"), expected })
        };
        for url in &self.urls {
            let (scheme, host) = url.split_once(':').unwrap_or((url, ""));
            if !matches!(scheme, "stun" | "stuns" | "turn" | "turns")
                || host.is_empty()
                || host.starts_with("//")
            {
                return invalid(url, "stun:host:port or turn:host:port");
            }
            if scheme.starts_with("turn") && (self.username.is_none() || self.credential.is_none()) {
                return invalid(url, "a username and a credential beside a TURN server");
            }
            if scheme.ends_with('s') || url.contains("transport=tcp") {
                tracing::warn!(%url, "server is skipped: only UDP is spoken with STUN and TURN servers");
            }
        }
        match self.urls.is_empty() {
            true => invalid("", "at least one URL in each server"),
            false => Ok(()),
        }
    }

    pub(super) fn is_turn(&self) -> bool {
        self.urls.iter().any(|url| url.starts_with("turn:"))
    }
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            relay_only: false,
            tracks: TrackPlan::default(),
            video_codecs: vec![VideoCodec::H264],
            bind_addresses: vec![
                SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            ],
            ice_check_interval: Duration::from_millis(10),
            ice_disconnected_timeout: Duration::from_secs(3),
            ice_failed_timeout: Duration::from_secs(7),
            ice_keepalive_interval: Duration::from_secs(1),
            socket_buffer_bytes: 2 * 1024 * 1024,
        }
    }
}

impl Default for TrackPlan {
    fn default() -> Self {
        Self { audio: true, video: true, data: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ConnectionConfig)) -> Option<String> {
        let mut config = ConnectionConfig::default();
        change(&mut config);
        config.check().err().map(|error| error.to_string())
    }

    #[test]
    fn the_check_interval_has_its_limits() {
        let interval = |ms| refused(|config| config.ice_check_interval = Duration::from_millis(ms));
        assert_eq!(interval(9).as_deref(), Some("ice_check_interval is 9ms, expected 10 ms to 500 ms"));
        assert_eq!((interval(10), interval(500)), (None, None));
        assert!(interval(501).is_some());
    }

    #[test]
    fn servers_are_checked_and_passwords_never_shown() {
        let server = |url: &str, credential: Option<&str>| {
            refused(|config| {
                config.ice_servers = vec![IceServer {
                    urls: vec![url.into()],
                    username: credential.map(|_| "user".into()),
                    credential: credential.map(Into::into),
                }];
            })
        };
        assert_eq!(server("stun:127.0.0.1:3478", None), None);
        assert_eq!(server("turn:127.0.0.1:3478", Some("secret")), None);
        assert!(
            server("turn:127.0.0.1:3478", None).expect("refused").contains("a username and a credential")
        );
        let wrong = server("http://secret-host", Some("hunter2")).expect("refused");
        assert!(wrong.contains("http://secret-host") && !wrong.contains("hunter2"), "{wrong}");
    }

    #[test]
    fn a_plan_without_anything_or_without_a_way_is_refused() {
        let nothing = TrackPlan { audio: false, video: false, data: false };
        assert!(refused(|config| config.tracks = nothing).is_some());
        assert!(refused(|config| config.video_codecs.clear()).is_some());
        assert!(refused(|config| config.bind_addresses.clear()).is_some());
        assert!(refused(|config| config.relay_only = true).is_some());
        assert_eq!(refused(|_| ()), None);
    }
}
