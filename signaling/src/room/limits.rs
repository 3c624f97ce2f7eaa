//! How much of everything there may be.

use std::time::Duration;

/// Bounds on sessions and their peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// Most sessions at a time. Default 1000; an empty session ends at once.
    pub sessions: u32,
    /// Most peers in one session, whatever it asks for. Default 256: one host, a hundred viewers, and some room.
    pub peers_per_session: u32,
    /// Peers that a mesh takes if its first peer does not say. Default 10: each sends to each, so the load of every
    /// one grows with the number.
    pub mesh_peers: u32,
    /// How long the token and the generation of a peer that left are remembered. Default one minute.
    pub resume_window: Duration,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            sessions: 1000,
            peers_per_session: 256,
            mesh_peers: 10,
            resume_window: Duration::from_secs(60),
        }
    }
}
