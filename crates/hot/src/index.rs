//! The index of a table as readers of any process see it.

use std::sync::atomic::Ordering;

use crate::bucket::{Bucket, Mark};
use crate::hash::RowHash;
use crate::layout::{BUCKET_WORDS, Layout};
use crate::look::{Found, Looked, One};
use crate::prefetch::prefetch;
use crate::record::Head;
use crate::sync::{AtomicU64, fence};

/// Rows whose places are fetched into the processor's cache together.
const GROUP: usize = 32;

/// Lines of a record that are fetched: the processor goes on by itself.
const FETCHED_LINES: usize = 4;

/// Words of an index and of records, and how they are laid out.
#[derive(Clone, Copy)]
pub(crate) struct Index<'t> {
    pub(crate) words: &'t [AtomicU64],
    pub(crate) layout: &'t Layout,
}

impl<'t> Index<'t> {
    /// The number of the bucket of a row.
    #[inline]
    pub(crate) fn bucket_of(self, hash: RowHash) -> usize {
        hash.shard(self.layout.shards) * self.layout.buckets + hash.bucket(self.layout.buckets)
    }

    #[inline]
    pub(crate) fn bucket(self, index: usize) -> Bucket<'t> {
        Bucket::new(self.words, index)
    }

    /// Looks for rows, by view and entity key, and hands the bucket and the slot of each that it finds to `found`. Returns
    /// how many there were. `begin` may have more fetched for a bucket.
    #[inline]
    pub(crate) fn look<'k>(
        self,
        rows: impl Iterator<Item = (u32, &'k [u8])> + Clone,
        looked: &mut Looked,
        begin: impl Fn(usize),
        mut found: impl FnMut(&One, usize),
    ) -> u64 {
        looked.rows.clear();
        looked.words.clear();
        let (mut ahead, mut behind) = (rows.clone(), rows);
        let mut hits = 0;
        loop {
            let first = looked.rows.len();
            looked.rows.extend(ahead.by_ref().take(GROUP).map(|(view, key)| {
                let one = self.begin(view, key);
                begin(one.bucket);
                one
            }));
            if looked.rows.len() == first {
                return hits;
            }
            looked.rows[first..].iter().for_each(|one| self.fetch_records(one));
            for index in first..looked.rows.len() {
                let Some((view, key)) = behind.next() else { break };
                if let Some(slot) = self.read(index, view, key, looked) {
                    hits += 1;
                    found(&looked.rows[index], slot);
                }
            }
        }
    }

    /// Hashes a row, and has its bucket fetched.
    #[inline]
    fn begin(self, view: u32, key: &[u8]) -> One {
        let hash = RowHash::of(view, key);
        let bucket = self.bucket_of(hash);
        prefetch(&self.words[bucket * BUCKET_WORDS..]);
        One { hash, bucket, mark: Mark::NONE, found: Found::Unknown }
    }

    /// Has the records fetched that may be the row's.
    #[inline]
    fn fetch_records(self, one: &One) {
        for (_, entry) in self.bucket(one.bucket).alike(one.hash) {
            let record = entry.place().and_then(|place| self.words.get(place..)).unwrap_or_default();
            record.chunks(BUCKET_WORDS).take(FETCHED_LINES).for_each(prefetch);
        }
    }

    /// Finds row `index` and copies it; returns its slot.
    #[inline]
    fn read(self, index: usize, view: u32, key: &[u8], looked: &mut Looked) -> Option<usize> {
        let Looked { rows, words, .. } = looked;
        let one = &mut rows[index];
        one.mark = self.bucket(one.bucket).mark();
        if !one.mark.is_quiet() {
            return None;
        }
        let (slot, place, head) = self.find(one.bucket, one.hash, view, key)?;
        if !head.is_row {
            one.found = Found::Absent;
            return Some(slot);
        }
        let (from, count) = (place + head.row_start(), head.row_bytes.div_ceil(8));
        let row = self.words.get(from..from.saturating_add(count))?;
        let start = words.len();
        words.extend(row.iter().map(|word| word.load(Ordering::Relaxed)));
        one.found = Found::Row { version: head.version, start, bytes: head.row_bytes };
        Some(slot)
    }

    /// Finds the entry of a row, with its place and its head, which may be torn unless the shard is locked.
    #[inline]
    pub(crate) fn find(self, bucket: usize, hash: RowHash, view: u32, key: &[u8]) -> Option<(usize, usize, Head)> {
        self.bucket(bucket).alike(hash).find_map(|(slot, entry)| {
            let place = entry.place()?;
            let record = self.words.get(place..)?;
            let head = Head::read(record)?;
            let is_it = head.hash == hash.0 && head.view == view && head.has_key(key, &record[Head::WORDS..]);
            is_it.then_some((slot, place, head))
        })
    }

    /// Returns whether nothing was written to any of the rows since they were looked for, found or not: then all that was
    /// found, and all that the store said of the others meanwhile, was so at one moment.
    #[inline]
    pub(crate) fn is_still(self, looked: &Looked) -> bool {
        self.are_still(looked.rows.iter())
    }

    /// [`Index::is_still`] for some of the rows.
    #[inline]
    pub(crate) fn are_still<'l>(self, mut rows: impl Iterator<Item = &'l One>) -> bool {
        // What was copied came before what follows.
        fence(Ordering::Acquire);
        rows.all(|one| self.bucket(one.bucket).is_still(one.mark))
    }
}
