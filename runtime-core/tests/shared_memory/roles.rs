//! What the other process does.

use std::path::PathBuf;

use remotemedia_runtime_core::shm::{
    FramePool, FrameSubscriber, SharedMemoryConfig, SharedMemoryError, SharedMemoryPool,
};

use crate::maps::mapping_of;
use crate::process::{FOLDER, MARK, ROLE};
use crate::{PICTURE, SESSION, SOUND, config, frame, has_pattern};

#[test]
#[ignore = "the other process of the tests of this binary, which start it"]
fn other_process() {
    let (Ok(role), Some(folder)) = (std::env::var(ROLE), std::env::var_os(FOLDER).map(PathBuf::from)) else {
        say("no role: this test does nothing when it is not started by another");
        return;
    };
    match role.as_str() {
        "reader" => read_to_the_end(&folder),
        "holder" => hold_three_frames(&folder),
        "publisher" => publish_and_wait(&folder),
        "small" => use_two_mebibytes(&folder),
        other => panic!("no role {other}"),
    }
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn say(line: &str) {
    println!("{MARK}{line}");
}

fn wait_to_go_on() {
    std::io::stdin().read_line(&mut String::new()).expect("the parent holds the other end");
}

/// Says of each frame what it is and where it lies.
#[tokio::main(flavor = "current_thread")]
async fn read_to_the_end(folder: &std::path::Path) {
    let mut frames = FrameSubscriber::open(SESSION, Some(folder)).expect("a pool");
    say("ready");
    while let Some(received) = frames.recv().await.expect("a working layer") {
        let (tag, bytes) = (received.tag, received.frame.bytes());
        let mapping = mapping_of(bytes.as_ptr());
        let intact = has_pattern(bytes, tag as u8);
        say(&format!("{tag} {} {intact} {} {}", bytes.len(), mapping.permissions, mapping.inode));
    }
    say("end");
}

/// Takes its share and never gives it back.
#[tokio::main(flavor = "current_thread")]
async fn hold_three_frames(folder: &std::path::Path) {
    let mut frames = FrameSubscriber::open(SESSION, Some(folder)).expect("a pool");
    say("ready");
    let mut held = Vec::new();
    while held.len() < 3 {
        held.push(frames.recv().await.expect("a working layer").expect("an open pool"));
        say(&format!("holds {}", held.len()));
    }
    wait_to_go_on();
}

/// Publishes one frame, keeps one, and says which segments it made.
fn publish_and_wait(folder: &std::path::Path) {
    let pool = SharedMemoryPool::open(SESSION, &config(folder)).expect("enough shared memory");
    let kept = frame(&pool, PICTURE, 1);
    say(&mapping_of(kept.bytes().as_ptr()).segment_prefix());
    wait_to_go_on();
    frame(&pool, SOUND, 2).publish(2).expect("a frame of this pool");
    say("published");
    wait_to_go_on();
}

/// Runs where `/dev/shm` has 2 MiB. Says what it was refused, and lives to say so.
fn use_two_mebibytes(folder: &std::path::Path) {
    let with = |frame_bytes, frames| SharedMemoryConfig {
        classes: vec![remotemedia_runtime_core::shm::FrameClass { frame_bytes, frames }],
        ..config(folder)
    };
    let open = |session, config: &SharedMemoryConfig| SharedMemoryPool::open(session, config);
    let refused =
        open(SESSION, &SharedMemoryConfig { folder: Some(folder.to_owned()), ..Default::default() });
    say(&format!("default: {}", matches!(refused, Err(SharedMemoryError::TooSmall { .. }))));
    // One to use here and five for the reader, 1.2 MB.
    let fits = with(200_000, 1);
    let first = open(SESSION, &fits).expect("fits");
    // Not a byte of the first pool's frames has been written, and yet they are taken.
    let refused = open("another", &fits);
    say(&format!("second: {}", matches!(refused, Err(SharedMemoryError::TooSmall { .. }))));
    let mut loan = first.loan(200_000).expect("room");
    loan.bytes_mut().fill(1);
    say(&format!("written: {}", loan.freeze().bytes().iter().all(|byte| *byte == 1)));
}
