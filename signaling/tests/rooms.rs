//! The rules of the rooms, step by step, in every order that matters. No sockets and no clock.

use std::time::{Duration, Instant};

use remotemedia_signaling::protocol::{
    AnnounceParams, AnnounceResult, Capabilities, ErrorCode, LeaveReason, Role, SignalingEvent, Topology,
};
use remotemedia_signaling::room::{CloseCause, ConnectionId, Message, Output, Refusal, RoomLimits, Rooms};

/// Rooms with connections that keep what they are told.
struct World {
    rooms: Rooms,
    now: Instant,
    tokens: u32,
    told: Vec<(u64, SignalingEvent)>,
    closed: Vec<(u64, CloseCause)>,
}

impl World {
    fn new(limits: RoomLimits) -> Self {
        Self {
            rooms: Rooms::new(limits),
            now: Instant::now(),
            tokens: 0,
            told: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// A world in which these connections are subscribed.
    fn with(connections: impl IntoIterator<Item = u64>) -> Self {
        let mut world = Self::new(RoomLimits::default());
        connections.into_iter().for_each(|connection| world.subscribe(connection));
        world
    }

    fn subscribe(&mut self, connection: u64) {
        self.rooms.connect(ConnectionId(connection));
        self.rooms.subscribe(ConnectionId(connection)).expect("a new connection may subscribe");
    }

    fn try_announce(&mut self, connection: u64, params: AnnounceParams) -> Result<AnnounceResult, Refusal> {
        self.tokens += 1;
        let token = format!("token-{}", self.tokens);
        let (result, outputs) = self.rooms.announce(ConnectionId(connection), params, token, self.now)?;
        self.take(outputs);
        Ok(result)
    }

    fn announce(&mut self, connection: u64, params: AnnounceParams) -> AnnounceResult {
        self.try_announce(connection, params).expect("it may join")
    }

    fn send(&mut self, connection: u64, to: &str, message: Message) -> Result<(), Refusal> {
        let output = self.rooms.send(ConnectionId(connection), to, message)?;
        self.take(vec![output]);
        Ok(())
    }

    fn leave(&mut self, connection: u64) {
        let outputs = self.rooms.leave(ConnectionId(connection), self.now).expect("it is in a session");
        self.take(outputs);
    }

    fn disconnect(&mut self, connection: u64, reason: LeaveReason) {
        let outputs = self.rooms.disconnect(ConnectionId(connection), reason, self.now);
        self.take(outputs);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Deliver { to, event } => self.told.push((to.0, (*event).clone())),
                Output::Close { connection, cause } => self.closed.push((connection.0, cause)),
            }
        }
    }

    /// What a connection was told since the last time, in order.
    fn told(&mut self, connection: u64) -> Vec<SignalingEvent> {
        let (mine, others) =
            std::mem::take(&mut self.told).into_iter().partition(|(to, _)| *to == connection);
        self.told = others;
        let mine: Vec<(u64, SignalingEvent)> = mine;
        mine.into_iter().map(|(_, event)| event).collect()
    }

    fn count(&self) -> (usize, usize, usize) {
        self.rooms.count()
    }
}

fn peer(session: &str, peer_id: &str) -> AnnounceParams {
    AnnounceParams { session: session.into(), peer_id: peer_id.into(), ..AnnounceParams::default() }
}

fn with_role(session: &str, peer_id: &str, role: Role) -> AnnounceParams {
    AnnounceParams { role: Some(role), ..peer(session, peer_id) }
}

fn offer() -> Message {
    Message::Offer { handshake_id: "h".into(), sdp: "v=0".into() }
}

fn left(peer_id: &str, generation: u32, reason: LeaveReason) -> SignalingEvent {
    SignalingEvent::PeerLeft { peer_id: peer_id.into(), generation, reason }
}

/// The ids of the peers that joined, as events told it.
fn joined(events: &[SignalingEvent]) -> Vec<(String, u32)> {
    let joined = |event: &SignalingEvent| match event {
        SignalingEvent::PeerJoined { peer } => Some((peer.peer_id.clone(), peer.generation)),
        _ => None,
    };
    events.iter().filter_map(joined).collect()
}

fn ids(result: &AnnounceResult) -> Vec<&str> {
    result.peers.iter().map(|peer| peer.peer_id.as_str()).collect()
}

#[test]
fn two_that_join_at_once_never_miss_each_other_in_either_order() {
    for order in [[1, 2], [2, 1]] {
        let mut world = World::with([1, 2]);
        let name = |connection| if connection == 1 { "a" } else { "b" };
        let first = world.announce(order[0], peer("s", name(order[0])));
        let second = world.announce(order[1], peer("s", name(order[1])));
        // The first hears of the second by an event, the second of the first by its result; nobody twice.
        assert!(first.peers.is_empty());
        assert_eq!(ids(&second), [name(order[0])]);
        assert_eq!(joined(&world.told(order[0])), [(name(order[1]).to_owned(), 1)]);
        assert!(world.told(order[1]).is_empty());
    }
}

#[test]
fn everyone_knows_everyone_once_whatever_order_they_come_and_go_in() {
    // Every order in which four join, with one that leaves after each possible step.
    for order in permutations(&[1, 2, 3, 4]) {
        for leaves_after in 1..=4 {
            let mut world = World::with(1..=4);
            let mut known: Vec<Vec<String>> = vec![Vec::new(); 5];
            let mut here: Vec<u64> = Vec::new();
            for (step, &connection) in order.iter().enumerate() {
                let result = world.announce(connection, peer("s", &format!("p{connection}")));
                known[connection as usize] = ids(&result).iter().map(ToString::to_string).collect();
                here.push(connection);
                if step + 1 == leaves_after {
                    world.leave(order[0]);
                    here.retain(|c| *c != order[0]);
                }
            }
            for &connection in &here {
                let known = &mut known[connection as usize];
                for event in world.told(connection) {
                    match event {
                        SignalingEvent::PeerJoined { peer } => known.push(peer.peer_id),
                        SignalingEvent::PeerLeft { peer_id, .. } => known.retain(|k| *k != peer_id),
                        other => panic!("nobody sent {other:?}"),
                    }
                }
                known.sort();
                let mut others: Vec<_> =
                    here.iter().filter(|c| **c != connection).map(|c| format!("p{c}")).collect();
                others.sort();
                assert_eq!(
                    *known, others,
                    "connection {connection}, order {order:?}, left after {leaves_after}"
                );
            }
        }
    }
}

#[test]
fn a_taken_id_is_refused_and_changes_nothing() {
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    for resume_token in [None, Some("token-0".to_owned()), Some(String::new())] {
        let refusal =
            world.try_announce(2, AnnounceParams { resume_token, ..peer("s", "a") }).expect_err("taken");
        assert_eq!(refusal, Refusal::PeerIdTaken { session: "s".into(), peer_id: "a".into() });
    }
    assert!(world.told(1).is_empty() && world.closed.is_empty());
    assert_eq!(world.count(), (2, 1, 1));
    // The same id in another session is another peer.
    assert_eq!(world.announce(2, peer("t", "a")).generation, 1);
}

#[test]
fn the_right_token_replaces_the_old_connection_and_raises_the_generation() {
    let mut world = World::with([1, 2, 3]);
    let old = world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    world.told(1);
    let resume_token = Some(old.resume_token.clone());
    let new = world.announce(3, AnnounceParams { resume_token, ..peer("s", "a") });
    assert_eq!((new.generation, &new.resume_token, ids(&new)), (2, &old.resume_token, vec!["b"]));
    assert_eq!(world.closed, [(1, CloseCause::Replaced)]);
    let told = world.told(2);
    assert_eq!(told[0], left("a", 1, LeaveReason::Replaced));
    assert_eq!(joined(&told), [("a".to_owned(), 2)]);
    // The old connection hears nothing of it and can do nothing more.
    assert!(world.told(1).is_empty());
    assert_eq!(world.send(1, "b", offer()), Err(Refusal::NotAnnounced));
    // That it vanishes now takes nobody out.
    world.disconnect(1, LeaveReason::Disconnected);
    assert!(world.told(2).is_empty());
    assert_eq!(world.count(), (2, 1, 2));
}

#[test]
fn a_peer_that_comes_back_after_it_vanished_has_the_next_generation_with_or_without_its_token() {
    for with_token in [true, false] {
        let mut world = World::with([1, 2, 3]);
        let old = world.announce(1, peer("s", "a"));
        world.announce(2, peer("s", "b"));
        world.disconnect(1, LeaveReason::Disconnected);
        assert_eq!(world.told(2), [left("a", 1, LeaveReason::Disconnected)]);
        let resume_token = with_token.then(|| old.resume_token.clone());
        let new = world.announce(3, AnnounceParams { resume_token, ..peer("s", "a") });
        assert_eq!(new.generation, 2);
        assert_eq!(
            new.resume_token == old.resume_token,
            with_token,
            "a token is kept by the one that shows it"
        );
    }
}

#[test]
fn a_former_peer_is_forgotten_after_the_resume_window() {
    let window = RoomLimits::default().resume_window;
    for (away, generation) in [(window, 2), (window + Duration::from_nanos(1), 1)] {
        let mut world = World::with([1, 2, 3]);
        let old = world.announce(1, peer("s", "a"));
        world.announce(2, peer("s", "b"));
        world.disconnect(1, LeaveReason::Disconnected);
        world.now += away;
        let resume_token = Some(old.resume_token);
        let new = world.announce(3, AnnounceParams { resume_token, ..peer("s", "a") });
        assert_eq!(new.generation, generation);
    }
}

#[test]
fn a_session_begins_with_its_first_peer_and_ends_with_its_last() {
    let mut world = World::with([1, 2]);
    world.announce(1, AnnounceParams { max_peers: Some(1), ..peer("s", "a") });
    assert_eq!(world.count(), (2, 1, 1));
    world.leave(1);
    assert_eq!(world.count(), (2, 0, 0));
    assert!(world.rooms.sessions().sessions.is_empty());
    // What the first session was like is forgotten.
    assert_eq!(world.announce(2, peer("s", "a")).max_peers, RoomLimits::default().mesh_peers);
}

#[test]
fn a_message_reaches_its_target_alone_and_says_who_sent_it() {
    let mut world = World::with([1, 2, 3]);
    for (connection, id) in [(1, "a"), (2, "b"), (3, "c")] {
        world.announce(connection, peer("s", id));
    }
    (1..=3).for_each(|c| drop(world.told(c)));
    let candidate = Message::IceCandidate { handshake_id: "h".into(), candidate: None };
    let messages = [
        offer(),
        Message::Answer { handshake_id: "h".into(), sdp: "v=0".into() },
        candidate,
        Message::CallStart { call_id: "c".into() },
        Message::CallAccept { call_id: "c".into() },
        Message::CallEnd { call_id: "c".into(), reason: Some("done".into()) },
    ];
    for message in messages {
        world.send(1, "b", message.clone()).expect("both are in the session");
        let told = world.told(2);
        let [event] = told.as_slice() else { panic!("one event for {message:?}, not {told:?}") };
        let json = serde_json::to_value(event).expect("an event is JSON");
        assert_eq!((json["from"].as_str(), json["generation"].as_u64()), (Some("a"), Some(1)), "{message:?}");
        assert!(world.told(1).is_empty() && world.told(3).is_empty());
    }
}

#[test]
fn a_message_never_crosses_sessions() {
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("t", "b"));
    let refusal = world.send(1, "b", offer()).expect_err("b is in another session");
    assert_eq!(refusal, Refusal::UnknownPeer { session: "s".into(), to: "b".into() });
    assert!(world.told(2).is_empty());
    assert!(world.rooms.peers(ConnectionId(1)).expect("a is in a session").peers.is_empty());
}

#[test]
fn nobody_sends_to_itself_or_to_nobody() {
    let mut world = World::with([1]);
    world.announce(1, peer("s", "a"));
    for to in ["a", "", "b", "a ", "../a"] {
        assert!(matches!(world.send(1, to, offer()), Err(Refusal::UnknownPeer { .. })), "{to:?}");
    }
    let long = "x".repeat(100_000);
    let refusal = world.send(1, &long, offer()).expect_err("there is no such peer");
    assert!(refusal.to_string().len() < 300, "a refusal quotes a part of the value only");
}

#[test]
fn a_message_and_the_leave_of_either_end_have_one_order() {
    // The offer first, then its sender leaves: the target hears both, in that order.
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    world.send(1, "b", offer()).expect("both are there");
    world.leave(1);
    let told = world.told(2);
    assert!(matches!(told[0], SignalingEvent::Offer { .. }));
    assert_eq!(told[1], left("a", 1, LeaveReason::Left));
    // The target first: the sender is told of the leave, and its offer is refused.
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    world.told(1);
    world.disconnect(2, LeaveReason::Disconnected);
    assert_eq!(world.told(1), [left("b", 1, LeaveReason::Disconnected)]);
    assert!(matches!(world.send(1, "b", offer()), Err(Refusal::UnknownPeer { .. })));
    // Away and back: the offer reaches the new life, and names the generation of its sender.
    world.subscribe(3);
    assert_eq!(world.announce(3, peer("s", "b")).generation, 2);
    world.send(1, "b", offer()).expect("b is back");
    assert_eq!(world.told(3).len(), 1);
}

#[test]
fn each_step_needs_the_one_before() {
    let mut world = World::new(RoomLimits::default());
    world.rooms.connect(ConnectionId(1));
    assert_eq!(world.try_announce(1, peer("s", "a")), Err(Refusal::NotSubscribed));
    assert_eq!(world.send(1, "b", offer()), Err(Refusal::NotAnnounced));
    assert_eq!(world.rooms.subscribe(ConnectionId(1)), Ok(()));
    assert_eq!(world.rooms.subscribe(ConnectionId(1)), Err(Refusal::AlreadySubscribed));
    assert_eq!(world.rooms.peers(ConnectionId(1)), Err(Refusal::NotAnnounced));
    assert_eq!(world.rooms.leave(ConnectionId(1), world.now), Err(Refusal::NotAnnounced));
    world.announce(1, peer("s", "a"));
    let refusal = world.try_announce(1, peer("t", "b")).expect_err("it is announced");
    assert_eq!(refusal, Refusal::AlreadyAnnounced { session: "s".into(), peer_id: "a".into() });
    world.leave(1);
    world.announce(1, peer("t", "b"));
    // A connection that nobody knows is none.
    assert_eq!(world.try_announce(9, peer("s", "x")), Err(Refusal::NotSubscribed));
}

#[test]
fn a_peer_that_ends_its_subscription_leaves() {
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    let outputs = world.rooms.unsubscribe(ConnectionId(2), world.now);
    world.told(1);
    world.take(outputs);
    assert_eq!(world.told(1), [left("b", 1, LeaveReason::Left)]);
    assert_eq!(world.try_announce(2, peer("s", "b")), Err(Refusal::NotSubscribed));
    assert_eq!(world.rooms.subscribe(ConnectionId(2)), Ok(()));
    assert_eq!(world.announce(2, peer("s", "b")).generation, 2);
}

#[test]
fn a_session_takes_as_many_peers_as_it_may_and_not_one_more() {
    let mut world = World::with(0..12);
    for i in 0..10 {
        world.announce(i, peer("s", &format!("p{i}")));
    }
    let refusal = world.try_announce(10, peer("s", "p10")).expect_err("a mesh takes ten by default");
    assert_eq!(refusal, Refusal::SessionFull { session: "s".into(), max_peers: 10 });
    world.leave(3);
    world.announce(10, peer("s", "p10"));
    assert!(matches!(world.try_announce(11, peer("s", "p11")), Err(Refusal::SessionFull { .. })));
}

#[test]
fn a_full_session_takes_back_the_one_that_is_in_it() {
    let mut world = World::with([1, 2]);
    let old = world.announce(1, AnnounceParams { max_peers: Some(1), ..peer("s", "a") });
    let resume_token = Some(old.resume_token);
    assert_eq!(world.announce(2, AnnounceParams { resume_token, ..peer("s", "a") }).generation, 2);
}

#[test]
fn max_peers_is_between_one_and_what_the_server_takes() {
    let limits = RoomLimits { peers_per_session: 20, ..RoomLimits::default() };
    let ask = |max_peers| AnnounceParams { max_peers: Some(max_peers), ..peer("s", "a") };
    for (max_peers, fits) in [(0, false), (1, true), (20, true), (21, false)] {
        let mut world = World::new(limits);
        world.subscribe(1);
        let result = world.try_announce(1, ask(max_peers));
        assert_eq!(result.is_ok(), fits, "{max_peers}");
        if let Err(refusal) = result {
            assert_eq!(refusal.code(), ErrorCode::InvalidParams);
            assert_eq!(refusal.to_string(), format!("max_peers is {max_peers}, and must be 1 to 20"));
        }
    }
    // What a later one asks for does not count.
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    assert_eq!(world.announce(2, AnnounceParams { max_peers: Some(0), ..peer("s", "b") }).max_peers, 10);
}

#[test]
fn the_server_takes_as_many_sessions_as_it_may_and_not_one_more() {
    let mut world = World::new(RoomLimits { sessions: 2, ..RoomLimits::default() });
    (1..=4).for_each(|connection| world.subscribe(connection));
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("t", "a"));
    assert_eq!(world.try_announce(3, peer("u", "a")), Err(Refusal::TooManySessions { max_sessions: 2 }));
    world.announce(3, peer("t", "b"));
    world.leave(1);
    world.announce(4, peer("u", "a"));
}

#[test]
fn only_the_host_offers_in_its_session() {
    let mut world = World::with(1..=4);
    let host = world.announce(1, with_role("s", "host", Role::Host));
    assert_eq!(host.topology, Topology::Host);
    world.announce(2, with_role("s", "viewer", Role::Viewer));
    world.announce(3, with_role("s", "other", Role::Peer));
    world.send(1, "viewer", offer()).expect("the host offers");
    let answer = Message::Answer { handshake_id: "h".into(), sdp: "v=0".into() };
    world.send(2, "host", answer).expect("a viewer answers");
    for (connection, role) in [(2, Role::Viewer), (3, Role::Peer)] {
        world.told(1);
        let refusal = world.send(connection, "host", offer()).expect_err("it is not the host");
        assert_eq!(refusal.code(), ErrorCode::RoleForbids);
        let Refusal::RoleForbids { role: named, topology, .. } = refusal else { panic!("{refusal}") };
        assert_eq!((named, topology), (role, Topology::Host));
        assert!(world.told(1).is_empty());
    }
    let refusal = world.try_announce(4, with_role("s", "second", Role::Host)).expect_err("there is a host");
    assert_eq!(refusal, Refusal::HostTaken { session: "s".into(), host: "host".into() });
    // The host itself comes back, or goes and another takes its place.
    let resume_token = Some(host.resume_token);
    world.announce(4, AnnounceParams { resume_token, ..with_role("s", "host", Role::Host) });
    world.disconnect(4, LeaveReason::Disconnected);
    world.subscribe(5);
    world.announce(5, with_role("s", "second", Role::Host));
}

#[test]
fn a_viewer_may_wait_for_its_host_and_a_mesh_has_none() {
    let mut world = World::with(1..=4);
    assert_eq!(world.announce(1, with_role("s", "viewer", Role::Viewer)).topology, Topology::Host);
    world.announce(2, with_role("s", "host", Role::Host));
    world.announce(3, peer("m", "a"));
    let refusal = world.try_announce(4, with_role("m", "host", Role::Host)).expect_err("a mesh has no host");
    assert_eq!(refusal.to_string(), "in session m of topology mesh a host may not join");
    let params = AnnounceParams { topology: Some(Topology::Mesh), ..with_role("n", "host", Role::Host) };
    assert_eq!(world.try_announce(4, params).expect_err("the same").code(), ErrorCode::RoleForbids);
    assert_eq!(world.count().1, 2, "a refused announcement begins no session");
}

#[test]
fn names_are_checked_before_anything_else_happens() {
    let mut world = World::with([1, 2]);
    for (session, id, field) in [("", "a", "session"), ("s", "a b", "peer_id"), ("s/t", "a", "session")] {
        let refusal = world.try_announce(1, peer(session, id)).expect_err("a bad name");
        assert_eq!(refusal.code(), ErrorCode::InvalidName);
        assert!(refusal.to_string().starts_with(field), "{refusal}");
    }
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    let message = Message::Offer { handshake_id: "h h".into(), sdp: "v=0".into() };
    assert_eq!(world.send(1, "b", message).expect_err("a bad label").code(), ErrorCode::InvalidName);
    assert_eq!(world.send(1, "b", Message::CallStart { call_id: String::new() }).map_err(|r| r.code()), {
        Err(ErrorCode::InvalidName)
    });
}

#[test]
fn what_a_peer_says_of_itself_is_bounded() {
    let announce = |params: AnnounceParams| World::with([1]).try_announce(1, params).map(drop);
    let name = |chars| AnnounceParams { display_name: Some("é".repeat(chars)), ..peer("s", "a") };
    assert!(announce(name(64)).is_ok());
    assert!(announce(name(65)).is_err());
    assert!(announce(AnnounceParams { display_name: Some("a\u{7}".into()), ..peer("s", "a") }).is_err());
    let codecs = |count: usize, chars| {
        let capabilities = Capabilities { video: vec!["x".repeat(chars); count], ..Capabilities::default() };
        AnnounceParams { capabilities: Some(capabilities), ..peer("s", "a") }
    };
    assert!(announce(codecs(16, 32)).is_ok());
    assert!(announce(codecs(17, 32)).is_err());
    assert!(announce(codecs(16, 33)).is_err());
}

#[test]
fn one_that_is_kicked_is_out_and_its_connection_ends() {
    let mut world = World::with([1, 2]);
    world.announce(1, peer("s", "a"));
    world.announce(2, peer("s", "b"));
    world.told(1);
    assert!(world.rooms.kick("s", "nobody", world.now).is_none());
    assert!(world.rooms.kick("t", "b", world.now).is_none());
    let outputs = world.rooms.kick("s", "b", world.now).expect("b is there");
    world.take(outputs);
    assert_eq!(world.told(1), [left("b", 1, LeaveReason::Kicked)]);
    assert_eq!(world.closed, [(2, CloseCause::Kicked)]);
    assert_eq!(world.count(), (1, 1, 1));
}

#[test]
fn a_session_that_sees_thousands_come_and_go_remembers_a_bounded_number() {
    let mut world = World::with([0]);
    world.announce(0, peer("s", "stays"));
    for i in 1..5000 {
        world.subscribe(i);
        world.announce(i, peer("s", &format!("p{i}")));
        world.disconnect(i, LeaveReason::Disconnected);
        world.told.clear();
    }
    // As many as the session takes peers, the last ones: the others begin anew.
    world.subscribe(5000);
    assert_eq!(world.announce(5000, peer("s", "p4989")).generation, 1);
    world.subscribe(5001);
    assert_eq!(world.announce(5001, peer("s", "p4990")).generation, 2);
}

fn permutations(items: &[u64]) -> Vec<Vec<u64>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (i, &first) in items.iter().enumerate() {
        let rest: Vec<u64> = items[..i].iter().chain(&items[i + 1..]).copied().collect();
        all.extend(permutations(&rest).into_iter().map(|mut rest| {
            rest.insert(0, first);
            rest
        }));
    }
    all
}
