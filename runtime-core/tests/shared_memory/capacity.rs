//! Too little shared memory is found before anything is made.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use remotemedia_runtime_core::shm::{
    FrameClass, FrameSubscriber, SharedMemoryConfig, SharedMemoryError, SharedMemoryPool,
};

use crate::maps::mapping_of;
use crate::process::Other;
use crate::{Folder, SESSION, SOUND, config, frame, segments};

#[test]
fn more_than_the_system_has_is_refused_with_the_figures_and_what_to_do() {
    let folder = Folder::new();
    let classes = vec![FrameClass { frame_bytes: 1 << 30, frames: 1024 }; 16];
    let config = SharedMemoryConfig { classes, ..config(folder.path()) };
    let refused = SharedMemoryPool::open(SESSION, &config).expect_err("16 TiB");
    let text = refused.to_string();
    let SharedMemoryError::TooSmall { needed, available, total } = refused else {
        panic!("another refusal: {text}");
    };
    assert_eq!(needed, config.needed_bytes());
    assert!(available < needed && total >= needed);
    for part in [format!("{needed} bytes needed"), format!("{available} available"), "--shm-size=".to_owned()]
    {
        assert!(text.contains(&part), "{part:?} in {text:?}");
    }
    assert_eq!(folder.contents(), Vec::<String>::new(), "nothing is left of the attempt");
}

#[tokio::test]
async fn a_pool_and_all_its_readers_take_no_more_than_was_asked_for() {
    for (classes, frames, max_readers) in [(3, 8, 1), (16, 1, 1), (1, 1024, 16)] {
        let folder = Folder::new();
        let classes = vec![FrameClass { frame_bytes: SOUND, frames }; classes];
        let config = SharedMemoryConfig { classes, max_readers, ..config(folder.path()) };
        let pool = SharedMemoryPool::open(SESSION, &config).expect("enough shared memory");
        let sent = frame(&pool, SOUND, 1);
        let readers = (0..max_readers).map(|_| FrameSubscriber::open(SESSION, Some(folder.path())));
        let readers = readers.collect::<Result<Vec<_>, _>>().expect("a pool for so many");
        assert_eq!(sent.publish(1), Ok(max_readers));
        let prefix = mapping_of(sent.bytes().as_ptr()).segment_prefix();
        let taken: u64 = segments(&prefix).iter().map(|name| backed_bytes(name)).sum();
        let (needed, frames) = (config.needed_bytes(), config.classes.len() * frames * SOUND);
        assert!(taken <= needed, "{taken} of {needed} bytes: {config:?}");
        assert!(taken >= frames as u64, "every frame is backed by memory: {taken} bytes: {config:?}");
        drop(readers);
    }
}

fn backed_bytes(segment: &str) -> u64 {
    let found = std::fs::metadata(Path::new("/dev/shm").join(segment)).expect("there");
    found.blocks() * 512
}

#[test]
fn a_system_of_two_mebibytes_refuses_what_does_not_fit_and_never_kills_the_process() {
    let folder = Folder::new();
    let binary = std::env::current_exe().expect("a path");
    let mut small = Command::new("unshare");
    small.args(["--mount", "sh", "-c", "mount -t tmpfs -o size=2m tmpfs /dev/shm && exec \"$@\"", "sh"]);
    let allowed = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", "/dev/shm"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !allowed {
        skip("a_system_of_two_mebibytes_refuses_what_does_not_fit_and_never_kills_the_process");
        return;
    }
    small.arg(binary);
    let process = Other::spawn(small, "small", folder.path());
    process.expect("default: true");
    process.expect("second: true");
    process.expect("written: true");
    let status = process.end();
    assert!(status.success(), "ended by {status}");
}

#[expect(clippy::print_stderr, reason = "a skipped test is to be seen")]
fn skip(test: &str) {
    eprintln!("SKIPPED {test}: this system does not let it mount a small /dev/shm of its own");
}
