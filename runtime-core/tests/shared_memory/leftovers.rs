//! Processes that end, and such as are killed.

use remotemedia_runtime_core::shm::{FramePool, FrameSubscriber, LeftoverReport, remove_leftovers};
use tokio::time::timeout;

use crate::maps::mapping_of;
use crate::process::Other;
use crate::{DEADLINE, Folder, PICTURE, SESSION, SOUND, frame, has_pattern, open, segments};

#[test]
fn a_closed_pool_leaves_nothing() {
    let folder = Folder::new();
    let pool = open(&folder);
    assert_eq!(pool.leftovers(), LeftoverReport::default());
    let frame = frame(&pool, PICTURE, 1);
    let prefix = mapping_of(frame.bytes().as_ptr()).segment_prefix();
    drop(pool);
    assert!(!segments(&prefix).is_empty(), "the frame holds its memory");
    assert!(has_pattern(frame.bytes(), 1));
    drop(frame);
    assert_eq!((segments(&prefix), folder.contents()), (vec![], vec![]));
}

#[test]
fn what_a_killed_process_leaves_is_gone_after_the_next_start() {
    let folder = Folder::new();
    let mut killed = Other::start("publisher", folder.path());
    let prefix = killed.hear();
    killed.kill();
    assert!(!segments(&prefix).is_empty() && !folder.contents().is_empty(), "or this test sees nothing");

    let pool = open(&folder);
    let LeftoverReport { processes, failed, .. } = pool.leftovers();
    assert_eq!((processes, failed), (1, 0));
    let own = mapping_of(frame(&pool, SOUND, 1).bytes().as_ptr());
    assert_eq!(own.segment_prefix(), prefix, "the same folder");
    drop(pool);
    assert_eq!((segments(&prefix), folder.contents()), (vec![], vec![]));
}

#[test]
fn leftovers_are_removed_and_counted_on_request_and_once() {
    let folder = Folder::new();
    let mut killed = Other::start("publisher", folder.path());
    let prefix = killed.hear();
    killed.kill();
    let report = remove_leftovers(Some(folder.path())).expect("a folder");
    assert_eq!((report.processes, report.failed), (1, 0));
    assert_eq!((segments(&prefix), folder.contents()), (vec![], vec![]));
    assert_eq!(remove_leftovers(Some(folder.path())).expect("a folder"), LeftoverReport::default());
}

#[test]
fn a_living_process_loses_nothing_when_another_cleans_up() {
    let folder = Folder::new();
    let mut alive = Other::start("publisher", folder.path());
    let prefix = alive.hear();
    let before = segments(&prefix);
    assert_eq!(remove_leftovers(Some(folder.path())).expect("a folder"), LeftoverReport::default());
    assert_eq!(segments(&prefix), before);
    alive.go_on();
    alive.expect("published");
    assert!(alive.end().success());
}

#[tokio::test]
async fn the_reader_of_a_killed_process_gets_what_was_sent_and_then_the_end() {
    let folder = Folder::new();
    let mut publisher = Other::start("publisher", folder.path());
    publisher.hear();
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    publisher.go_on();
    publisher.expect("published");
    publisher.kill();
    let received = timeout(DEADLINE, reader.recv()).await.expect("in time").expect("a working layer");
    let received = received.expect("a frame");
    assert_eq!(received.tag, 2);
    let end = timeout(DEADLINE, reader.recv()).await.expect("in time").expect("a working layer");
    assert!(end.is_none());
    assert!(has_pattern(received.frame.bytes(), 2), "the frame outlives its maker");
}

#[tokio::test]
async fn a_killed_reader_holds_up_nobody_and_makes_room_for_the_next() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = Other::start("holder", folder.path());
    reader.expect("ready");
    for seed in 1..=3 {
        frame(&pool, PICTURE, seed).publish(u64::from(seed)).expect("a frame of this pool");
        reader.expect(&format!("holds {seed}"));
    }
    reader.kill();
    for seed in 0..20 {
        // All that this process may have in use, although the killed one never gave back its share.
        let frames: Vec<_> = (0..4).map(|_| frame(&pool, PICTURE, seed)).collect();
        assert!(frames.iter().all(|frame| frame.publish(0).is_ok()));
    }
    assert_eq!(pool.report().loans_refused, 0);

    let mut next = FrameSubscriber::open(SESSION, Some(folder.path())).expect("the killed one made room");
    let sent = frame(&pool, PICTURE, 9);
    assert_eq!(sent.publish(9), Ok(1));
    let received = timeout(DEADLINE, next.recv()).await.expect("in time").expect("a working layer");
    assert!(has_pattern(received.expect("an open pool").frame.bytes(), 9));
}
