//! Memory for frames: loan, fill, freeze into an immutable shared frame.
//!
//! A [`FramePool`] lends writable memory as a [`FrameLoan`]; [`FrameLoan::freeze`] turns it into a
//! [`SharedFrame`] that any thread may read; the drop of its last holder returns the memory to the
//! pool. Two pools fulfil this contract, and pass one conformance suite: [`HeapPool`], and
//! `SharedMemoryPool` (Linux, feature `shared-memory`), whose frames other processes map, woken by an
//! event, through a `FrameSubscriber`. [`open_pool`] opens either.
//!
//! This folder knows bytes only: no pictures, no samples, no pipeline. Of its files, `iceoryx`, `domain`,
//! `shared_memory_pool` and `frame_subscriber` know iceoryx2, and nothing outside does; `iceoryx` alone
//! holds addresses of shared memory.

mod aligned;
#[cfg(test)]
mod conformance;
mod frame;
mod heap;
mod idle;
mod pool_kind;
mod shared_memory;

#[cfg(all(feature = "shared-memory", target_os = "linux"))]
mod capacity;
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
mod domain;
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
mod frame_subscriber;
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
mod iceoryx;
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
mod shared_memory_pool;

#[cfg(all(feature = "shared-memory", target_os = "linux"))]
pub use domain::remove_leftovers;
pub use frame::{FrameLoan, SharedFrame};
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
pub use frame_subscriber::{FrameSubscriber, ReceivedFrame, SubscriberReport};
pub use heap::{HeapPool, HeapPoolConfig};
pub use pool_kind::{OpenPoolError, PoolConfig, PoolKind, open_pool};
pub use shared_memory::{FrameClass, LeftoverReport, SharedMemoryConfig, SharedMemoryError};
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
pub use shared_memory_pool::SharedMemoryPool;

/// A source of memory for frames.
///
/// Implementations are shared by all nodes of a session; every method may be called from any thread
/// and none of them waits.
pub trait FramePool: Send + Sync + std::fmt::Debug {
    /// Lends `len` bytes of writable memory (contents unspecified), aligned to 64 bytes.
    ///
    /// # Errors
    /// [`PoolError::Exhausted`] if all frames of the pool, or all of this size, are in use;
    /// [`PoolError::TooLarge`] if no frame of this pool can hold `len` bytes. Both are counted.
    fn loan(&self, len: usize) -> Result<FrameLoan, PoolError>;

    /// Returns the pool's figures at this moment.
    fn report(&self) -> PoolReport;
}

/// Why a pool lent nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// All the memory that the pool may lend, in frames of this size, is in use.
    #[error("frame pool is exhausted: {in_use} of {limit} bytes in use, {requested} more requested")]
    Exhausted {
        /// Bytes asked for.
        requested: usize,
        /// Bytes in use; in a pool of fixed sizes, those of whole frames of this size.
        in_use: usize,
        /// Most bytes in use at once.
        limit: usize,
    },
    /// The frame is larger than any that the pool can lend.
    #[error("frame of {requested} bytes is larger than the largest this pool lends ({limit} bytes)")]
    TooLarge {
        /// Bytes asked for.
        requested: usize,
        /// Most bytes in one frame.
        limit: usize,
    },
    /// The shared memory of the pool is damaged; nothing is lent until the session is opened again.
    #[error("frame pool is broken: the shared-memory layer failed, {requested} bytes were not lent")]
    Broken {
        /// Bytes asked for.
        requested: usize,
    },
}

/// Why a frame was not handed to other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Other processes cannot see its memory.
    #[error("frame does not lie in a pool of shared memory")]
    NotInSharedMemory,
    /// Every frame is handed out once.
    #[error("frame was published already")]
    AlreadyPublished,
    /// The shared-memory layer failed.
    #[error("frame was not published: the shared-memory layer failed")]
    Broken,
}

/// Figures of a pool at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PoolReport {
    /// Frames lent and not yet returned.
    pub frames_in_use: usize,
    /// Bytes lent and not yet returned.
    pub bytes_in_use: usize,
    /// Bytes held by the pool, in use or ready to be lent again.
    pub bytes_held: usize,
    /// Loans granted since the pool was made.
    pub loans_granted: u64,
    /// Loans refused since the pool was made.
    pub loans_refused: u64,
}
