//! Frames that two processes see.

use remotemedia_runtime_core::shm::{
    FramePool, FrameSubscriber, HeapPool, PublishError, SharedFrame, SharedMemoryError, SharedMemoryPool,
    SubscriberReport,
};
use tokio::time::timeout;

use crate::maps::mapping_of;
use crate::process::Other;
use crate::{DEADLINE, Folder, PICTURE, SESSION, SOUND, config, frame, has_pattern, open};

#[test]
fn another_process_maps_a_frame_where_it_lies_and_cannot_write_to_it() {
    let folder = Folder::new();
    let pool = open(&folder);
    let reader = Other::start("reader", folder.path());
    reader.expect("ready");
    for (tag, len) in [(1, PICTURE), (2, SOUND), (3, PICTURE - 1)] {
        let frame = frame(&pool, len, tag);
        assert_eq!(frame.publish(u64::from(tag)).expect("a frame of this pool"), 1);
        let mapping = mapping_of(frame.bytes().as_ptr());
        assert!(mapping.path.starts_with("/dev/shm/rm_"), "{mapping:?}");
        reader.expect(&format!("{tag} {len} true r--s {}", mapping.inode));
        assert!(has_pattern(frame.bytes(), tag), "this process goes on reading it");
    }
    assert_eq!(pool.report().frames_in_use, 0);
    drop(pool);
    reader.expect("end");
    assert!(reader.end().success());
}

#[test]
fn a_published_frame_is_not_lent_again_while_it_is_held_here() {
    let folder = Folder::new();
    let pool = open(&folder);
    let held = frame(&pool, PICTURE, 1);
    assert_eq!(held.publish(1), Ok(0), "nobody reads");
    for round in 0..20 {
        let others: Vec<_> = (0..3).map(|n| frame(&pool, PICTURE, round * 3 + n)).collect();
        assert!(others.iter().all(|other| other.bytes().as_ptr() != held.bytes().as_ptr()));
        assert!(others.iter().all(|other| other.publish(0) == Ok(0)));
    }
    assert!(has_pattern(held.bytes(), 1));
}

#[test]
fn a_frame_lies_in_the_smallest_size_that_holds_it_in_whatever_order_they_were_given() {
    let folder = Folder::new();
    let mut config = config(folder.path());
    config.classes.reverse();
    let pool = SharedMemoryPool::open(SESSION, &config).expect("enough shared memory");
    let sounds: Vec<_> = (0..8).map(|seed| frame(&pool, SOUND, seed)).collect();
    assert!(pool.loan(SOUND).is_err(), "sound takes no memory of pictures");
    let pictures: Vec<_> = (0..4).map(|seed| frame(&pool, SOUND + 1, seed)).collect();
    assert!(pool.loan(SOUND + 1).is_err());
    drop(pictures);
    assert!(pool.loan(PICTURE).is_ok() && pool.loan(SOUND).is_err());
    drop(sounds);
}

#[test]
fn a_frame_is_published_once_and_only_from_shared_memory() {
    let folder = Folder::new();
    let pool = open(&folder);
    let published = frame(&pool, SOUND, 1);
    assert_eq!(published.publish(1), Ok(0));
    assert_eq!(published.clone().publish(1), Err(PublishError::AlreadyPublished));
    assert_eq!(frame(&HeapPool::default(), SOUND, 1).publish(1), Err(PublishError::NotInSharedMemory));
    assert_eq!(SharedFrame::from_vec(vec![1]).publish(1), Err(PublishError::NotInSharedMemory));
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_frames_in_order_and_counts_the_missed() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    for tag in 0..6 {
        assert_eq!(frame(&pool, SOUND, tag).publish(u64::from(tag)), Ok(1));
        if tag == 0 {
            assert_eq!(next(&mut reader).await, Some(0));
        }
    }
    assert_eq!((next(&mut reader).await, next(&mut reader).await), (Some(4), Some(5)));
    assert_eq!(reader.report(), SubscriberReport { frames_received: 3, frames_missed: 3 });
}

#[tokio::test]
async fn a_reader_that_holds_its_share_gets_more_when_it_lets_go() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    let mut held = Vec::new();
    for tag in 0..3 {
        frame(&pool, SOUND, tag).publish(u64::from(tag)).expect("a frame of this pool");
        held.push(reader.recv().await.expect("a working layer").expect("an open pool"));
    }
    frame(&pool, SOUND, 3).publish(3).expect("a frame of this pool");
    assert!(reader.try_recv().expect("a working layer").is_none(), "three are its share");
    let waiting = tokio::spawn(async move { next(&mut reader).await });
    tokio::task::yield_now().await;
    drop(held.remove(0));
    assert_eq!(waiting.await.expect("no panic"), Some(3));
    assert!(held.iter().zip(1..).all(|(received, seed)| has_pattern(received.frame.bytes(), seed)));
}

#[tokio::test]
async fn a_frame_of_no_bytes_is_received_too() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    frame(&pool, 0, 0).publish(7).expect("a frame of this pool");
    assert_eq!(next(&mut reader).await, Some(7));
}

#[tokio::test]
async fn what_was_published_before_the_pool_closed_is_received_after_it() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    frame(&pool, PICTURE, 5).publish(5).expect("a frame of this pool");
    drop(pool);
    let received = timeout(DEADLINE, reader.recv()).await.expect("in time").expect("a working layer");
    let received = received.expect("a frame");
    assert!(has_pattern(received.frame.bytes(), 5), "the memory outlives the pool");
    assert_eq!(next(&mut reader).await, None);
    assert_eq!(next(&mut reader).await, None, "and stays closed");
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_each_of_a_thousand_frames() {
    let folder = Folder::new();
    let pool = open(&folder);
    let mut reader = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    let (sender, mut received) = tokio::sync::mpsc::channel(1);
    let reading = tokio::spawn(async move {
        while let Some(tag) = next(&mut reader).await {
            sender.send(tag).await.expect("the test listens");
        }
    });
    // One deadline for all: a reader that is not woken looks by itself only every second.
    let all = timeout(DEADLINE, async {
        for tag in 0..1_000 {
            frame(&pool, 64, 0).publish(tag).expect("a frame of this pool");
            assert_eq!(received.recv().await, Some(tag));
        }
    });
    all.await.expect("in time");
    drop(pool);
    reading.await.expect("no panic");
}

#[tokio::test]
async fn there_are_as_many_readers_as_the_pool_was_opened_for() {
    let folder = Folder::new();
    let none = FrameSubscriber::open(SESSION, Some(folder.path())).expect_err("no pool yet");
    assert!(matches!(none, SharedMemoryError::NoPool { .. }), "{none:?}");
    let pool = open(&folder);
    let first = FrameSubscriber::open(SESSION, Some(folder.path())).expect("a pool");
    let second = FrameSubscriber::open(SESSION, Some(folder.path())).expect_err("for one reader");
    assert!(matches!(second, SharedMemoryError::TooManyReaders { .. }), "{second:?}");
    assert_eq!(frame(&pool, SOUND, 1).publish(1), Ok(1), "the one that was refused left no trace");
    drop(first);
    assert!(FrameSubscriber::open(SESSION, Some(folder.path())).is_ok(), "there is room again");
}

async fn next(reader: &mut FrameSubscriber) -> Option<u64> {
    let received = timeout(DEADLINE, reader.recv()).await.expect("in time").expect("a working layer");
    received.map(|received| received.tag)
}
