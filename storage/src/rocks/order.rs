//! Sorting rows of batches into the order of `history`.

use crate::backend::{NewestRow, RowKey};
use crate::batch::{BatchRow, Extent, WriteBatch};
use crate::key::{self, digest};
use crate::time::Timestamp;
use crate::version::Version;

/// Rows to warm at once: few enough to stay in the cache until they are used.
pub(super) const WARM_ROWS: usize = 32;

const CACHE_LINE_BYTES: usize = 64;

/// One row of several batches, with what it is sorted by.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// The eight bytes of the key after those all keys share: most comparisons end here.
    digest: u64,
    version: Version,
    /// Kept here, because after sorting a look into the batch would miss every cache.
    place: Extent,
    view: u32,
    batch: u32,
}

/// Batches with the created timestamp of each, and their rows in the order of the families.
pub(super) struct Sorted<'b> {
    batches: Vec<&'b WriteBatch>,
    entries: Vec<Entry>,
    /// True if greater versions of the first row are elsewhere, before these.
    continues: bool,
}

impl<'b> Sorted<'b> {
    /// Sorts the rows by view, key and version, newest first. Of two of the same version the later one stays.
    pub(super) fn new(batches: Vec<&'b WriteBatch>, created: &[Timestamp]) -> Self {
        let shared = shared_prefix(&batches);
        let mut entries = Vec::with_capacity(batches.iter().map(|batch| batch.written_len()).sum());
        for (index, (batch, created)) in batches.iter().zip(created).enumerate() {
            entries.extend(batch.written().zip(batch.places()).map(|(content, place)| Entry {
                digest: digest(&content.key[shared..]),
                version: Version::new(content.event, content.created.unwrap_or(*created)),
                place,
                view: content.view,
                batch: index as u32,
            }));
        }
        let mut sorted = Sorted { batches, entries, continues: false };
        sorted.sort();
        sorted
    }

    /// The same rows, as the part of a greater order of which greater versions of the first row are before them.
    pub(super) fn continuing(self, continues: bool) -> Self {
        Sorted { continues, ..self }
    }

    fn sort(&mut self) {
        let batches = &self.batches;
        let key = |entry: &Entry| row_key(batches, entry);
        self.entries.sort_unstable_by(|a, b| {
            (a.view, a.digest)
                .cmp(&(b.view, b.digest))
                .then_with(|| key(a).cmp(key(b)))
                .then_with(|| b.version.cmp(&a.version))
                .then_with(|| (b.batch, b.place.start).cmp(&(a.batch, a.place.start)))
        });
        self.entries.dedup_by(|later, kept| is_same_row(batches, later, kept) && later.version == kept.version);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Row `index` in the order of the families.
    #[inline]
    pub(super) fn get(&self, index: usize) -> (Version, BatchRow<'b>) {
        let Entry { version, place, view, batch, .. } = self.entries[index];
        let (key, row) = self.batches[batch as usize].bytes_at(place);
        let (event, created) = (version.event, Some(version.created));
        (version, BatchRow { view, key_space: place.key_space, key, event, created, row })
    }

    /// Brings rows, which lie wherever their writer put them, into the processor's cache before they are used
    /// one after the other: reads that do not depend on each other wait for memory together.
    pub(super) fn warm(&self, rows: impl Iterator<Item = usize>) {
        let line = |bytes: &[u8]| bytes.iter().step_by(CACHE_LINE_BYTES).fold(0, |sum: u8, byte| sum ^ byte);
        let sum = rows.fold(0, |sum, index| {
            let (_, row) = self.get(index);
            sum ^ line(row.key) ^ line(row.row)
        });
        std::hint::black_box(sum);
    }

    /// Row `index`, as what may become the newest.
    pub(super) fn newest_row(&self, index: usize) -> NewestRow<'b> {
        let (version, row) = self.get(index);
        NewestRow { of: RowKey { view: row.view, key_space: row.key_space, key: row.key }, version, row: row.row }
    }

    /// The position after the last row of the view of row `index`.
    pub(super) fn end_of_view(&self, index: usize) -> usize {
        let view = self.entries[index].view;
        self.entries.partition_point(|entry| entry.view <= view)
    }

    /// The position from which on the rows are events.
    pub(super) fn first_event(&self) -> usize {
        self.entries.partition_point(|entry| !key::holds_events(entry.view))
    }

    /// The positions of the greatest version of each row, in order. Events are not rows of which the newest counts.
    pub(super) fn newest(&self) -> impl Iterator<Item = usize> {
        let is_first = |&index: &usize| match index {
            0 => !self.continues,
            _ => !is_same_row(&self.batches, &self.entries[index - 1], &self.entries[index]),
        };
        (0..self.first_event()).filter(is_first)
    }
}

fn is_same_row(batches: &[&WriteBatch], a: &Entry, b: &Entry) -> bool {
    a.view == b.view && a.digest == b.digest && row_key(batches, a) == row_key(batches, b)
}

fn row_key<'b>(batches: &[&'b WriteBatch], entry: &Entry) -> &'b [u8] {
    batches[entry.batch as usize].bytes_at(entry.place).0
}

/// The number of bytes that the keys of all rows share at their start.
fn shared_prefix(batches: &[&WriteBatch]) -> usize {
    let mut keys = batches.iter().flat_map(|batch| batch.written().map(|row| row.key));
    let Some(first) = keys.next() else { return 0 };
    keys.fold(first.len(), |shared, key| common(&first[..shared], key))
}

pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
