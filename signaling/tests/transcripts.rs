//! The transcripts of `docs/signaling.md`, played against the server and read as the protocol's types.

use std::collections::HashMap;
use std::time::Duration;

use remotemedia_signaling::protocol::{
    AnnounceParams, AnnounceResult, CallEndParams, CallParams, Done, EVENTS_METHOD, ErrorCode,
    IceCandidateParams, IceServer, PeerList, SdpParams, ServerInfo, SessionList, SignalingEvent,
};
use remotemedia_signaling::websocket::{Endpoint, Frame, WebSocket, connect};
use remotemedia_signaling::{ServerConfig, ServerHandle, SignalingServer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

const PAGE: &str = include_str!("../../docs/signaling.md");

/// For what must happen; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// Stands for any value.
const ANY: &str = "…";

/// One line: a connection's name, what happens on it, and the text of the frame.
struct Line<'a> {
    number: usize,
    connection: &'a str,
    act: Act<'a>,
}

#[derive(Clone, Copy)]
enum Act<'a> {
    Sends(&'a str),
    Receives(&'a str),
    Vanishes,
}

/// Returns the page's transcripts; lines are numbered as in the page.
fn transcripts() -> Vec<Vec<Line<'static>>> {
    let (mut transcripts, mut open) = (Vec::new(), false);
    for (number, text) in (1..).zip(PAGE.lines()) {
        match text {
            "```transcript" => {
                transcripts.push(Vec::new());
                open = true;
            }
            "```" => open = false,
            text if open => transcripts.last_mut().expect("one is open").push(line(number, text)),
            _ => {}
        }
    }
    transcripts
}

fn line(number: usize, text: &'static str) -> Line<'static> {
    let (connection, act) = if let Some(connection) = text.strip_suffix('!') {
        (connection, Act::Vanishes)
    } else if let Some((connection, frame)) = text.split_once("> ") {
        (connection, Act::Sends(frame))
    } else if let Some((connection, frame)) = text.split_once("< ") {
        (connection, Act::Receives(frame))
    } else {
        panic!("line {number}: neither sent nor received: {text}")
    };
    assert_eq!(connection.len(), 1, "line {number}: no name of a connection: {text}");
    Line { number, connection, act }
}

async fn connected(server: &ServerHandle) -> WebSocket {
    let endpoint = Endpoint::parse(&server.url()).expect("the server's own URL");
    connect(&endpoint, DEADLINE, 1 << 20).await.expect("a connection")
}

/// The servers of the page's operator.
fn ice_servers() -> Vec<IceServer> {
    let stun =
        IceServer { urls: vec!["stun:stun.example.org:3478".to_owned()], username: None, credential: None };
    let turn = IceServer {
        urls: vec!["turn:turn.example.org:3478".to_owned()],
        username: Some("ada".to_owned()),
        credential: Some("secret".to_owned()),
    };
    vec![stun, turn]
}

async fn received(socket: &mut WebSocket) -> Value {
    loop {
        match timeout(DEADLINE, socket.receiver.receive()).await.expect("a frame in time") {
            Ok(Frame::Text(text)) => return serde_json::from_str(&text).expect("the server writes JSON"),
            Ok(Frame::Alive) => {}
            other => panic!("{other:?} instead of a text"),
        }
    }
}

/// Whether a value is as written, `"…"` being anything.
fn is_as_written(got: &Value, written: &Value) -> bool {
    match (got, written) {
        (_, Value::String(text)) if text == ANY => true,
        (Value::Object(got), Value::Object(written)) => {
            got.len() == written.len()
                && written
                    .iter()
                    .all(|(key, value)| got.get(key).is_some_and(|got| is_as_written(got, value)))
        }
        (Value::Array(got), Value::Array(written)) => {
            got.len() == written.len() && got.iter().zip(written).all(|(a, b)| is_as_written(a, b))
        }
        (got, written) => got == written,
    }
}

#[tokio::test]
async fn every_transcript_is_what_the_server_does() {
    for transcript in transcripts() {
        let config = ServerConfig { ice_servers: ice_servers(), ..ServerConfig::default() };
        let server = SignalingServer::start(config).await.expect("a server on a free port");
        let mut sockets: HashMap<&str, WebSocket> = HashMap::new();
        for Line { number, connection, act } in transcript {
            if !sockets.contains_key(connection) {
                sockets.insert(connection, connected(&server).await);
            }
            let socket = sockets.get_mut(connection).expect("connected above");
            match act {
                Act::Sends(text) => socket.sender.send(text.into()).await.expect("an open connection"),
                Act::Receives(text) => {
                    let written = serde_json::from_str(text).unwrap_or_else(|e| panic!("line {number}: {e}"));
                    let got = received(socket).await;
                    assert!(is_as_written(&got, &written), "line {number}: {got}");
                }
                Act::Vanishes => drop(sockets.remove(connection)),
            }
        }
        server.stop(DEADLINE).await.expect("nothing holds the server up");
    }
}

/// Reads a value as a type of the protocol, and asserts that it says all that the type does and no more.
#[track_caller]
fn reads_as<T: DeserializeOwned + Serialize>(value: &Value) -> T {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    let written = serde_json::to_value(&read).expect("types of the protocol are JSON");
    assert_eq!(&written, value);
    read
}

fn check_params(method: &str, params: &Value) {
    match method {
        "peer.announce" => drop(reads_as::<AnnounceParams>(params)),
        "peer.offer" | "peer.answer" => drop(reads_as::<SdpParams>(params)),
        "peer.ice_candidate" => drop(reads_as::<IceCandidateParams>(params)),
        "call.start" | "call.accept" => drop(reads_as::<CallParams>(params)),
        "call.end" => drop(reads_as::<CallEndParams>(params)),
        "server.info" | "events.subscribe" | "session.list" | "peer.list" | "peer.leave" => {
            assert!(
                params.as_object().is_none_or(serde_json::Map::is_empty),
                "{method} takes none: {params}"
            );
        }
        other => panic!("no type for the parameters of {other}"),
    }
}

fn check_result(method: &str, result: &Value) {
    match method {
        "peer.announce" => drop(reads_as::<AnnounceResult>(result)),
        "server.info" => drop(reads_as::<ServerInfo>(result)),
        "session.list" => drop(reads_as::<SessionList>(result)),
        "peer.list" => drop(reads_as::<PeerList>(result)),
        "events.subscribe" => assert_eq!(result, ANY, "its id is the server's choice"),
        _ => drop(reads_as::<Done>(result)),
    }
}

fn check_error(error: &Value) {
    let code = error["code"].as_i64().expect("a code");
    let known = ErrorCode::ALL.iter().find(|known| i64::from(known.code()) == code);
    let known = known.unwrap_or_else(|| panic!("no error has the code {code}"));
    assert_eq!(error["data"]["name"], known.name());
}

#[test]
fn every_message_of_a_transcript_reads_as_its_type() {
    let mut events = 0;
    for transcript in transcripts() {
        let mut methods: HashMap<(&str, String), String> = HashMap::new();
        for Line { connection, act, .. } in transcript {
            let (Act::Sends(text) | Act::Receives(text)) = act else { continue };
            // One of the mistakes is a text that is no JSON.
            let Ok(message) = serde_json::from_str::<Value>(text) else {
                assert!(matches!(act, Act::Sends(_)), "the server writes JSON: {text}");
                continue;
            };
            assert_eq!(message["jsonrpc"], "2.0", "{text}");
            let id = (connection, message["id"].to_string());
            match act {
                Act::Sends(_) => {
                    let method = message["method"].as_str().expect("a method");
                    check_params(method, &message["params"]);
                    methods.insert(id, method.to_owned());
                }
                _ if message["method"] == EVENTS_METHOD => {
                    // An event that the protocol does not know is never written, and so fails here.
                    drop(reads_as::<SignalingEvent>(&message["params"]["result"]));
                    events += 1;
                }
                _ if message.get("error").is_some() => check_error(&message["error"]),
                _ => check_result(&methods[&id], &message["result"]),
            }
        }
    }
    assert!(events > 5, "{events} events");
}
