//! Frames in shared memory, between real processes: this test binary runs itself again as the other one.
#![cfg(all(feature = "shared-memory", target_os = "linux"))]

mod capacity;
mod leftovers;
mod maps;
mod process;
mod roles;
mod settings;
mod sharing;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use remotemedia_runtime_core::shm::{
    FrameClass, FramePool, SharedFrame, SharedMemoryConfig, SharedMemoryPool, remove_leftovers,
};

/// The session of every test; each has a folder of its own.
const SESSION: &str = "a-session";

/// Bytes of a 720p picture in I420.
const PICTURE: usize = 1_382_400;

/// Bytes of 10 ms of stereo sound.
const SOUND: usize = 3_840;

/// After which a test gives up; nothing here takes a tenth of it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A folder for one test, short enough for the names of sockets; removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("rmt-{}-{next}", std::process::id())))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Names of what lies in the folder, beside the file that is locked.
    fn contents(&self) -> Vec<String> {
        names(&self.0).into_iter().filter(|name| name != "lock").collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed test's other process left; missing, or no folder of ours, if the test wanted it so.
        remove_leftovers(Some(&self.0)).ok();
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

/// Names of the segments of shared memory that begin with `prefix`.
fn segments(prefix: &str) -> Vec<String> {
    names(Path::new("/dev/shm")).into_iter().filter(|name| name.starts_with(prefix)).collect()
}

fn config(folder: &Path) -> SharedMemoryConfig {
    let class = |frame_bytes, frames| FrameClass { frame_bytes, frames };
    SharedMemoryConfig {
        folder: Some(folder.to_owned()),
        classes: vec![class(SOUND, 8), class(PICTURE, 4)],
        max_readers: 1,
    }
}

fn open(folder: &Folder) -> SharedMemoryPool {
    SharedMemoryPool::open(SESSION, &config(folder.path())).expect("enough shared memory")
}

/// A frame whose bytes follow a pattern that begins with `seed`.
fn frame(pool: &dyn FramePool, len: usize, seed: u8) -> SharedFrame {
    let mut loan = pool.loan(len).expect("room");
    pattern(seed).zip(loan.bytes_mut()).for_each(|(from, to)| *to = from);
    loan.freeze()
}

fn pattern(seed: u8) -> impl Iterator<Item = u8> {
    (0_usize..).map(move |at| (at % 251) as u8 ^ seed)
}

fn has_pattern(bytes: &[u8], seed: u8) -> bool {
    bytes.iter().zip(pattern(seed)).all(|(got, expected)| *got == expected)
}
