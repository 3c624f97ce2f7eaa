//! Bytes at an address that samples and pixels of any type may be read from.

/// Bytes on the heap that begin at an aligned address.
#[derive(Debug)]
pub(super) struct AlignedBytes {
    storage: Vec<u8>,
    start: usize,
    len: usize,
}

/// Alignment of pooled memory, bytes: one cache line, and the widest vector register of x86-64.
pub(super) const POOL_ALIGNMENT: usize = 64;

/// Least alignment of memory that came from elsewhere, bytes: any scalar and any 128-bit vector.
const OWNED_ALIGNMENT: usize = 16;

impl AlignedBytes {
    /// Allocates `capacity` zero bytes at a multiple of [`POOL_ALIGNMENT`].
    ///
    /// Large allocations come zeroed from the operating system and are not written to.
    pub(super) fn zeroed(capacity: usize) -> Self {
        let storage = vec![0; capacity + POOL_ALIGNMENT - 1];
        let start = storage.as_ptr().align_offset(POOL_ALIGNMENT);
        debug_assert!(start < POOL_ALIGNMENT, "the offset of a byte pointer is always known");
        Self { storage, start, len: capacity }
    }

    /// Takes bytes over; they are copied only if they begin at an odd address.
    pub(super) fn from_vec(bytes: Vec<u8>) -> Self {
        if bytes.as_ptr().addr().is_multiple_of(OWNED_ALIGNMENT) {
            let len = bytes.len();
            return Self { storage: bytes, start: 0, len };
        }
        let mut aligned = Self::zeroed(bytes.len());
        aligned.as_mut_slice().copy_from_slice(&bytes);
        aligned
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.storage[self.start..self.start + self.len]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.storage[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_bytes_begin_at_a_cache_line_whatever_their_size() {
        for capacity in [0, 1, 63, 64, 65, 1_382_400] {
            let bytes = AlignedBytes::zeroed(capacity);
            assert_eq!(bytes.as_slice().len(), capacity);
            assert!(bytes.as_slice().as_ptr().addr().is_multiple_of(POOL_ALIGNMENT), "{capacity} bytes");
            assert!(bytes.as_slice().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn bytes_taken_over_stay_where_they_are() {
        let bytes = vec![7; 4096];
        let address = bytes.as_ptr();
        assert_eq!(address.addr() % OWNED_ALIGNMENT, 0, "this allocator aligns to 16 bytes");
        assert_eq!(AlignedBytes::from_vec(bytes).as_slice().as_ptr(), address);
    }
}
