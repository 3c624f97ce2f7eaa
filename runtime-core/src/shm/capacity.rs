//! Is there enough shared memory? Asked before a pool starts, and then made sure of: memory that the
//! system promised but does not have ends a process with SIGBUS at the first write.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::SharedMemoryError;

/// Where Linux keeps shared memory (shm_overview(7)).
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// Shared memory of this system at one moment, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    /// `None`: limited by nothing but the machine's memory.
    total: Option<u64>,
    available: u64,
}

impl Capacity {
    pub(super) fn now() -> Result<Self, SharedMemoryError> {
        let found =
            statvfs(SHARED_MEMORY).map_err(|error| SharedMemoryError::System { source: error.into() })?;
        let total = (found.f_blocks > 0).then_some(found.f_blocks * found.f_frsize);
        Ok(Self { total, available: found.f_bavail * found.f_frsize })
    }

    /// Checks that `needed` bytes are free.
    pub(super) fn check(self, needed: u64) -> Result<(), SharedMemoryError> {
        let Some(total) = self.total else { return Ok(()) };
        if needed <= self.available {
            return Ok(());
        }
        let in_use = total - self.available.min(total);
        Err(SharedMemoryError::TooSmall { needed, available: self.available, total: in_use + needed })
    }
}

/// Makes the system back every segment whose name begins with `prefix` with memory; `needed` goes into
/// the error.
pub(super) fn reserve_segments(prefix: &str, needed: u64) -> Result<(), SharedMemoryError> {
    let system = |source| SharedMemoryError::System { source };
    for entry in std::fs::read_dir(SHARED_MEMORY).map_err(system)? {
        let entry = entry.map_err(system)?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        match reserve(&entry.path()) {
            // Another process has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                let Capacity { total, available } = Capacity::now()?;
                let total = total.map_or(needed, |total| total - available.min(total) + needed);
                return Err(SharedMemoryError::TooSmall { needed, available, total });
            }
            other => other.map_err(system)?,
        }
    }
    Ok(())
}

fn reserve(segment: &Path) -> io::Result<()> {
    let file: File = OpenOptions::new().read(true).write(true).open(segment)?;
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(());
    }
    Ok(fallocate(&file, FallocateFlags::empty(), 0, len)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_what_is_free_is_taken_and_one_byte_more_refused_with_the_size_that_would_do() {
        let capacity = Capacity { total: Some(100), available: 60 };
        assert!(capacity.check(60).is_ok());
        let refused = capacity.check(61).expect_err("one byte too many");
        assert!(matches!(refused, SharedMemoryError::TooSmall { needed: 61, available: 60, total: 101 }));
        let text = refused.to_string();
        assert!(text.contains("61 bytes needed, 60 available") && text.contains("--shm-size=101"), "{text}");
    }

    #[test]
    fn unlimited_memory_is_never_too_small() {
        assert!(Capacity { total: None, available: 0 }.check(u64::MAX).is_ok());
    }

    #[test]
    fn this_system_says_how_much_it_has() {
        let capacity = Capacity::now().expect("a Linux system has /dev/shm");
        assert!(capacity.total.is_none_or(|total| capacity.available <= total));
    }
}
