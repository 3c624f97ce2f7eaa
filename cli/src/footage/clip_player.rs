//! Plays a clip at its frame rate, again and again; one that comes out of a pipe once.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use remotemedia_runtime_core::data::{MediaTime, TransportData, VideoFrame};
use remotemedia_runtime_core::node::builtin::draw_barcode;
use remotemedia_runtime_core::shm::FramePool;
use tokio::sync::mpsc;

use crate::clip::{ClipError, Y4mReader};
use crate::failure::Failure;

/// Reader's thread → player. Two frames ahead of time: the disk may pause that long.
const FRAMES_AHEAD: usize = 2;

/// Plays a clip at its frame rate, again and again; one that comes out of a pipe once. A thread of its own reads ahead.
pub(crate) struct ClipPlayer {
    title: String,
    frames: mpsc::Receiver<Result<VideoFrame, ClipError>>,
    frame_rate: f64,
    began: Option<Instant>,
    played: u64,
}

impl ClipPlayer {
    /// Opens a clip and begins to read it.
    pub(crate) fn start(clip: &Path, pool: Arc<dyn FramePool>) -> Result<Self, Failure> {
        let mut reader = Y4mReader::open(clip).map_err(Failure::bad_input)?;
        let (width, height, rate) = (reader.width(), reader.height(), reader.frame_rate());
        let title = format!("{} {width}x{height} at {rate} frames/s", clip.display());
        let (sender, frames) = mpsc::channel(FRAMES_AHEAD);
        let reading = move || {
            let mut number = 0;
            loop {
                let frame = match reader.read(&*pool) {
                    Ok(Some(mut loan)) => {
                        draw_barcode(&mut loan, number);
                        Ok(loan.freeze())
                    }
                    Ok(None) if !reader.is_file() => return,
                    Ok(None) => match reader.rewind() {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    },
                    Err(error) => Err(error),
                };
                let over = frame.is_err();
                // The player is gone, or the clip cannot be read on.
                if sender.blocking_send(frame).is_err() || over {
                    return;
                }
                number += 1;
            }
        };
        std::thread::Builder::new().name("clip reader".to_owned()).spawn(reading)?;
        Ok(Self { title, frames, frame_rate: rate, began: None, played: 0 })
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Returns the frames of a second.
    pub(crate) fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    /// Waits until the next frame is due; `None`: there is no more. Cancel safe: a frame that is not due yet stays.
    pub(crate) async fn next(&mut self) -> Result<Option<TransportData>, Failure> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let due = Duration::from_secs_f64(self.played as f64 / self.frame_rate);
        tokio::time::sleep_until((began + due).into()).await;
        let Some(frame) = self.frames.recv().await else { return Ok(None) };
        let frame = frame.map_err(Failure::bad_input)?;
        let item = TransportData::new(frame).numbered(self.played).at(MediaTime::from_duration(due));
        self.played += 1;
        Ok(Some(item))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use remotemedia_runtime_core::shm::HeapPool;

    use super::*;

    #[tokio::test]
    async fn a_clip_that_comes_out_of_a_pipe_is_played_once() {
        let path = std::env::temp_dir().join(format!("remotemedia-{}-pipe.y4m", std::process::id()));
        let made = Command::new("mkfifo").arg(&path).status().expect("coreutils are there");
        assert!(made.success());
        let mut clip = b"YUV4MPEG2 W16 H16 F120:1\n".to_vec();
        for _ in 0..2 {
            clip.extend_from_slice(b"FRAME\n");
            clip.extend_from_slice(&[90; 16 * 16 * 3 / 2]);
        }
        let (into, from) = (path.clone(), path.clone());
        // Each end waits for the other to be opened.
        let writing = std::thread::spawn(move || std::fs::write(into, clip));
        let opening = move || ClipPlayer::start(&from, Arc::new(HeapPool::default()));
        let player = tokio::task::spawn_blocking(opening).await.expect("no panic");
        let mut player = player.unwrap_or_else(|failure| panic!("{failure}"));
        let mut played = 0;
        while player.next().await.unwrap_or_else(|failure| panic!("{failure}")).is_some() {
            played += 1;
        }
        assert_eq!(played, 2);
        writing.join().expect("no panic").expect("it is read to its end");
        std::fs::remove_file(path).ok();
    }
}
