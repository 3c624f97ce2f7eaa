//! What the server tells a subscriber unasked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IceCandidate, PeerInfo};

/// An event of the caller's session. `from` and `generation` are set by the server and cannot be forged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalingEvent {
    /// A peer joined the session.
    PeerJoined {
        /// Who.
        peer: PeerInfo,
    },
    /// A peer is no longer in the session.
    PeerLeft {
        /// Who.
        peer_id: String,
        /// Which life of that id ended.
        generation: u32,
        /// Why.
        reason: LeaveReason,
    },
    /// A session description to answer.
    Offer {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// Tells handshakes apart; goes into the answer.
        handshake_id: String,
        /// The session description.
        sdp: String,
    },
    /// The answer to an offer.
    Answer {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// The offer it answers.
        handshake_id: String,
        /// The session description.
        sdp: String,
    },
    /// A way to reach the sender.
    IceCandidate {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// The handshake it belongs to.
        handshake_id: String,
        /// The candidate; null when there are no more.
        candidate: Option<IceCandidate>,
    },
    /// A peer calls.
    CallStarted {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// Tells calls apart.
        call_id: String,
    },
    /// A peer takes the call.
    CallAccepted {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// Tells calls apart.
        call_id: String,
    },
    /// A peer ends the call.
    CallEnded {
        /// The peer that sent it.
        from: String,
        /// Which life of that peer sent it.
        generation: u32,
        /// Tells calls apart.
        call_id: String,
        /// Why, for people to read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An event of a later version of the protocol; to be ignored. Never sent.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Unknown,
}

/// Why a peer is no longer in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeaveReason {
    /// It said so, ended its subscription, or closed its connection in due form.
    Left,
    /// Its connection was lost or fell silent.
    Disconnected,
    /// It came back on another connection; its `peer_joined` with the next generation follows at once.
    Replaced,
    /// It did not read its events fast enough.
    TooSlow,
    /// The operator of the server removed it.
    Kicked,
    /// A reason of a later version of the protocol. Never sent.
    #[serde(other, skip_serializing)]
    #[schemars(skip)]
    Other,
}

impl SignalingEvent {
    /// Bytes that the event holds in memory beyond its own size, roughly; bounds a queue of events.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Self::PeerJoined { peer } => {
                let codecs = peer.capabilities.video.iter().chain(&peer.capabilities.audio);
                let name = peer.display_name.as_ref().map_or(0, String::len);
                peer.peer_id.len() + name + codecs.map(String::len).sum::<usize>()
            }
            Self::PeerLeft { peer_id, .. } => peer_id.len(),
            Self::Offer { from, handshake_id, sdp, .. } | Self::Answer { from, handshake_id, sdp, .. } => {
                from.len() + handshake_id.len() + sdp.len()
            }
            Self::IceCandidate { from, handshake_id, candidate, .. } => {
                let candidate = candidate.as_ref().map_or(0, |c| {
                    let rest = [&c.sdp_mid, &c.username_fragment];
                    c.candidate.len() + rest.into_iter().flatten().map(String::len).sum::<usize>()
                });
                from.len() + handshake_id.len() + candidate
            }
            Self::CallStarted { from, call_id, .. } | Self::CallAccepted { from, call_id, .. } => {
                from.len() + call_id.len()
            }
            Self::CallEnded { from, call_id, reason, .. } => {
                from.len() + call_id.len() + reason.as_ref().map_or(0, String::len)
            }
            Self::Unknown => 0,
        }
    }
}

impl std::fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Disconnected => "disconnected",
            Self::Replaced => "replaced",
            Self::TooSlow => "too_slow",
            Self::Kicked => "kicked",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_carries_its_type_beside_its_fields() {
        let left =
            SignalingEvent::PeerLeft { peer_id: "b".into(), generation: 2, reason: LeaveReason::TooSlow };
        let json = serde_json::to_value(&left).expect("an event is JSON");
        assert_eq!(
            json,
            serde_json::json!({"type": "peer_left", "peer_id": "b", "generation": 2, "reason": "too_slow"})
        );
        assert_eq!(serde_json::from_value::<SignalingEvent>(json).expect("the same event"), left);
    }

    #[test]
    fn the_end_of_candidates_is_null() {
        let end = SignalingEvent::IceCandidate {
            from: "a".into(),
            generation: 1,
            handshake_id: "h".into(),
            candidate: None,
        };
        let json = serde_json::to_value(&end).expect("an event is JSON");
        assert!(json["candidate"].is_null() && json.get("candidate").is_some());
    }

    #[test]
    fn events_and_reasons_of_later_versions_are_read_as_unknown() {
        let event: SignalingEvent =
            serde_json::from_str(r#"{"type":"weather","sun":true}"#).expect("a later event is read");
        assert_eq!(event, SignalingEvent::Unknown);
        let event: SignalingEvent =
            serde_json::from_str(r#"{"type":"peer_left","peer_id":"a","generation":1,"reason":"bored"}"#)
                .expect("a later reason is read");
        assert!(matches!(event, SignalingEvent::PeerLeft { reason: LeaveReason::Other, .. }));
    }
}
