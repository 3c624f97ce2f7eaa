//! Where the exchange of descriptions stands: which call fits, which does not. Pure.

use super::{ConnectionError, SdpKind};

/// The signaling state (RFC 9429 §3.2, without provisional answers), and whose description is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Negotiation {
    pub(super) signaling: Signaling,
    /// A negotiation has been completed.
    pub(super) completed: bool,
}

/// Who has offered what is not yet answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Signaling {
    #[default]
    Stable,
    LocalOffer {
        sdp: String,
    },
    RemoteOffer,
}

impl Negotiation {
    /// Whether a remote description is known, so that candidates can be taken.
    pub(super) fn has_remote(&self) -> bool {
        self.completed || self.signaling == Signaling::RemoteOffer
    }

    /// Returns our offer that waits for an answer.
    pub(super) fn pending_offer(&self) -> Option<&str> {
        match &self.signaling {
            Signaling::LocalOffer { sdp } => Some(sdp),
            _ => None,
        }
    }

    pub(super) fn check_create_offer(&self) -> Result<(), ConnectionError> {
        match self.signaling {
            Signaling::Stable | Signaling::LocalOffer { .. } => Ok(()),
            Signaling::RemoteOffer => Err(self.wrong("creating an offer")),
        }
    }

    pub(super) fn check_create_answer(&self) -> Result<(), ConnectionError> {
        match self.signaling {
            Signaling::RemoteOffer => Ok(()),
            _ => Err(self.wrong("creating an answer")),
        }
    }

    pub(super) fn check_local(&self, kind: SdpKind) -> Result<(), ConnectionError> {
        match (kind, &self.signaling) {
            (SdpKind::Offer, Signaling::Stable | Signaling::LocalOffer { .. }) => Ok(()),
            (SdpKind::Answer, Signaling::RemoteOffer) => Ok(()),
            (SdpKind::Offer, _) => Err(self.wrong("setting a local offer")),
            (SdpKind::Answer, _) => Err(self.wrong("setting a local answer")),
        }
    }

    pub(super) fn check_remote(&self, kind: SdpKind) -> Result<(), ConnectionError> {
        match (kind, &self.signaling) {
            (SdpKind::Offer, Signaling::Stable | Signaling::RemoteOffer) => Ok(()),
            (SdpKind::Answer, Signaling::LocalOffer { .. }) => Ok(()),
            (SdpKind::Offer, _) => Err(self.wrong("setting a remote offer")),
            (SdpKind::Answer, _) => Err(self.wrong("setting a remote answer")),
        }
    }

    pub(super) fn check_rollback(&self) -> Result<(), ConnectionError> {
        match self.signaling {
            Signaling::Stable => Err(self.wrong("rolling back")),
            _ => Ok(()),
        }
    }

    pub(super) fn set_local(&mut self, kind: SdpKind, sdp: &str) {
        match kind {
            SdpKind::Offer => self.signaling = Signaling::LocalOffer { sdp: sdp.to_owned() },
            SdpKind::Answer => self.complete(),
        }
    }

    pub(super) fn set_remote(&mut self, kind: SdpKind) {
        match kind {
            SdpKind::Offer => self.signaling = Signaling::RemoteOffer,
            SdpKind::Answer => self.complete(),
        }
    }

    pub(super) fn roll_back(&mut self) {
        self.signaling = Signaling::Stable;
    }

    fn complete(&mut self) {
        *self = Self { signaling: Signaling::Stable, completed: true };
    }

    fn wrong(&self, operation: &'static str) -> ConnectionError {
        let state = match self.signaling {
            Signaling::Stable => "stable",
            Signaling::LocalOffer { .. } => "have-local-offer",
            Signaling::RemoteOffer => "have-remote-offer",
        };
        ConnectionError::WrongState { operation, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[fn(&mut Negotiation)]) -> Negotiation {
        let mut negotiation = Negotiation::default();
        steps.iter().for_each(|step| step(&mut negotiation));
        negotiation
    }

    #[test]
    fn each_call_fits_the_states_of_rfc_9429_and_no_other() {
        let stable = after(&[]);
        let local = after(&[|n| n.set_local(SdpKind::Offer, "o")]);
        let remote = after(&[|n| n.set_remote(SdpKind::Offer)]);
        type Check = fn(&Negotiation) -> Result<(), ConnectionError>;
        let table: [(&str, Check, [bool; 3]); 7] = [
            ("create offer", |n| n.check_create_offer(), [true, true, false]),
            ("create answer", |n| n.check_create_answer(), [false, false, true]),
            ("local offer", |n| n.check_local(SdpKind::Offer), [true, true, false]),
            ("local answer", |n| n.check_local(SdpKind::Answer), [false, false, true]),
            ("remote offer", |n| n.check_remote(SdpKind::Offer), [true, false, true]),
            ("remote answer", |n| n.check_remote(SdpKind::Answer), [false, true, false]),
            ("rollback", |n| n.check_rollback(), [false, true, true]),
        ];
        for (name, check, expected) in table {
            let got = [&stable, &local, &remote].map(|negotiation| check(negotiation).is_ok());
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn candidates_are_taken_once_a_remote_description_is_there() {
        assert!(!after(&[]).has_remote());
        assert!(!after(&[|n| n.set_local(SdpKind::Offer, "o")]).has_remote());
        assert!(after(&[|n| n.set_remote(SdpKind::Offer)]).has_remote());
        assert!(!after(&[|n| n.set_remote(SdpKind::Offer), Negotiation::roll_back]).has_remote());
        let complete = after(&[|n| n.set_local(SdpKind::Offer, "o"), |n| n.set_remote(SdpKind::Answer)]);
        assert!(complete.has_remote() && complete.completed);
    }
}
