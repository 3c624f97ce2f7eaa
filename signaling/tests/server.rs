//! The server over real sockets, with clients that write frames by hand.

use std::net::SocketAddr;
use std::time::Duration;

use remotemedia_signaling::protocol::ErrorCode;
use remotemedia_signaling::server::{AllowedOrigins, ServerTimeouts, WebFiles};
use remotemedia_signaling::websocket::{
    CloseCode, ConnectError, Endpoint, Frame, WebSocket, WebSocketError, connect,
};
use remotemedia_signaling::{ServerConfig, ServerHandle, SignalingServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For what must happen; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(20);

async fn server(config: ServerConfig) -> ServerHandle {
    SignalingServer::start(config).await.expect("a server on a free port")
}

/// A client that writes JSON by hand.
struct Client {
    socket: WebSocket,
    next_id: u64,
    /// Events that came in while a reply was waited for.
    events: Vec<Value>,
}

impl Client {
    async fn connect(server: &ServerHandle) -> Self {
        let endpoint = Endpoint::parse(&server.url()).expect("the server's own URL");
        let socket = connect(&endpoint, DEADLINE, 16 << 20).await.expect("a connection");
        Self { socket, next_id: 1, events: Vec::new() }
    }

    async fn subscribed(server: &ServerHandle) -> Self {
        let mut client = Self::connect(server).await;
        client.ok("events.subscribe", json!({})).await;
        client
    }

    async fn announced(server: &ServerHandle, session: &str, peer_id: &str) -> Self {
        let mut client = Self::subscribed(server).await;
        client.ok("peer.announce", json!({"session": session, "peer_id": peer_id})).await;
        client
    }

    async fn write(&mut self, text: impl Into<String>) {
        self.socket.sender.send(text.into()).await.expect("an open connection");
    }

    async fn read(&mut self) -> Result<Value, WebSocketError> {
        loop {
            match timeout(DEADLINE, self.socket.receiver.receive()).await.expect("a frame in time")? {
                Frame::Text(text) => return Ok(serde_json::from_str(&text).expect("the server writes JSON")),
                Frame::Alive => {}
                Frame::Binary { .. } => panic!("the server writes text"),
            }
        }
    }

    /// The next reply, whatever it is to.
    async fn reply(&mut self) -> Value {
        loop {
            let message = self.read().await.expect("an open connection");
            if message.get("id").is_some() {
                return message;
            }
            self.events.push(message["params"]["result"].clone());
        }
    }

    async fn event(&mut self) -> Value {
        if !self.events.is_empty() {
            return self.events.remove(0);
        }
        let message = self.read().await.expect("an open connection");
        assert_eq!(message["method"], "events", "{message}");
        message["params"]["result"].clone()
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()).await;
        let reply = self.reply().await;
        assert_eq!(reply["id"], id, "replies come in order: {reply}");
        reply
    }

    async fn ok(&mut self, method: &str, params: Value) -> Value {
        let reply = self.call(method, params).await;
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    async fn error(&mut self, method: &str, params: Value) -> Value {
        let reply = self.call(method, params).await;
        assert!(reply.get("result").is_none(), "{method}: {reply}");
        reply["error"].clone()
    }

    /// Reads to the end and returns what the server says of it.
    async fn close_code(&mut self) -> u16 {
        loop {
            match self.read().await {
                Ok(_) => {}
                Err(WebSocketError::Closed { code, .. }) => return code,
                Err(other) => panic!("not closed in due form: {other}"),
            }
        }
    }
}

/// One request by hand over a connection of its own; the whole answer.
async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("an end in time").expect("an answer");
    String::from_utf8(answer).expect("the server writes UTF-8")
}

async fn get(address: SocketAddr, path: &str) -> String {
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
}

/// A handshake by hand, after which nothing is read or written by itself.
async fn silent_websocket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(DEADLINE, stream.read_u8()).await.expect("an answer in time").expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// A masked text frame, RFC 6455 §5.2, with a mask of zeros.
fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

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
async fn a_connection_that_says_nothing_at_all_is_closed() {
    let timeouts = ServerTimeouts { request_head: Duration::from_millis(50), ..ServerTimeouts::default() };
    let server = server(ServerConfig { timeouts, ..ServerConfig::default() }).await;
    for start in ["", "GET / HTTP/1.1\r\nhost:"] {
        // Nothing, or half a request: the end comes from the server.
        http(server.address(), start).await;
    }
    // The same after a whole request on a connection that is kept.
    let answer = http(server.address(), "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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
    let head = http(address, "HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 17") && !head.contains("<title>"), "{head}");
    let post =
        http(address, "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
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
    let request = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\
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
            "GET /ws HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
    };
    let allowed_origins = AllowedOrigins::Listed(vec!["https://app.example".into()]);
    let timeouts = ServerTimeouts { request_head: Duration::from_millis(50), ..ServerTimeouts::default() };
    let server = server(ServerConfig { allowed_origins, timeouts, ..ServerConfig::default() }).await;
    let answer = http(server.address(), &upgrade("https://evil.example")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    for origin in ["https://app.example", "http://x"] {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(upgrade(origin).as_bytes()).await.expect("an open connection");
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 101", "{origin}");
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
    let mut client = Client { socket, next_id: 1, events: Vec::new() };
    client.ok("events.subscribe", json!({})).await;
    let result = client.ok("peer.announce", json!({"session": "s", "peer_id": "b"})).await;
    assert_eq!(result["peers"][0]["peer_id"], "a");
    assert_eq!(networked.event().await["peer"]["peer_id"], "b");
    drop(client);
    assert_eq!(networked.event().await["reason"], "disconnected");
}
