//! Which returned block is lent again, and which is given up when too many lie idle. Pure: no memory
//! is touched here.

use std::collections::VecDeque;

/// Returned blocks by size class, the most recently returned of a class first.
///
/// A loan takes a block of its own class or of one up to twice as large, so that a picture never
/// occupies the memory of a much larger one, and a flood of small audio blocks never that of pictures.
#[derive(Debug)]
pub(super) struct IdleBlocks<T> {
    classes: Vec<VecDeque<Idle<T>>>,
    bytes: usize,
    max_bytes: usize,
    returns: u64,
}

#[derive(Debug)]
struct Idle<T> {
    block: T,
    returned: u64,
}

/// Smallest class, bytes, as a power of two: below it, bookkeeping outweighs the block.
const SMALLEST_CLASS_LOG2: u32 = 8;

/// Classes from one power of two to the next; a block is at most a quarter larger than asked for.
const CLASSES_PER_DOUBLING: usize = 4;

/// Returns the size of the block that holds `len` bytes.
pub(super) fn block_size(len: usize) -> usize {
    size_of_class(class_for(len))
}

fn class_for(len: usize) -> usize {
    let len = len.max(1 << SMALLEST_CLASS_LOG2);
    let base = 1 << len.ilog2();
    let quarters = ((len - base) * CLASSES_PER_DOUBLING).div_ceil(base);
    (len.ilog2() - SMALLEST_CLASS_LOG2) as usize * CLASSES_PER_DOUBLING + quarters
}

fn size_of_class(class: usize) -> usize {
    let base = 1 << (SMALLEST_CLASS_LOG2 as usize + class / CLASSES_PER_DOUBLING);
    base + base / CLASSES_PER_DOUBLING * (class % CLASSES_PER_DOUBLING)
}

impl<T> IdleBlocks<T> {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { classes: Vec::new(), bytes: 0, max_bytes, returns: 0 }
    }

    /// Returns the bytes of all idle blocks.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the best block for `len` bytes and its size: of the smallest class that fits, the one
    /// returned last, whose memory is still in the cache.
    pub(super) fn take(&mut self, len: usize) -> Option<(T, usize)> {
        let own = class_for(len);
        let widest = (own + CLASSES_PER_DOUBLING + 1).min(self.classes.len());
        let class = (own..widest).find(|class| !self.classes[*class].is_empty())?;
        let idle = self.classes[class].pop_back()?;
        let size = size_of_class(class);
        self.bytes -= size;
        Some((idle.block, size))
    }

    /// Whether a block of `size` bytes can be kept at all.
    pub(super) fn fits(&self, size: usize) -> bool {
        size <= self.max_bytes
    }

    /// Whether a block of `size` bytes can be kept without giving up another.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.bytes.saturating_add(size) <= self.max_bytes
    }

    /// Keeps a block of `size` bytes, as [`block_size`] gave it.
    pub(super) fn put(&mut self, block: T, size: usize) {
        let class = class_for(size);
        debug_assert_eq!(size_of_class(class), size, "blocks have the size of their class");
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, VecDeque::new);
        }
        self.returns += 1;
        self.bytes += size;
        self.classes[class].push_back(Idle { block, returned: self.returns });
    }

    /// Gives up the block that has been idle for longest: sizes no longer in use go first.
    pub(super) fn evict(&mut self) -> Option<T> {
        let oldest = |class: &usize| self.classes[*class].front().map_or(u64::MAX, |idle| idle.returned);
        let class = (0..self.classes.len()).min_by_key(oldest)?;
        let idle = self.classes[class].pop_front()?;
        self.bytes -= size_of_class(class);
        Some(idle.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_it_is_for_and_at_most_a_quarter_more() {
        for len in (1..5_000).chain([1_382_399, 1_382_400, 1_382_401, 3_110_400, 1 << 31, (1 << 40) + 1]) {
            let size = block_size(len);
            assert!(size >= len, "{len} bytes in a block of {size}");
            assert!(len < 256 || size - len <= len / 4, "{len} bytes in a block of {size}");
            assert_eq!(block_size(size), size, "a block's size is its own class");
        }
        assert_eq!((block_size(0), block_size(256), block_size(257)), (256, 256, 320));
    }

    #[test]
    fn the_block_returned_last_is_lent_first() {
        let mut idle = IdleBlocks::new(usize::MAX);
        idle.put("first", 1024);
        idle.put("last", 1024);
        assert_eq!(idle.take(1000), Some(("last", 1024)));
        assert_eq!(idle.take(1000), Some(("first", 1024)));
        assert_eq!((idle.take(1000), idle.bytes()), (None, 0));
    }

    #[test]
    fn a_block_twice_as_large_is_lent_and_one_past_that_is_not() {
        let mut idle = IdleBlocks::new(usize::MAX);
        idle.put("twice", 2048);
        assert_eq!(idle.take(1024), Some(("twice", 2048)));
        idle.put("more", 2560);
        assert_eq!(idle.take(1024), None);
        assert_eq!(idle.take(1025), Some(("more", 2560)));
    }

    #[test]
    fn the_block_idle_for_longest_is_given_up_first_whatever_its_size() {
        let mut idle = IdleBlocks::new(5120);
        idle.put("old size", 4096);
        idle.put("audio", 1024);
        assert!(!idle.has_room(256));
        assert_eq!(idle.evict(), Some("old size"));
        assert!(idle.has_room(4096));
        assert!(!idle.has_room(4097) && idle.fits(5120) && !idle.fits(5121));
        assert_eq!((idle.evict(), idle.evict(), idle.bytes()), (Some("audio"), None, 0));
    }
}
