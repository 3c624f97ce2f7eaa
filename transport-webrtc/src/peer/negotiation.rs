//! The offer/answer exchange with one peer, as a pure state machine: inputs in, actions out.
//!
//! It follows JSEP (RFC 9429 §3.2, §4.1.10) with perfect negotiation: both sides may offer at any time;
//! of two offers that cross, the *impolite* side's stands and the *polite* side rolls its own back. Each
//! exchange carries a handshake id made by the offerer, so that what belongs to an exchange that was
//! given up can be told from what is early. The machine knows no engine and no socket: the peer's actor
//! carries out the actions in order and feeds back what the engine made.

use std::collections::VecDeque;

/// Most remote candidates kept for a description that has not arrived. A browser with five interfaces
/// sends about 30.
const MAX_EARLY_CANDIDATES: usize = 64;

/// Exchanges whose late candidates are still taken: several follow each other when tracks are added.
const MAX_APPLIED_HANDSHAKES: usize = 8;

/// One peer's offer/answer exchange. `C` is a candidate; `None` of it marks the end of candidates.
#[derive(Debug)]
pub(super) struct Negotiation<C> {
    polite: bool,
    state: State,
    /// Asked for while an exchange was under way; begun when that one ends.
    wanted: Option<Wanted>,
    /// Whether our own offer, while one is under way, restarts ICE.
    offer_restarts_ice: bool,
    /// Exchanges whose remote description is in force, newest last.
    applied: VecDeque<String>,
    /// The other side's offer that lost against ours; its candidates are not for us.
    ignored: Option<String>,
    early: VecDeque<(String, Option<C>)>,
    /// The last offer answered, to answer its duplicate with the same words.
    answered: Option<Answered>,
    report: NegotiationReport,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NegotiationInput<C> {
    /// This side wants an exchange.
    Wanted {
        /// With fresh ICE credentials.
        ice_restart: bool,
        /// The id for it, globally unique.
        handshake_id: String,
    },
    /// The engine made the offer that [`NegotiationAction::CreateOffer`] asked for.
    OfferCreated {
        /// The local description.
        sdp: String,
    },
    /// The engine made the answer that [`NegotiationAction::ApplyOffer`] asked for.
    AnswerCreated {
        /// The local description.
        sdp: String,
    },
    /// The engine refused the last description: the exchange is void.
    EngineRefused,
    /// The engine found a local candidate; `None`: no more will come.
    LocalCandidate(Option<C>),
    /// The other side offered.
    RemoteOffer {
        /// Its id.
        handshake_id: String,
        /// Its description.
        sdp: String,
    },
    /// The other side answered.
    RemoteAnswer {
        /// The id of the offer that it answers.
        handshake_id: String,
        /// Its description.
        sdp: String,
    },
    /// The other side found a candidate; `None`: no more will come.
    RemoteCandidate {
        /// The exchange it belongs to.
        handshake_id: String,
        /// The candidate.
        candidate: Option<C>,
    },
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NegotiationAction<C> {
    /// Make an offer, set it as the local description, feed [`NegotiationInput::OfferCreated`].
    CreateOffer {
        /// With fresh ICE credentials.
        ice_restart: bool,
    },
    /// Take the local offer back.
    Rollback,
    /// Set the remote offer, make an answer, set it locally, feed [`NegotiationInput::AnswerCreated`].
    ApplyOffer {
        /// Its id.
        handshake_id: String,
        /// The remote description.
        sdp: String,
    },
    /// Set the remote answer.
    ApplyAnswer {
        /// The remote description.
        sdp: String,
    },
    /// Give the engine a remote candidate; `None`: end of candidates.
    ApplyCandidate(Option<C>),
    /// Send our offer.
    SendOffer {
        /// Its id.
        handshake_id: String,
        /// The description.
        sdp: String,
    },
    /// Send our answer.
    SendAnswer {
        /// The id of the offer that it answers.
        handshake_id: String,
        /// The description.
        sdp: String,
    },
    /// Send one of our candidates; `None`: end of candidates.
    SendCandidate {
        /// The exchange it belongs to.
        handshake_id: String,
        /// The candidate.
        candidate: Option<C>,
    },
}

/// What the exchange left aside, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct NegotiationReport {
    /// Offers that crossed ours; rises on both sides of a glare.
    pub(super) offers_crossed: u64,
    /// Offers that came again; the same answer was sent.
    pub(super) offers_repeated: u64,
    /// Answers to nothing that we asked: twice, late, or of another exchange.
    pub(super) answers_ignored: u64,
    /// Candidates of an exchange that was given up.
    pub(super) candidates_ignored: u64,
    /// Early candidates pushed out by newer ones.
    pub(super) candidates_dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Stable,
    /// The engine is making our offer.
    OfferPending {
        handshake_id: String,
    },
    /// Our offer is out.
    OfferSent {
        handshake_id: String,
    },
    /// The engine is making the answer to theirs.
    AnswerPending {
        handshake_id: String,
        offer: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    ice_restart: bool,
}

#[derive(Debug)]
struct Answered {
    handshake_id: String,
    offer: String,
    answer: String,
}

impl<C> Negotiation<C> {
    /// Begins in the stable state.
    ///
    /// * `polite`: of the two sides exactly one must be; see [`is_polite`].
    pub(super) fn new(polite: bool) -> Self {
        Self {
            polite,
            state: State::Stable,
            wanted: None,
            offer_restarts_ice: false,
            applied: VecDeque::new(),
            ignored: None,
            early: VecDeque::new(),
            answered: None,
            report: NegotiationReport::default(),
        }
    }

    /// Takes one input and returns what is to be done.
    pub(super) fn handle(&mut self, input: NegotiationInput<C>) -> Vec<NegotiationAction<C>> {
        match input {
            NegotiationInput::Wanted { ice_restart, handshake_id } => self.want(ice_restart, handshake_id),
            NegotiationInput::OfferCreated { sdp } => self.offer_created(sdp),
            NegotiationInput::AnswerCreated { sdp } => self.answer_created(sdp),
            NegotiationInput::EngineRefused => {
                self.state = State::Stable;
                Vec::new()
            }
            NegotiationInput::LocalCandidate(candidate) => self.local_candidate(candidate),
            NegotiationInput::RemoteOffer { handshake_id, sdp } => self.remote_offer(handshake_id, sdp),
            NegotiationInput::RemoteAnswer { handshake_id, sdp } => self.remote_answer(handshake_id, sdp),
            NegotiationInput::RemoteCandidate { handshake_id, candidate } => {
                self.remote_candidate(handshake_id, candidate)
            }
        }
    }

    /// Whether no exchange is under way.
    pub(super) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// Whether a remote description is in force.
    pub(super) fn has_remote(&self) -> bool {
        !self.applied.is_empty()
    }

    /// Whether the answer of that exchange, the last that was answered, is ours.
    pub(super) fn has_answered(&self, handshake_id: &str) -> bool {
        self.answered.as_ref().is_some_and(|answered| answered.handshake_id == handshake_id)
    }

    /// Takes the wish for an exchange that came while another was under way, once that one ended:
    /// `Some(ice_restart)`; ask for it again with [`NegotiationInput::Wanted`].
    pub(super) fn take_wanted(&mut self) -> Option<bool> {
        if !self.is_stable() {
            return None;
        }
        self.wanted.take().map(|wanted| wanted.ice_restart)
    }

    /// Returns what was left aside since the start.
    pub(super) fn report(&self) -> NegotiationReport {
        self.report
    }

    fn want(&mut self, ice_restart: bool, handshake_id: String) -> Vec<NegotiationAction<C>> {
        if !self.is_stable() {
            self.keep_wish(ice_restart);
            return Vec::new();
        }
        self.state = State::OfferPending { handshake_id };
        self.offer_restarts_ice = ice_restart;
        vec![NegotiationAction::CreateOffer { ice_restart }]
    }

    fn keep_wish(&mut self, ice_restart: bool) {
        let ice_restart = ice_restart || self.wanted.is_some_and(|wanted| wanted.ice_restart);
        self.wanted = Some(Wanted { ice_restart });
    }

    fn offer_created(&mut self, sdp: String) -> Vec<NegotiationAction<C>> {
        let State::OfferPending { handshake_id } = &self.state else { return Vec::new() };
        let handshake_id = handshake_id.clone();
        self.state = State::OfferSent { handshake_id: handshake_id.clone() };
        vec![NegotiationAction::SendOffer { handshake_id, sdp }]
    }

    fn answer_created(&mut self, sdp: String) -> Vec<NegotiationAction<C>> {
        let State::AnswerPending { handshake_id, offer } = &self.state else { return Vec::new() };
        let (handshake_id, offer) = (handshake_id.clone(), offer.clone());
        self.state = State::Stable;
        self.answered = Some(Answered { handshake_id: handshake_id.clone(), offer, answer: sdp.clone() });
        let mut actions = vec![NegotiationAction::SendAnswer { handshake_id: handshake_id.clone(), sdp }];
        actions.extend(self.remote_in_force(handshake_id));
        actions
    }

    fn local_candidate(&mut self, candidate: Option<C>) -> Vec<NegotiationAction<C>> {
        let handshake_id = match &self.state {
            State::OfferPending { handshake_id }
            | State::OfferSent { handshake_id }
            | State::AnswerPending { handshake_id, .. } => Some(handshake_id),
            State::Stable => self.applied.back(),
        };
        match handshake_id.cloned() {
            Some(handshake_id) => vec![NegotiationAction::SendCandidate { handshake_id, candidate }],
            None => Vec::new(),
        }
    }

    fn remote_offer(&mut self, handshake_id: String, sdp: String) -> Vec<NegotiationAction<C>> {
        if let Some(answered) = &self.answered
            && answered.handshake_id == handshake_id
            && answered.offer == sdp
        {
            self.report.offers_repeated += 1;
            let sdp = answered.answer.clone();
            return vec![NegotiationAction::SendAnswer { handshake_id, sdp }];
        }
        let mut actions = Vec::new();
        match &self.state {
            State::AnswerPending { handshake_id: pending, .. } if *pending == handshake_id => {
                self.report.offers_repeated += 1;
                return actions;
            }
            State::Stable | State::AnswerPending { .. } => {}
            State::OfferPending { .. } | State::OfferSent { .. } => {
                self.report.offers_crossed += 1;
                if !self.polite {
                    self.forget_early(&handshake_id);
                    self.ignored = Some(handshake_id);
                    return actions;
                }
                // What we wanted to negotiate is still wanted, after theirs.
                self.keep_wish(self.offer_restarts_ice);
                actions.push(NegotiationAction::Rollback);
            }
        }
        self.state = State::AnswerPending { handshake_id: handshake_id.clone(), offer: sdp.clone() };
        actions.push(NegotiationAction::ApplyOffer { handshake_id, sdp });
        actions
    }

    fn remote_answer(&mut self, handshake_id: String, sdp: String) -> Vec<NegotiationAction<C>> {
        if self.state != (State::OfferSent { handshake_id: handshake_id.clone() }) {
            self.report.answers_ignored += 1;
            return Vec::new();
        }
        self.state = State::Stable;
        let mut actions = vec![NegotiationAction::ApplyAnswer { sdp }];
        actions.extend(self.remote_in_force(handshake_id));
        actions
    }

    fn remote_candidate(&mut self, handshake_id: String, candidate: Option<C>) -> Vec<NegotiationAction<C>> {
        if self.ignored.as_ref() == Some(&handshake_id) {
            self.report.candidates_ignored += 1;
            return Vec::new();
        }
        if self.applied.contains(&handshake_id) {
            return vec![NegotiationAction::ApplyCandidate(candidate)];
        }
        if self.early.len() >= MAX_EARLY_CANDIDATES {
            self.early.pop_front();
            self.report.candidates_dropped += 1;
        }
        self.early.push_back((handshake_id, candidate));
        Vec::new()
    }

    /// Notes that the exchange's remote description is set; returns its candidates that came early.
    fn remote_in_force(&mut self, handshake_id: String) -> Vec<NegotiationAction<C>> {
        let early = std::mem::take(&mut self.early);
        let (due, early): (VecDeque<_>, VecDeque<_>) =
            early.into_iter().partition(|(id, _)| *id == handshake_id);
        self.early = early;
        if self.applied.len() >= MAX_APPLIED_HANDSHAKES {
            self.applied.pop_front();
        }
        self.applied.push_back(handshake_id);
        due.into_iter().map(|(_, candidate)| NegotiationAction::ApplyCandidate(candidate)).collect()
    }

    fn forget_early(&mut self, handshake_id: &str) {
        let before = self.early.len();
        self.early.retain(|(id, _)| id != handshake_id);
        self.report.candidates_ignored += (before - self.early.len()) as u64;
    }
}

/// Whether the local side is the polite one: the one with the smaller id, so that both sides agree.
pub(super) fn is_polite(local: &str, remote: &str) -> bool {
    local < remote
}

#[cfg(test)]
mod tests {
    use super::NegotiationAction::*;
    use super::NegotiationInput as In;
    use super::*;

    type Machine = Negotiation<u8>;

    fn wanted(id: &str) -> In<u8> {
        In::Wanted { ice_restart: false, handshake_id: id.into() }
    }

    fn offer(id: &str) -> In<u8> {
        In::RemoteOffer { handshake_id: id.into(), sdp: format!("offer {id}") }
    }

    fn answer(id: &str) -> In<u8> {
        In::RemoteAnswer { handshake_id: id.into(), sdp: format!("answer {id}") }
    }

    fn candidate(id: &str, n: u8) -> In<u8> {
        In::RemoteCandidate { handshake_id: id.into(), candidate: Some(n) }
    }

    #[test]
    fn an_offer_is_answered_and_early_candidates_follow_its_description() {
        let mut machine = Machine::new(true);
        assert_eq!(machine.handle(candidate("h1", 1)), []);
        assert_eq!(
            machine.handle(offer("h1")),
            [ApplyOffer { handshake_id: "h1".into(), sdp: "offer h1".into() }]
        );
        assert_eq!(machine.handle(candidate("h1", 2)), []);
        let done = machine.handle(In::AnswerCreated { sdp: "mine".into() });
        assert_eq!(
            done,
            [
                SendAnswer { handshake_id: "h1".into(), sdp: "mine".into() },
                ApplyCandidate(Some(1)),
                ApplyCandidate(Some(2)),
            ]
        );
        assert!(machine.is_stable());
    }

    #[test]
    fn our_offer_goes_out_and_its_answer_is_applied_once() {
        let mut machine = Machine::new(false);
        assert_eq!(machine.handle(wanted("h1")), [CreateOffer { ice_restart: false }]);
        let sent = machine.handle(In::OfferCreated { sdp: "mine".into() });
        assert_eq!(sent, [SendOffer { handshake_id: "h1".into(), sdp: "mine".into() }]);
        assert_eq!(machine.handle(candidate("h1", 1)), []);
        let applied = machine.handle(answer("h1"));
        assert_eq!(applied, [ApplyAnswer { sdp: "answer h1".into() }, ApplyCandidate(Some(1))]);
        assert_eq!(machine.handle(answer("h1")), []);
        assert_eq!(machine.handle(answer("h9")), []);
        assert_eq!(machine.report().answers_ignored, 2);
        assert_eq!(machine.handle(candidate("h1", 2)), [ApplyCandidate(Some(2))]);
    }

    #[test]
    fn of_two_offers_that_cross_the_impolite_one_stands() {
        let (mut polite, mut impolite) = (Machine::new(true), Machine::new(false));
        for (machine, id) in [(&mut polite, "p"), (&mut impolite, "i")] {
            machine.handle(wanted(id));
            machine.handle(In::OfferCreated { sdp: format!("offer {id}") });
        }
        assert_eq!(impolite.handle(candidate("p", 1)), []);
        assert_eq!(impolite.handle(offer("p")), []);
        assert_eq!(impolite.handle(candidate("p", 2)), []);
        assert_eq!(
            polite.handle(offer("i")),
            [Rollback, ApplyOffer { handshake_id: "i".into(), sdp: "offer i".into() }]
        );
        let answered = polite.handle(In::AnswerCreated { sdp: "answer i".into() });
        assert_eq!(answered, [SendAnswer { handshake_id: "i".into(), sdp: "answer i".into() }]);
        assert_eq!(impolite.handle(answer("i")), [ApplyAnswer { sdp: "answer i".into() }]);
        assert!(polite.is_stable() && impolite.is_stable());
        assert_eq!(polite.take_wanted(), Some(false), "the polite side's wish is kept");
        assert_eq!(impolite.take_wanted(), None);
        assert_eq!(impolite.report().candidates_ignored, 2);
        assert_eq!((polite.report().offers_crossed, impolite.report().offers_crossed), (1, 1));
    }

    #[test]
    fn a_restart_whose_offer_gives_way_is_wanted_again_afterwards() {
        let mut polite = Machine::new(true);
        polite.handle(In::Wanted { ice_restart: true, handshake_id: "p".into() });
        polite.handle(In::OfferCreated { sdp: "offer p".into() });
        polite.handle(offer("i"));
        polite.handle(In::AnswerCreated { sdp: "answer i".into() });
        assert_eq!(polite.take_wanted(), Some(true));
    }

    #[test]
    fn a_repeated_offer_gets_the_same_answer() {
        let mut machine = Machine::new(true);
        machine.handle(offer("h1"));
        assert_eq!(machine.handle(offer("h1")), [], "while the answer is being made");
        machine.handle(In::AnswerCreated { sdp: "mine".into() });
        let again = machine.handle(offer("h1"));
        assert_eq!(again, [SendAnswer { handshake_id: "h1".into(), sdp: "mine".into() }]);
        assert_eq!(machine.report().offers_repeated, 2);
    }

    #[test]
    fn a_newer_offer_replaces_one_that_is_being_answered() {
        let mut machine = Machine::new(true);
        machine.handle(offer("h1"));
        assert_eq!(
            machine.handle(offer("h2")),
            [ApplyOffer { handshake_id: "h2".into(), sdp: "offer h2".into() }]
        );
        let done = machine.handle(In::AnswerCreated { sdp: "mine".into() });
        assert_eq!(done, [SendAnswer { handshake_id: "h2".into(), sdp: "mine".into() }]);
    }

    #[test]
    fn what_is_wanted_during_an_exchange_is_kept_until_it_ends() {
        let mut machine = Machine::new(false);
        machine.handle(wanted("h1"));
        machine.handle(In::OfferCreated { sdp: "mine".into() });
        assert_eq!(machine.handle(In::Wanted { ice_restart: true, handshake_id: "h2".into() }), []);
        assert_eq!(machine.handle(wanted("h3")), []);
        assert_eq!(machine.take_wanted(), None, "not while the exchange is under way");
        machine.handle(answer("h1"));
        assert_eq!(machine.take_wanted(), Some(true), "the restart is not forgotten");
        assert_eq!(machine.take_wanted(), None);
    }

    #[test]
    fn local_candidates_carry_the_id_of_their_exchange_and_end_with_none() {
        let mut machine = Machine::new(true);
        assert_eq!(machine.handle(In::LocalCandidate(Some(1))), [], "no exchange yet");
        machine.handle(offer("h1"));
        machine.handle(In::AnswerCreated { sdp: "mine".into() });
        for candidate in [Some(2), None] {
            let sent = machine.handle(In::LocalCandidate(candidate));
            assert_eq!(sent, [SendCandidate { handshake_id: "h1".into(), candidate }]);
        }
    }

    #[test]
    fn a_refused_description_leaves_the_machine_usable() {
        let mut machine = Machine::new(true);
        machine.handle(offer("h1"));
        machine.handle(In::EngineRefused);
        assert!(machine.is_stable() && !machine.has_remote());
        assert_eq!(
            machine.handle(offer("h2")),
            [ApplyOffer { handshake_id: "h2".into(), sdp: "offer h2".into() }]
        );
    }

    #[test]
    fn early_candidates_are_kept_up_to_the_limit_and_then_the_oldest_goes() {
        let mut machine = Machine::new(true);
        for n in 0..=MAX_EARLY_CANDIDATES as u8 {
            machine.handle(candidate("h1", n));
        }
        assert_eq!(machine.report().candidates_dropped, 1);
        machine.handle(offer("h1"));
        let done = machine.handle(In::AnswerCreated { sdp: "mine".into() });
        assert_eq!(done.len(), 1 + MAX_EARLY_CANDIDATES);
        assert_eq!(done[1], ApplyCandidate(Some(1)), "candidate 0 was the oldest");
    }

    #[test]
    fn exactly_one_side_is_polite() {
        assert!(is_polite("a", "b") && !is_polite("b", "a"));
    }
}
