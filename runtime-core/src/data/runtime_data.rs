//! One item of a pipeline.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::{AudioFrame, DataKind, NodeId, Tensor, VideoFrame};

/// One item of a pipeline. Cloning copies pointers, never samples, pixels or text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RuntimeData {
    /// Sound.
    Audio(AudioFrame),
    /// A picture.
    Video(VideoFrame),
    /// An array for or from a model.
    Tensor(Arc<Tensor>),
    /// A JSON value.
    Json(Arc<Value>),
    /// UTF-8 text.
    Text(Arc<str>),
    /// Bytes of no meaning to the pipeline.
    Binary(Bytes),
    /// A word to nodes; it overtakes queued media.
    Control(Arc<ControlMessage>),
}

/// A word to the nodes of a running pipeline.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ControlMessage {
    /// New params for one node; the node checks them and keeps its old ones if they are wrong.
    Reconfigure {
        /// The node.
        node: NodeId,
        /// Its params, whole, as they would stand in the manifest.
        params: Value,
    },
    /// Every node that the message passes gives out what it holds back (delay lines, half-filled
    /// blocks).
    Flush,
}

impl RuntimeData {
    /// Wraps a JSON value.
    pub fn json(value: Value) -> Self {
        Self::Json(Arc::new(value))
    }

    /// Wraps text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Returns what the item is.
    pub fn kind(&self) -> DataKind {
        match self {
            Self::Audio(_) => DataKind::Audio,
            Self::Video(_) => DataKind::Video,
            Self::Tensor(_) => DataKind::Tensor,
            Self::Json(_) => DataKind::Json,
            Self::Text(_) => DataKind::Text,
            Self::Binary(_) => DataKind::Binary,
            Self::Control(_) => DataKind::Control,
        }
    }
}

impl From<AudioFrame> for RuntimeData {
    fn from(frame: AudioFrame) -> Self {
        Self::Audio(frame)
    }
}

impl From<VideoFrame> for RuntimeData {
    fn from(frame: VideoFrame) -> Self {
        Self::Video(frame)
    }
}

impl From<Value> for RuntimeData {
    fn from(value: Value) -> Self {
        Self::json(value)
    }
}
