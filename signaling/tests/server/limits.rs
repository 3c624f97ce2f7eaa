//! Every limit, at it and past it, as a client meets it.

use std::time::Duration;

use remotemedia_signaling::ServerConfig;
use remotemedia_signaling::protocol::ErrorCode;
use remotemedia_signaling::server::ServerTimeouts;
use remotemedia_signaling::websocket::CloseCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, DEADLINE, http, server, silent_websocket, text_frame};

/// A request of exactly so many bytes.
fn request_of(bytes: usize, method: &str, id: u64) -> String {
    let request = |pad: &str| {
        let params = json!({"to": "b", "handshake_id": "h", "sdp": pad});
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
    };
    let text = request(&"x".repeat(bytes - request("").len()));
    assert_eq!(text.len(), bytes);
    text
}

#[tokio::test]
async fn a_message_may_be_as_long_as_its_limit_and_not_one_byte_longer() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::announced(&server, "s", "a").await;
    let _target = Client::announced(&server, "s", "b").await;
    let (control, sdp) = (64 * 1024, 256 * 1024);
    for (method, limit) in [("peer.ice_candidate", control), ("peer.dance", control), ("peer.offer", sdp)] {
        client.write(request_of(limit, method, 70)).await;
        let reply = client.reply().await;
        assert_ne!(reply["error"]["code"], -32008, "{method} at the limit");
        client.write(request_of(limit + 1, method, 71)).await;
        let reply = client.reply().await;
        let error = &reply["error"];
        assert_eq!(
            (&reply["id"], &error["code"]),
            (&json!(71), &json!(-32008)),
            "{method} one past the limit"
        );
        assert_eq!(
            (&error["data"]["bytes"], &error["data"]["max_bytes"]),
            (&json!(limit + 1), &json!(limit))
        );
    }
}

#[tokio::test]
async fn a_frame_too_long_to_be_read_ends_its_connection_with_a_reason() {
    let server = server(ServerConfig::default()).await;
    let mut other = Client::announced(&server, "s", "b").await;
    let mut client = Client::announced(&server, "s", "a").await;
    assert_eq!(other.event().await["type"], "peer_joined");
    client.write("x".repeat(512 * 1024 + 1)).await;
    let reply = client.reply().await;
    assert_eq!((&reply["error"]["code"], &reply["id"]), (&json!(-32008), &Value::Null), "{reply}");
    assert_eq!(client.close_code().await, CloseCode::TooLarge.code());
    let left = other.event().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("peer_left"), &json!("disconnected")));
}

#[tokio::test]
async fn a_binary_frame_is_refused_and_the_connection_stays() {
    let server = server(ServerConfig::default()).await;
    let mut stream = silent_websocket(server.address()).await;
    let mut frame = text_frame("{}");
    frame[0] = 0x82;
    stream.write_all(&frame).await.expect("an open connection");
    stream.write_all(&text_frame("{}")).await.expect("an open connection");
    // Both answers fit one short frame each: two replies with the code of an invalid request.
    let mut answer = String::new();
    while answer.matches("-32600").count() < 2 {
        let mut bytes = [0; 1024];
        let n =
            timeout(DEADLINE, stream.read(&mut bytes)).await.expect("an answer in time").expect("an answer");
        assert_ne!(n, 0, "the connection stays");
        answer.push_str(&String::from_utf8_lossy(&bytes[..n]));
    }
    assert!(answer.contains("binary frames are not taken"), "{answer}");
}

#[tokio::test]
async fn requests_past_the_rate_are_refused_with_the_time_to_wait() {
    let mut config = ServerConfig::default();
    config.limits.request_burst = 5;
    config.limits.requests_per_second = 1;
    let server = server(config).await;
    let mut client = Client::connect(&server).await;
    for _ in 0..5 {
        client.ok("server.info", json!({})).await;
    }
    let error = client.error("server.info", json!({})).await;
    assert_eq!(error["code"], -32009);
    let wait = error["data"]["retry_after_ms"].as_u64().expect("a time");
    assert!((1..=1000).contains(&wait), "{error}");
    // Another connection has its own.
    Client::connect(&server).await.ok("server.info", json!({})).await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_closed() {
    let mut config = ServerConfig::default();
    config.limits.connections = 2;
    let server = server(config).await;
    let mut first = Client::announced(&server, "s", "a").await;
    let second = Client::announced(&server, "s", "b").await;
    let mut third = Client::connect(&server).await;
    let reply = third.reply().await;
    assert_eq!((&reply["error"]["code"], &reply["id"]), (&json!(-32014), &Value::Null), "{reply}");
    assert_eq!(third.close_code().await, CloseCode::TryAgainLater.code());
    assert_eq!(server.report().connections_refused, 1);
    // A place that is given up can be taken.
    drop(second);
    assert_eq!(first.event().await["type"], "peer_joined");
    assert_eq!(first.event().await["type"], "peer_left");
    Client::announced(&server, "s", "c").await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_at_all_is_closed() {
    let timeouts = ServerTimeouts { request_head: Duration::from_millis(50), ..ServerTimeouts::default() };
    let server = server(ServerConfig { timeouts, ..ServerConfig::default() }).await;
    for start in ["", "GET / HTTP/1.1\r\nhost:"] {
        // Nothing, or half a request: the end comes from the server.
        http(server.address(), start).await;
    }
    // The same after a whole request on a connection that is kept.
    let answer = http(server.address(), "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_asks_and_never_reads_is_closed() {
    let timeouts =
        ServerTimeouts { http_connection: Duration::from_millis(200), ..ServerTimeouts::default() };
    let server = server(ServerConfig { timeouts, ..ServerConfig::default() }).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let requests = "GET /openrpc.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    // Until nothing more goes in and the server has closed: it has not waited for us to read.
    let asking = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(DEADLINE, asking).await.expect("an end in time");
}

#[tokio::test]
async fn each_refusal_of_a_room_has_its_own_code_and_a_sentence() {
    let mut config = ServerConfig::default();
    config.limits.rooms.sessions = 2;
    config.limits.rooms.peers_per_session = 3;
    config.limits.rooms.mesh_peers = 3;
    let server = server(config).await;
    let join = |session: &str, peer: &str| json!({"session": session, "peer_id": peer});
    let mut hosted = join("hosted", "host");
    hosted["topology"] = json!("host");
    hosted["role"] = json!("host");
    let mut host = Client::subscribed(&server).await;
    host.ok("peer.announce", hosted).await;
    let mut guest = Client::announced(&server, "hosted", "guest").await;
    let _first = Client::announced(&server, "room", "a").await;
    let _second = Client::announced(&server, "room", "b").await;

    let mut late = Client::connect(&server).await;
    let mut refused = Vec::new();
    refused.push(late.error("peer.announce", join("room", "c")).await);
    late.ok("events.subscribe", json!({})).await;
    refused.push(late.error("peer.offer", json!({"to": "a", "handshake_id": "h", "sdp": "v=0"})).await);
    refused.push(late.error("peer.announce", join("room", "a")).await);
    refused.push(late.error("peer.announce", join("third", "c")).await);
    refused.push(late.error("peer.announce", join("room", "no spaces")).await);
    late.ok("peer.announce", join("room", "c")).await;
    refused.push(late.error("peer.announce", join("room", "c")).await);
    refused.push(late.error("peer.offer", json!({"to": "nobody", "handshake_id": "h", "sdp": "v=0"})).await);
    let mut fourth = Client::subscribed(&server).await;
    refused.push(fourth.error("peer.announce", join("room", "d")).await);
    refused.push(guest.error("peer.offer", json!({"to": "host", "handshake_id": "h", "sdp": "v=0"})).await);

    let names: Vec<_> = refused.iter().map(|error| error["data"]["name"].clone()).collect();
    assert_eq!(
        names,
        [
            "not_subscribed",
            "not_announced",
            "peer_id_taken",
            "too_many_sessions",
            "invalid_name",
            "already_announced",
            "unknown_peer",
            "session_full",
            "role_forbids"
        ]
    );
    for error in &refused {
        let code = error["code"].as_i64().expect("a code");
        let known =
            ErrorCode::from_code(i32::try_from(code).expect("small")).expect("a code of the protocol");
        assert_eq!(error["data"]["name"], known.name());
        assert!(error["message"].as_str().is_some_and(|text| text.contains(' ')), "{error}");
    }
    let mut codes: Vec<_> = refused.iter().map(|error| error["code"].as_i64()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), refused.len(), "each has its own");
}

#[tokio::test]
async fn the_largest_room_can_be_joined_by_who_reads_a_mebibyte() {
    const PEERS: u32 = 512;
    let mut config = ServerConfig::default();
    config.limits.rooms.peers_per_session = PEERS;
    let server = server(config).await;
    // Quotes take two bytes in JSON, and four bytes are the longest character.
    let codecs: Vec<String> = (0..16).map(|n| format!("{n:#>32}")).collect();
    let mut clients = Vec::new();
    let mut longest = 0;
    for n in 0..PEERS {
        let mut client = Client::subscribed(&server).await;
        let params = json!({
            "session": "s", "peer_id": format!("{n:x>64}"), "display_name": "𝄞".repeat(64), "max_peers": PEERS,
            "capabilities": {"video": codecs, "audio": codecs},
        });
        let result = client.ok("peer.announce", params).await;
        longest = longest.max(result.to_string().len());
        clients.push(client);
    }
    assert!((600_000..1 << 20).contains(&longest), "{longest} bytes");
}
