//! The table.

use std::sync::atomic::Ordering;

use crate::counts::{HotCounts, ReadCounts};
use crate::hash::RowHash;
use crate::header::{Header, Times};
use crate::layout::Layout;
use crate::look::Looked;
#[cfg(all(target_os = "linux", not(loom)))]
use crate::pages::Huge;
use crate::pages::advise_huge;
use crate::record::Row;
use crate::shard::{Locked, Memory, Shard};
#[cfg(all(target_os = "linux", not(loom)))]
use crate::shared::Shared;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use crate::words::Words;

/// A bounded table of newest rows. See the crate for what it promises.
pub struct Table {
    /// Dropped before the memory that it is about.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) shared: Option<Shared>,
    pub(crate) memory: Memory,
    pub(crate) shards: Box<[Mutex<Shard>]>,
    clearings: AtomicU64,
    /// Held by whoever changes the store.
    changing: Mutex<()>,
    reads: ReadCounts,
    /// The number of times that it was closed for other processes and not opened since.
    closed: Mutex<u32>,
}

impl Table {
    /// Makes an empty table of so many bytes; some kilobytes at least. It takes them as it is filled.
    pub fn new(bytes: usize) -> Self {
        Table::with_layout(Layout::of(bytes))
    }

    pub(crate) fn with_layout(layout: Layout) -> Self {
        Table::over(Words::own(layout.words()), layout)
    }

    /// A table over words that are all zero.
    pub(crate) fn over(words: Words, layout: Layout) -> Self {
        let shards = (0..layout.shards).map(|index| Mutex::new(Shard::new(&layout, index))).collect();
        let memory = Memory::new(words, layout);
        Table {
            memory,
            shards,
            clearings: AtomicU64::new(0),
            changing: Mutex::new(()),
            reads: ReadCounts::default(),
            closed: Mutex::new(0),
            #[cfg(all(target_os = "linux", not(loom)))]
            shared: None,
        }
    }

    /// Looks for rows, by view and entity key. What it finds holds if [`Table::is_still`] says so afterwards.
    pub fn look<'k>(&self, rows: impl Iterator<Item = (u32, &'k [u8])> + Clone, looked: &mut Looked) {
        looked.clearings = self.clearings.load(Ordering::Acquire);
        let memory = &self.memory;
        let begin = |bucket| memory.prefetch_uses(bucket);
        let hits = memory.index().look(rows, looked, begin, |one, slot| memory.count_use(one.bucket, slot));
        self.reads.add(hits, looked.rows.len() as u64 - hits);
    }

    /// Returns whether nothing was written to any of the rows since they were looked for, found or not: then all that was
    /// found, and all that the store said of the others meanwhile, was so at one moment.
    #[inline]
    pub fn is_still(&self, looked: &Looked) -> bool {
        self.memory.index().is_still(looked)
    }

    /// Fills in what the store said about row `index`, `None` where it has no such row, unless something was written to
    /// its bucket since it was looked for. Does nothing where it would have to wait.
    pub fn fill(&self, looked: &Looked, index: usize, key: (u32, &[u8]), row: Option<Row<'_>>) {
        self.fill_as(looked, index, key, row, false);
    }

    /// [`Table::fill`] of a row that makes no room for others that are not pinned, while pinned rows take no more than three
    /// quarters of the table.
    pub fn fill_pinned(&self, looked: &Looked, index: usize, key: (u32, &[u8]), row: Option<Row<'_>>) {
        self.fill_as(looked, index, key, row, true);
    }

    fn fill_as(&self, looked: &Looked, index: usize, (view, key): (u32, &[u8]), row: Option<Row<'_>>, is_pinned: bool) {
        let one = looked.rows[index];
        let Some(shard) = self.shards[one.hash.shard(self.shards.len())].try_lock() else { return };
        let mut locked = Locked { memory: &self.memory, shard };
        // Under the lock: who clears takes it after this, or counted before.
        let is_newest = self.memory.bucket(one.bucket).mark() == one.mark && one.mark.is_quiet();
        let may_fill = is_newest && self.clearings.load(Ordering::Acquire) == looked.clearings;
        if may_fill && locked.fill(one.hash, view, key, row, is_pinned) {
            drop(locked);
            self.take_huge_pages();
        }
    }

    /// Has its memory put on huge pages. Readers do not wait for it.
    pub(crate) fn take_huge_pages(&self) {
        #[cfg(all(target_os = "linux", not(loom)))]
        if let Some(shared) = &self.shared {
            return shared.keeper.collapse(Huge::under(self.memory.words()));
        }
        advise_huge(self.memory.words());
    }

    /// Says that rows are going to be written to the store. Until the change is finished they are not answered; a change
    /// that is dropped forgets them.
    pub fn change<'k>(&self, rows: impl Iterator<Item = (u32, &'k [u8])>) -> Changing<'_> {
        let one_at_a_time = self.changing.lock();
        let hashes: Vec<_> = rows.map(|(view, key)| RowHash::of(view, key)).collect();
        for hash in &hashes {
            self.locked(*hash, |locked| locked.memory.bucket(locked.memory.bucket_of(*hash)).set_marked(true));
        }
        Changing { table: self, hashes, is_done: false, _one_at_a_time: one_at_a_time }
    }

    /// Forgets everything, also what is being filled in.
    pub fn clear(&self) {
        self.clearings.fetch_add(1, Ordering::AcqRel);
        for (index, shard) in self.shards.iter().enumerate() {
            Locked { memory: &self.memory, shard: shard.lock() }.clear(index);
        }
    }

    /// Forgets all rows of some views, and what is being filled in.
    pub fn forget_views(&self, views: &[u32]) {
        self.clearings.fetch_add(1, Ordering::AcqRel);
        for (index, shard) in self.shards.iter().enumerate() {
            Locked { memory: &self.memory, shard: shard.lock() }.forget_views(index, views);
        }
    }

    /// Counts uses of rows by their hashes, as other processes tell them, so that they are not given up for others.
    pub fn count_uses(&self, hashes: &[u64]) {
        hashes.iter().for_each(|hash| self.memory.count_use_of(RowHash(*hash)));
    }

    /// Says by which revision of the catalog the rows are written from now on, to other processes.
    pub fn set_revision(&self, revision: u64) {
        self.header().iter().for_each(|header| header.set_revision(revision));
    }

    /// Says what the clock of the store is, to other processes.
    pub fn set_times(&self, times: Times) {
        self.header().iter().for_each(|header| header.set_times(times));
    }

    /// Takes the right to read the table from all other processes that have it; those that are given it later have the next
    /// number of grants. It is for them to go by: what they may not see must not be in the table.
    pub fn withdraw(&self) {
        self.header().iter().for_each(|header| header.withdraw());
    }

    /// The number of its grants, which the conditions of others have for as long as they may read it.
    pub fn grants(&self) -> u64 {
        self.header().map_or(0, Header::grants)
    }

    /// Returns whether other processes may be given the table.
    pub fn is_shared(&self) -> bool {
        self.memory.words.is_shared()
    }

    /// Closes the table for other processes, until it was opened as often.
    pub fn close(&self) {
        let mut closed = self.closed.lock();
        *closed += 1;
        self.header().iter().for_each(|header| header.change_gate(true));
    }

    /// Takes one [`Table::close`] back.
    pub fn open(&self) {
        let mut closed = self.closed.lock();
        *closed = closed.saturating_sub(1);
        let is_closed = *closed > 0;
        self.header().iter().for_each(|header| header.change_gate(is_closed));
    }

    fn header(&self) -> Option<Header<'_>> {
        Some(self.memory.words.header()).filter(|words| !words.is_empty()).map(Header)
    }

    /// Figures of its work and of the rows that it holds.
    pub fn counts(&self) -> HotCounts {
        let [hits, misses] = self.reads.sum();
        let bytes_max = self.memory.bytes() as u64;
        let mut counts = HotCounts { hits, misses, bytes_max, ..HotCounts::default() };
        for shard in &self.shards {
            let shard = shard.lock();
            counts.fills += shard.fills;
            counts.evictions += shard.evictions;
            counts.rows += shard.rows;
            counts.bytes_max += shard.bytes_beside() as u64;
            counts.pinned_rows += shard.pinned.rows;
            counts.pinned_bytes += (shard.pinned.words() * size_of::<u64>()) as u64;
            counts.bytes += (shard.used() * size_of::<u64>()) as u64;
        }
        counts
    }

    /// Returns whether pinned rows take all of their part of the table, in most of its shards.
    pub fn is_full_of_pinned(&self) -> bool {
        let full = self.shards.iter().filter(|shard| shard.lock().pinned.is_full()).count();
        2 * full > self.shards.len()
    }

    fn locked<T>(&self, hash: RowHash, work: impl FnOnce(&mut Locked<'_>) -> T) -> T {
        let shard = self.shards[hash.shard(self.shards.len())].lock();
        work(&mut Locked { memory: &self.memory, shard })
    }
}

/// A change of the store that is under way.
#[must_use = "dropping it forgets the rows"]
pub struct Changing<'t> {
    table: &'t Table,
    hashes: Vec<RowHash>,
    is_done: bool,
    _one_at_a_time: MutexGuard<'t, ()>,
}

impl Changing<'_> {
    /// Takes the newest row there is now, after the store has it.
    pub fn put(&self, (view, key): (u32, &[u8]), row: Row<'_>) {
        let hash = RowHash::of(view, key);
        self.table.locked(hash, |locked| locked.put(hash, view, key, Some(row)));
    }

    /// [`Changing::put`] of a row that is pinned, and is added where it is not there.
    pub fn put_pinned(&self, (view, key): (u32, &[u8]), row: Row<'_>) {
        let hash = RowHash::of(view, key);
        self.table.locked(hash, |locked| {
            locked.put(hash, view, key, Some(row));
            locked.fill(hash, view, key, Some(row), true);
        });
    }

    /// Ends the change: all that is new was put.
    pub fn finish(mut self) {
        self.is_done = true;
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        for hash in &self.hashes {
            self.table.locked(*hash, |locked| {
                let index = locked.memory.bucket_of(*hash);
                if !self.is_done {
                    locked.empty(index);
                }
                // Two rows may have the same one.
                if locked.memory.bucket(index).is_marked() {
                    locked.memory.bucket(index).set_marked(false);
                }
            });
        }
    }
}
