//! A steady stream of frames through the heap pool allocates nothing. In a test binary of its own,
//! because it replaces the allocator by one that counts.

// A counting allocator cannot be written without it; it forwards every call unchanged.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use remotemedia_runtime_core::shm::{FramePool, HeapPool, SharedFrame};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every method forwards its arguments to the system allocator and returns what that returned;
// the counter beside it is a plain number of this thread and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, new_size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Bytes of a 720p picture in I420, of 10 ms and of 20 ms of stereo sound at 48 kHz.
const SIZES: [usize; 3] = [1_382_400, 3_840, 7_680];

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn frame_of(pool: &dyn FramePool, len: usize) -> SharedFrame {
    let mut loan = pool.loan(len).expect("room");
    loan.bytes_mut()[0] = 1;
    loan.freeze()
}

#[test]
fn a_steady_stream_of_mixed_frames_allocates_nothing() {
    let pool = HeapPool::default();
    let round = || {
        let frames = SIZES.map(|len| frame_of(&pool, len));
        let copies = [&frames, &frames].map(|all| all.clone());
        drop(frames);
        drop(copies);
    };
    assert!(allocations_of(round) > 0, "the first round allocates, or this test sees nothing");
    assert_eq!(allocations_of(|| (0..1_000).for_each(|_| round())), 0);
}

#[test]
fn frames_in_a_queue_allocate_nothing_once_it_was_full() {
    let pool = HeapPool::default();
    let mut queue = std::collections::VecDeque::with_capacity(8);
    let mut step = |len| {
        if queue.len() == 8 {
            queue.pop_front();
        }
        queue.push_back(frame_of(&pool, len));
    };
    (0..32).for_each(|_| SIZES.into_iter().for_each(&mut step));
    let steady = allocations_of(|| (0..1_000).for_each(|_| SIZES.into_iter().for_each(&mut step)));
    assert_eq!(steady, 0);
}

#[test]
fn a_loan_that_is_given_back_unfrozen_allocates_nothing() {
    let pool = HeapPool::default();
    drop(pool.loan(SIZES[0]).expect("room"));
    assert_eq!(allocations_of(|| drop(pool.loan(SIZES[0]).expect("room"))), 0);
}
