//! The memory of a table: a header, and the words of its index and records. It is the process's own, or shared with others.

#[cfg(not(loom))]
use std::ptr::NonNull;

use crate::sync::AtomicU64;
#[cfg(not(loom))]
use crate::sync::zeroed_words;

/// Words of the header.
#[cfg(not(loom))]
pub(crate) const HEADER_WORDS: usize = 64;

/// Bytes of a line of the processor's cache: a bucket lies in one.
#[cfg(not(loom))]
const LINE_BYTES: usize = 64;

/// Whatever has the words.
#[cfg(not(loom))]
#[allow(dead_code, reason = "it is kept for as long as the words are used")]
enum Owner {
    Own(Box<[AtomicU64]>),
    #[cfg(target_os = "linux")]
    Mapped(memmap2::MmapRaw),
}

/// A header, and some words after it that begin with a line of the cache.
#[cfg(not(loom))]
pub(crate) struct Words {
    header: NonNull<AtomicU64>,
    /// Words after the header.
    count: usize,
    owner: Owner,
}

// SAFETY: the words are atomics, of which any thread may use a reference; the owner is a box of them, or a mapping, and
// neither belongs to a thread.
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "the pointer is into the owner, which moves with it")]
unsafe impl Send for Words {}

// SAFETY: as above.
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "as above")]
unsafe impl Sync for Words {}

#[cfg(not(loom))]
impl Words {
    /// Words of this process alone, all zero.
    pub(crate) fn own(count: usize) -> Self {
        let words = zeroed_words(HEADER_WORDS + count + LINE_BYTES / size_of::<u64>());
        let misplaced = words.as_ptr() as usize % LINE_BYTES;
        let offset = (LINE_BYTES - misplaced) % LINE_BYTES / size_of::<u64>();
        Words { header: NonNull::from(&words[offset]), count, owner: Owner::Own(words) }
    }

    /// The words of a mapping that begins with the header; `None` where it is too short for one.
    #[cfg(target_os = "linux")]
    pub(crate) fn mapped(map: memmap2::MmapRaw) -> Option<Self> {
        let count = (map.len() / size_of::<u64>()).checked_sub(HEADER_WORDS)?;
        // A mapping begins with a page, and so with a line.
        let header = NonNull::new(map.as_mut_ptr().cast())?;
        Some(Words { header, count, owner: Owner::Mapped(map) })
    }

    #[allow(unsafe_code, reason = "one pointer for memory of either owner")]
    #[inline]
    pub(crate) fn header(&self) -> &[AtomicU64] {
        // SAFETY: the owner, which is not touched while this lives, has the header and `count` words from here on, in
        // memory that is aligned for them and never moves or shrinks: a box, or a mapping of a sealed file.
        unsafe { std::slice::from_raw_parts(self.header.as_ptr(), HEADER_WORDS) }
    }

    /// The words after the header.
    #[allow(unsafe_code, reason = "as above")]
    #[inline]
    pub(crate) fn rows(&self) -> &[AtomicU64] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.header.as_ptr().add(HEADER_WORDS), self.count) }
    }

    /// Bytes that they take when all of them were written.
    pub(crate) fn bytes(&self) -> usize {
        (HEADER_WORDS + self.count) * size_of::<u64>()
    }

    /// Returns whether other processes may have them.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.owner, Owner::Own(_))
    }
}

/// Loom's words, which are not memory.
#[cfg(loom)]
pub(crate) struct Words {
    words: Box<[AtomicU64]>,
}

#[cfg(loom)]
impl Words {
    pub(crate) fn own(count: usize) -> Self {
        Words { words: crate::sync::zeroed_words(count) }
    }

    pub(crate) fn header(&self) -> &[AtomicU64] {
        &[]
    }

    pub(crate) fn rows(&self) -> &[AtomicU64] {
        &self.words
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    pub(crate) fn is_shared(&self) -> bool {
        true
    }
}
