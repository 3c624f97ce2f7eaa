//! A loaned frame and the shared frame it becomes.

use std::fmt;
use std::sync::Arc;

use super::PublishError;
use super::aligned::AlignedBytes;
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
use super::frame_subscriber::HeldChunk;
use super::heap::{HeapBlock, HeapLoan};
#[cfg(all(feature = "shared-memory", target_os = "linux"))]
use super::shared_memory_pool::PooledChunk;

/// Writable memory on loan from a pool; dropping it unfrozen returns it.
pub struct FrameLoan {
    memory: LoanMemory,
}

/// Immutable bytes shared by any number of holders; cloning copies a pointer, never the bytes.
#[derive(Clone)]
pub struct SharedFrame {
    memory: SharedMemory,
}

enum LoanMemory {
    Heap(HeapLoan),
    #[cfg(all(feature = "shared-memory", target_os = "linux"))]
    Chunk(Arc<PooledChunk>),
}

#[derive(Clone)]
enum SharedMemory {
    Heap(HeapBlock),
    Owned(Arc<AlignedBytes>),
    #[cfg(all(feature = "shared-memory", target_os = "linux"))]
    Chunk(Arc<PooledChunk>),
    #[cfg(all(feature = "shared-memory", target_os = "linux"))]
    Received(Arc<HeldChunk>),
}

impl FrameLoan {
    pub(super) fn from_heap(loan: HeapLoan) -> Self {
        Self { memory: LoanMemory::Heap(loan) }
    }

    #[cfg(all(feature = "shared-memory", target_os = "linux"))]
    pub(super) fn from_chunk(chunk: PooledChunk) -> Self {
        Self { memory: LoanMemory::Chunk(Arc::new(chunk)) }
    }

    /// Returns the memory to write to, exactly as long as was asked for.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            LoanMemory::Heap(loan) => loan.bytes_mut(),
            #[cfg(all(feature = "shared-memory", target_os = "linux"))]
            LoanMemory::Chunk(chunk) => Arc::get_mut(chunk).expect("a loan is the only holder").bytes_mut(),
        }
    }

    /// Ends writing: the frame is immutable from here on and can be shared.
    pub fn freeze(self) -> SharedFrame {
        let memory = match self.memory {
            LoanMemory::Heap(loan) => SharedMemory::Heap(loan.freeze()),
            #[cfg(all(feature = "shared-memory", target_os = "linux"))]
            LoanMemory::Chunk(chunk) => SharedMemory::Chunk(chunk),
        };
        SharedFrame { memory }
    }
}

impl SharedFrame {
    /// Wraps bytes that come from no pool; they are copied only if they begin at an odd address
    /// (no multiple of 16), which no common allocator gives out.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Self { memory: SharedMemory::Owned(Arc::new(AlignedBytes::from_vec(bytes))) }
    }

    #[cfg(all(feature = "shared-memory", target_os = "linux"))]
    pub(super) fn from_received(chunk: Arc<HeldChunk>) -> Self {
        Self { memory: SharedMemory::Received(chunk) }
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            SharedMemory::Heap(block) => block.bytes(),
            SharedMemory::Owned(bytes) => bytes.as_slice(),
            #[cfg(all(feature = "shared-memory", target_os = "linux"))]
            SharedMemory::Chunk(chunk) => chunk.bytes(),
            #[cfg(all(feature = "shared-memory", target_os = "linux"))]
            SharedMemory::Received(chunk) => chunk.bytes(),
        }
    }

    /// Hands the frame to all processes that read this session's frames, without a copy; each frame
    /// once. Holders in this process keep it. Never waits: a slow reader loses its oldest frame.
    ///
    /// * `tag`: a mark for the readers, such as the number of the message that describes the frame.
    /// * Returns how many processes will get it.
    ///
    /// # Errors
    /// [`PublishError::NotInSharedMemory`] for a frame that was not lent by a pool of shared memory;
    /// [`PublishError::AlreadyPublished`] the second time.
    pub fn publish(&self, tag: u64) -> Result<usize, PublishError> {
        match &self.memory {
            #[cfg(all(feature = "shared-memory", target_os = "linux"))]
            SharedMemory::Chunk(chunk) => chunk.publish(tag),
            _ => {
                let _ = tag;
                Err(PublishError::NotInSharedMemory)
            }
        }
    }
}

impl fmt::Debug for FrameLoan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameLoan").finish_non_exhaustive()
    }
}

impl fmt::Debug for SharedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFrame").field("len", &self.bytes().len()).finish()
    }
}
