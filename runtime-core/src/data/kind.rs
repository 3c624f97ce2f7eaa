//! The kinds of data a port may carry.

use std::fmt;

/// What an item is, without its contents; ports declare which kinds they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// [`super::AudioFrame`].
    Audio,
    /// [`super::VideoFrame`].
    Video,
    /// [`super::Tensor`].
    Tensor,
    /// A JSON value.
    Json,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// [`super::ControlMessage`]; every port takes it.
    Control,
}

impl DataKind {
    /// Whether late items of this kind lose their worth, so that the oldest is dropped rather than
    /// the sender held up.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Audio | Self::Video)
    }

    /// Returns the name as it stands in manifests and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Tensor => "tensor",
            Self::Json => "json",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Control => "control",
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
