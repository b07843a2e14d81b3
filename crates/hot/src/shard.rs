//! Shards: what is changed under one lock.

use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bucket::{Bucket, Entry};
use crate::ghost::Ghosts;
use crate::hash::RowHash;
use crate::index::Index;
use crate::layout::{ENTRIES, Layout};
use crate::pinned::Pinned;
use crate::prefetch::prefetch;
use crate::record::{Head, Row};
use crate::ring::Ring;
use crate::sync::{AtomicU8, AtomicU64, MutexGuard, zeroed_bytes};
use crate::words::Words;

/// Uses of a row that are told apart.
pub(crate) const USES_MAX: u8 = 3;

/// Rows that may be kept for their uses while room is made for one: the work of a fill is bounded. A row that finds no room
/// by then is not kept; the next one goes on where it ended.
const KEPT_MAX: usize = 64;

/// Words of a record, roughly, by which ghosts are counted.
const RECORD_WORDS: usize = 32;

/// The part of a shard that is filled before the table has huge pages.
const HUGE_PART: usize = 8;

/// The memory of a table.
pub(crate) struct Memory {
    pub(crate) words: Words,
    pub(crate) layout: Layout,
    /// True once huge pages were asked for: a table with few rows does not take the memory of a full one.
    has_huge_pages: AtomicBool,
    /// The uses of each entry since it came or was last looked at for room; beside the table, since readers write them.
    uses: Box<[AtomicU8]>,
}

impl Memory {
    /// Makes a table of words that are all zero, as many as the layout says.
    pub(crate) fn new(words: Words, layout: Layout) -> Self {
        let has_huge_pages = AtomicBool::new(false);
        Memory { words, layout, has_huge_pages, uses: zeroed_bytes(layout.shards * layout.buckets * ENTRIES) }
    }

    /// The bytes that it takes when all of it was written.
    pub(crate) fn bytes(&self) -> usize {
        self.words.bytes() + size_of_val(&*self.uses)
    }

    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.words.rows()
    }

    #[inline]
    pub(crate) fn index(&self) -> Index<'_> {
        Index { words: self.words(), layout: &self.layout }
    }

    /// Returns whether the table should have huge pages now, once: when a shard is filled to an eighth.
    pub(crate) fn grows(&self, used: usize) -> bool {
        let is_small = used * HUGE_PART < self.layout.small + self.layout.main;
        !is_small && !self.has_huge_pages.swap(true, Ordering::Relaxed)
    }

    /// The number of the bucket of a row.
    #[inline]
    pub(crate) fn bucket_of(&self, hash: RowHash) -> usize {
        self.index().bucket_of(hash)
    }

    #[inline]
    pub(crate) fn bucket(&self, index: usize) -> Bucket<'_> {
        self.index().bucket(index)
    }

    /// Has the uses of the entries of a bucket fetched.
    #[inline]
    pub(crate) fn prefetch_uses(&self, index: usize) {
        prefetch(&self.uses[index * ENTRIES..]);
    }

    /// Finds the entry of a row, with its place and its head.
    #[inline]
    pub(crate) fn find(&self, bucket: usize, hash: RowHash, view: u32, key: &[u8]) -> Option<(usize, usize, Head)> {
        self.index().find(bucket, hash, view, key)
    }

    #[inline]
    pub(crate) fn uses(&self, bucket: usize, slot: usize) -> &AtomicU8 {
        &self.uses[bucket * ENTRIES + slot]
    }

    /// Counts a use. Of uses at the same time one may be lost.
    #[inline]
    pub(crate) fn count_use(&self, bucket: usize, slot: usize) {
        let uses = self.uses(bucket, slot);
        let so_far = uses.load(Ordering::Relaxed);
        if so_far < USES_MAX {
            uses.store(so_far + 1, Ordering::Relaxed);
        }
    }

    /// Counts a use of a row by its hash alone, where it is there.
    pub(crate) fn count_use_of(&self, hash: RowHash) {
        let bucket = self.bucket_of(hash);
        self.bucket(bucket).alike(hash).for_each(|(slot, _)| self.count_use(bucket, slot));
    }

    /// Overwrites the record of an entry that was taken out, all but the word that its ring goes on by, where others could
    /// read it: what was erased or has expired is nowhere in shared memory. Within [`Bucket::change`].
    fn wipe(&self, place: Option<usize>) {
        let record = place.filter(|_| self.words.is_shared()).and_then(|place| self.words().get(place..));
        let Some((record, head)) = record.and_then(|record| Some((record, Head::read(record)?))) else { return };
        record[1..head.words].iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

/// The state of a shard, besides its memory.
pub(crate) struct Shard {
    small: Ring,
    main: Ring,
    ghosts: Ghosts,
    pub(crate) pinned: Pinned,
    /// Room for a record that moves.
    moved: Vec<u64>,
    pub(crate) fills: u64,
    pub(crate) evictions: u64,
    pub(crate) rows: u64,
}

impl Shard {
    pub(crate) fn new(layout: &Layout, index: usize) -> Self {
        let start = layout.rings(index);
        Shard {
            small: Ring::new(start, layout.small),
            main: Ring::new(start + layout.small, layout.main),
            ghosts: Ghosts::new(layout.main / RECORD_WORDS),
            pinned: Pinned::new(layout),
            moved: Vec::new(),
            fills: 0,
            evictions: 0,
            rows: 0,
        }
    }

    /// Words of records that are used.
    pub(crate) fn used(&self) -> usize {
        self.small.used() + self.main.used()
    }

    /// Bytes that it takes beside the memory of the table.
    pub(crate) fn bytes_beside(&self) -> usize {
        self.ghosts.bytes()
    }

    pub(crate) fn ring(&mut self, is_main: bool) -> &mut Ring {
        if is_main { &mut self.main } else { &mut self.small }
    }
}

/// A shard that this thread alone changes.
pub(crate) struct Locked<'t> {
    pub(crate) memory: &'t Memory,
    pub(crate) shard: MutexGuard<'t, Shard>,
}

impl Locked<'_> {
    /// Adds a row that is not there, or that there is none. Returns whether the table should have huge pages now.
    pub(crate) fn fill(&mut self, hash: RowHash, view: u32, key: &[u8], row: Option<Row<'_>>, is_pinned: bool) -> bool {
        let Some(head) = self.fitting(hash, view, key, row) else { return false };
        let head = Head { is_pinned, ..head };
        if self.memory.find(self.memory.bucket_of(hash), hash, view, key).is_some() {
            return false;
        }
        let is_main = self.shard.ghosts.take(hash.0) || is_pinned && !self.shard.pinned.is_over(Some(&head));
        self.shard.fills += u64::from(self.insert(&head, key, row, is_main).is_some());
        self.memory.grows(self.shard.used())
    }

    /// Changes a row if it is there.
    pub(crate) fn put(&mut self, hash: RowHash, view: u32, key: &[u8], row: Option<Row<'_>>) {
        let index = self.memory.bucket_of(hash);
        let Some((slot, place, old)) = self.memory.find(index, hash, view, key) else { return };
        let bucket = self.memory.bucket(index);
        let new = self.fitting(hash, view, key, row).map(|new| Head { is_pinned: old.is_pinned, ..new });
        match new {
            Some(new) if new.words == old.words => {
                let bytes = row.map_or(&[][..], |row| row.bytes);
                bucket.change(|| new.write(key, bytes, &self.memory.words()[place..][..new.words]));
            }
            new => {
                let (uses, is_main) =
                    (self.memory.uses(index, slot).load(Ordering::Relaxed), bucket.entry(slot).is_main());
                self.remove(index, slot);
                let slot = new.and_then(|new| self.insert(&new, key, row, is_main));
                slot.iter().for_each(|slot| self.memory.uses(index, *slot).store(uses, Ordering::Relaxed));
            }
        }
    }

    /// Forgets all rows of a bucket.
    pub(crate) fn empty(&mut self, index: usize) {
        let bucket = self.memory.bucket(index);
        for slot in (0..ENTRIES).filter(|slot| bucket.entry(*slot) != Entry::NONE) {
            self.remove(index, slot);
        }
        // Also where there is none: what is being filled in may be old.
        bucket.change(|| ());
    }

    /// The buckets of shard `index` that may have rows: memory that was never written is left alone.
    fn buckets(&self, index: usize) -> Range<usize> {
        let (buckets, rows) = (self.memory.layout.buckets, self.shard.rows);
        index * buckets..index * buckets + if rows > 0 { buckets } else { 0 }
    }

    /// Forgets all rows of shard `index`.
    pub(crate) fn clear(&mut self, index: usize) {
        for bucket in self.buckets(index) {
            let bucket = self.memory.bucket(bucket);
            // Also where there is none: what is being filled in may be old.
            bucket.change(|| {
                for slot in 0..ENTRIES {
                    let place = bucket.entry(slot).place();
                    bucket.set(slot, Entry::NONE);
                    self.memory.wipe(place);
                }
            });
        }
        self.shard.rows = 0;
        self.shard.pinned = Pinned::new(&self.memory.layout);
        self.shard.small.clear();
        self.shard.main.clear();
        if self.shard.evictions > 0 {
            self.shard.ghosts.clear();
        }
    }

    /// Forgets the rows of shard `index` that are of some views.
    pub(crate) fn forget_views(&mut self, index: usize, views: &[u32]) {
        for bucket in self.buckets(index) {
            for slot in 0..ENTRIES {
                let place = self.memory.bucket(bucket).entry(slot).place();
                let head = place.and_then(|place| Head::read(&self.memory.words()[place..]));
                if head.is_some_and(|head| views.contains(&head.view)) {
                    self.remove(bucket, slot);
                }
            }
        }
    }

    /// The head of a record that rings take.
    pub(crate) fn fitting(&self, hash: RowHash, view: u32, key: &[u8], row: Option<Row<'_>>) -> Option<Head> {
        let head = Head::of(hash.0, view, key, row)?;
        (head.words <= self.memory.layout.record_max()).then_some(head)
    }

    /// Adds a record where there is room; returns its entry.
    fn insert(&mut self, head: &Head, key: &[u8], row: Option<Row<'_>>, is_main: bool) -> Option<usize> {
        if !self.make_room(is_main, head, &mut { KEPT_MAX }) {
            return None;
        }
        let bytes = row.map_or(&[][..], |row| row.bytes);
        Some(self.place(head, is_main, |words| head.write(key, bytes, words)))
    }

    /// Writes a record into a ring that has room, and its entry.
    pub(crate) fn place(&mut self, head: &Head, is_main: bool, write: impl FnOnce(&[AtomicU64])) -> usize {
        let (hash, memory) = (RowHash(head.hash), self.memory);
        let index = memory.bucket_of(hash);
        let bucket = memory.bucket(index);
        let slot = bucket.free().unwrap_or_else(|| self.evict_from(index));
        let place = self.shard.ring(is_main).take(head.words, memory.words());
        bucket.change(|| {
            write(&memory.words()[place..][..head.words]);
            bucket.set(slot, Entry::new(hash, is_main, place));
        });
        memory.uses(index, slot).store(0, Ordering::Relaxed);
        self.shard.rows += 1;
        self.shard.pinned.add(head);
        slot
    }

    /// Makes room in a ring for a record, keeping so many rows at most; says whether there is.
    fn make_room(&mut self, is_main: bool, coming: &Head, keeps: &mut usize) -> bool {
        while !self.shard.ring(is_main).has_room(coming.words) {
            if *keeps == 0 {
                return false;
            }
            self.evict_oldest(is_main, coming, keeps);
        }
        true
    }

    /// Takes the oldest record out of a ring. What was used since it came there goes on into the main one, and so do pinned
    /// rows; where those take more than their part, all others.
    fn evict_oldest(&mut self, is_main: bool, coming: &Head, keeps: &mut usize) {
        let memory = self.memory;
        let Some(place) = self.shard.ring(is_main).give_up(memory.words()) else { return };
        let Some(head) = Head::read(&memory.words()[place..]) else { return };
        let index = memory.bucket_of(RowHash(head.hash));
        let bucket = memory.bucket(index);
        let Some(slot) = (0..ENTRIES).find(|slot| bucket.entry(*slot).place() == Some(place)) else { return };
        let uses = memory.uses(index, slot).load(Ordering::Relaxed);
        // A table that is not full yet gives nothing up.
        let is_for_nothing = !is_main && self.shard.main.has_room(head.words);
        let is_spared = match self.shard.pinned.is_over(Some(coming)) {
            // A scan of others passes through the small ring all the same.
            true => is_main && !head.is_pinned,
            false => head.is_pinned,
        };
        if uses == 0 && !is_for_nothing && !is_spared {
            self.remove(index, slot);
            return self.gone(&head, is_main);
        }
        *keeps -= 1;
        let mut record = mem::take(&mut self.shard.moved);
        record.clear();
        record.extend(memory.words()[place..][..head.words].iter().map(|word| word.load(Ordering::Relaxed)));
        // Before anything takes the place of its record.
        self.remove(index, slot);
        if !self.make_room(true, &head, keeps) {
            return self.gone(&head, is_main);
        }
        let slot = self.place(&head, true, |words| {
            words.iter().zip(&record).for_each(|(word, value)| word.store(*value, Ordering::Relaxed));
        });
        // In the main ring one use is left of those in the small one, by which it is told from what came for nothing.
        let left = match is_main {
            true if is_spared => uses,
            true => uses - 1,
            false => uses.min(1),
        };
        memory.uses(index, slot).store(left, Ordering::Relaxed);
        self.shard.moved = record;
    }

    /// Counts a row that has made room.
    fn gone(&mut self, head: &Head, is_main: bool) {
        self.shard.evictions += 1;
        if !is_main {
            self.shard.ghosts.add(head.hash);
        }
    }

    fn is_pinned(&self, place: usize) -> bool {
        Head::read(&self.memory.words()[place..]).is_some_and(|head| head.is_pinned)
    }

    /// Makes an entry of a full bucket free: that of the row with the fewest uses, of equals one of the small ring. Pinned
    /// rows within their part go last.
    fn evict_from(&mut self, index: usize) -> usize {
        let bucket = self.memory.bucket(index);
        let is_over = self.shard.pinned.is_over(None);
        let worth = |slot: &usize| {
            let (entry, uses) = (bucket.entry(*slot), self.memory.uses(index, *slot).load(Ordering::Relaxed));
            let is_pinned = entry.place().is_some_and(|place| self.is_pinned(place));
            (is_pinned && !is_over, uses, entry.is_main())
        };
        let slot = (0..ENTRIES).min_by_key(worth).unwrap_or_default();
        self.remove(index, slot);
        self.shard.evictions += 1;
        slot
    }

    /// Takes an entry out. Its record stays until its ring comes round to it.
    fn remove(&mut self, index: usize, slot: usize) {
        let bucket = self.memory.bucket(index);
        let head = bucket.entry(slot).place().and_then(|place| Head::read(&self.memory.words()[place..]));
        bucket.change(|| {
            let place = bucket.entry(slot).place();
            bucket.set(slot, Entry::NONE);
            self.memory.wipe(place);
        });
        self.shard.rows -= 1;
        head.iter().for_each(|head| self.shard.pinned.remove(head));
    }
}
