//! What joining gets from a server that is not there, is something else, or does not speak the protocol: an
//! error that names the URL and the cause within the deadline, and nothing left behind.

use std::time::Duration;

use remotemedia_tests::{OddServer, Resources, Room};
use remotemedia_transport_webrtc::{Deadlines, WebRtcConfig, WebRtcTransport};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// For joining. Long enough for a server that answers, on a busy machine.
const JOIN: Duration = Duration::from_secs(2);

/// A story that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Joins at `url` and returns why that failed, causes and all.
async fn refused_by(url: &str) -> String {
    let deadlines = Deadlines { join: JOIN, ..Deadlines::default() };
    let config = WebRtcConfig { deadlines, ..WebRtcConfig::new(url, "room").peer_id("ann") };
    let joining = tokio::time::timeout(PATIENCE, WebRtcTransport::join(config, Room::runner()));
    let refused = joining.await.expect("an end within the deadline").err().expect("a refusal");
    let told = format!("{:#}", anyhow::Error::new(refused));
    assert!(told.contains(url), "{told}");
    assert!(!told.contains('\n'), "{told}");
    told
}

/// Joins at an odd server, which must fail with these words and leave no task behind.
async fn refused_with(server: impl Future<Output = OddServer>, words: &[&str]) {
    let before = Resources::tasks();
    let server = server.await;
    let told = refused_by(server.url()).await;
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    drop(server);
    Resources::tasks_settle_to(before).await;
}

/// The reply of a server that is in order.
fn reply(request: &Value) -> String {
    let result = match request["method"].as_str() {
        Some("server.info") => json!({"name": "odd", "version": "1", "protocol": 1, "limits": {
            "control_bytes": 65_536, "sdp_bytes": 262_144, "requests_per_second": 100, "request_burst": 1000,
            "peers_per_session": 10, "sessions": 10,
        }}),
        Some("events.subscribe") => json!(7),
        Some("peer.announce") => json!({"session": "room", "peer_id": "ann", "generation": 1,
            "resume_token": "t", "topology": "mesh", "max_peers": 10, "peers": []}),
        _ => json!({}),
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string()
}

fn is(request: &Value, method: &str) -> bool {
    request["method"] == method
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named_with_what_the_system_says() {
    // Bound and not listened on: the port is ours and refuses.
    let reserved = tokio::net::TcpSocket::new_v4().expect("a socket");
    reserved.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let url = format!("ws://{}/ws", reserved.local_addr().expect("bound"));
    let told = refused_by(&url).await;
    assert!(told.contains(&format!("cannot connect to {url}")) && told.contains("refused"), "{told}");
}

#[tokio::test]
async fn a_name_that_nobody_has_is_named() {
    let told = refused_by("ws://nobody.invalid:9/ws").await;
    assert!(told.contains("nobody.invalid"), "{told}");
}

#[tokio::test]
async fn what_is_no_signaling_url_is_refused_by_value() {
    for url in [
        "http://localhost:1/ws",
        "localhost:1",
        "",
        "ws://",
        "ws://u:p@localhost:1/ws",
        "ws://localhost:99999/ws",
    ] {
        let told = refused_by(url).await;
        assert!(told.contains("expected ws://"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_at_the_deadline() {
    refused_with(OddServer::silent(), &["accepted the connection but did not answer", "2s"]).await;
}

#[tokio::test]
async fn a_server_whose_queue_is_full_is_given_up_at_the_deadline() {
    // One that never accepts: the system takes a few connections on its behalf, then none.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let told = refused_by(&format!("ws://{}/ws", listener.local_addr().expect("bound"))).await;
    assert!(told.contains("did not answer") || told.contains("did not accept"), "{told}");
}

#[tokio::test]
async fn a_plain_web_server_is_told_from_a_signaling_server_by_its_status() {
    let page = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>";
    refused_with(OddServer::answering(page), &["HTTP status 200", "is this the signaling server"]).await;
    let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    refused_with(OddServer::answering(missing), &["HTTP status 404", "is the path right"]).await;
}

#[tokio::test]
async fn a_server_that_does_not_take_the_peer_is_told_with_its_words() {
    let named = b"HTTP/1.1 421 Misdirected Request\r\ncontent-length: 21\r\n\r\nnot called \"a.local\"\n";
    refused_with(OddServer::answering(named), &["HTTP status 421: not called \"a.local\""]).await;
    let silent = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    refused_with(OddServer::answering(silent), &["HTTP status 403: no reason given"]).await;
}

#[tokio::test]
async fn a_server_of_another_protocol_is_told_from_a_web_server() {
    let mail = b"220 mail.example.org ESMTP\r\n";
    refused_with(OddServer::answering(mail), &["answered the WebSocket handshake with something else"]).await;
    refused_with(OddServer::answering(b""), &["answered the WebSocket handshake"]).await;
}

#[tokio::test]
async fn a_page_of_a_signaling_server_at_another_path_is_told_by_its_status() {
    let room = Room::open().await;
    let url = room.server.url().replace("/ws", "/healthz");
    let told = refused_by(&url).await;
    assert!(told.contains("HTTP status 200"), "{told}");
}

#[tokio::test]
async fn garbage_after_the_upgrade_ends_the_connection_with_what_is_wrong_with_it() {
    let garbage = &[0xff; 64];
    refused_with(OddServer::breaking(garbage), &["the signaling connection is over", "WebSocket"]).await;
    // A text frame that is not UTF-8.
    let bytes = &[0x81, 0x02, 0xc3, 0x28];
    refused_with(OddServer::breaking(bytes), &["the signaling connection is over", "UTF-8"]).await;
    // A binary frame.
    let bytes = &[0x82, 0x01, 0x00];
    refused_with(OddServer::breaking(bytes), &["a binary frame of 1 bytes"]).await;
    // A text frame that is not JSON, and JSON that is not JSON-RPC.
    refused_with(OddServer::breaking(b"\x81\x05hello"), &["not JSON-RPC 2.0"]).await;
    refused_with(OddServer::breaking(b"\x81\x0a{\"a\": [1]}"), &["not JSON-RPC 2.0"]).await;
    // A frame that never ends is no sign of life.
    refused_with(OddServer::breaking(b"\x81\x05he"), &["server.info was not answered within 2s"]).await;
}

#[tokio::test]
async fn a_message_longer_than_may_be_read_ends_the_connection_with_both_lengths() {
    let filler = "x".repeat(1024 * 1024);
    let odd = OddServer::scripted(move |request| {
        vec![json!({"jsonrpc": "2.0", "id": request["id"], "result": filler}).to_string()]
    });
    refused_with(odd, &["the server sent a message of", "1048576 are allowed"]).await;
    // One that only announces it.
    let announced = &[0x81, 127, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    refused_with(OddServer::breaking(announced), &["a message of 4294967295 bytes", "1048576"]).await;
}

#[tokio::test]
async fn a_reply_that_nobody_waits_for_ends_the_connection() {
    let stray = |request: &Value| {
        vec![json!({"jsonrpc": "2.0", "id": 999_999, "result": {}}).to_string(), reply(request)]
    };
    refused_with(OddServer::scripted(stray), &["replied to a request that is not waiting", "999999"]).await;
    let twice = |request: &Value| vec![reply(request), reply(request)];
    refused_with(OddServer::scripted(twice), &["replied to a request that is not waiting"]).await;
}

#[tokio::test]
async fn a_reply_that_is_not_what_the_method_returns_is_named_by_the_method() {
    for method in ["server.info", "events.subscribe", "peer.announce"] {
        let odd = move |request: &Value| match is(request, method) {
            true => vec![json!({"jsonrpc": "2.0", "id": request["id"], "result": {"odd": [1]}}).to_string()],
            false => vec![reply(request)],
        };
        refused_with(OddServer::scripted(odd), &[method]).await;
    }
}

#[tokio::test]
async fn a_reply_with_a_result_and_an_error_is_no_reply() {
    let both = |request: &Value| {
        let mut reply: Value = serde_json::from_str(&reply(request)).expect("JSON");
        reply["error"] = json!({"code": -32_603, "message": "both"});
        vec![reply.to_string()]
    };
    refused_with(OddServer::scripted(both), &["not JSON-RPC 2.0"]).await;
}

#[tokio::test]
async fn a_request_that_is_not_answered_is_named_at_the_deadline_of_joining() {
    for method in ["server.info", "events.subscribe", "peer.announce"] {
        let silent = move |request: &Value| match is(request, method) {
            true => Vec::new(),
            false => vec![reply(request)],
        };
        let words = [method, "was not answered within 2s"];
        refused_with(OddServer::scripted(silent), &words).await;
    }
}

#[tokio::test]
async fn an_older_or_newer_server_is_told_by_its_version() {
    let newer = |request: &Value| {
        let mut reply: Value = serde_json::from_str(&reply(request)).expect("JSON");
        reply["result"]["protocol"] = json!(9);
        vec![reply.to_string()]
    };
    refused_with(OddServer::scripted(newer), &["speaks protocol 9, and this program 1"]).await;
}

#[tokio::test]
async fn an_event_before_the_subscription_does_not_keep_a_peer_from_joining() {
    let event = json!({"jsonrpc": "2.0", "method": "events", "params": {"subscription": 7, "result":
        {"type": "peer_left", "peer_id": "bob", "generation": 1, "reason": "left"}}});
    let early = move |request: &Value| match is(request, "server.info") {
        true => vec![event.to_string(), reply(request)],
        false => vec![reply(request)],
    };
    let server = OddServer::scripted(early).await;
    let config = WebRtcConfig::new(server.url(), "room").peer_id("ann");
    let transport = WebRtcTransport::join(config, Room::runner()).await.expect("the server is in order");
    assert!(transport.peers().is_empty());
    assert!(transport.close().await.complete);
}
