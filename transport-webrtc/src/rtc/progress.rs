//! How far a connection has come, and what its failure most likely means. Pure.

use super::ConnectionState;
use super::relays::Relays;

/// What is known of a connection's way to the peer.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) local_candidates: usize,
    pub(super) remote_candidates: usize,
    /// A candidate pair has answered.
    pub(super) path_found: bool,
    /// Only relayed candidates are used.
    relay_only: bool,
    pub(super) relays: Relays,
    ever_connected: bool,
    last: Option<ConnectionState>,
}

/// The state as the engine has it; the cause of a failure is ours to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineState {
    Connecting,
    Connected,
    Disconnected,
    Failed,
    Closed,
}

impl Progress {
    /// Begins; `relay_only`: by way of a TURN server or not at all.
    pub(super) fn new(relay_only: bool) -> Self {
        Self { relay_only, ..Self::default() }
    }

    /// Returns the new state if it differs from the last one; closed is final.
    pub(super) fn enter(&mut self, state: EngineState) -> Option<ConnectionState> {
        let next = match state {
            EngineState::Connecting => ConnectionState::Connecting,
            EngineState::Connected => ConnectionState::Connected,
            EngineState::Disconnected => ConnectionState::Disconnected,
            EngineState::Failed => ConnectionState::Failed { cause: self.cause() },
            EngineState::Closed => ConnectionState::Closed,
        };
        self.enter_as(next)
    }

    /// As [`enter`](Self::enter), for a failure whose cause is known.
    pub(super) fn fail(&mut self, cause: String) -> Option<ConnectionState> {
        self.enter_as(ConnectionState::Failed { cause })
    }

    /// Returns the current state.
    pub(super) fn state(&self) -> ConnectionState {
        self.last.clone().unwrap_or(ConnectionState::New)
    }

    fn enter_as(&mut self, next: ConnectionState) -> Option<ConnectionState> {
        let is_news = self.last != Some(ConnectionState::Closed) && self.last.as_ref() != Some(&next);
        if !is_news {
            return None;
        }
        self.ever_connected |= next == ConnectionState::Connected;
        self.last = Some(next.clone());
        Some(next)
    }

    /// Says what most likely keeps the connection from coming up, or ended it.
    pub(super) fn cause(&self) -> String {
        if self.ever_connected {
            return "the peer has stopped answering: is its network gone, or its process?".into();
        }
        if self.path_found {
            return "a path was found, but the handshake on it failed: does a fingerprint or a clock differ?"
                .into();
        }
        let relay_faults = self.relays.faults();
        let cause = match (self.local_candidates, self.remote_candidates) {
            (0, _) if self.relay_only && relay_faults.is_empty() => {
                "no relay was given: does the TURN server's name resolve?".into()
            }
            (0, _) if self.relay_only => "no relay was given".into(),
            (0, _) => "no local address could be offered: is there a network interface?".into(),
            (_, 0) => "the peer sent no candidate: is signaling still up?".into(),
            (local, remote) => format!(
                "no candidate pair answered ({local} local, {remote} remote candidates): is UDP blocked, a TURN server missing?"
            ),
        };
        [vec![cause], relay_faults].concat().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(progress: &mut Progress) -> String {
        match progress.enter(EngineState::Failed) {
            Some(ConnectionState::Failed { cause }) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_names_the_most_likely_cause() {
        let with = |local, remote, path_found| Progress {
            local_candidates: local,
            remote_candidates: remote,
            path_found,
            ..Progress::default()
        };
        assert!(cause(&mut with(0, 2, false)).contains("no local address"));
        assert!(cause(&mut with(3, 0, false)).contains("peer sent no candidate"));
        assert!(cause(&mut with(3, 2, false)).contains("(3 local, 2 remote candidates): is UDP blocked"));
        assert!(cause(&mut with(3, 2, true)).contains("handshake"));
        let mut was_up = with(3, 2, true);
        was_up.enter(EngineState::Connected);
        assert!(cause(&mut was_up).contains("stopped answering"));
        let mut without_relay = Progress::new(true);
        assert!(cause(&mut without_relay).contains("does the TURN server's name resolve?"));
    }

    #[test]
    fn a_state_is_told_once_and_closed_is_final() {
        let mut progress = Progress::default();
        assert_eq!(progress.state(), ConnectionState::New);
        assert_eq!(progress.enter(EngineState::Connecting), Some(ConnectionState::Connecting));
        assert_eq!(progress.enter(EngineState::Connecting), None);
        assert_eq!(progress.enter(EngineState::Closed), Some(ConnectionState::Closed));
        assert_eq!(progress.enter(EngineState::Connected), None);
        assert_eq!(progress.fail("late".into()), None);
        assert_eq!(progress.state(), ConnectionState::Closed);
    }
}
