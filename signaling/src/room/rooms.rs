//! All sessions and all connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use super::session::{Member, Session, same_secret};
use super::{CloseCause, ConnectionId, Message, Output, Refusal, RoomLimits};
use crate::protocol::{
    AnnounceParams, AnnounceResult, Capabilities, LeaveReason, MAX_CODEC_NAME_CHARS, MAX_CODECS,
    MAX_DISPLAY_NAME_CHARS, PeerInfo, PeerList, Role, SessionList, SessionSummary, SignalingEvent, Topology,
    check_label, check_name,
};

/// The state of signaling: sessions, their peers, and how far each connection has come.
#[derive(Debug)]
pub struct Rooms {
    limits: RoomLimits,
    sessions: HashMap<String, Session>,
    connections: HashMap<ConnectionId, Standing>,
}

/// How far a connection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Connected,
    Subscribed,
    Announced { session: String, peer_id: String },
}

impl Rooms {
    /// Starts without sessions and connections.
    pub fn new(limits: RoomLimits) -> Self {
        Self { limits, sessions: HashMap::new(), connections: HashMap::new() }
    }

    /// Takes in a connection. It hears nothing until it subscribes.
    pub fn connect(&mut self, connection: ConnectionId) {
        self.connections.insert(connection, Standing::Connected);
    }

    /// Forgets a connection; its peer leaves for `reason`. Does nothing for one that is forgotten already.
    pub fn disconnect(&mut self, connection: ConnectionId, reason: LeaveReason, now: Instant) -> Vec<Output> {
        let outputs = self.depart(connection, reason, now);
        self.connections.remove(&connection);
        outputs
    }

    /// Lets a connection hear events from now on.
    ///
    /// # Errors
    /// [`Refusal::AlreadySubscribed`].
    pub fn subscribe(&mut self, connection: ConnectionId) -> Result<(), Refusal> {
        match self.connections.get_mut(&connection) {
            Some(standing @ Standing::Connected) => {
                *standing = Standing::Subscribed;
                Ok(())
            }
            Some(_) => Err(Refusal::AlreadySubscribed),
            // Ended by another step while its request was on the way: nobody will read the reply.
            None => Err(Refusal::NotAnnounced),
        }
    }

    /// Ends a subscription. Its peer leaves, since a member must not miss an event.
    pub fn unsubscribe(&mut self, connection: ConnectionId, now: Instant) -> Vec<Output> {
        let outputs = self.depart(connection, LeaveReason::Left, now);
        if let Some(standing) = self.connections.get_mut(&connection) {
            *standing = Standing::Connected;
        }
        outputs
    }

    /// Joins a session, which begins if it is not there.
    ///
    /// The reply lists who is there, and the outputs tell exactly those of the newcomer: two that join at once never
    /// miss each other. The peer of a live connection is replaced if the token is its own.
    ///
    /// * `fresh_token`: 128 random bits or more; becomes the peer's token unless it has one from before.
    ///
    /// # Errors
    /// Those listed for `peer.announce` in [`crate::protocol::METHODS`].
    pub fn announce(
        &mut self,
        connection: ConnectionId,
        params: AnnounceParams,
        fresh_token: String,
        now: Instant,
    ) -> Result<(AnnounceResult, Vec<Output>), Refusal> {
        match self.connections.get(&connection) {
            Some(Standing::Subscribed) => {}
            Some(Standing::Announced { session, peer_id }) => {
                return Err(Refusal::AlreadyAnnounced { session: session.clone(), peer_id: peer_id.clone() });
            }
            Some(Standing::Connected) | None => return Err(Refusal::NotSubscribed),
        }
        check_announce(&params)?;
        let role = params.role.unwrap_or_default();
        let token = params.resume_token.as_deref();
        self.admit(&params, role)?;

        let AnnounceParams { session: name, peer_id, display_name, capabilities, .. } = &params;
        let session = match self.sessions.entry(name.clone()) {
            Entry::Occupied(session) => session.into_mut(),
            Entry::Vacant(vacant) => {
                let topology = params.topology.unwrap_or(default_topology(role));
                let default_peers = match topology {
                    Topology::Mesh => self.limits.mesh_peers.min(self.limits.peers_per_session),
                    Topology::Host => self.limits.peers_per_session,
                };
                vacant.insert(Session::new(topology, params.max_peers.unwrap_or(default_peers)))
            }
        };
        let mut outputs = Vec::new();
        let (mut generation, mut resume_token) = (1, fresh_token);
        if let Some(replaced) = session.remove(peer_id, now) {
            let reason = LeaveReason::Replaced;
            let left = SignalingEvent::PeerLeft {
                peer_id: peer_id.clone(),
                generation: replaced.info.generation,
                reason,
            };
            tell_others(session, peer_id, left, &mut outputs);
            outputs.push(Output::Close { connection: replaced.connection, cause: CloseCause::Replaced });
            self.connections.remove(&replaced.connection);
        }
        if let Some((former, is_same)) = session.former(peer_id, token, now, self.limits.resume_window) {
            generation = former.saturating_add(1);
            if let (true, Some(token)) = (is_same, token) {
                resume_token = token.to_owned();
            }
        }
        let info = PeerInfo {
            peer_id: peer_id.clone(),
            role,
            display_name: display_name.clone(),
            capabilities: capabilities.clone().unwrap_or_default(),
            generation,
        };
        tell_others(session, peer_id, SignalingEvent::PeerJoined { peer: info.clone() }, &mut outputs);
        session.insert(Member { connection, info, resume_token: resume_token.clone() });
        let result = AnnounceResult {
            session: name.clone(),
            peer_id: peer_id.clone(),
            generation,
            resume_token,
            topology: session.topology,
            max_peers: session.max_peers,
            peers: session.others(peer_id).map(|member| member.info.clone()).collect(),
        };
        let standing = Standing::Announced { session: name.clone(), peer_id: peer_id.clone() };
        self.connections.insert(connection, standing);
        Ok((result, outputs))
    }

    /// Carries a message to one peer of the sender's session.
    ///
    /// # Errors
    /// [`Refusal::NotAnnounced`], [`Refusal::InvalidName`], [`Refusal::UnknownPeer`], and [`Refusal::RoleForbids`]
    /// for an offer of another than the host in a session of topology host.
    pub fn send(&self, connection: ConnectionId, to: &str, message: Message) -> Result<Output, Refusal> {
        let (name, session, sender) = self.member(connection)?;
        check_message(&message)?;
        let is_offer = matches!(message, Message::Offer { .. });
        if is_offer && session.topology == Topology::Host && sender.info.role != Role::Host {
            return Err(Refusal::RoleForbids {
                session: name.to_owned(),
                topology: session.topology,
                role: sender.info.role,
                action: "send an offer",
            });
        }
        let target =
            session.member(to).filter(|member| member.connection != connection).ok_or_else(|| {
                let to = to.chars().take(MAX_DISPLAY_NAME_CHARS).collect();
                Refusal::UnknownPeer { session: name.to_owned(), to }
            })?;
        let event = Arc::new(event_of(message, &sender.info));
        Ok(Output::Deliver { to: target.connection, event })
    }

    /// Leaves the session at the peer's wish. The connection stays subscribed.
    ///
    /// # Errors
    /// [`Refusal::NotAnnounced`].
    pub fn leave(&mut self, connection: ConnectionId, now: Instant) -> Result<Vec<Output>, Refusal> {
        self.member(connection)?;
        Ok(self.depart(connection, LeaveReason::Left, now))
    }

    /// Removes a peer at the operator's wish and ends its connection; `None` if it is not there.
    pub fn kick(&mut self, session: &str, peer_id: &str, now: Instant) -> Option<Vec<Output>> {
        let connection = self.sessions.get(session)?.member(peer_id)?.connection;
        let mut outputs = self.disconnect(connection, LeaveReason::Kicked, now);
        outputs.push(Output::Close { connection, cause: CloseCause::Kicked });
        Some(outputs)
    }

    /// Lists the others in the caller's session.
    ///
    /// # Errors
    /// [`Refusal::NotAnnounced`].
    pub fn peers(&self, connection: ConnectionId) -> Result<PeerList, Refusal> {
        let (_, session, member) = self.member(connection)?;
        Ok(PeerList { peers: session.others(&member.info.peer_id).map(|other| other.info.clone()).collect() })
    }

    /// Lists the sessions there are, by name.
    pub fn sessions(&self) -> SessionList {
        let summary = |(name, session): (&String, &Session)| SessionSummary {
            session: name.clone(),
            peers: session.len(),
            max_peers: session.max_peers,
            topology: session.topology,
        };
        let mut sessions: Vec<_> = self.sessions.iter().map(summary).collect();
        sessions.sort_by(|a, b| a.session.cmp(&b.session));
        SessionList { sessions }
    }

    /// Counts the connections, the sessions and the peers in them.
    pub fn count(&self) -> (usize, usize, usize) {
        let peers = self.sessions.values().map(|session| session.len() as usize).sum();
        (self.connections.len(), self.sessions.len(), peers)
    }

    /// Checks whether the session would take the peer, without changing anything.
    fn admit(&self, params: &AnnounceParams, role: Role) -> Result<(), Refusal> {
        let AnnounceParams { session: name, peer_id, .. } = params;
        let session = self.sessions.get(name);
        if session.is_none() && self.sessions.len() >= self.limits.sessions as usize {
            return Err(Refusal::TooManySessions { max_sessions: self.limits.sessions });
        }
        let topology = session.map(|s| s.topology).or(params.topology).unwrap_or(default_topology(role));
        if role == Role::Host && topology == Topology::Mesh {
            let session = name.clone();
            return Err(Refusal::RoleForbids { session, topology, role, action: "join" });
        }
        let Some(session) = session else {
            let (least, most) = (1, self.limits.peers_per_session);
            return match params.max_peers {
                Some(max_peers) if !(least..=most).contains(&max_peers) => Err(Refusal::InvalidParams {
                    field: "max_peers",
                    value: max_peers.to_string(),
                    expected: format!("{least} to {most}"),
                }),
                _ => Ok(()),
            };
        };
        let present = session.member(peer_id);
        let proves = |member: &Member| {
            params.resume_token.as_deref().is_some_and(|token| same_secret(token, &member.resume_token))
        };
        if present.is_some_and(|member| !proves(member)) {
            return Err(Refusal::PeerIdTaken { session: name.clone(), peer_id: peer_id.clone() });
        }
        if let Some(host) = session.host().filter(|host| role == Role::Host && host.peer_id != *peer_id) {
            return Err(Refusal::HostTaken { session: name.clone(), host: host.peer_id.clone() });
        }
        if present.is_none() && session.is_full() {
            return Err(Refusal::SessionFull { session: name.clone(), max_peers: session.max_peers });
        }
        Ok(())
    }

    /// The session and the membership of a connection.
    fn member(&self, connection: ConnectionId) -> Result<(&str, &Session, &Member), Refusal> {
        let Some(Standing::Announced { session: name, peer_id }) = self.connections.get(&connection) else {
            return Err(Refusal::NotAnnounced);
        };
        let session = self.sessions.get(name).expect("a session lasts as long as it has a member");
        let member = session.member(peer_id).expect("a member is in its session");
        Ok((name, session, member))
    }

    /// Takes a connection's peer out of its session, if it is in one, and ends the session with the last.
    fn depart(&mut self, connection: ConnectionId, reason: LeaveReason, now: Instant) -> Vec<Output> {
        let mut outputs = Vec::new();
        let Some(standing @ Standing::Announced { .. }) = self.connections.get_mut(&connection) else {
            return outputs;
        };
        let Standing::Announced { session: name, peer_id } =
            std::mem::replace(standing, Standing::Subscribed)
        else {
            return outputs;
        };
        let session = self.sessions.get_mut(&name).expect("a session lasts as long as it has a member");
        let member = session.remove(&peer_id, now).expect("a member is in its session");
        let generation = member.info.generation;
        let left = SignalingEvent::PeerLeft { peer_id: peer_id.clone(), generation, reason };
        tell_others(session, &peer_id, left, &mut outputs);
        if session.len() == 0 {
            self.sessions.remove(&name);
        }
        outputs
    }
}

fn tell_others(session: &Session, peer_id: &str, event: SignalingEvent, outputs: &mut Vec<Output>) {
    let event = Arc::new(event);
    outputs.extend(
        session
            .others(peer_id)
            .map(|member| Output::Deliver { to: member.connection, event: Arc::clone(&event) }),
    );
}

fn default_topology(role: Role) -> Topology {
    match role {
        Role::Peer => Topology::Mesh,
        Role::Host | Role::Viewer => Topology::Host,
    }
}

fn event_of(message: Message, sender: &PeerInfo) -> SignalingEvent {
    let (from, generation) = (sender.peer_id.clone(), sender.generation);
    match message {
        Message::Offer { handshake_id, sdp } => SignalingEvent::Offer { from, generation, handshake_id, sdp },
        Message::Answer { handshake_id, sdp } => {
            SignalingEvent::Answer { from, generation, handshake_id, sdp }
        }
        Message::IceCandidate { handshake_id, candidate } => {
            SignalingEvent::IceCandidate { from, generation, handshake_id, candidate }
        }
        Message::CallStart { call_id } => SignalingEvent::CallStarted { from, generation, call_id },
        Message::CallAccept { call_id } => SignalingEvent::CallAccepted { from, generation, call_id },
        Message::CallEnd { call_id, reason } => {
            SignalingEvent::CallEnded { from, generation, call_id, reason }
        }
    }
}

fn check_announce(params: &AnnounceParams) -> Result<(), Refusal> {
    check_name("session", &params.session)?;
    check_name("peer_id", &params.peer_id)?;
    if let Some(name) = &params.display_name {
        check_text("display_name", name, MAX_DISPLAY_NAME_CHARS)?;
    }
    let Some(Capabilities { video, audio, .. }) = &params.capabilities else { return Ok(()) };
    for (field, codecs) in [("capabilities.video", video), ("capabilities.audio", audio)] {
        if codecs.len() > MAX_CODECS {
            let value = format!("{} codecs long", codecs.len());
            return Err(Refusal::InvalidParams {
                field,
                value,
                expected: format!("at most {MAX_CODECS} codecs"),
            });
        }
        codecs.iter().try_for_each(|codec| check_codec(field, codec))?;
    }
    Ok(())
}

fn check_message(message: &Message) -> Result<(), Refusal> {
    let (field, label) = match message {
        Message::Offer { handshake_id, .. }
        | Message::Answer { handshake_id, .. }
        | Message::IceCandidate { handshake_id, .. } => ("handshake_id", handshake_id),
        Message::CallStart { call_id }
        | Message::CallAccept { call_id }
        | Message::CallEnd { call_id, .. } => ("call_id", call_id),
    };
    Ok(check_label(field, label)?)
}

/// A codec's name is a token of a media type (RFC 6838 §4.2), in which a name of one character takes one byte.
fn check_codec(field: &'static str, name: &str) -> Result<(), Refusal> {
    check_text(field, name, MAX_CODEC_NAME_CHARS)?;
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte))
    {
        let expected = "a codec's name, such as H264 or opus".to_owned();
        return Err(Refusal::InvalidParams { field, value: format!("{name:?}"), expected });
    }
    Ok(())
}

fn check_text(field: &'static str, text: &str, max_chars: usize) -> Result<(), Refusal> {
    let chars = text.chars().count();
    if chars > max_chars {
        let value = format!("{chars} characters long");
        return Err(Refusal::InvalidParams {
            field,
            value,
            expected: format!("at most {max_chars} characters"),
        });
    }
    if text.chars().any(char::is_control) {
        let value = format!("{text:?}");
        return Err(Refusal::InvalidParams {
            field,
            value,
            expected: "without control characters".to_owned(),
        });
    }
    Ok(())
}
