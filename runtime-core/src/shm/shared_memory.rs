//! What a user says about frames in shared memory, and what can go wrong with them.

use std::error::Error;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Shared memory as written by the user. All of it is taken when the pool is opened, so that the
/// system cannot run out of it later.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SharedMemoryConfig {
    /// Folder in which processes of this user find each other, at most 40 bytes long. Default:
    /// `remotemedia-<user id>` in the directory for temporary files. It is made if it is missing, must
    /// belong to this user and be closed to others.
    pub folder: Option<PathBuf>,
    /// Sizes of frames and how many of each, 1 to 16 entries. A frame takes memory of the smallest size
    /// that holds it. Default: 32 of 16 KiB (sound), 12 of 720p in I420, 4 of 720p in RGBA (these hold
    /// 1080p in I420 too).
    pub classes: Vec<FrameClass>,
    /// Most processes that read at once. Range 1..=16, default 1. Each costs 5 frames of every size.
    pub max_readers: usize,
}

/// Frames of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FrameClass {
    /// Most bytes in one frame. Range 1..=1 GiB.
    pub frame_bytes: usize,
    /// Most frames in use at once in the process that fills them. Range 1..=1024.
    pub frames: usize,
}

/// What killed processes had left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LeftoverReport {
    /// Killed processes whose leftovers were removed.
    pub processes: usize,
    /// Files and memory segments removed.
    pub files: usize,
    /// Killed processes and files that could not be removed.
    pub failed: usize,
}

/// Why shared memory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedMemoryError {
    /// A setting is outside its range.
    #[error("shared memory: {field} is {value}, expected {expected}")]
    Config {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: usize,
        /// What it may be.
        expected: &'static str,
    },
    /// The session's name cannot be part of a service's name.
    #[error("shared memory: session id {session_id:?} is not 1 to 64 printable ASCII characters")]
    SessionId {
        /// The name.
        session_id: String,
    },
    /// The folder's path leaves no room for the names of sockets in it.
    #[error(
        "shared memory: folder {folder:?} is {len} bytes long, at most {limit} fit; choose a shorter one"
    )]
    FolderTooLong {
        /// The folder.
        folder: PathBuf,
        /// Its length, bytes.
        len: usize,
        /// Most bytes.
        limit: usize,
    },
    /// The folder belongs to somebody else, or others may enter it.
    #[error(
        "shared memory: folder {folder:?} is not a folder of user {user} with mode 0700; remove it or choose another"
    )]
    FolderNotOurs {
        /// The folder.
        folder: PathBuf,
        /// The user id of this process.
        user: u32,
    },
    /// The folder cannot be made, read or locked.
    #[error("shared memory: folder {folder:?} cannot be used")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process has been opening or removing shared memory for longer than the deadline.
    #[error("shared memory: folder {folder:?} is locked by another process that does not finish")]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The system has less shared memory than the frames need.
    #[error(
        "shared memory is too small: {needed} bytes needed, {available} available in /dev/shm; \
         make it at least {total} bytes large (Docker: --shm-size={total}, \
         otherwise: mount -o remount,size={total} /dev/shm) or configure fewer or smaller frames"
    )]
    TooSmall {
        /// Bytes that the frames need.
        needed: u64,
        /// Bytes that are free.
        available: u64,
        /// Size that would do beside what is in use now, bytes.
        total: u64,
    },
    /// The system does not say how much shared memory it has, or does not give it.
    #[error("shared memory: /dev/shm cannot be used")]
    System {
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The session has a pool already.
    #[error("shared memory: session {session_id:?} has a pool already")]
    AlreadyOpen {
        /// The session.
        session_id: String,
    },
    /// No process has opened a pool for the session, or it is closed again.
    #[error("shared memory: session {session_id:?} has no pool to read from")]
    NoPool {
        /// The session.
        session_id: String,
    },
    /// As many processes read as the pool was opened for.
    #[error("shared memory: session {session_id:?} has all the readers it was opened for; raise max_readers")]
    TooManyReaders {
        /// The session.
        session_id: String,
    },
    /// The shared-memory layer failed.
    #[error("shared memory: cannot {action}")]
    Layer {
        /// What was tried.
        action: &'static str,
        /// The layer's answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Frames that wait for one reader; a newer one drives the oldest out. Two are 67 ms of video: more
/// would only make it late.
pub(super) const READER_WAITING_FRAMES: usize = 2;

/// Frames that one reader may hold at once: one that it works on, one before and one after.
pub(super) const READER_HELD_FRAMES: usize = 3;

/// Frames that one reader can keep from being lent again.
pub(super) const READER_FRAMES: usize = READER_WAITING_FRAMES + READER_HELD_FRAMES;

/// Bookkeeping for each frame and what fills its last cache line, bytes; measured at most 199.
const FRAME_HEADER_BYTES: u64 = 256;

/// Bookkeeping between the frames of one size and one process that holds some of them, bytes: a page
/// and so much for each frame; measured 228 and 9.
const CONNECTION_BYTES: u64 = 4096;
const CONNECTION_BYTES_PER_FRAME: u64 = 16;

/// All other bookkeeping of a pool and its readers, bytes; measured 4 KiB a size and a reader.
const MANAGEMENT_BYTES: u64 = 256 << 10;

impl Default for SharedMemoryConfig {
    fn default() -> Self {
        let class = |frame_bytes, frames| FrameClass { frame_bytes, frames };
        let (i420, rgba) = (1280 * 720 * 3 / 2, 1280 * 720 * 4);
        Self {
            folder: None,
            classes: vec![class(16 << 10, 32), class(i420, 12), class(rgba, 4)],
            max_readers: 1,
        }
    }
}

impl SharedMemoryConfig {
    /// Returns the shared memory that a pool of this config takes, bytes.
    ///
    /// For each size: (frames + readers × (waiting + held)) × (frame + header), so that neither a slow
    /// nor a killed reader can starve the process that fills the frames, and the layer's bookkeeping.
    pub fn needed_bytes(&self) -> u64 {
        let readers = self.max_readers as u64;
        self.classes.iter().fold(MANAGEMENT_BYTES, |sum, class| {
            let frames = readers.saturating_mul(READER_FRAMES as u64).saturating_add(class.frames as u64);
            let frame = (class.frame_bytes as u64).saturating_add(FRAME_HEADER_BYTES);
            let connection =
                frames.saturating_mul(CONNECTION_BYTES_PER_FRAME).saturating_add(CONNECTION_BYTES);
            let connections = connection.saturating_mul(readers.saturating_add(1));
            sum.saturating_add(frames.saturating_mul(frame)).saturating_add(connections)
        })
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`SharedMemoryError::Config`] for the first that is outside its range.
    pub fn validate(&self) -> Result<(), SharedMemoryError> {
        let check = |field, value, range: RangeInclusive<usize>, expected| match range.contains(&value) {
            true => Ok(()),
            false => Err(SharedMemoryError::Config { field, value, expected }),
        };
        check("number of classes", self.classes.len(), 1..=16, "1 to 16")?;
        check("max_readers", self.max_readers, 1..=16, "1 to 16")?;
        for class in &self.classes {
            check("frame_bytes", class.frame_bytes, 1..=1 << 30, "1 to 1073741824")?;
            check("frames", class.frames, 1..=1024, "1 to 1024")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(frame_bytes: usize, frames: usize, max_readers: usize) -> SharedMemoryConfig {
        SharedMemoryConfig { folder: None, classes: vec![FrameClass { frame_bytes, frames }], max_readers }
    }

    #[test]
    fn settings_are_taken_at_their_limits_and_refused_one_past_them() {
        for (settings, fits) in [
            ((1, 1, 1), true),
            ((0, 1, 1), false),
            ((1, 0, 1), false),
            ((1, 1, 0), false),
            ((1 << 30, 1024, 16), true),
            (((1 << 30) + 1, 1024, 16), false),
            ((1, 1025, 1), false),
            ((1, 1, 17), false),
        ] {
            let (frame_bytes, frames, readers) = settings;
            assert_eq!(config(frame_bytes, frames, readers).validate().is_ok(), fits, "{settings:?}");
        }
        let none = SharedMemoryConfig { classes: Vec::new(), ..SharedMemoryConfig::default() };
        let refused = none.validate().expect_err("no classes");
        assert_eq!(refused.to_string(), "shared memory: number of classes is 0, expected 1 to 16");
    }

    #[test]
    fn the_default_fits_into_the_64_mebibytes_that_docker_gives() {
        let needed = SharedMemoryConfig::default().needed_bytes();
        assert!(needed <= 64 << 20, "{needed} bytes");
    }

    #[test]
    fn each_frame_and_each_reader_is_counted() {
        for (frames, readers, all) in [(1, 1, 6), (2, 1, 7), (2, 2, 12)] {
            let [small, large] =
                [64, 64 + 1_000_000].map(|bytes| config(bytes, frames, readers).needed_bytes());
            assert_eq!(large - small, all * 1_000_000, "{frames} frames, {readers} readers");
        }
    }
}
