//! A server that does not do what a signaling server does.

use std::future::Future;
use std::sync::Arc;

use hyper::{Request, Response};
use remotemedia_signaling::websocket::{Frame, WebSocket, accept};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server on the loopback that does with each connection what its story says; it ends when dropped.
pub struct OddServer {
    url: String,
    accepting: JoinHandle<()>,
}

impl OddServer {
    /// Starts on a free port.
    pub async fn start<F, Served>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("ws://{}/ws", listener.local_addr().expect("bound"));
        let accepting = tokio::spawn(async move {
            // Aborted with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { url, accepting }
    }

    /// Starts one that accepts connections and says nothing.
    pub async fn silent() -> Self {
        Self::start(|stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await
    }

    /// Starts one that answers every request with these bytes.
    pub async fn answering(bytes: &'static [u8]) -> Self {
        Self::start(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(bytes).await.ok();
            stream.shutdown().await.ok();
        })
        .await
    }

    /// Starts one that opens the WebSocket and then writes these bytes instead of frames.
    pub async fn breaking(bytes: &'static [u8]) -> Self {
        Self::start(move |mut stream| async move {
            upgrade(&mut stream).await;
            stream.write_all(bytes).await.ok();
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Starts one that opens the WebSocket and answers each request with the messages of `script`.
    pub async fn scripted(script: impl Fn(&Value) -> Vec<String> + Send + Sync + 'static) -> Self {
        let script = Arc::new(script);
        Self::start(move |mut stream| {
            let script = script.clone();
            async move {
                upgrade(&mut stream).await;
                let mut socket = WebSocket::server(stream, 1 << 20).await;
                while let Ok(frame) = socket.receiver.receive().await {
                    let Frame::Text(text) = frame else { continue };
                    let request: Value = serde_json::from_str(&text).expect("the client writes JSON");
                    for message in script(&request) {
                        if socket.sender.send(message).await.is_err() {
                            return;
                        }
                    }
                }
            }
        })
        .await
    }

    /// Returns the URL to connect to.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for OddServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers the opening handshake.
async fn upgrade(stream: &mut TcpStream) {
    let head = read_head(stream).await;
    let mut request = Request::get("/ws");
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let request = request.body(()).expect("the client writes HTTP");
    let response: Response<()> = accept(&request).expect("the client asks for a WebSocket");
    let mut answer = String::from("HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in response.headers() {
        answer += &format!("{name}: {}\r\n", value.to_str().expect("ASCII"));
    }
    answer += "\r\n";
    stream.write_all(answer.as_bytes()).await.expect("the client waits");
}

/// Reads up to the empty line.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("the client writes text")
}
