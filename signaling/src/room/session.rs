//! One session: its peers, and the memory of those who left.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::ConnectionId;
use crate::protocol::{PeerInfo, Role, Topology};

/// A session with at least one peer.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) topology: Topology,
    pub(super) max_peers: u32,
    /// By id, so that lists come in the same order each time.
    peers: BTreeMap<String, Member>,
    /// Oldest first; at most as many as the session takes peers.
    departed: VecDeque<Departed>,
}

/// A peer that is there.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) connection: ConnectionId,
    pub(super) info: PeerInfo,
    pub(super) resume_token: String,
}

/// A peer that was there.
#[derive(Debug)]
struct Departed {
    peer_id: String,
    generation: u32,
    resume_token: String,
    left_at: Instant,
}

impl Session {
    pub(super) fn new(topology: Topology, max_peers: u32) -> Self {
        Self { topology, max_peers, peers: BTreeMap::new(), departed: VecDeque::new() }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.peers.len()).expect("a session holds at most u32::MAX peers")
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.max_peers
    }

    pub(super) fn member(&self, peer_id: &str) -> Option<&Member> {
        self.peers.get(peer_id)
    }

    pub(super) fn host(&self) -> Option<&PeerInfo> {
        self.peers.values().map(|member| &member.info).find(|info| info.role == Role::Host)
    }

    /// The peers other than one, by id.
    pub(super) fn others(&self, peer_id: &str) -> impl Iterator<Item = &Member> {
        self.peers.values().filter(move |member| member.info.peer_id != peer_id)
    }

    pub(super) fn insert(&mut self, member: Member) {
        self.departed.retain(|departed| departed.peer_id != member.info.peer_id);
        self.peers.insert(member.info.peer_id.clone(), member);
    }

    /// Takes a peer out, and remembers it.
    pub(super) fn remove(&mut self, peer_id: &str, now: Instant) -> Option<Member> {
        let member = self.peers.remove(peer_id)?;
        if self.departed.len() >= self.max_peers as usize {
            self.departed.pop_front();
        }
        self.departed.push_back(Departed {
            peer_id: peer_id.to_owned(),
            generation: member.info.generation,
            resume_token: member.resume_token.clone(),
            left_at: now,
        });
        Some(member)
    }

    /// The generation that an id had last and whether a token is the one it had then, if it is remembered.
    pub(super) fn former(
        &mut self,
        peer_id: &str,
        token: Option<&str>,
        now: Instant,
        window: Duration,
    ) -> Option<(u32, bool)> {
        self.departed.retain(|departed| now.saturating_duration_since(departed.left_at) <= window);
        let former = self.departed.iter().find(|departed| departed.peer_id == peer_id)?;
        Some((former.generation, token.is_some_and(|t| same_secret(t, &former.resume_token))))
    }
}

/// Compares secrets in a time that does not tell where they differ.
pub(super) fn same_secret(a: &str, b: &str) -> bool {
    let difference = a.bytes().zip(b.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b));
    a.len() == b.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_the_same_only_if_they_are() {
        assert!(same_secret("abc", "abc"));
        for other in ["abd", "ab", "abcd", "", "bbc"] {
            assert!(!same_secret("abc", other), "{other}");
        }
    }
}
