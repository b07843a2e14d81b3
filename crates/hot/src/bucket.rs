//! Buckets: a word that counts changes, and entries.

use std::sync::atomic::Ordering;

use crate::hash::RowHash;
use crate::layout::{BUCKET_WORDS, ENTRIES};
use crate::sync::{AtomicU64, fence};

/// Set while a bucket is being changed.
const BUSY: u64 = 1;

/// Set while rows of the bucket are being written to the store.
const MARKED: u64 = 2;

/// One change.
const STEP: u64 = 4;

const MAIN: u64 = 1 << 47;
const PLACE: u64 = MAIN - 1;

/// The entry of a row: sixteen bits of its hash, which ring it is in, and the place of its record and one; or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    pub(crate) const NONE: Entry = Entry(0);

    pub(crate) fn new(hash: RowHash, is_main: bool, place: usize) -> Self {
        Entry(u64::from(hash.tag()) << 48 | if is_main { MAIN } else { 0 } | (place as u64 + 1))
    }

    /// The place of the record, if there is one.
    #[inline]
    pub(crate) fn place(self) -> Option<usize> {
        (self.0 & PLACE).checked_sub(1).map(|place| place as usize)
    }

    pub(crate) fn is_main(self) -> bool {
        self.0 & MAIN != 0
    }

    #[inline]
    fn has_tag(self, hash: RowHash) -> bool {
        (self.0 >> 48) as u16 == hash.tag() && self.0 & PLACE != 0
    }
}

/// The word of a bucket, as a reader saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    /// Before it was looked at.
    pub(crate) const NONE: Mark = Mark(BUSY);

    /// Returns whether what the bucket has may be believed.
    #[inline]
    pub(crate) fn is_quiet(self) -> bool {
        self.0 & (BUSY | MARKED) == 0
    }
}

/// One bucket.
#[derive(Clone, Copy)]
pub(crate) struct Bucket<'t> {
    word: &'t AtomicU64,
    entries: &'t [AtomicU64],
}

impl<'t> Bucket<'t> {
    /// Bucket `index` of the words of an index.
    #[inline]
    pub(crate) fn new(words: &'t [AtomicU64], index: usize) -> Self {
        let start = index * BUCKET_WORDS;
        let (word, entries) = (&words[start], &words[start + 1..start + BUCKET_WORDS]);
        Bucket { word, entries }
    }

    /// Begins to read.
    #[inline]
    pub(crate) fn mark(self) -> Mark {
        // Not an acquire load: of memory that may only be read, as in another process, Rust permits relaxed ones alone.
        let word = self.word.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Mark(word)
    }

    /// Returns whether nothing has changed since `mark`; after a fence for loads, by which all that was read came before.
    #[inline]
    pub(crate) fn is_still(self, mark: Mark) -> bool {
        self.word.load(Ordering::Relaxed) == mark.0
    }

    /// The entries that may be those of a row.
    #[inline]
    pub(crate) fn alike(self, hash: RowHash) -> impl Iterator<Item = (usize, Entry)> + use<'t> {
        let entries = self.entries.iter().enumerate();
        entries.map(|(slot, entry)| (slot, Entry(entry.load(Ordering::Relaxed)))).filter(move |(_, e)| e.has_tag(hash))
    }

    pub(crate) fn entry(self, slot: usize) -> Entry {
        Entry(self.entries[slot].load(Ordering::Relaxed))
    }

    /// The first entry that is free.
    pub(crate) fn free(self) -> Option<usize> {
        (0..ENTRIES).find(|slot| self.entry(*slot) == Entry::NONE)
    }

    /// Changes an entry. Within [`Bucket::change`].
    pub(crate) fn set(self, slot: usize, entry: Entry) {
        self.entries[slot].store(entry.0, Ordering::Relaxed);
    }

    /// Changes entries, and records that they lead to, under the lock of the shard.
    pub(crate) fn change<T>(self, change: impl FnOnce() -> T) -> T {
        let word = self.word.load(Ordering::Relaxed);
        self.word.store(word | BUSY, Ordering::Relaxed);
        // Whoever sees one of the stores that follow, and has a fence after it, sees the word as it is now, and those of
        // buckets whose records lay where they go.
        fence(Ordering::Release);
        let done = change();
        self.word.store((word & !BUSY).wrapping_add(STEP), Ordering::Release);
        done
    }

    /// Marks that rows of the bucket are being written to the store, under the lock of the shard.
    pub(crate) fn set_marked(self, is_marked: bool) {
        let word = self.word.load(Ordering::Relaxed);
        let word = if is_marked { word | MARKED } else { word & !MARKED };
        self.word.store(word.wrapping_add(STEP), Ordering::Release);
    }

    pub(crate) fn is_marked(self) -> bool {
        self.word.load(Ordering::Relaxed) & MARKED != 0
    }
}
