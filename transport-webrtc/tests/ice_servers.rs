//! Connections by way of STUN and TURN servers: relayed, refused, and not delayed by one that is dead.

#[path = "rtc_pair/mod.rs"]
mod pair;
mod turn_server;

use std::net::UdpSocket;

use pair::{DEADLINE, End, config, negotiate, open};
use remotemedia_transport_webrtc::rtc::{
    Connection, ConnectionConfig, ConnectionEvent, ConnectionEvents, ConnectionState, DataMessage,
    DataReceiver, DataSender, IceServer, SdpKind,
};
use turn_server::TurnServer;

/// Only by way of that server.
fn relayed(server: IceServer) -> ConnectionConfig {
    ConnectionConfig { ice_servers: vec![server], relay_only: true, ..config() }
}

/// Makes an offer and returns the candidates that come until there are no more.
async fn gathered(connection: &Connection, events: &mut ConnectionEvents) -> Vec<String> {
    let offer = connection.create_offer(false).await.expect("offer");
    connection.set_local(SdpKind::Offer, &offer).await.expect("local offer");
    let mut candidates = Vec::new();
    let gathering = async {
        loop {
            match events.recv().await.expect("open") {
                ConnectionEvent::LocalCandidate(candidate) if candidate.is_end() => return,
                ConnectionEvent::LocalCandidate(candidate) => candidates.push(candidate.candidate),
                _ => {}
            }
        }
    };
    tokio::time::timeout(2 * DEADLINE, gathering).await.expect("an end of the candidates");
    candidates
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_peers_that_may_only_be_relayed_meet_over_a_turn_server() {
    let server = TurnServer::start();
    let (alone, mut events) = Connection::open(relayed(server.right())).await.expect("opens");
    let candidates = gathered(&alone, &mut events).await;
    assert!(
        !candidates.is_empty() && candidates.iter().all(|line| line.contains("typ relay")),
        "{candidates:?}"
    );
    alone.close(DEADLINE).await;
    // So each has relayed addresses alone.
    let (mut ann, mut bob) = open(relayed(server.right()), relayed(server.right())).await;
    negotiate(&ann.connection, &bob.connection).await;
    ann.connected().await;
    bob.connected().await;
    let (sender, _keep) = opened(&mut ann).await;
    let (_keep, mut receiver) = opened(&mut bob).await;
    sender.send(DataMessage::Text("by way of the relay".into())).await.expect("open");
    let received = tokio::time::timeout(DEADLINE, receiver.recv()).await.expect("in time");
    assert_eq!(received, Some(DataMessage::Text("by way of the relay".into())));
    assert_eq!(ann.connection.close(DEADLINE).await, 0);
    assert_eq!(bob.connection.close(DEADLINE).await, 0);
}

async fn opened(end: &mut End) -> (DataSender, DataReceiver) {
    end.until(|event| match event {
        ConnectionEvent::DataOpened { sender, receiver, .. } => Some((sender, receiver)),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_credential_is_told_with_the_server_and_its_words() {
    let server = TurnServer::start();
    let (connection, mut events) =
        Connection::open(relayed(server.ice_server("wrong"))).await.expect("opens");
    assert_eq!(gathered(&connection, &mut events).await, [""; 0]);
    let expected = format!(
        "no relay was given; TURN server {} refused the user name or the credential (401 Unauthorized)",
        server.address()
    );
    assert_eq!(connection.path_fault(), expected);
    connection.close(DEADLINE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_server_that_says_nothing_is_told_as_silent() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound");
    let server = IceServer {
        urls: vec![format!("turn:{address}")],
        username: Some("ann".into()),
        credential: Some("secret".into()),
    };
    let (connection, _events) = Connection::open(relayed(server)).await.expect("opens");
    let offer = connection.create_offer(false).await.expect("offer");
    connection.set_local(SdpKind::Offer, &offer).await.expect("local offer");
    // Its first request is there: so it was asked.
    let (asked, mut request) =
        (tokio::net::UdpSocket::from_std(nonblocking(silent)).expect("a socket"), [0; 512]);
    tokio::time::timeout(DEADLINE, asked.recv_from(&mut request)).await.expect("in time").expect("a request");
    let expected = format!("no relay was given; TURN server {address} does not answer");
    assert!(connection.path_fault().starts_with(&expected), "{}", connection.path_fault());
    connection.close(DEADLINE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_stun_server_does_not_keep_two_peers_waiting() {
    // Takes requests and says nothing: the engine asks it for seconds.
    let dead = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let url = format!("stun:{}", dead.local_addr().expect("bound"));
    let server = IceServer { urls: vec![url], ..IceServer::default() };
    let stuck = || ConnectionConfig { ice_servers: vec![server.clone()], ..config() };
    let (ann, mut ann_events) = Connection::open(stuck()).await.expect("opens");
    let (bob, mut bob_events) = Connection::open(stuck()).await.expect("opens");
    negotiate(&ann, &bob).await;
    let connecting = async {
        let (mut connected, mut gathered) = (0, false);
        while connected < 2 {
            let (event, to) = tokio::select! {
                event = ann_events.recv() => (event, &bob),
                event = bob_events.recv() => (event, &ann),
            };
            match event.expect("open") {
                ConnectionEvent::LocalCandidate(candidate) => {
                    gathered |= candidate.is_end();
                    to.add_candidate(candidate).await.expect("described");
                }
                ConnectionEvent::StateChanged(ConnectionState::Connected) => connected += 1,
                ConnectionEvent::StateChanged(ConnectionState::Failed { cause }) => panic!("{cause}"),
                _ => {}
            }
        }
        gathered
    };
    let gathered = tokio::time::timeout(DEADLINE, connecting).await.expect("connected in time");
    assert!(!gathered, "they were connected only when the server was given up");
    ann.close(DEADLINE).await;
    bob.close(DEADLINE).await;
}

fn nonblocking(socket: UdpSocket) -> UdpSocket {
    socket.set_nonblocking(true).expect("a socket");
    socket
}
