//! What every pool promises, run against each of them.

use std::sync::mpsc;

use super::{FramePool, HeapPool, HeapPoolConfig, PoolError, PoolReport, SharedFrame};

/// Every candidate lends this many frames of at most this many bytes.
const FRAME_BYTES: usize = 10_000;
const FRAMES: usize = 8;

macro_rules! conformance {
    ($pool:ident of $candidate:ident) => {
        mod $pool {
            conformance! { $candidate keeps
                a_loan_is_as_long_as_asked_for_and_begins_at_a_cache_line
                what_is_written_is_what_every_holder_reads
                a_clone_shares_the_bytes
                a_frozen_frame_is_untouched_by_later_loans
                the_last_frame_is_lent_and_one_more_refused_and_counted
                the_largest_frame_is_lent_and_one_byte_more_refused_and_counted
                memory_comes_back_with_the_last_holder_and_not_before
                an_unfrozen_loan_comes_back_when_it_is_dropped
                frames_of_all_sizes_keep_their_contents
                threads_share_the_pool_and_hand_frames_to_each_other
            }
        }
    };
    ($candidate:ident keeps $($promise:ident)*) => {
        $(#[test]
        fn $promise() {
            super::$promise(&super::$candidate().pool);
        })*
    };
}

conformance!(heap of heap_candidate);
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
conformance!(shared_memory of shared_memory_candidate);

struct HeapCandidate {
    pool: HeapPool,
}

fn heap_candidate() -> HeapCandidate {
    let config = HeapPoolConfig { max_bytes: FRAME_BYTES * FRAMES, ..HeapPoolConfig::default() };
    HeapCandidate { pool: HeapPool::new(config) }
}

#[cfg(all(feature = "shared-memory", target_os = "linux"))]
struct SharedMemoryCandidate {
    pool: super::SharedMemoryPool,
    _folder: Folder,
}

#[cfg(all(feature = "shared-memory", target_os = "linux"))]
fn shared_memory_candidate() -> SharedMemoryCandidate {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("rm-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Folder(std::env::temp_dir().join(name));
    let config = super::SharedMemoryConfig {
        folder: Some(folder.0.clone()),
        classes: vec![super::FrameClass { frame_bytes: FRAME_BYTES, frames: FRAMES }],
        max_readers: 1,
    };
    let pool = super::SharedMemoryPool::open("conformance", &config).expect("enough shared memory");
    SharedMemoryCandidate { pool, _folder: folder }
}

/// Removed when the pool in it is closed.
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
struct Folder(std::path::PathBuf);

#[cfg(all(feature = "shared-memory", target_os = "linux"))]
impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("a folder of this test");
    }
}

fn filled(pool: &dyn FramePool, len: usize, byte: u8) -> SharedFrame {
    let mut loan = pool.loan(len).expect("room");
    loan.bytes_mut().fill(byte);
    loan.freeze()
}

fn in_use(report: PoolReport) -> (usize, usize) {
    (report.frames_in_use, report.bytes_in_use)
}

fn a_loan_is_as_long_as_asked_for_and_begins_at_a_cache_line(pool: &dyn FramePool) {
    for len in [0, 1, 3, 63, 64, 65, 4_096, FRAME_BYTES] {
        let mut loan = pool.loan(len).expect("room");
        assert_eq!(loan.bytes_mut().len(), len);
        assert!(loan.bytes_mut().as_ptr().addr().is_multiple_of(64), "{len} bytes");
        let frame = loan.freeze();
        assert_eq!(frame.bytes().len(), len);
        assert!(frame.bytes().as_ptr().addr().is_multiple_of(64), "{len} bytes, frozen");
    }
    assert_eq!(in_use(pool.report()), (0, 0));
}

fn what_is_written_is_what_every_holder_reads(pool: &dyn FramePool) {
    let mut loan = pool.loan(FRAME_BYTES).expect("room");
    let pattern: Vec<u8> = (0..FRAME_BYTES).map(|at| (at * 7 + at / 251) as u8).collect();
    loan.bytes_mut().copy_from_slice(&pattern);
    let frame = loan.freeze();
    let copies: Vec<_> = (0..4).map(|_| frame.clone()).collect();
    std::thread::scope(|scope| {
        for copy in &copies {
            scope.spawn(|| assert_eq!(copy.bytes(), pattern));
        }
    });
    assert_eq!(frame.bytes(), pattern);
}

fn a_clone_shares_the_bytes(pool: &dyn FramePool) {
    let frame = filled(pool, 1_000, 1);
    let copy = frame.clone();
    assert_eq!(frame.bytes().as_ptr(), copy.bytes().as_ptr());
    assert_eq!(in_use(pool.report()), (1, 1_000), "two holders, one frame");
}

fn a_frozen_frame_is_untouched_by_later_loans(pool: &dyn FramePool) {
    let first = filled(pool, FRAME_BYTES, 1);
    let others: Vec<_> = (2..=FRAMES as u8).map(|byte| filled(pool, FRAME_BYTES, byte)).collect();
    assert!(first.bytes().iter().all(|byte| *byte == 1));
    for (other, byte) in others.iter().zip(2..) {
        assert!(other.bytes().iter().all(|b| *b == byte), "frame {byte}");
    }
}

fn the_last_frame_is_lent_and_one_more_refused_and_counted(pool: &dyn FramePool) {
    let mut frames: Vec<_> = (0..FRAMES).map(|_| filled(pool, FRAME_BYTES, 0)).collect();
    let limit = FRAMES * FRAME_BYTES;
    let refused = pool.loan(FRAME_BYTES).expect_err("all frames are in use");
    assert_eq!(refused, PoolError::Exhausted { requested: FRAME_BYTES, in_use: limit, limit });
    let report = pool.report();
    assert_eq!((report.loans_granted, report.loans_refused), (FRAMES as u64, 1));
    assert_eq!(in_use(report), (FRAMES, limit));
    assert!(report.bytes_held >= limit);
    frames.pop();
    assert!(pool.loan(FRAME_BYTES).is_ok(), "one came back");
}

fn the_largest_frame_is_lent_and_one_byte_more_refused_and_counted(pool: &dyn FramePool) {
    // The heap pool has no size of frame, only a size of all together.
    let limit = match pool.loan(FRAME_BYTES + 1) {
        Ok(_) => FRAMES * FRAME_BYTES,
        Err(_) => FRAME_BYTES,
    };
    let refused_before = pool.report().loans_refused;
    assert!(pool.loan(limit).is_ok());
    let refused = pool.loan(limit + 1).expect_err("one byte too many");
    assert_eq!(refused, PoolError::TooLarge { requested: limit + 1, limit });
    assert!(matches!(pool.loan(usize::MAX), Err(PoolError::TooLarge { .. })));
    assert_eq!(pool.report().loans_refused, refused_before + 2);
    assert_eq!(in_use(pool.report()), (0, 0));
}

fn memory_comes_back_with_the_last_holder_and_not_before(pool: &dyn FramePool) {
    let frame = filled(pool, 500, 9);
    let copy = frame.clone();
    drop(frame);
    assert_eq!(in_use(pool.report()), (1, 500));
    assert_eq!(copy.bytes(), [9; 500]);
    drop(copy);
    assert_eq!(in_use(pool.report()), (0, 0));
}

fn an_unfrozen_loan_comes_back_when_it_is_dropped(pool: &dyn FramePool) {
    for _ in 0..3 * FRAMES {
        let loan = pool.loan(FRAME_BYTES).expect("the one before came back");
        assert_eq!(in_use(pool.report()), (1, FRAME_BYTES));
        drop(loan);
    }
    assert_eq!(in_use(pool.report()), (0, 0));
}

fn frames_of_all_sizes_keep_their_contents(pool: &dyn FramePool) {
    let mut live: Vec<(SharedFrame, u8)> = Vec::new();
    let mut random = 0x2545_f491_u32;
    for step in 0..2_000_u32 {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        if live.len() == FRAMES {
            live.swap_remove(random as usize % FRAMES);
        }
        let byte = step as u8;
        live.push((filled(pool, random as usize % (FRAME_BYTES + 1), byte), byte));
        for (frame, byte) in &live {
            assert!(frame.bytes().iter().all(|b| b == byte), "step {step}");
        }
        let bytes = live.iter().map(|(frame, _)| frame.bytes().len()).sum();
        assert_eq!(in_use(pool.report()), (live.len(), bytes), "step {step}");
    }
}

fn threads_share_the_pool_and_hand_frames_to_each_other(pool: &dyn FramePool) {
    const ROUNDS: u64 = 500;
    let granted = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<(SharedFrame, u8)>(FRAMES / 2);
        let readers = scope.spawn(move || {
            let mut read = 0;
            for (frame, byte) in receiver {
                assert!(frame.bytes().iter().all(|b| *b == byte));
                read += 1;
            }
            read
        });
        for thread in 0..4_u8 {
            let sender = sender.clone();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let Ok(mut loan) = pool.loan(1 + usize::from(thread) * 3_000) else { continue };
                    let byte = thread.wrapping_mul(64).wrapping_add(round as u8);
                    loan.bytes_mut().fill(byte);
                    sender.send((loan.freeze(), byte)).expect("the reader reads to the end");
                }
            });
        }
        drop(sender);
        readers.join().expect("every frame had its own contents")
    });
    let report = pool.report();
    assert_eq!(report.loans_granted, granted);
    assert_eq!(report.loans_granted + report.loans_refused, 4 * ROUNDS);
    assert_eq!(in_use(report), (0, 0));
}
