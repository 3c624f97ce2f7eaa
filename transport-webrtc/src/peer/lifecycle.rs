//! Where a peer's connection stands, with deadlines and causes, as a pure state machine over `now`.

use std::fmt;
use std::time::{Duration, Instant};

/// Where a peer's connection stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum PeerState {
    /// Known, nothing tried.
    New,
    /// An exchange or a connectivity check is under way.
    Connecting,
    /// Media and data flow.
    Connected,
    /// It flowed and stopped; it may come back.
    Recovering,
    /// Over.
    Closed {
        /// Why.
        cause: CloseCause,
    },
}

/// Why a peer's connection ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "cause")]
#[non_exhaustive]
pub enum CloseCause {
    /// This side closed it.
    #[error("closed by this side")]
    ClosedHere,
    /// The peer left the session.
    #[error("the peer left the session: {reason}")]
    PeerLeft {
        /// The signaling server's reason.
        reason: String,
    },
    /// The peer refused our offer.
    #[error("the peer refused the connection: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    ClosedByPeer,
    /// Our offer had no answer.
    #[error("the peer did not answer the offer within {waited_ms} ms")]
    NoAnswer {
        /// How long was waited, milliseconds.
        waited_ms: u64,
    },
    /// Descriptions were exchanged but no path was found.
    #[error("no path to the peer within {waited_ms} ms: {reason}")]
    NoPath {
        /// How long was waited, milliseconds.
        waited_ms: u64,
        /// What is known, and what to look at.
        reason: String,
    },
    /// The path was found, lost, and did not come back.
    #[error("the connection was lost and did not come back within {waited_ms} ms")]
    ConnectionLost {
        /// How long was waited, milliseconds.
        waited_ms: u64,
    },
    /// The peer's description cannot be used.
    #[error("the peer's description cannot be used: {reason}")]
    BadDescription {
        /// What was wrong with it.
        reason: String,
    },
    /// The peer sent more at once than an exchange can need.
    #[error("the peer sent more than {waiting} messages faster than they could be read")]
    Flooded {
        /// How many waited to be read.
        waiting: usize,
    },
    /// The engine failed.
    #[error("the connection failed: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
    /// The signaling server refused or lost a message of the exchange.
    #[error("signaling failed: {reason}")]
    Signaling {
        /// What it said.
        reason: String,
    },
}

/// Deadlines of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifecycleSettings {
    /// From the first offer to flowing media. Default 10 s: relayed paths take up to 4 s.
    pub handshake: Duration,
    /// From the loss of the path until the peer is given up. Default 10 s.
    pub recovery: Duration,
}

/// What happened to the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LifecycleInput {
    /// An exchange began.
    Started,
    /// A remote description is in force.
    Described,
    /// The path is up.
    PathUp,
    /// The path is down for now.
    PathDown,
    /// The path is given up by the engine.
    PathFailed {
        /// What is known, and what to look at.
        reason: String,
    },
    /// It is to end.
    End(CloseCause),
}

/// One connection's state and deadline.
#[derive(Debug)]
pub(super) struct Lifecycle {
    settings: LifecycleSettings,
    state: PeerState,
    described: bool,
    /// When the present phase began, if it has a deadline.
    since: Option<Instant>,
    first_started: Option<Instant>,
    setup: Option<Duration>,
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Connecting => f.write_str("connecting"),
            Self::Connected => f.write_str("connected"),
            Self::Recovering => f.write_str("recovering"),
            Self::Closed { cause } => write!(f, "closed, {cause}"),
        }
    }
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self { handshake: Duration::from_secs(10), recovery: Duration::from_secs(10) }
    }
}

impl Lifecycle {
    /// Begins as [`PeerState::New`].
    pub(super) fn new(settings: LifecycleSettings) -> Self {
        Self {
            settings,
            state: PeerState::New,
            described: false,
            since: None,
            first_started: None,
            setup: None,
        }
    }

    /// Whether media and data flow, or did and may come back.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, PeerState::Connected | PeerState::Recovering)
    }

    /// Returns where the connection stands.
    pub(super) fn state(&self) -> &PeerState {
        &self.state
    }

    /// Returns the time from the first exchange's start to the first path, once there is one.
    pub(super) fn setup(&self) -> Option<Duration> {
        self.setup
    }

    /// Returns when [`expire`](Self::expire) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let limit = match self.state {
            PeerState::Connecting => self.settings.handshake,
            PeerState::Recovering => self.settings.recovery,
            PeerState::New | PeerState::Connected | PeerState::Closed { .. } => return None,
        };
        self.since.map(|since| since + limit)
    }

    /// Takes one input; returns the new state if it changed.
    pub(super) fn handle(&mut self, input: LifecycleInput, now: Instant) -> Option<&PeerState> {
        if matches!(self.state, PeerState::Closed { .. }) {
            return None;
        }
        let next = match (&self.state, input) {
            (PeerState::New, LifecycleInput::Started) => {
                self.first_started = Some(now);
                PeerState::Connecting
            }
            (_, LifecycleInput::Described) => {
                self.described = true;
                return None;
            }
            (PeerState::Connected, LifecycleInput::PathDown) => PeerState::Recovering,
            (PeerState::New | PeerState::Connecting | PeerState::Recovering, LifecycleInput::PathUp) => {
                self.setup = self.setup.or(self.first_started.map(|started| now.duration_since(started)));
                PeerState::Connected
            }
            (_, LifecycleInput::PathFailed { reason }) => {
                PeerState::Closed { cause: self.cause_of_silence(now, reason) }
            }
            (_, LifecycleInput::End(cause)) => PeerState::Closed { cause },
            (_, LifecycleInput::Started | LifecycleInput::PathUp | LifecycleInput::PathDown) => return None,
        };
        self.since = Some(now);
        self.state = next;
        Some(&self.state)
    }

    /// Ends the connection if its deadline has passed; returns the new state if so.
    ///
    /// * `reason`: what is known of the path that did not come up.
    pub(super) fn expire(&mut self, now: Instant, reason: impl FnOnce() -> String) -> Option<&PeerState> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let cause = self.cause_of_silence(now, reason());
        self.handle(LifecycleInput::End(cause), now)
    }

    fn cause_of_silence(&self, now: Instant, reason: String) -> CloseCause {
        let waited = self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let waited_ms = waited.as_millis() as u64;
        match self.state {
            PeerState::Connected | PeerState::Recovering => CloseCause::ConnectionLost { waited_ms },
            _ if self.described => CloseCause::NoPath { waited_ms, reason },
            _ => CloseCause::NoAnswer { waited_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked() -> String {
        "is UDP blocked?".to_owned()
    }

    fn started() -> (Lifecycle, Instant) {
        let (mut lifecycle, now) = (Lifecycle::new(LifecycleSettings::default()), Instant::now());
        lifecycle.handle(LifecycleInput::Started, now);
        (lifecycle, now)
    }

    #[test]
    fn a_peer_that_never_answers_is_given_up_at_the_deadline_and_not_before() {
        let (mut lifecycle, start) = started();
        let deadline = lifecycle.deadline().expect("connecting has one");
        assert_eq!(deadline, start + Duration::from_secs(10));
        assert_eq!(lifecycle.expire(deadline - Duration::from_nanos(1), blocked), None);
        let cause = CloseCause::NoAnswer { waited_ms: 10_000 };
        assert_eq!(lifecycle.expire(deadline, blocked), Some(&PeerState::Closed { cause }));
        assert_eq!(lifecycle.deadline(), None);
    }

    #[test]
    fn a_peer_that_answered_but_has_no_path_says_so() {
        let (mut lifecycle, start) = started();
        lifecycle.handle(LifecycleInput::Described, start);
        let cause = CloseCause::NoPath { waited_ms: 10_000, reason: blocked() };
        let state = lifecycle.expire(start + Duration::from_secs(10), blocked).expect("expired").clone();
        assert_eq!(state, PeerState::Closed { cause: cause.clone() });
        assert_eq!(cause.to_string(), "no path to the peer within 10000 ms: is UDP blocked?");
    }

    #[test]
    fn a_lost_path_may_come_back_within_its_deadline() {
        let (mut lifecycle, start) = started();
        let second = |n| start + Duration::from_secs(n);
        assert_eq!(lifecycle.handle(LifecycleInput::PathUp, second(1)), Some(&PeerState::Connected));
        assert_eq!(lifecycle.setup(), Some(Duration::from_secs(1)));
        assert_eq!(lifecycle.deadline(), None, "a living connection has no deadline");
        assert_eq!(lifecycle.handle(LifecycleInput::PathDown, second(5)), Some(&PeerState::Recovering));
        assert_eq!(lifecycle.handle(LifecycleInput::PathUp, second(6)), Some(&PeerState::Connected));
        lifecycle.handle(LifecycleInput::PathDown, second(7));
        let cause = CloseCause::ConnectionLost { waited_ms: 10_000 };
        assert_eq!(lifecycle.expire(second(17), blocked), Some(&PeerState::Closed { cause }));
    }

    #[test]
    fn nothing_reopens_what_is_closed() {
        let (mut lifecycle, start) = started();
        lifecycle.handle(LifecycleInput::End(CloseCause::ClosedHere), start);
        let failed = LifecycleInput::PathFailed { reason: blocked() };
        for input in [LifecycleInput::Started, LifecycleInput::PathUp, failed] {
            assert_eq!(lifecycle.handle(input, start), None);
        }
        assert_eq!(lifecycle.state(), &PeerState::Closed { cause: CloseCause::ClosedHere });
    }
}
