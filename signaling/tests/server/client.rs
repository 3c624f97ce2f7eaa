//! Clients that write frames by hand.

use std::net::SocketAddr;
use std::time::Duration;

use remotemedia_signaling::websocket::{Endpoint, Frame, WebSocket, WebSocketError, connect};
use remotemedia_signaling::{ServerConfig, ServerHandle, SignalingServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For what must happen; a test that waits this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn server(config: ServerConfig) -> ServerHandle {
    SignalingServer::start(config).await.expect("a server on a free port")
}

/// A client that writes JSON by hand.
pub(crate) struct Client {
    pub(crate) socket: WebSocket,
    next_id: u64,
    /// Events that came in while a reply was waited for.
    events: Vec<Value>,
}

impl Client {
    pub(crate) async fn connect(server: &ServerHandle) -> Self {
        let endpoint = Endpoint::parse(&server.url()).expect("the server's own URL");
        let socket = connect(&endpoint, DEADLINE, 16 << 20).await.expect("a connection");
        Self::over(socket)
    }

    pub(crate) fn over(socket: WebSocket) -> Self {
        Self { socket, next_id: 1, events: Vec::new() }
    }

    pub(crate) async fn subscribed(server: &ServerHandle) -> Self {
        let mut client = Self::connect(server).await;
        client.ok("events.subscribe", json!({})).await;
        client
    }

    pub(crate) async fn announced(server: &ServerHandle, session: &str, peer_id: &str) -> Self {
        let mut client = Self::subscribed(server).await;
        client.ok("peer.announce", json!({"session": session, "peer_id": peer_id})).await;
        client
    }

    pub(crate) async fn write(&mut self, text: impl Into<String>) {
        self.socket.sender.send(text.into()).await.expect("an open connection");
    }

    pub(crate) async fn read(&mut self) -> Result<Value, WebSocketError> {
        loop {
            match timeout(DEADLINE, self.socket.receiver.receive()).await.expect("a frame in time")? {
                Frame::Text(text) => return Ok(serde_json::from_str(&text).expect("the server writes JSON")),
                Frame::Alive => {}
                Frame::Binary { .. } => panic!("the server writes text"),
            }
        }
    }

    /// The next reply, whatever it is to.
    pub(crate) async fn reply(&mut self) -> Value {
        loop {
            let message = self.read().await.expect("an open connection");
            if message.get("id").is_some() {
                return message;
            }
            self.events.push(message["params"]["result"].clone());
        }
    }

    pub(crate) async fn event(&mut self) -> Value {
        if !self.events.is_empty() {
            return self.events.remove(0);
        }
        let message = self.read().await.expect("an open connection");
        assert_eq!(message["method"], "events", "{message}");
        message["params"]["result"].clone()
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()).await;
        let reply = self.reply().await;
        assert_eq!(reply["id"], id, "replies come in order: {reply}");
        reply
    }

    pub(crate) async fn ok(&mut self, method: &str, params: Value) -> Value {
        let reply = self.call(method, params).await;
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    pub(crate) async fn error(&mut self, method: &str, params: Value) -> Value {
        let reply = self.call(method, params).await;
        assert!(reply.get("result").is_none(), "{method}: {reply}");
        reply["error"].clone()
    }

    /// Reads to the end and returns what the server says of it.
    pub(crate) async fn close_code(&mut self) -> u16 {
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
pub(crate) async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("an end in time").expect("an answer");
    String::from_utf8(answer).expect("the server writes UTF-8")
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
}

/// A handshake by hand, after which nothing is read or written by itself.
pub(crate) async fn silent_websocket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
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
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
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
