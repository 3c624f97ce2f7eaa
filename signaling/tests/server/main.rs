//! The server over real sockets, with clients that write frames by hand.

mod client;
mod limits;

use std::time::Duration;

use remotemedia_signaling::protocol::{ErrorCode, METHODS};
use remotemedia_signaling::server::{AllowedOrigins, ServerTimeouts, WebFiles};
use remotemedia_signaling::websocket::{CloseCode, ConnectError, Endpoint, connect};
use remotemedia_signaling::{ServerConfig, SignalingServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use client::{Client, DEADLINE, get, http, server, silent_websocket, text_frame};

#[tokio::test]
async fn a_frame_that_is_not_a_request_is_answered_and_the_connection_stays() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::connect(&server).await;
    let cases = [
        ("", -32700, Value::Null),
        ("hello", -32700, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\"", -32700, Value::Null),
        ("\u{0}\u{1}", -32700, Value::Null),
        ("17", -32600, Value::Null),
        ("{}", -32600, Value::Null),
        ("{\"id\":5,\"method\":\"peer.list\"}", -32600, json!(5)),
        ("{\"jsonrpc\":\"1.0\",\"id\":6,\"method\":\"peer.list\"}", -32600, json!(6)),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":7}", -32600, json!("x")),
        ("{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"server.info\"}", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"server.info\"}", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"server.info\"}", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"server.info\"}", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":18446744073709551616,\"method\":\"server.info\"}", -32600, Value::Null),
        ("[]", -32600, Value::Null),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"peer.list\"}]", -32600, Value::Null),
    ];
    for (text, code, id) in cases {
        client.write(text).await;
        let reply = client.reply().await;
        assert_eq!((&reply["error"]["code"], &reply["id"]), (&json!(code), &id), "{text:?}: {reply}");
        let name = ErrorCode::from_code(code).expect("a code of the protocol").name();
        assert_eq!(reply["error"]["data"]["name"], name, "{reply}");
    }
    // Too deep to be worth reading.
    client.write("[".repeat(50_000)).await;
    assert_eq!(client.reply().await["error"]["code"], -32700);
    // A notification gets no reply: the next reply is to the next request.
    client.write("{\"jsonrpc\":\"2.0\",\"method\":\"peer.leave\",\"params\":{}}").await;
    assert_eq!(client.ok("server.info", json!({})).await["protocol"], 1);
}

#[tokio::test]
async fn an_unknown_method_and_wrong_parameters_are_named() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::subscribed(&server).await;
    let error = client.error("peer.dance", json!({})).await;
    assert_eq!(error["code"], -32601);
    assert!(error["message"].as_str().expect("a sentence").contains("peer.dance"), "{error}");
    assert!(
        error["data"]["methods"].as_array().expect("the methods").contains(&json!("peer.offer")),
        "{error}"
    );

    let cases = [
        (json!({"peer_id": "a"}), "session"),
        (json!({"session": 7, "peer_id": "a"}), "invalid type: integer `7`"),
        (json!({"session": "s", "peer_id": "a", "role": "king"}), "king"),
        (json!({"session": "s", "peer_id": "a", "max_peers": -1}), "-1"),
        (json!([]), "No more params"),
        (Value::Null, ""),
    ];
    for (params, named) in cases {
        let error = client.error("peer.announce", params.clone()).await;
        assert_eq!(
            (&error["code"], &error["data"]["name"]),
            (&json!(-32602), &json!("invalid_params")),
            "{error}"
        );
        assert!(error["message"].as_str().expect("a sentence").contains(named), "{params}: {error}");
    }
    assert_eq!(server.report().refused(ErrorCode::InvalidParams), 6);
}

#[tokio::test]
async fn every_method_that_is_documented_is_there() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::connect(&server).await;
    for spec in METHODS {
        let code = client.call(spec.name, json!({})).await["error"]["code"].clone();
        assert_ne!(code, ErrorCode::MethodNotFound.code(), "{}", spec.name);
    }
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::connect(&server).await;
    let requests = [
        ("events.subscribe", json!({})),
        ("peer.announce", json!({"session": "s", "peer_id": "a"})),
        ("peer.list", json!({})),
        ("peer.leave", json!({})),
        ("peer.leave", json!({})),
        ("peer.announce", json!({"session": "t", "peer_id": "a"})),
    ];
    for (id, (method, params)) in requests.iter().enumerate() {
        client
            .write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string())
            .await;
    }
    let mut codes = Vec::new();
    for id in 0..requests.len() {
        let reply = client.reply().await;
        assert_eq!(reply["id"], id);
        codes.push(reply["error"]["code"].as_i64());
    }
    assert_eq!(codes, [None, None, None, None, Some(-32002), None]);
}

#[tokio::test]
async fn twenty_that_join_at_once_know_each_other_once() {
    let server = server(ServerConfig::default()).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::subscribed(&server).await);
    }
    let joins = clients.into_iter().enumerate().map(|(i, mut client)| {
        tokio::spawn(async move {
            let params = json!({"session": "s", "peer_id": format!("p{i:02}"), "max_peers": 20});
            let result = client.ok("peer.announce", params).await;
            let ids = result["peers"].as_array().expect("peers").iter().map(|p| p["peer_id"].clone());
            let mut known: Vec<Value> = ids.collect();
            while known.len() < 19 {
                let event = client.event().await;
                assert_eq!(event["type"], "peer_joined");
                known.push(event["peer"]["peer_id"].clone());
            }
            known.push(json!(format!("p{i:02}")));
            known.sort_by_key(Value::to_string);
            known
        })
    });
    let all: Vec<Value> = (0..20).map(|i| json!(format!("p{i:02}"))).collect();
    for join in joins.collect::<Vec<_>>() {
        assert_eq!(join.await.expect("no panic"), all);
    }
}

#[tokio::test]
async fn the_sender_of_a_message_cannot_be_forged() {
    let server = server(ServerConfig::default()).await;
    let mut target = Client::announced(&server, "s", "b").await;
    let mut sender = Client::announced(&server, "s", "a").await;
    assert_eq!(target.event().await["type"], "peer_joined");
    let params = json!({"to": "b", "from": "c", "generation": 9, "handshake_id": "h", "sdp": "v=0"});
    sender.ok("peer.offer", params).await;
    let expected = json!({"type": "offer", "from": "a", "generation": 1, "handshake_id": "h", "sdp": "v=0"});
    assert_eq!(target.event().await, expected);
}

#[tokio::test]
async fn a_slow_socket_delays_nobody_and_is_closed() {
    let mut config = ServerConfig::default();
    config.limits.outbox_events = 16;
    config.limits.request_burst = 10_000;
    let server = server(config).await;
    let mut fast = Client::announced(&server, "s", "fast").await;
    let mut sender = Client::announced(&server, "s", "sender").await;
    // The slow one shakes hands, joins, and then never reads.
    let mut slow = silent_websocket(server.address()).await;
    for (id, method, params) in
        [(1, "events.subscribe", json!({})), (2, "peer.announce", json!({"session": "s", "peer_id": "slow"}))]
    {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        slow.write_all(&text_frame(&request)).await.expect("an open connection");
    }
    assert_eq!(sender.event().await["peer"]["peer_id"], "slow");

    // Until the buffers of both operating systems and the outbox are full, each message also goes to the fast one.
    let sdp = "x".repeat(200 * 1024);
    let mut sent = 0;
    loop {
        let reply = sender.call("peer.offer", json!({"to": "slow", "handshake_id": "h", "sdp": sdp})).await;
        if reply["error"]["code"] == -32005 {
            break;
        }
        sender.ok("peer.offer", json!({"to": "fast", "handshake_id": sent.to_string(), "sdp": "v=0"})).await;
        loop {
            let event = fast.event().await;
            if event["type"] == "offer" {
                assert_eq!(event["handshake_id"], sent.to_string());
                break;
            }
        }
        sent += 1;
        assert!(sent < 1000, "the slow one is closed at some time");
    }
    let left = sender.event().await;
    assert_eq!((&left["peer_id"], &left["reason"]), (&json!("slow"), &json!("too_slow")), "{left}");
    let report = server.report();
    assert_eq!((report.connections_too_slow, report.connections, report.peers), (1, 2, 2));
}

#[tokio::test]
async fn a_connection_that_falls_silent_leaves() {
    let timeouts = ServerTimeouts {
        ping_interval: Duration::from_millis(20),
        silence: Duration::from_millis(60),
        ..ServerTimeouts::default()
    };
    let server = server(ServerConfig { timeouts, ..ServerConfig::default() }).await;
    // It never answers a ping, since nothing reads for it.
    let mut silent = silent_websocket(server.address()).await;
    let mut seen = Vec::new();
    timeout(DEADLINE, silent.read_to_end(&mut seen))
        .await
        .expect("an end in time")
        .expect("an end in due form");
    assert_eq!(server.report().connections_silent, 1);
    assert!(seen.windows(2).any(|pair| pair == CloseCode::Silent.code().to_be_bytes()), "{seen:?}");
}

#[tokio::test]
async fn a_resumed_peer_ends_its_old_connection_with_a_reason() {
    let server = server(ServerConfig::default()).await;
    let mut old = Client::subscribed(&server).await;
    let result = old.ok("peer.announce", json!({"session": "s", "peer_id": "a"})).await;
    let mut new = Client::subscribed(&server).await;
    let params = json!({"session": "s", "peer_id": "a", "resume_token": result["resume_token"]});
    assert_eq!(new.ok("peer.announce", params).await["generation"], 2);
    assert_eq!(old.close_code().await, CloseCode::Replaced.code());
    assert_eq!(server.report().peers, 1);
    // The operator's word ends the new one.
    assert!(server.kick("s", "a"));
    assert_eq!(new.close_code().await, CloseCode::Kicked.code());
    assert!(!server.kick("s", "a"));
}

#[tokio::test]
async fn a_subscription_is_one_at_a_time_and_its_end_ends_the_membership() {
    let server = server(ServerConfig::default()).await;
    let mut client = Client::connect(&server).await;
    for round in 1..=3 {
        let subscription = client.ok("events.subscribe", json!({})).await;
        assert_eq!(client.error("events.subscribe", json!({})).await["code"], -32013);
        let result = client.ok("peer.announce", json!({"session": "s", "peer_id": "a"})).await;
        assert_eq!(result["generation"], 1, "the session ended with its only peer in round {round}");
        assert_eq!(client.ok("events.unsubscribe", json!({"subscription": 1})).await, false);
        assert_eq!(server.report().peers, 1);
        assert_eq!(client.ok("events.unsubscribe", json!({"subscription": subscription})).await, true);
        assert_eq!(server.report().peers, 0);
    }
    assert_eq!(client.error("peer.announce", json!({"session": "s", "peer_id": "a"})).await["code"], -32001);
    for params in [json!({}), json!([]), json!(["x"]), json!({"subscription": null})] {
        assert_eq!(client.error("events.unsubscribe", params).await["code"], -32602);
    }
}

#[tokio::test]
async fn pages_are_served_with_care_and_nothing_else_is() {
    let files: &[(&str, &str, &[u8])] =
        &[("/index.html", "text/html", b"<title>hi</title>"), ("/app.js", "text/javascript", b"1")];
    let server =
        server(ServerConfig { web_files: WebFiles::Embedded(files), ..ServerConfig::default() }).await;
    let address = server.address();
    let index = get(address, "/").await;
    assert!(index.starts_with("HTTP/1.1 200") && index.ends_with("<title>hi</title>"), "{index}");
    for header in ["content-security-policy: default-src 'self'", "x-content-type-options: nosniff"] {
        assert!(index.contains(header), "{header}: {index}");
    }
    assert!(get(address, "/app.js?v=1").await.contains("content-type: text/javascript"));
    for path in ["/nothing", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/app.js/"] {
        let answer = get(address, path).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let head = http(address, "HEAD / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 17") && !head.contains("<title>"), "{head}");
    let post =
        http(address, "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("allow: GET, HEAD"), "{post}");

    let health = get(address, "/healthz").await;
    let body: Value = serde_json::from_str(health.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!((&body["status"], &body["protocol"]), (&json!("ok"), &json!(1)));
    assert!(get(address, "/metrics").await.contains("remotemedia_signaling_connections 0\n"));
    assert!(get(address, "/openrpc.json").await.contains("\"openrpc\":\"1.3.2\""));
}

#[tokio::test]
async fn a_request_that_is_not_a_handshake_is_told_what_is_expected() {
    let server = server(ServerConfig::default()).await;
    let address = server.address();
    assert!(get(address, "/ws").await.starts_with("HTTP/1.1 426"));
    let wants_http2 =
        "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n";
    assert!(http(address, wants_http2).await.starts_with("HTTP/1.1 200"));
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 8\r\n\r\n";
    let answer = http(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Sec-WebSocket-Version"), "{answer}");
    let endpoint = Endpoint::parse(&format!("ws://{address}/elsewhere")).expect("a URL");
    let error = connect(&endpoint, DEADLINE, 1024).await.expect_err("it is no WebSocket there");
    assert!(matches!(error, ConnectError::NotWebSocket { status: 404, .. }), "{error}");
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_connect_unless_it_is_listed() {
    let upgrade = |origin: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
    };
    let allowed_origins = AllowedOrigins::Listed(vec!["https://app.example".into()]);
    let timeouts = ServerTimeouts { request_head: Duration::from_millis(50), ..ServerTimeouts::default() };
    let server = server(ServerConfig { allowed_origins, timeouts, ..ServerConfig::default() }).await;
    let answer = http(server.address(), &upgrade("https://evil.example")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    for origin in ["https://app.example", "http://localhost"] {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(upgrade(origin).as_bytes()).await.expect("an open connection");
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 101", "{origin}");
    }
}

#[tokio::test]
async fn a_server_of_this_machine_alone_answers_to_no_other_name() {
    let ask = |host: &str, path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\r\n")
    };
    let upgrade = |host: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close, upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
    };
    let server = server(ServerConfig::default()).await;
    let (address, stranger) = (server.address(), "evil.example:8080");
    let pages = ["/", "/healthz", "/metrics", "/openrpc.json", "/ws"].map(|path| ask(stranger, path));
    for request in pages.into_iter().chain([upgrade(stranger)]) {
        let answer = http(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{request}: {answer}");
        for words in ["is not called \"evil.example:8080\"", "localhost", "--allow-origin"] {
            assert!(answer.contains(words), "{words} is not in {answer}");
        }
    }
    assert_eq!(server.report().connections_refused, 1);
    for known in ["localhost", "demo.localhost:8080", "[::1]:8080", &address.to_string()] {
        let answer = http(address, &ask(known, "/healthz")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{known}: {answer}");
    }
}

#[tokio::test]
async fn a_proxys_name_is_known_by_its_origin() {
    let allowed_origins = AllowedOrigins::Listed(vec!["https://media.example".into()]);
    let server = server(ServerConfig { allowed_origins, ..ServerConfig::default() }).await;
    for (host, status) in [("media.example", "200"), ("localhost", "200"), ("evil.example", "421")] {
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = http(server.address(), &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_server_that_stops_closes_every_socket() {
    let server = server(ServerConfig::default()).await;
    let address = server.address();
    let mut peers = vec![Client::announced(&server, "s", "a").await, Client::connect(&server).await];
    let mut idle = TcpStream::connect(address).await.expect("a connection");
    let mut silent = silent_websocket(address).await;
    server.stop(DEADLINE).await.expect("every task ends by itself");
    for peer in &mut peers {
        assert_eq!(peer.close_code().await, CloseCode::GoingAway.code());
    }
    for stream in [&mut idle, &mut silent] {
        let mut rest = Vec::new();
        // A reset is an end as well.
        timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("an end in time").ok();
    }
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_server_that_is_dropped_stops_as_well() {
    let server = server(ServerConfig::default()).await;
    let mut peer = Client::announced(&server, "s", "a").await;
    drop(server);
    assert_eq!(peer.close_code().await, CloseCode::GoingAway.code());
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_limit_out_of_range_are_named() {
    let first = server(ServerConfig::default()).await;
    let config = ServerConfig { bind: first.address(), ..ServerConfig::default() };
    let error = SignalingServer::start(config).await.expect_err("the port is taken");
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
    let mut config = ServerConfig::default();
    config.limits.connections = 0;
    let error = SignalingServer::start(config).await.expect_err("no connections at all");
    assert_eq!(error.to_string(), "limits.connections is 0, and must be 1 to 100000");
}

#[tokio::test]
async fn a_connection_in_memory_is_one_like_any_other() {
    let server = server(ServerConfig::default()).await;
    let mut networked = Client::announced(&server, "s", "a").await;
    let socket = server.connect_in_memory(1 << 20).await;
    let mut client = Client::over(socket);
    client.ok("events.subscribe", json!({})).await;
    let result = client.ok("peer.announce", json!({"session": "s", "peer_id": "b"})).await;
    assert_eq!(result["peers"][0]["peer_id"], "a");
    assert_eq!(networked.event().await["peer"]["peer_id"], "b");
    drop(client);
    assert_eq!(networked.event().await["reason"], "disconnected");
}
