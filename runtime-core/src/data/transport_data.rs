//! An item with its place in a stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::{Destination, MediaTime, RuntimeData, StreamId};

/// Free-form notes on an item; `None` costs nothing.
pub type Metadata = Option<Arc<BTreeMap<String, Value>>>;

/// An item with its place in a stream. Cloning copies pointers only.
#[derive(Debug, Clone)]
pub struct TransportData {
    /// The item.
    pub data: RuntimeData,
    /// Position within its source stream, from 0, without gaps at the source.
    pub sequence: u64,
    /// Notes of the sender or of nodes.
    pub metadata: Metadata,
    /// The peer and track it came from; `None`: the session's own user.
    pub source: Option<StreamId>,
    /// When it was captured, on its source's media clock.
    pub media_time: MediaTime,
    /// Where a node wants it to go, for outputs routed `tagged`.
    pub destination: Option<Destination>,
    /// The sink that gave it out, as `node` or `node.port`; `None` before it has passed one.
    pub output: Option<Arc<str>>,
    /// When it, or the item it was made from, entered this process: the zero of stage latencies.
    pub entered: Instant,
}

impl TransportData {
    /// Places an item at sequence 0 and media time 0, entering now.
    pub fn new(data: impl Into<RuntimeData>) -> Self {
        Self {
            data: data.into(),
            sequence: 0,
            metadata: None,
            source: None,
            media_time: MediaTime::ZERO,
            destination: None,
            output: None,
            entered: Instant::now(),
        }
    }

    /// Sets the media time.
    #[must_use]
    pub fn at(mut self, media_time: MediaTime) -> Self {
        self.media_time = media_time;
        self
    }

    /// Sets the sequence number.
    #[must_use]
    pub fn numbered(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Sets the source stream.
    #[must_use]
    pub fn from_stream(mut self, source: StreamId) -> Self {
        self.source = Some(source);
        self
    }

    /// Makes an item that keeps this one's place (source, sequence, time, notes) with other contents.
    #[must_use]
    pub fn with_data(&self, data: impl Into<RuntimeData>) -> Self {
        Self { data: data.into(), ..self.clone() }
    }
}
