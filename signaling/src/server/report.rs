//! What a server has done so far.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::protocol::ErrorCode;

/// Counters of a server. Each only rises.
#[derive(Debug)]
pub(super) struct Counters {
    /// When a WebSocket is opened.
    pub(super) connections_opened: AtomicU64,
    /// When a WebSocket is refused, for being one too many, for its origin or for its name of the server.
    pub(super) connections_refused: AtomicU64,
    /// When a WebSocket is closed because it did not take its events, or one message, fast enough.
    pub(super) connections_too_slow: AtomicU64,
    /// When a WebSocket is closed because there was no sign of life.
    pub(super) connections_silent: AtomicU64,
    /// When a request came in, whatever becomes of it.
    pub(super) requests_received: AtomicU64,
    /// When an event was written to its socket.
    pub(super) events_delivered: AtomicU64,
    /// When a viewer or another that is not host offers in a session of topology host.
    pub(super) offers_forbidden: AtomicU64,
    /// When a request was answered with an error, by the position of its code in [`ErrorCode::ALL`].
    requests_refused: Vec<AtomicU64>,
}

/// What a server has done so far and what there is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerReport {
    /// Connections that are open now.
    pub connections: u64,
    /// Sessions that there are now.
    pub sessions: u64,
    /// Peers in all sessions now.
    pub peers: u64,
    /// WebSockets opened so far.
    pub connections_opened: u64,
    /// WebSockets refused so far, for being one too many, for their origin or for their name of the server.
    pub connections_refused: u64,
    /// WebSockets closed so far because they did not take their events, or one message, fast enough.
    pub connections_too_slow: u64,
    /// WebSockets closed so far because there was no sign of life.
    pub connections_silent: u64,
    /// Requests received so far, whatever became of them.
    pub requests_received: u64,
    /// Events written to their sockets so far.
    pub events_delivered: u64,
    /// Offers refused so far because their sender is not the host of its session.
    pub offers_forbidden: u64,
    /// Requests answered with an error so far, by code; codes that did not occur are left out.
    pub requests_refused: Vec<(ErrorCode, u64)>,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            connections_opened: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            connections_too_slow: AtomicU64::new(0),
            connections_silent: AtomicU64::new(0),
            requests_received: AtomicU64::new(0),
            events_delivered: AtomicU64::new(0),
            offers_forbidden: AtomicU64::new(0),
            requests_refused: ErrorCode::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts one error reply. A code that is not ours cannot occur, and would not be counted.
    pub(super) fn count_refusal(&self, code: i32) {
        if let Some(index) = ErrorCode::ALL.iter().position(|known| known.code() == code) {
            self.requests_refused[index].fetch_add(1, Relaxed);
        }
    }

    /// Reads all of them, beside what there is now.
    pub(super) fn report(&self, (connections, sessions, peers): (usize, usize, usize)) -> ServerReport {
        let refused = ErrorCode::ALL.iter().zip(&self.requests_refused);
        ServerReport {
            connections: connections as u64,
            sessions: sessions as u64,
            peers: peers as u64,
            connections_opened: self.connections_opened.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
            connections_too_slow: self.connections_too_slow.load(Relaxed),
            connections_silent: self.connections_silent.load(Relaxed),
            requests_received: self.requests_received.load(Relaxed),
            events_delivered: self.events_delivered.load(Relaxed),
            offers_forbidden: self.offers_forbidden.load(Relaxed),
            requests_refused: refused
                .map(|(code, count)| (*code, count.load(Relaxed)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}

impl ServerReport {
    /// Returns how often requests were refused with a code.
    pub fn refused(&self, code: ErrorCode) -> u64 {
        self.requests_refused.iter().find(|(known, _)| *known == code).map_or(0, |(_, count)| *count)
    }

    /// Writes it in the text format of Prometheus, version 0.0.4.
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            let name = format!("remotemedia_signaling_{name}");
            // Writing to a string cannot fail.
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
            for (labels, value) in samples {
                writeln!(text, "{name}{labels} {value}").ok();
            }
        };
        let one = |value: u64| [(String::new(), value)];
        metric("connections", "gauge", "Open WebSockets.", &one(self.connections));
        metric("sessions", "gauge", "Sessions.", &one(self.sessions));
        metric("peers", "gauge", "Peers in all sessions.", &one(self.peers));
        metric("connections_opened_total", "counter", "WebSockets opened.", &one(self.connections_opened));
        metric("connections_refused_total", "counter", "WebSockets refused.", &one(self.connections_refused));
        metric(
            "connections_too_slow_total",
            "counter",
            "WebSockets closed for not taking their events.",
            &one(self.connections_too_slow),
        );
        metric(
            "connections_silent_total",
            "counter",
            "WebSockets closed for silence.",
            &one(self.connections_silent),
        );
        metric("requests_received_total", "counter", "Requests received.", &one(self.requests_received));
        metric("events_delivered_total", "counter", "Events written.", &one(self.events_delivered));
        metric(
            "offers_forbidden_total",
            "counter",
            "Offers refused for their sender's role.",
            &one(self.offers_forbidden),
        );
        let refused: Vec<_> = self
            .requests_refused
            .iter()
            .map(|(code, n)| (format!("{{error=\"{}\"}}", code.name()), *n))
            .collect();
        metric("requests_refused_total", "counter", "Requests answered with an error.", &refused);
        text
    }
}
