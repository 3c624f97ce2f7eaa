//! A TURN server of a test's own: coturn on the loopback.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use remotemedia_transport_webrtc::rtc::IceServer;

/// A server that has not answered by then does not start. Generous: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(30);

const USER: &str = "ann";
const CREDENTIAL: &str = "open sesame";

/// A binding request (RFC 8489 §5): type, length, magic cookie, and a transaction id.
const BINDING_REQUEST: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xa4\x42is it there?";

/// A running coturn, ended when dropped.
pub(crate) struct TurnServer {
    child: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl TurnServer {
    /// Starts one on a free port and waits until it answers.
    pub(crate) fn start() -> Self {
        // It cannot choose a port itself: this one was free a moment ago.
        let port = UdpSocket::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let folder = std::env::temp_dir().join(format!("remotemedia-turn-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder of our own");
        let child = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers", "--lt-cred-mech"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--realm", "test"])
            .args(["--listening-port", &port.to_string(), "--user", &format!("{USER}:{CREDENTIAL}")])
            .args(["--userdb", "users", "--pidfile", "pid", "--log-file", "stdout"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver is missing: `./dev setup` installs it, on Debian as the package coturn");
        let mut server = Self { child, port, folder };
        server.wait_until_it_answers();
        server
    }

    /// Returns it as a connection's config names it.
    pub(crate) fn ice_server(&self, credential: &str) -> IceServer {
        IceServer {
            urls: vec![format!("turn:127.0.0.1:{}?transport=udp", self.port)],
            username: Some(USER.to_owned()),
            credential: Some(credential.to_owned()),
        }
    }

    /// Returns it with its right credential.
    pub(crate) fn right(&self) -> IceServer {
        self.ice_server(CREDENTIAL)
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn wait_until_it_answers(&mut self) {
        let (until, mut answer) = (Instant::now() + PATIENCE, [0; 512]);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(("127.0.0.1", self.port)).expect("the loopback");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        loop {
            // Refused until it listens.
            socket.send(&BINDING_REQUEST).ok();
            if socket.recv(&mut answer).is_ok() {
                return;
            }
            let ended = self.child.try_wait().expect("a child of ours");
            assert!(ended.is_none() && Instant::now() < until, "turnserver does not answer: {ended:?}");
        }
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
