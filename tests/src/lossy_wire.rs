//! A wire between two peers that loses packets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a datagram is on its way, each way.
const DELAY: Duration = Duration::from_millis(10);

/// Datagrams on their way at once; more are lost, as in a full router.
const UNDER_WAY: usize = 4_096;

/// Larger than any datagram.
const LARGEST_DATAGRAM: usize = 2_048;

/// A wire between two peers that carries their datagrams, and loses what its story says. Handshakes pass
/// always. It takes the first media stream of an end for its pictures, and every other for their
/// retransmissions: it carries no sound.
pub struct LossyWire {
    wire: Arc<Wire>,
    /// Ends with the wire.
    _carrying: JoinSet<()>,
}

/// What a wire has carried and lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WireCounts {
    /// Packets of pictures that came to the wire.
    pub media: u64,
    /// Those of them that were lost.
    pub media_lost: u64,
    /// Retransmissions that came to the wire.
    pub repairs: u64,
    /// Those of them that were lost.
    pub repairs_lost: u64,
}

struct Wire {
    /// The ends where the peers are plugged in.
    ends: [End; 2],
    faults: Mutex<Faults>,
}

struct End {
    /// Stands for the peer at the other end.
    socket: UdpSocket,
    peer: OnceLock<SocketAddr>,
}

#[derive(Default)]
struct Faults {
    random: u64,
    loss_ratio: f64,
    burst: u64,
    no_repairs: bool,
    /// Which streams carry pictures, by end.
    pictures: [Option<u32>; 2],
    counts: WireCounts,
}

enum Carried {
    Handshake,
    Control,
    Media { ssrc: u32 },
}

impl LossyWire {
    /// Lays a wire that loses nothing yet.
    ///
    /// * `seed`: of what it loses at random.
    pub async fn lay(seed: u64) -> Self {
        let end = async || End {
            socket: UdpSocket::bind("127.0.0.1:0").await.expect("a free port"),
            peer: OnceLock::new(),
        };
        let faults = Mutex::new(Faults { random: seed, ..Faults::default() });
        let wire = Arc::new(Wire { ends: [end().await, end().await], faults });
        let mut carrying = JoinSet::new();
        for from in 0..2 {
            let (entering, leaving) = mpsc::channel(UNDER_WAY);
            carrying.spawn(wire.clone().take(from, entering));
            carrying.spawn(wire.clone().give(1 - from, leaving));
        }
        Self { wire, _carrying: carrying }
    }

    /// Plugs a peer in at an end, 0 or 1, by its address, and returns the address where the peer at the other
    /// end finds it. The first plug holds.
    pub fn plug(&self, end: usize, peer: SocketAddr) -> io::Result<SocketAddr> {
        self.wire.ends[end].peer.get_or_init(|| peer);
        self.wire.ends[1 - end].socket.local_addr()
    }

    /// Loses this share of all media and control packets, both ways, from now on.
    pub fn lose_at_random(&self, ratio: f64) {
        self.wire.faults().loss_ratio = ratio;
    }

    /// Loses the next packets of pictures.
    pub fn lose_next(&self, packets: u64) {
        self.wire.faults().burst = packets;
    }

    /// Loses all retransmissions from now on.
    pub fn lose_repairs(&self) {
        self.wire.faults().no_repairs = true;
    }

    /// Loses nothing any more.
    pub fn heal(&self) {
        let mut faults = self.wire.faults();
        (faults.loss_ratio, faults.burst, faults.no_repairs) = (0.0, 0, false);
    }

    /// Returns what it has carried and lost.
    pub fn counts(&self) -> WireCounts {
        self.wire.faults().counts
    }
}

impl Wire {
    async fn take(self: Arc<Self>, from: usize, way: mpsc::Sender<(Instant, Vec<u8>)>) {
        let mut datagram = vec![0; LARGEST_DATAGRAM];
        loop {
            // An error tells that nobody listens at the other end: of no interest to a wire.
            let Ok((len, sender)) = self.ends[from].socket.recv_from(&mut datagram).await else { continue };
            let datagram = &datagram[..len];
            if self.ends[from].peer.get() == Some(&sender) && !self.faults().loses(from, datagram) {
                way.try_send((Instant::now() + DELAY, datagram.to_vec())).ok();
            }
        }
    }

    async fn give(self: Arc<Self>, to: usize, mut way: mpsc::Receiver<(Instant, Vec<u8>)>) {
        while let Some((due, datagram)) = way.recv().await {
            tokio::time::sleep_until(due).await;
            if let Some(peer) = self.ends[to].peer.get() {
                self.ends[to].socket.send_to(&datagram, peer).await.ok();
            }
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    fn loses(&mut self, from: usize, datagram: &[u8]) -> bool {
        match Carried::of(datagram) {
            Carried::Handshake => false,
            Carried::Control => self.has_bad_luck(),
            Carried::Media { ssrc } if *self.pictures[from].get_or_insert(ssrc) == ssrc => {
                let lost = self.burst > 0 || self.has_bad_luck();
                self.burst = self.burst.saturating_sub(1);
                self.counts.media += 1;
                self.counts.media_lost += u64::from(lost);
                lost
            }
            Carried::Media { .. } => {
                let lost = self.no_repairs || self.has_bad_luck();
                self.counts.repairs += 1;
                self.counts.repairs_lost += u64::from(lost);
                lost
            }
        }
    }

    fn has_bad_luck(&mut self) -> bool {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 32) as f64) < self.loss_ratio * 2_f64.powi(32)
    }
}

impl Carried {
    /// Tells datagrams apart as RFC 7983 §7 and RFC 5761 §4 say.
    fn of(datagram: &[u8]) -> Self {
        match datagram {
            [128..=191, 192..=223, ..] => Self::Control,
            [128..=191, _, _, _, _, _, _, _, a, b, c, d, ..] => {
                Self::Media { ssrc: u32::from_be_bytes([*a, *b, *c, *d]) }
            }
            _ => Self::Handshake,
        }
    }
}
