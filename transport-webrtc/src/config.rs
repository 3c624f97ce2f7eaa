//! What a program sets for the transport, and what of it was checked.

use std::time::Duration;

use remotemedia_runtime_core::data::{IdentityError, PeerId, SessionId};
use remotemedia_runtime_core::manifest::{IceServer, IceServerError, Manifest, Topology};

use crate::codec::{UnknownCodec, VideoCodec};
use crate::rtc;
use crate::signaling::{Endpoint, EndpointError};

/// Most remote peers in a mesh: each costs an encoder and a decoder.
pub const MAX_MESH_PEERS: u32 = 10;

/// Most remote peers of a host.
pub const MAX_HOST_PEERS: u32 = 1000;

/// How this process takes part in a session, as its program writes it.
///
/// Fields left at `None` or empty take the manifest's `transport` value
/// ([`with_manifest`](Self::with_manifest)), then the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebRtcConfig {
    /// The signaling server, `ws://host:port/ws`. `wss://` is refused: TLS is not built in.
    pub signaling_url: String,
    /// The session to join, 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub session: String,
    /// This peer's id, unique in the session, same characters; default: random.
    pub peer_id: Option<String>,
    /// Name for people.
    pub display_name: Option<String>,
    /// Who connects to whom; default `mesh`.
    pub topology: Option<Topology>,
    /// Most remote peers, 1..=10 in a mesh, 1..=1000 as a host. Default 10, as a host 100. Memory grows by
    /// one decoder and one encoder per peer (up to 100 MB).
    pub max_peers: Option<u32>,
    /// STUN and TURN servers; default none: host candidates only.
    pub ice_servers: Vec<IceServer>,
    /// Video codecs in order of preference; default all that are built in.
    pub video_codecs: Vec<String>,
    /// Video bitrate to each peer, 50 000..=50 000 000 bits per second; default by picture size.
    pub video_bitrate_bps: Option<u32>,
    /// Whether other peers may run their own manifests in this process. Default no: they get the pipeline
    /// that is served here, or none.
    pub accept_manifests: bool,
    /// Whether this peer tells the others that it runs a pipeline: browsers connect to such a peer, and in a
    /// host topology it is the host. Default no.
    pub serves_pipeline: bool,
    /// The peer in whose process [`stream`] and [`execute`] run their manifest; default: this process.
    ///
    /// [`stream`]: remotemedia_runtime_core::transport::PipelineTransport::stream
    /// [`execute`]: remotemedia_runtime_core::transport::PipelineTransport::execute
    pub pipeline_peer: Option<String>,
    /// Deadlines.
    pub deadlines: Deadlines,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To reach the signaling server and join. Default 5 s.
    pub join: Duration,
    /// From an offer to flowing media. Default 10 s: relayed paths take up to 4 s.
    pub handshake: Duration,
    /// From the loss of a path until the peer is given up. Default 10 s.
    pub recovery: Duration,
    /// For the answer to a request over the data channel. Default 10 s.
    pub request: Duration,
    /// For everything to be gone after `close`. Default 1 s.
    pub close: Duration,
}

/// [`WebRtcConfig`], checked: below it nothing can be invalid.
#[derive(Debug, Clone)]
pub(crate) struct WebRtcSettings {
    pub(crate) server: Endpoint,
    pub(crate) session: SessionId,
    pub(crate) peer_id: PeerId,
    pub(crate) display_name: Option<String>,
    pub(crate) topology: Topology,
    pub(crate) max_peers: u32,
    pub(crate) ice_servers: Vec<rtc::IceServer>,
    pub(crate) video_codecs: Vec<VideoCodec>,
    pub(crate) serves_pipeline: bool,
    pub(crate) video_bitrate_bps: Option<u32>,
    pub(crate) accept_manifests: bool,
    pub(crate) pipeline_peer: Option<PeerId>,
    pub(crate) deadlines: Deadlines,
}

/// Why a config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A name is empty, too long or has a foreign character.
    #[error("config has an invalid name")]
    Name(#[from] IdentityError),
    /// A number is outside its range.
    #[error("{field} is {got}, expected {min} to {max}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        got: u64,
        /// Least that is taken.
        min: u64,
        /// Most that is taken.
        max: u64,
    },
    /// The signaling URL names no server.
    #[error(transparent)]
    Url(#[from] EndpointError),
    /// A STUN or TURN server is none.
    #[error(transparent)]
    IceServer(#[from] IceServerError),
    /// The engine cannot use a STUN or TURN server.
    #[error("{reason}")]
    UnusableIceServer {
        /// Which address, and what is expected.
        reason: String,
    },
    /// The video codec is not built in.
    #[error("config names a video codec that is not built in")]
    Codec(#[from] UnknownCodec),
}

impl WebRtcConfig {
    /// Joins `session` by way of the signaling server at `signaling_url`, all else default.
    pub fn new(signaling_url: impl Into<String>, session: impl Into<String>) -> Self {
        Self { signaling_url: signaling_url.into(), session: session.into(), ..Self::default() }
    }

    /// Sets this peer's id.
    #[must_use]
    pub fn peer_id(mut self, peer_id: impl Into<String>) -> Self {
        self.peer_id = Some(peer_id.into());
        self
    }

    /// Runs manifests in the process of `peer` instead of this one.
    #[must_use]
    pub fn pipeline_peer(mut self, peer: impl Into<String>) -> Self {
        self.pipeline_peer = Some(peer.into());
        self
    }

    /// Tells the others that this peer runs a pipeline.
    #[must_use]
    pub fn serves_pipeline(mut self) -> Self {
        self.serves_pipeline = true;
        self
    }

    /// Lets other peers run their own manifests in this process.
    #[must_use]
    pub fn accept_manifests(mut self) -> Self {
        self.accept_manifests = true;
        self
    }

    /// Fills what is not set from the manifest's `transport`.
    #[must_use]
    pub fn with_manifest(mut self, manifest: &Manifest) -> Self {
        let Some(transport) = &manifest.transport else { return self };
        if self.signaling_url.is_empty() {
            self.signaling_url = transport.signaling_url.clone().unwrap_or_default();
        }
        self.topology = self.topology.or(Some(transport.topology));
        self.max_peers = self.max_peers.or(transport.max_peers);
        self.video_bitrate_bps = self.video_bitrate_bps.or(transport.video_bitrate_bps);
        if self.ice_servers.is_empty() {
            self.ice_servers.clone_from(&transport.ice_servers);
        }
        if self.video_codecs.is_empty() {
            self.video_codecs.clone_from(&transport.video_codecs);
        }
        self
    }

    /// Checks everything that can be known without the server, as joining does first.
    ///
    /// # Errors
    /// [`ConfigError`] names the field and its value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.clone().check().map(drop)
    }

    /// Checks everything.
    pub(crate) fn check(self) -> Result<WebRtcSettings, ConfigError> {
        let server = Endpoint::parse(&self.signaling_url)?;
        let topology = self.topology.unwrap_or_default();
        let (default_peers, most_peers) = match topology {
            Topology::Mesh => (MAX_MESH_PEERS, MAX_MESH_PEERS),
            Topology::Host => (100, MAX_HOST_PEERS),
        };
        let max_peers = self.max_peers.unwrap_or(default_peers);
        in_range("max_peers", u64::from(max_peers), 1, u64::from(most_peers))?;
        if let Some(bps) = self.video_bitrate_bps {
            in_range("video_bitrate_bps", u64::from(bps), 50_000, 50_000_000)?;
        }
        self.ice_servers.iter().try_for_each(IceServer::check)?;
        let ice_servers: Vec<_> = self.ice_servers.into_iter().map(rtc::IceServer::from).collect();
        for server in &ice_servers {
            server.check().map_err(|error| ConfigError::UnusableIceServer { reason: error.to_string() })?;
        }
        let video_codecs = self.video_codecs.iter().map(|name| VideoCodec::from_name(name));
        let video_codecs = video_codecs.collect::<Result<_, _>>()?;
        Ok(WebRtcSettings {
            session: SessionId::new(&self.session)?,
            peer_id: PeerId::new(self.peer_id.unwrap_or_else(random_peer_id))?,
            pipeline_peer: self.pipeline_peer.map(PeerId::new).transpose()?,
            server,
            display_name: self.display_name,
            topology,
            max_peers,
            ice_servers,
            video_codecs,
            serves_pipeline: self.serves_pipeline,
            video_bitrate_bps: self.video_bitrate_bps,
            accept_manifests: self.accept_manifests,
            deadlines: self.deadlines,
        })
    }
}

impl From<IceServer> for rtc::IceServer {
    fn from(IceServer { urls, username, credential }: IceServer) -> Self {
        Self { urls, username, credential }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            join: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            recovery: Duration::from_secs(10),
            request: Duration::from_secs(10),
            close: Duration::from_secs(1),
        }
    }
}

fn in_range(field: &'static str, got: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&got) { Ok(()) } else { Err(ConfigError::Range { field, got, min, max }) }
}

fn random_peer_id() -> String {
    format!("peer-{}", crate::ids::random_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> WebRtcConfig {
        WebRtcConfig::new("ws://127.0.0.1:1/ws", "room")
    }

    fn refused(config: WebRtcConfig) -> String {
        config.check().expect_err("invalid").to_string()
    }

    #[test]
    fn limits_are_taken_and_one_past_them_refused_by_value() {
        for (topology, most) in [(Topology::Mesh, MAX_MESH_PEERS), (Topology::Host, MAX_HOST_PEERS)] {
            let with = |peers| WebRtcConfig { topology: Some(topology), max_peers: Some(peers), ..config() };
            assert!(with(1).check().is_ok());
            assert!(with(most).check().is_ok());
            assert_eq!(refused(with(most + 1)), format!("max_peers is {}, expected 1 to {most}", most + 1));
            assert_eq!(refused(with(0)), format!("max_peers is 0, expected 1 to {most}"));
        }
        for (bps, fits) in [(49_999, false), (50_000, true), (50_000_000, true), (50_000_001, false)] {
            let config = WebRtcConfig { video_bitrate_bps: Some(bps), ..config() };
            assert_eq!(config.check().is_ok(), fits, "{bps} bps");
        }
    }

    #[test]
    fn urls_names_and_codecs_are_refused_by_value() {
        let http = WebRtcConfig { signaling_url: "http://x".into(), ..config() };
        assert!(refused(http).starts_with("\"http://x\" is not a signaling URL"));
        let codec = WebRtcConfig { video_codecs: vec!["h264".into(), "AV1".into()], ..config() };
        let refused = codec.check().expect_err("AV1 is not built in");
        assert!(matches!(refused, ConfigError::Codec(error) if error.to_string().contains("\"AV1\"")));
        assert!(matches!(config().peer_id("a b").check(), Err(ConfigError::Name(_))));
    }

    #[test]
    fn a_manifest_may_name_the_signaling_urls_that_a_config_takes_and_no_others() {
        for (url, fits) in [
            ("ws://127.0.0.1:8080/ws", true),
            ("ws://host", true),
            ("ws://[::1]:9/ws?a=b", true),
            ("ws://host:65535/ws", true),
            ("ws://host:65536/ws", false),
            ("ws://host:99999/ws", false),
            ("ws://host:0/ws", false),
            ("ws://host:/ws", false),
            ("ws://u@host/ws", false),
            ("ws://host/ws#top", false),
            ("ws://a b/ws", false),
            ("ws://", false),
            ("http://host/ws", false),
            ("", false),
        ] {
            let config = WebRtcConfig::new(url, "room");
            assert_eq!(config.validate().is_ok(), fits, "config: {url:?}");
            let transport = serde_json::json!({"kind": "webrtc", "signaling_url": url});
            let manifest = serde_json::json!({
                "version": "v1",
                "nodes": [{"id": "echo", "node_type": "PassThrough"}],
                "transport": transport,
            });
            assert_eq!(Manifest::parse(&manifest.to_string()).is_ok(), fits, "manifest: {url:?}");
        }
    }

    #[test]
    fn servers_that_no_connection_could_use_are_refused_before_joining() {
        let with = |url: &str| {
            let server = IceServer { urls: vec![url.into()], username: None, credential: None };
            WebRtcConfig { ice_servers: vec![server], ..config() }
        };
        assert!(with("stun:stun.example.org:3478").check().is_ok());
        let told = refused(with("http://example.org"));
        assert!(
            told.contains("\"http://example.org\"") && told.contains("expected stun:host:port"),
            "{told}"
        );
        assert!(refused(with("stun:stun.example.org:99999")).contains("from 1 to 65535"));
        assert!(refused(with("STUN:stun.example.org")).contains("STUN:stun.example.org"));
        assert!(refused(with("turn:turn.example.org")).contains("a username and a credential"));
    }

    #[test]
    fn two_peers_without_an_id_get_different_ones() {
        let id = || config().check().expect("valid").peer_id;
        assert_ne!(id(), id());
    }
}
