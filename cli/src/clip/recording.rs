//! What comes back from a pipeline, in files.

use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::RuntimeData;

use super::{ClipError, WavWriter, Y4mWriter};

/// Writes what comes back: pictures into a clip, sound into a WAV file beside it. Each file begins with the first
/// item of its kind.
pub(crate) struct Recording {
    clip: Option<PathBuf>,
    frame_rate: f64,
    pictures: u64,
    misfits: u64,
    video: Option<Y4mWriter>,
    audio: Option<WavWriter>,
}

/// What a recording has become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordingReport {
    /// Pictures that came.
    pub(crate) pictures: u64,
    /// Pictures that the clip could not hold, since it has one size and one range of colours.
    pub(crate) misfits: u64,
    /// The files that were written.
    pub(crate) files: Vec<PathBuf>,
}

impl Recording {
    /// Begins.
    ///
    /// * `clip`: the file for the pictures; `None`: they are counted only.
    /// * `frame_rate`: what the clip is to be played at, frames of a second.
    pub(crate) fn new(clip: Option<PathBuf>, frame_rate: f64) -> Self {
        Self { clip, frame_rate, pictures: 0, misfits: 0, video: None, audio: None }
    }

    /// Names the file for the sound beside a clip.
    pub(crate) fn sound_beside(clip: &Path) -> PathBuf {
        clip.with_extension("wav")
    }

    /// Returns how many pictures came so far.
    pub(crate) fn pictures(&self) -> u64 {
        self.pictures
    }

    /// Takes an item; what is neither picture nor sound is let go.
    ///
    /// # Errors
    /// [`ClipError::File`] if it cannot be written.
    pub(crate) fn keep(&mut self, item: &RuntimeData) -> Result<(), ClipError> {
        if let RuntimeData::Video(_) = item {
            self.pictures += 1;
        }
        let Some(clip) = &self.clip else { return Ok(()) };
        match item {
            RuntimeData::Video(frame) => {
                let video = match &mut self.video {
                    Some(video) => video,
                    None => self.video.insert(Y4mWriter::create(clip, frame, self.frame_rate)?),
                };
                if video.takes(frame) {
                    return video.write(frame);
                }
                self.misfits += 1;
                Ok(())
            }
            RuntimeData::Audio(frame) => {
                let audio = match &mut self.audio {
                    Some(audio) => audio,
                    None => {
                        let path = Self::sound_beside(clip);
                        self.audio.insert(WavWriter::create(&path, frame.sample_rate(), frame.channels())?)
                    }
                };
                audio.write(frame)
            }
            _ => Ok(()),
        }
    }

    /// Ends the files.
    ///
    /// # Errors
    /// [`ClipError::File`] if the last bytes cannot be written.
    pub(crate) fn finish(self) -> Result<RecordingReport, ClipError> {
        let Self { clip, pictures, misfits, video, audio, .. } = self;
        let mut files = Vec::new();
        if let Some(clip) = clip {
            files.extend(video.is_some().then(|| clip.clone()));
            files.extend(audio.is_some().then(|| Self::sound_beside(&clip)));
        }
        if let Some(audio) = audio {
            audio.finish()?;
        }
        Ok(RecordingReport { pictures, misfits, files })
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_runtime_core::data::{PixelFormat, VideoLoan};
    use remotemedia_runtime_core::shm::HeapPool;

    use super::*;

    fn picture(width: u32) -> RuntimeData {
        let loan = VideoLoan::new(&HeapPool::default(), PixelFormat::I420, width, 16).expect("small");
        RuntimeData::Video(loan.freeze())
    }

    #[test]
    fn pictures_that_do_not_fit_the_first_are_counted_and_not_written() {
        let clip = std::env::temp_dir().join(format!("remotemedia-{}-recording.y4m", std::process::id()));
        let mut recording = Recording::new(Some(clip.clone()), 25.0);
        for width in [16, 16, 32, 16] {
            recording.keep(&picture(width)).expect("writable");
        }
        let report = recording.finish().expect("writable");
        assert_eq!(report, RecordingReport { pictures: 4, misfits: 1, files: vec![clip.clone()] });
        let written = std::fs::read(&clip).expect("written");
        assert!(written.starts_with(b"YUV4MPEG2 W16 H16 F25000:1000 "));
        let frame = b"FRAME\n";
        assert_eq!(written.windows(frame.len()).filter(|bytes| bytes == frame).count(), 3);
        std::fs::remove_file(clip).ok();
    }

    #[test]
    fn without_a_clip_pictures_are_counted_only() {
        let mut recording = Recording::new(None, 30.0);
        recording.keep(&picture(16)).expect("nothing is written");
        let report = recording.finish().expect("nothing is written");
        assert_eq!(report, RecordingReport { pictures: 1, misfits: 0, files: Vec::new() });
    }
}
