//! Pictures to send, at real pace: from a clip or from the test pattern.

mod clip_player;

pub(crate) use clip_player::ClipPlayer;

use std::path::Path;

use anyhow::Context;
use remotemedia_runtime_core::data::TransportData;
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::session::PipelineSession;
use serde_json::json;

use crate::failure::Failure;

/// Pictures at real pace; each carries its number, modulo 4096, as a barcode in its top ninth.
pub(crate) enum Footage {
    /// A test pattern, without end.
    Pattern(Box<PipelineSession>),
    /// A clip, again and again; one that comes out of a pipe once.
    Clip(ClipPlayer),
}

/// What the test pattern shows.
const PATTERN: (u32, u32, f64) = (1280, 720, 30.0);

impl Footage {
    /// Opens a clip, or makes the test pattern if there is none.
    pub(crate) async fn open(clip: Option<&Path>, runner: &PipelineRunner) -> Result<Self, Failure> {
        if let Some(clip) = clip {
            return Ok(Self::Clip(ClipPlayer::start(clip, runner.pool().clone())?));
        }
        let (width, height, fps) = PATTERN;
        let manifest: Manifest = serde_json::from_value(json!({
            "version": "v1",
            "nodes": [{
                "id": "pattern",
                "node_type": "TestPattern",
                "params": {"width": width, "height": height, "fps": fps, "scene": "person"},
            }],
        }))
        .context("the test pattern's manifest")?;
        Ok(Self::Pattern(Box::new(runner.create_stream_session(&manifest).await?)))
    }

    /// Describes it for people.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Pattern(_) => format!("test pattern {}x{} at {} frames/s", PATTERN.0, PATTERN.1, PATTERN.2),
            Self::Clip(clip) => clip.title().to_owned(),
        }
    }

    /// Returns the frames of a second.
    pub(crate) fn frame_rate(&self) -> f64 {
        match self {
            Self::Pattern(_) => PATTERN.2,
            Self::Clip(clip) => clip.frame_rate(),
        }
    }

    /// Waits for the next picture, numbered from 0 without gaps; `None`: there is no more. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<TransportData>, Failure> {
        match self {
            Self::Pattern(session) => Ok(session.output().await),
            Self::Clip(clip) => clip.next().await,
        }
    }
}
