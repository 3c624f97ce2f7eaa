//! Reads pictures from a YUV4MPEG2 file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use remotemedia_runtime_core::data::{PixelFormat, VideoLoan};
use remotemedia_runtime_core::shm::FramePool;

use super::ClipError;
use super::y4m_header::{MAX_HEADER_BYTES, Y4mHeader};

/// Reads pictures from a YUV4MPEG2 file (8-bit 4:2:0, even sides), one at a time.
pub(crate) struct Y4mReader {
    path: PathBuf,
    file: BufReader<File>,
    header: Y4mHeader,
    /// Whether it is a file, and so can be read again.
    is_file: bool,
    /// Where the first frame begins, bytes.
    first_frame: u64,
    frames: u64,
}

impl Y4mReader {
    /// Opens a clip, reads its header, and looks whether all its frames are whole; a pipe is looked at as it
    /// is read.
    ///
    /// # Errors
    /// [`ClipError`] if there is no such file or it is not such a clip.
    pub(crate) fn open(path: &Path) -> Result<Self, ClipError> {
        let failed = |action| move |source| ClipError::File { action, path: path.to_owned(), source };
        let file = File::open(path).map_err(failed("open"))?;
        let metadata = file.metadata().map_err(failed("read"))?;
        let mut file = BufReader::new(file);
        let line = line(&mut file).map_err(failed("read"))?;
        let not_a_clip =
            |reason: &str| ClipError::NotAClip { path: path.to_owned(), reason: reason.to_owned() };
        let line = match line {
            Line::Whole(line) => line,
            Line::Nothing => return Err(not_a_clip("it is empty")),
            // What is no clip at all is better told by how it begins.
            Line::Cut(line) if !line.starts_with(b"YUV4MPEG2") => line,
            Line::Cut(_) => {
                return Err(not_a_clip("its header line has no end within 1024 bytes"));
            }
        };
        let header = Y4mHeader::parse(&line, path)?;
        let first_frame = line.len() as u64 + 1;
        let is_file = metadata.is_file();
        let mut reader = Self { path: path.to_owned(), file, header, is_file, first_frame, frames: 0 };
        if is_file {
            while reader.skip(metadata.len())? {}
            reader.rewind()?;
        }
        Ok(reader)
    }

    /// Whether it can be read again; what comes out of a pipe cannot.
    pub(crate) fn is_file(&self) -> bool {
        self.is_file
    }

    /// Returns the width, pixels.
    pub(crate) fn width(&self) -> u32 {
        self.header.width
    }

    /// Returns the height, pixels.
    pub(crate) fn height(&self) -> u32 {
        self.header.height
    }

    /// Returns the frames of a second.
    pub(crate) fn frame_rate(&self) -> f64 {
        self.header.frame_rate
    }

    /// Reads the next picture into memory of `pool`; `None`: the clip ends here.
    ///
    /// # Errors
    /// [`ClipError::Truncated`] if the file ends inside the picture; [`ClipError::Empty`] if it holds none.
    pub(crate) fn read(&mut self, pool: &dyn FramePool) -> Result<Option<VideoLoan>, ClipError> {
        if !self.next_frame()? {
            return Ok(None);
        }
        let mut loan = VideoLoan::new(pool, PixelFormat::I420, self.width(), self.height())
            .map_err(|source| ClipError::Frame { path: self.path.clone(), source })?
            .with_color_space(self.header.color_space);
        let mut got = 0;
        for plane in loan.planes_mut() {
            let mut filled = 0;
            while filled < plane.len() {
                match self.file.read(&mut plane[filled..]) {
                    Ok(0) => return Err(self.truncated(got)),
                    Ok(read) => {
                        filled += read;
                        got += read as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(source) => return Err(self.failed("read", source)),
                }
            }
        }
        self.frames += 1;
        Ok(Some(loan))
    }

    /// Goes back to the first frame.
    ///
    /// # Errors
    /// [`ClipError::File`] if the file is one that cannot be read again, such as a pipe.
    pub(crate) fn rewind(&mut self) -> Result<(), ClipError> {
        self.frames = 0;
        match self.file.seek(SeekFrom::Start(self.first_frame)) {
            Ok(_) => Ok(()),
            Err(source) => Err(self.failed("rewind", source)),
        }
    }

    /// Passes over the next frame of a file of `length` bytes; `false`: the clip ends here.
    fn skip(&mut self, length: u64) -> Result<bool, ClipError> {
        if !self.next_frame()? {
            return Ok(false);
        }
        let picture = self.header.picture_bytes();
        let left = match self.file.stream_position() {
            Ok(position) => length.saturating_sub(position),
            Err(source) => return Err(self.failed("read", source)),
        };
        if left < picture {
            return Err(self.truncated(left));
        }
        // At most 100 MB: the header bounds both sides.
        self.file.seek_relative(picture as i64).map_err(|source| self.failed("read", source))?;
        self.frames += 1;
        Ok(true)
    }

    /// Reads the line before a picture; `false`: the clip ends here.
    fn next_frame(&mut self) -> Result<bool, ClipError> {
        match line(&mut self.file).map_err(|source| self.failed("read", source))? {
            Line::Whole(line) if line == b"FRAME" || line.starts_with(b"FRAME ") => Ok(true),
            Line::Nothing if self.frames == 0 => Err(ClipError::Empty { path: self.path.clone() }),
            Line::Nothing => Ok(false),
            Line::Cut(line)
                if line.len() < MAX_HEADER_BYTES && b"FRAME".starts_with(&line[..line.len().min(5)]) =>
            {
                Err(self.truncated(0))
            }
            Line::Whole(line) | Line::Cut(line) => {
                let start = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).into_owned();
                let reason = format!("frame {} begins with {start:?}, expected \"FRAME\"", self.frames);
                Err(ClipError::NotAClip { path: self.path.clone(), reason })
            }
        }
    }

    fn truncated(&self, got: u64) -> ClipError {
        let (path, expected) = (self.path.clone(), self.header.picture_bytes());
        ClipError::Truncated { path, frame: self.frames, got, expected }
    }

    fn failed(&self, action: &'static str, source: io::Error) -> ClipError {
        ClipError::File { action, path: self.path.clone(), source }
    }
}

/// A line of text, its end left out.
enum Line {
    Whole(Vec<u8>),
    /// It does not end within [`MAX_HEADER_BYTES`], or within the file.
    Cut(Vec<u8>),
    /// The file ends here.
    Nothing,
}

fn line(file: &mut BufReader<File>) -> io::Result<Line> {
    let mut line = Vec::new();
    file.take(MAX_HEADER_BYTES as u64).read_until(b'\n', &mut line)?;
    Ok(match line.pop() {
        Some(b'\n') => Line::Whole(line),
        Some(last) => {
            line.push(last);
            Line::Cut(line)
        }
        None => Line::Nothing,
    })
}

/// How much of a foreign text an error repeats, bytes.
const SHOWN: usize = 40;

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
    fn a_clip_is_read_again_after_its_end() {
        let path = clip("again", &two_frames());
        let (mut reader, pool) = (Y4mReader::open(&path).expect("a whole clip"), HeapPool::default());
        for _ in 0..3 {
            let shades: Vec<u8> = std::iter::from_fn(|| reader.read(&pool).expect("whole"))
                .map(|frame| frame.freeze().plane(0)[0])
                .collect();
            assert_eq!(shades, [40, 200]);
            reader.rewind().expect("a file");
        }
        std::fs::remove_file(path).ok();
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
            refused.ends_with("is truncated: it ends inside frame 1, 383 of 384 bytes are there"),
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
        for (name, bytes, expected) in [
            ("nothing", &b""[..], "it is empty"),
            ("endless", &[b'x'; 2000], "it begins with \"xxx"),
            ("binary", &[0xff; 64], "it begins with"),
            ("cut-header", b"YUV4MPEG2 W16 H16", "its header line has no end within 1024 bytes"),
            ("no-frame", b"YUV4MPEG2 W16 H16\nFRAMES\n", "frame 0 begins with \"FRAMES\""),
            ("cut-marker", b"YUV4MPEG2 W16 H16\nFRA", "ends inside frame 0, 0 of 384 bytes are there"),
            ("no-picture", b"YUV4MPEG2 W16 H16\nFRAME\n", "ends inside frame 0, 0 of 384 bytes are there"),
        ] {
            let path = clip(name, bytes);
            let refused = Y4mReader::open(&path).err().expect(name).to_string();
            assert!(refused.contains(expected), "{refused}");
            std::fs::remove_file(path).ok();
        }
        let missing = Y4mReader::open(Path::new("/no/such/clip.y4m")).err().expect("missing");
        assert_eq!(missing.to_string(), "cannot open /no/such/clip.y4m");
    }
}
