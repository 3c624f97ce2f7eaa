//! Frames in this process's heap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::aligned::AlignedBytes;
use super::idle::{IdleBlocks, block_size};
use super::{FrameLoan, FramePool, PoolError, PoolReport};

/// A pool of heap memory for frames that stay in one process.
///
/// Returned blocks are kept, together with their reference count, and lent again: a steady stream
/// allocates nothing. Cloning the pool shares it.
#[derive(Debug, Clone)]
pub struct HeapPool {
    shelf: Arc<Shelf>,
}

/// Bounds of a [`HeapPool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapPoolConfig {
    /// Most bytes in use at once. Default 256 MiB (about 190 frames of 720p I420).
    pub max_bytes: usize,
    /// Most bytes kept ready for reuse; past it, what has been idle for longest is freed. Default 32 MiB.
    pub max_idle_bytes: usize,
}

/// A holder of a frozen frame; the drop of the last one returns the block to its shelf.
#[derive(Debug)]
pub(super) struct HeapBlock {
    block: Option<Arc<Block>>,
}

/// The only holder of a block that is being written.
#[derive(Debug)]
pub(super) struct HeapLoan {
    holder: HeapBlock,
}

#[derive(Debug)]
struct Shelf {
    config: HeapPoolConfig,
    state: Mutex<ShelfState>,
}

#[derive(Debug)]
struct ShelfState {
    idle: IdleBlocks<Arc<Block>>,
    lent_block_bytes: usize,
    report: PoolReport,
}

#[derive(Debug)]
struct Block {
    memory: AlignedBytes,
    len: usize,
    /// Where it goes back to; `None` while it lies there, or else no shelf would ever be freed.
    shelf: Option<Arc<Shelf>>,
}

impl HeapPool {
    /// Makes an empty pool within `config`'s bounds.
    pub fn new(config: HeapPoolConfig) -> Self {
        let state = ShelfState {
            idle: IdleBlocks::new(config.max_idle_bytes),
            lent_block_bytes: 0,
            report: PoolReport::default(),
        };
        Self { shelf: Arc::new(Shelf { config, state: Mutex::new(state) }) }
    }
}

impl Default for HeapPool {
    fn default() -> Self {
        Self::new(HeapPoolConfig::default())
    }
}

impl Default for HeapPoolConfig {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_idle_bytes: 32 << 20 }
    }
}

impl FramePool for HeapPool {
    fn loan(&self, len: usize) -> Result<FrameLoan, PoolError> {
        let mut block = match self.shelf.lend(len)? {
            Some(idle) => idle,
            None => Arc::new(Block { memory: AlignedBytes::zeroed(block_size(len)), len, shelf: None }),
        };
        let sole = Arc::get_mut(&mut block).expect("blocks are shelved by their last holder");
        sole.len = len;
        sole.shelf = Some(self.shelf.clone());
        Ok(FrameLoan::from_heap(HeapLoan { holder: HeapBlock { block: Some(block) } }))
    }

    fn report(&self) -> PoolReport {
        let state = self.shelf.lock();
        PoolReport { bytes_held: state.lent_block_bytes + state.idle.bytes(), ..state.report }
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, ShelfState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a loan into the books; `None`: no idle block fits, the caller allocates one.
    fn lend(&self, len: usize) -> Result<Option<Arc<Block>>, PoolError> {
        let limit = self.config.max_bytes;
        let mut state = self.lock();
        let in_use = state.report.bytes_in_use;
        if len > limit {
            state.report.loans_refused += 1;
            return Err(PoolError::TooLarge { requested: len, limit });
        }
        if len > limit - in_use {
            state.report.loans_refused += 1;
            return Err(PoolError::Exhausted { requested: len, in_use, limit });
        }
        state.report.loans_granted += 1;
        state.report.frames_in_use += 1;
        state.report.bytes_in_use += len;
        let found = state.idle.take(len);
        state.lent_block_bytes += found.as_ref().map_or_else(|| block_size(len), |(_, size)| *size);
        Ok(found.map(|(block, _)| block))
    }

    /// Takes a block of `len` bytes in use off the books and keeps it if there is room.
    fn take_back(&self, block: Arc<Block>, len: usize) {
        let size = block.memory.len();
        let mut state = self.lock();
        state.report.frames_in_use -= 1;
        state.report.bytes_in_use -= len;
        state.lent_block_bytes -= size;
        if !state.idle.fits(size) {
            return;
        }
        while !state.idle.has_room(size) {
            let oldest = state.idle.evict();
            // A large block goes back to the operating system, which takes long: not under the lock.
            drop(state);
            drop(oldest);
            state = self.lock();
        }
        state.idle.put(block, size);
    }
}

impl HeapLoan {
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let block = self.holder.block.as_mut().expect("taken only when dropped");
        let sole = Arc::get_mut(block).expect("a loan is the only holder");
        &mut sole.memory.as_mut_slice()[..sole.len]
    }

    pub(super) fn freeze(self) -> HeapBlock {
        self.holder
    }
}

impl HeapBlock {
    pub(super) fn bytes(&self) -> &[u8] {
        let block = self.block.as_ref().expect("taken only when dropped");
        &block.memory.as_slice()[..block.len]
    }
}

impl Clone for HeapBlock {
    fn clone(&self) -> Self {
        Self { block: self.block.clone() }
    }
}

impl Drop for HeapBlock {
    fn drop(&mut self) {
        let Some(mut block) = self.block.take() else { return };
        let Some(sole) = Arc::get_mut(&mut block) else { return };
        let len = sole.len;
        if let Some(shelf) = sole.shelf.take() {
            shelf.take_back(block, len);
        }
    }
}

impl Drop for Block {
    /// Two last holders that let go at the same moment each see the other: then the reference count is
    /// lost, and the memory goes back with a new one.
    fn drop(&mut self) {
        let Some(shelf) = self.shelf.take() else { return };
        let memory = std::mem::replace(&mut self.memory, AlignedBytes::from_vec(Vec::new()));
        shelf.take_back(Arc::new(Self { memory, len: 0, shelf: None }), self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(max_bytes: usize, max_idle_bytes: usize) -> HeapPool {
        HeapPool::new(HeapPoolConfig { max_bytes, max_idle_bytes })
    }

    #[test]
    fn a_returned_block_is_lent_again() {
        let pool = HeapPool::default();
        let mut loan = pool.loan(1_382_400).expect("room");
        let address = loan.bytes_mut().as_ptr();
        drop(loan.freeze());
        let mut again = pool.loan(1_382_000).expect("room");
        assert_eq!(again.bytes_mut().as_ptr(), address);
        assert_eq!(again.bytes_mut().len(), 1_382_000);
    }

    #[test]
    fn idle_memory_stays_within_its_bound_and_the_newest_size_is_kept() {
        let pool = pool(usize::MAX, 4096);
        let old: Vec<_> = (0..4).map(|_| pool.loan(1024).expect("room").freeze()).collect();
        drop(old);
        assert_eq!(pool.report().bytes_held, 4096);
        drop(pool.loan(3000).expect("room"));
        assert_eq!(pool.report().bytes_held, 1024 + 3072, "three old blocks made room for the new size");
        drop(pool.loan(5000).expect("room"));
        assert_eq!(pool.report().bytes_held, 1024 + 3072, "a block above the bound drives nothing out");
    }

    #[test]
    fn frames_outlive_their_pool() {
        let pool = HeapPool::default();
        let mut loan = pool.loan(3).expect("room");
        loan.bytes_mut().copy_from_slice(b"abc");
        let frame = loan.freeze();
        let shelf = Arc::downgrade(&pool.shelf);
        drop(pool);
        assert_eq!(frame.bytes(), b"abc");
        drop(frame);
        assert!(shelf.upgrade().is_none(), "nothing keeps the shelf once the last frame is gone");
    }

    #[test]
    fn frames_dropped_by_many_threads_at_once_all_come_back() {
        let pool = HeapPool::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let pool = &pool;
                scope.spawn(move || {
                    for _ in 0..500 {
                        let frame = pool.loan(4096).expect("room").freeze();
                        let copy = frame.clone();
                        std::thread::scope(|two| {
                            two.spawn(move || drop(frame));
                            drop(copy);
                        });
                    }
                });
            }
        });
        let report = pool.report();
        assert_eq!((report.frames_in_use, report.bytes_in_use, report.loans_granted), (0, 0, 2000));
        assert!(report.bytes_held <= 4 * 4096, "at most one block for each thread: {report:?}");
    }
}
