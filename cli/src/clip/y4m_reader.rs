//! Reads pictures from a YUV4MPEG2 file.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use remotemedia_runtime_core::data::{PixelFormat, VideoFrame, VideoLoan};
use remotemedia_runtime_core::shm::FramePool;
use y4m::Colorspace;

use super::ClipError;

/// Reads pictures from a YUV4MPEG2 file (8-bit 4:2:0, even sides), one at a time.
pub(crate) struct Y4mReader {
    path: PathBuf,
    decoder: y4m::Decoder<Counted>,
    consumed: Arc<AtomicU64>,
    width: u32,
    height: u32,
    frame_rate: f64,
    frames: u64,
}

/// Counts what the decoder takes, to tell a clean end from a truncated frame.
struct Counted {
    reader: BufReader<File>,
    consumed: Arc<AtomicU64>,
}

impl Y4mReader {
    /// Opens a clip and reads its header.
    ///
    /// # Errors
    /// [`ClipError`] if there is no such file or it is not such a clip.
    pub(crate) fn open(path: &Path) -> Result<Self, ClipError> {
        let path = path.to_owned();
        let failed = |source| ClipError::File { action: "open", path: path.clone(), source };
        let reader = BufReader::new(File::open(&path).map_err(failed)?);
        let consumed = Arc::new(AtomicU64::new(0));
        let decoder = y4m::decode(Counted { reader, consumed: consumed.clone() });
        let decoder =
            decoder.map_err(|error| ClipError::NotAClip { path: path.clone(), reason: error.to_string() })?;
        let (width, height) = (decoder.get_width(), decoder.get_height());
        let format = decoder.get_colorspace();
        if !matches!(
            format,
            Colorspace::C420 | Colorspace::C420jpeg | Colorspace::C420paldv | Colorspace::C420mpeg2
        ) {
            return Err(ClipError::PixelFormat { path, got: format!("{format:?}") });
        }
        let fits =
            |side: usize| (16..=VideoFrame::MAX_DIMENSION as usize).contains(&side) && side.is_multiple_of(2);
        if !fits(width) || !fits(height) {
            return Err(ClipError::Size { path, width, height });
        }
        let rate = decoder.get_framerate();
        let frame_rate = rate.num as f64 / rate.den as f64;
        if !(1.0..=120.0).contains(&frame_rate) {
            return Err(ClipError::FrameRate { path, got: format!("{}:{}", rate.num, rate.den) });
        }
        let (width, height) = (width as u32, height as u32);
        Ok(Self { path, decoder, consumed, width, height, frame_rate, frames: 0 })
    }

    /// Returns the width, pixels.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height, pixels.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// Returns the frames of a second.
    pub(crate) fn frame_rate(&self) -> f64 {
        self.frame_rate
    }

    /// Reads the next picture into memory of `pool`; `None`: the clip ends here.
    ///
    /// # Errors
    /// [`ClipError::Truncated`] if the file ends inside the picture; [`ClipError::Empty`] if it holds none.
    pub(crate) fn read(&mut self, pool: &dyn FramePool) -> Result<Option<VideoLoan>, ClipError> {
        let before = self.consumed.load(Ordering::Relaxed);
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(y4m::Error::EOF) if self.consumed.load(Ordering::Relaxed) > before => {
                let pixels = u64::from(self.width) * u64::from(self.height);
                let (got, expected) = (self.consumed.load(Ordering::Relaxed) - before, pixels * 3 / 2 + 6);
                return Err(ClipError::Truncated {
                    path: self.path.clone(),
                    frame: self.frames,
                    got,
                    expected,
                });
            }
            Err(y4m::Error::EOF) if self.frames == 0 => {
                return Err(ClipError::Empty { path: self.path.clone() });
            }
            Err(y4m::Error::EOF) => return Ok(None),
            Err(y4m::Error::IoError(source)) => {
                return Err(ClipError::File { action: "read", path: self.path.clone(), source });
            }
            Err(error) => {
                let reason = format!("frame {}: {error}", self.frames);
                return Err(ClipError::NotAClip { path: self.path.clone(), reason });
            }
        };
        let mut loan = VideoLoan::new(pool, PixelFormat::I420, self.width, self.height)
            .map_err(|source| ClipError::Frame { path: self.path.clone(), source })?;
        let planes = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()];
        for (target, plane) in loan.planes_mut().into_iter().zip(planes) {
            target.copy_from_slice(plane);
        }
        self.frames += 1;
        Ok(Some(loan))
    }
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(bytes)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remotemedia_runtime_core::shm::HeapPool;

    /// Writes a file of its own for each test.
    fn clip(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("remotemedia-{}-{name}.y4m", std::process::id()));
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }

    fn two_frames() -> Vec<u8> {
        let mut bytes = b"YUV4MPEG2 W16 H16 F30:1 Ip A1:1 C420mpeg2\n".to_vec();
        for shade in [40, 200] {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(&[shade; 16 * 16 * 3 / 2]);
        }
        bytes
    }

    fn read_all(path: &Path) -> Result<Vec<u8>, ClipError> {
        let (mut reader, pool) = (Y4mReader::open(path)?, HeapPool::default());
        let mut shades = Vec::new();
        while let Some(frame) = reader.read(&pool)? {
            shades.push(frame.freeze().plane(0)[0]);
        }
        Ok(shades)
    }

    #[test]
    fn every_frame_of_a_clip_is_read() {
        let path = clip("whole", &two_frames());
        assert_eq!(read_all(&path).expect("a whole clip"), [40, 200]);
        std::fs::remove_file(path).ok();
    }

    #[test]
    fn a_clip_cut_inside_a_frame_is_refused_with_the_frame_s_number() {
        let mut bytes = two_frames();
        bytes.truncate(bytes.len() - 1);
        let path = clip("cut", &bytes);
        let refused = read_all(&path).expect_err("one byte short").to_string();
        assert!(
            refused.ends_with("is truncated: it ends inside frame 1, 389 of 390 bytes are there"),
            "{refused}"
        );
        std::fs::remove_file(path).ok();
    }

    #[test]
    fn other_formats_sizes_and_files_are_refused_by_value() {
        for (name, header, expected) in [
            ("c444", "YUV4MPEG2 W16 H16 F30:1 C444\n", "pixel format C444"),
            ("odd", "YUV4MPEG2 W17 H16 F30:1 C420\n", "is 17x16"),
            ("rate", "YUV4MPEG2 W16 H16 F121:1 C420\n", "121:1 frames a second"),
            ("empty", "YUV4MPEG2 W16 H16 F30:1 C420\n", "holds no frame"),
            ("text", "hello\n", "is not a YUV4MPEG2 clip"),
        ] {
            let path = clip(name, header.as_bytes());
            let refused = read_all(&path).expect_err(name).to_string();
            assert!(refused.contains(expected), "{refused}");
            std::fs::remove_file(path).ok();
        }
        let missing = Y4mReader::open(Path::new("/no/such/clip.y4m")).err().expect("missing");
        assert_eq!(missing.to_string(), "cannot open /no/such/clip.y4m");
    }
}
