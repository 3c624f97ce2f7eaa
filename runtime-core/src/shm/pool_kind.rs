//! Which pool a session uses.

use std::sync::Arc;

use super::{FramePool, HeapPool, HeapPoolConfig, SharedMemoryConfig, SharedMemoryError};

/// Where the frames of a session lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// In the heap of this process: fastest, for sessions whose nodes all run here.
    #[default]
    Heap,
    /// In shared memory: for sessions with a node in another process. Linux, feature `shared-memory`.
    SharedMemory,
}

/// Settings of every kind of pool; only those of the kind that is opened count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolConfig {
    /// Of [`PoolKind::Heap`].
    pub heap: HeapPoolConfig,
    /// Of [`PoolKind::SharedMemory`].
    pub shared_memory: SharedMemoryConfig,
}

/// Why a pool was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenPoolError {
    /// This build has no shared memory.
    #[error("frames in shared memory need Linux and a build with the feature \"shared-memory\"")]
    NotBuilt,
    /// Shared memory cannot be used.
    #[error(transparent)]
    SharedMemory(#[from] SharedMemoryError),
}

/// Opens a pool for the session `session_id`.
///
/// Blocks for some milliseconds if it is in shared memory: not for an async task.
///
/// # Errors
/// [`OpenPoolError`], for [`PoolKind::SharedMemory`] only.
pub fn open_pool(
    kind: PoolKind,
    session_id: &str,
    config: &PoolConfig,
) -> Result<Arc<dyn FramePool>, OpenPoolError> {
    match kind {
        PoolKind::Heap => Ok(Arc::new(HeapPool::new(config.heap))),
        #[cfg(all(feature = "shared-memory", target_os = "linux"))]
        PoolKind::SharedMemory => {
            Ok(Arc::new(super::SharedMemoryPool::open(session_id, &config.shared_memory)?))
        }
        #[cfg(not(all(feature = "shared-memory", target_os = "linux")))]
        PoolKind::SharedMemory => {
            let _ = session_id;
            Err(OpenPoolError::NotBuilt)
        }
    }
}
