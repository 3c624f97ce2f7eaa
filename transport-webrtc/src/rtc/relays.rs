//! What TURN servers say to a connection's requests: the engine only leaves a refused relay out, and does
//! not tell why. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// TURN servers by address, as their answers show them.
#[derive(Debug, Default)]
pub(super) struct Relays {
    servers: BTreeMap<SocketAddr, RelayState>,
    /// Requests that were sent last, and whether each carried a credential.
    requests: VecDeque<(TransactionId, bool)>,
}

/// A TURN server, as a connection sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RelayState {
    /// Asked for a relay; no answer yet.
    Asked,
    /// It relays.
    Granted,
    /// It gives no relay.
    Refused(Refusal),
    /// It gives one, but not to each of the peer's addresses.
    Barred(Refusal),
}

/// An error in a TURN server's words (RFC 8489 §14.8, RFC 8656 §18).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: u16,
    reason: String,
}

type TransactionId = [u8; 12];

/// Requests that are remembered; each socket has one or two under way with each server.
const MAX_REQUESTS: usize = 64;

/// Message types of STUN, method and class in one (RFC 8489 §5, RFC 8656 §17).
const ALLOCATE: u16 = 0x0003;
const ALLOCATE_SUCCESS: u16 = 0x0103;
const ALLOCATE_ERROR: u16 = 0x0113;
const CREATE_PERMISSION: u16 = 0x0008;
const CREATE_PERMISSION_ERROR: u16 = 0x0118;

/// The second four bytes of every STUN message, and the bytes before the first attribute.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;

/// Attributes of STUN.
const USERNAME: u16 = 0x0006;
const ERROR_CODE: u16 = 0x0009;

const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;

/// How much of a server's own words is kept, characters.
const MAX_REASON: usize = 100;

impl Relays {
    /// Whether a datagram is one that [`sent`](Self::sent) or [`received`](Self::received) looks at.
    pub(super) fn concerns(datagram: &[u8]) -> bool {
        let kind = message_type(datagram);
        kind.is_some_and(|kind| {
            [ALLOCATE, CREATE_PERMISSION, ALLOCATE_SUCCESS, ALLOCATE_ERROR, CREATE_PERMISSION_ERROR]
                .contains(&kind)
        })
    }

    /// Notes what is asked of a server.
    pub(super) fn sent(&mut self, server: SocketAddr, datagram: &[u8]) {
        let (Some(kind @ (ALLOCATE | CREATE_PERMISSION)), Some(id)) =
            (message_type(datagram), transaction_id(datagram))
        else {
            return;
        };
        if self.requests.iter().any(|(request, _)| *request == id) {
            // Sent once more.
            return;
        }
        if self.requests.len() >= MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back((id, attribute(datagram, USERNAME).is_some()));
        if kind == ALLOCATE {
            self.servers.entry(server).or_insert(RelayState::Asked);
        }
    }

    /// Notes what a server answers; returns what is wrong, if that is news. A server that relays for one of
    /// our sockets relays, whatever it says to the others.
    pub(super) fn received(&mut self, server: SocketAddr, datagram: &[u8]) -> Option<String> {
        let id = transaction_id(datagram)?;
        let (_, had_credential) = *self.requests.iter().find(|(request, _)| *request == id)?;
        let known = self.servers.get(&server);
        let state = match message_type(datagram)? {
            ALLOCATE_SUCCESS => match known {
                Some(RelayState::Barred(_)) => return None,
                _ => RelayState::Granted,
            },
            ALLOCATE_ERROR => {
                let refusal = Refusal::read(datagram)?;
                let is_question =
                    refusal.code == STALE_NONCE || refusal.code == UNAUTHORIZED && !had_credential;
                if is_question || matches!(known, Some(RelayState::Granted | RelayState::Barred(_))) {
                    return None;
                }
                RelayState::Refused(refusal)
            }
            CREATE_PERMISSION_ERROR => {
                let refusal = Refusal::read(datagram)?;
                if refusal.code != STALE_NONCE {
                    self.servers.insert(server, RelayState::Barred(refusal));
                }
                // No news: most peers have addresses that no server relays to, beside one that it does.
                return None;
            }
            _ => return None,
        };
        if known == Some(&state) {
            return None;
        }
        let fault = state.fault(server);
        self.servers.insert(server, state);
        fault
    }

    /// Says what is wrong with each server that does not relay as it should; empty: nothing is.
    pub(super) fn faults(&self) -> Vec<String> {
        self.servers.iter().filter_map(|(server, state)| state.fault(*server)).collect()
    }
}

impl RelayState {
    fn fault(&self, server: SocketAddr) -> Option<String> {
        let fault = match self {
            Self::Granted => return None,
            Self::Asked => "does not answer: is its address right, and UDP to it open?".to_owned(),
            Self::Refused(Refusal { code: UNAUTHORIZED, reason }) => {
                format!("refused the user name or the credential ({UNAUTHORIZED} {reason})")
            }
            Self::Refused(Refusal { code, reason }) => format!("gives no relay ({code} {reason})"),
            Self::Barred(Refusal { code, reason }) => {
                format!("does not relay to the peer's address ({code} {reason})")
            }
        };
        Some(format!("TURN server {server} {fault}"))
    }
}

impl Refusal {
    fn read(datagram: &[u8]) -> Option<Self> {
        let value = attribute(datagram, ERROR_CODE)?;
        let code = u16::from(*value.get(2)? & 7) * 100 + u16::from(*value.get(3)?);
        let reason = String::from_utf8_lossy(value.get(4..)?);
        let reason = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
        Some(Self { code, reason })
    }
}

fn message_type(datagram: &[u8]) -> Option<u16> {
    let is_stun = datagram.len() >= HEADER_BYTES && datagram[4..8] == MAGIC_COOKIE;
    is_stun.then(|| u16::from_be_bytes([datagram[0], datagram[1]]))
}

fn transaction_id(datagram: &[u8]) -> Option<TransactionId> {
    datagram.get(8..HEADER_BYTES)?.try_into().ok()
}

fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = datagram.get(HEADER_BYTES..)?;
    loop {
        let (kind, length) = (rest.get(..2)?, rest.get(2..4)?);
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if u16::from_be_bytes([kind[0], kind[1]]) == wanted {
            return rest.get(4..4 + length);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, id: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = [&kind.to_be_bytes()[..], &[0, 0], &MAGIC_COOKIE, &[id; 12]].concat();
        for (kind, value) in attributes {
            bytes.extend_from_slice(&kind.to_be_bytes());
            bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
            bytes.extend_from_slice(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn error(kind: u16, id: u8, code: u16, reason: &str) -> Vec<u8> {
        let value = [&[0, 0, (code / 100) as u8, (code % 100) as u8], reason.as_bytes()].concat();
        // An attribute of odd length before it, as servers write their names.
        message(kind, id, &[(0x8022, b"Coturn"), (ERROR_CODE, &value)])
    }

    fn server() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 3478))
    }

    /// Asked without a credential as 1, and with one as 2.
    fn asked() -> Relays {
        let mut relays = Relays::default();
        relays.sent(server(), &message(ALLOCATE, 1, &[]));
        relays.sent(server(), &message(ALLOCATE, 2, &[(USERNAME, b"u")]));
        relays
    }

    #[test]
    fn a_server_that_says_nothing_does_not_answer() {
        assert_eq!(
            asked().faults(),
            ["TURN server 192.0.2.1:3478 does not answer: is its address right, and UDP to it open?"]
        );
        assert!(Relays::default().faults().is_empty());
    }

    #[test]
    fn the_question_for_a_credential_is_no_refusal_and_its_second_one_is() {
        let mut relays = asked();
        let question = error(ALLOCATE_ERROR, 1, 401, "Unauthorized");
        assert_eq!(relays.received(server(), &question), None);
        assert_eq!(relays.received(server(), &error(ALLOCATE_ERROR, 2, 438, "Stale Nonce")), None);
        let refusal = error(ALLOCATE_ERROR, 2, 401, "Unauthorized");
        let words = "TURN server 192.0.2.1:3478 refused the user name or the credential (401 Unauthorized)";
        assert_eq!(relays.received(server(), &refusal).as_deref(), Some(words));
        assert_eq!(relays.received(server(), &refusal), None, "told once");
        assert_eq!(relays.faults(), [words]);
    }

    #[test]
    fn a_server_that_relays_for_one_socket_relays() {
        let mut relays = asked();
        assert_eq!(relays.received(server(), &message(ALLOCATE_SUCCESS, 2, &[])), None);
        assert!(relays.faults().is_empty());
        assert_eq!(relays.received(server(), &error(ALLOCATE_ERROR, 2, 486, "Quota")), None);
        assert!(relays.faults().is_empty());
    }

    #[test]
    fn other_refusals_are_told_in_the_server_s_words() {
        let mut relays = asked();
        let told = relays.received(server(), &error(ALLOCATE_ERROR, 2, 486, "Allocation Quota\r\nReached"));
        assert!(told.is_some_and(|told| told.ends_with("gives no relay (486 Allocation QuotaReached)")));
        relays.received(server(), &message(ALLOCATE_SUCCESS, 2, &[]));
        relays.sent(server(), &message(CREATE_PERMISSION, 3, &[(USERNAME, b"u")]));
        assert_eq!(relays.received(server(), &error(CREATE_PERMISSION_ERROR, 3, 403, "Forbidden IP")), None);
        assert!(
            relays.faults()[0].ends_with("to the peer's address (403 Forbidden IP)"),
            "{:?}",
            relays.faults()
        );
    }

    #[test]
    fn what_nobody_asked_for_or_nobody_can_read_is_no_answer() {
        let mut relays = asked();
        let full = error(ALLOCATE_ERROR, 2, 401, "Unauthorized");
        assert_eq!(relays.received(server(), &error(ALLOCATE_ERROR, 9, 401, "Unauthorized")), None);
        for length in 0..full.len() {
            relays.received(server(), &full[..length]);
        }
        assert_eq!(relays.received(server(), &error(ALLOCATE_ERROR, 2, 401, "")[..28]), None);
        assert!(!Relays::concerns(b"\x80\x60 no STUN at all") && Relays::concerns(&full));
    }

    #[test]
    fn no_more_requests_are_kept_than_may_be() {
        let mut relays = Relays::default();
        for id in 0..=MAX_REQUESTS as u8 {
            relays.sent(server(), &message(ALLOCATE, id, &[]));
        }
        assert_eq!(relays.requests.len(), MAX_REQUESTS);
    }
}
