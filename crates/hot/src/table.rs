//! The table.

use std::sync::atomic::Ordering;

use crate::bucket::Mark;
use crate::counts::{HotCounts, ReadCounts};
use crate::hash::RowHash;
use crate::layout::Layout;
use crate::look::{Found, Looked, One};
use crate::record::Row;
use crate::shard::{Locked, Memory, Shard};
use crate::sync::{AtomicU64, Mutex, MutexGuard, fence};

/// Rows whose places are fetched into the processor's cache together.
const GROUP: usize = 32;

/// A bounded table of newest rows. See the crate for what it promises.
pub struct Table {
    pub(crate) memory: Memory,
    pub(crate) shards: Box<[Mutex<Shard>]>,
    clearings: AtomicU64,
    /// Held by whoever changes the store.
    changing: Mutex<()>,
    reads: ReadCounts,
}

impl Table {
    /// Makes an empty table of so many bytes; some kilobytes at least. It takes them as it is filled.
    pub fn new(bytes: usize) -> Self {
        Table::with_layout(Layout::of(bytes))
    }

    pub(crate) fn with_layout(layout: Layout) -> Self {
        let shards = (0..layout.shards).map(|index| Mutex::new(Shard::new(&layout, index))).collect();
        let memory = Memory::new(layout);
        Table { memory, shards, clearings: AtomicU64::new(0), changing: Mutex::new(()), reads: ReadCounts::default() }
    }

    /// Looks for rows, by view and entity key. What it finds holds if [`Table::is_still`] says so afterwards.
    pub fn look<'k>(&self, rows: impl Iterator<Item = (u32, &'k [u8])> + Clone, looked: &mut Looked) {
        looked.rows.clear();
        looked.words.clear();
        looked.clearings = self.clearings.load(Ordering::Acquire);
        let (mut ahead, mut behind) = (rows.clone(), rows);
        let mut hits = 0;
        loop {
            let first = looked.rows.len();
            looked.rows.extend(ahead.by_ref().take(GROUP).map(|(view, key)| self.begin(view, key)));
            if looked.rows.len() == first {
                break;
            }
            looked.rows[first..].iter().for_each(|one| self.fetch_records(one));
            for index in first..looked.rows.len() {
                let Some((view, key)) = behind.next() else { break };
                hits += u64::from(self.find(index, view, key, looked));
            }
        }
        self.reads.add(hits, looked.rows.len() as u64 - hits);
    }

    /// Hashes a row, and has its bucket fetched.
    #[inline]
    fn begin(&self, view: u32, key: &[u8]) -> One {
        let hash = RowHash::of(view, key);
        let bucket = self.memory.bucket_of(hash);
        self.memory.prefetch_bucket(bucket);
        One { hash, bucket, mark: Mark::NONE, found: Found::Unknown }
    }

    /// Has the records fetched that may be the row's.
    #[inline]
    fn fetch_records(&self, one: &One) {
        for (_, entry) in self.memory.bucket(one.bucket).alike(one.hash) {
            entry.place().iter().for_each(|place| self.memory.prefetch_record(*place));
        }
    }

    /// Finds row `index` and copies it; says whether it did.
    #[inline]
    fn find(&self, index: usize, view: u32, key: &[u8], looked: &mut Looked) -> bool {
        let Looked { rows, words, .. } = looked;
        let one = &mut rows[index];
        one.mark = self.memory.bucket(one.bucket).mark();
        if !one.mark.is_quiet() {
            return false;
        }
        let Some((slot, place, head)) = self.memory.find(one.bucket, one.hash, view, key) else { return false };
        if !head.is_row {
            one.found = Found::Absent;
        } else {
            let (from, count) = (place + head.row_start(), head.row_bytes.div_ceil(8));
            let Some(row) = self.memory.words().get(from..from.saturating_add(count)) else { return false };
            let start = words.len();
            words.extend(row.iter().map(|word| word.load(Ordering::Relaxed)));
            one.found = Found::Row { version: head.version, start, bytes: head.row_bytes };
        }
        self.memory.count_use(one.bucket, slot);
        true
    }

    /// Returns whether nothing was written to any of the rows since they were looked for, found or not: then all that was
    /// found, and all that the store said of the others meanwhile, was so at one moment.
    #[inline]
    pub fn is_still(&self, looked: &Looked) -> bool {
        // What was copied came before what follows.
        fence(Ordering::Acquire);
        looked.rows.iter().all(|one| self.memory.bucket(one.bucket).is_still(one.mark))
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
        if is_newest && self.clearings.load(Ordering::Acquire) == looked.clearings {
            locked.fill(one.hash, view, key, row, is_pinned);
        }
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

    /// What it did, and what it holds.
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
