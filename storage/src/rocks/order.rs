//! Sorting rows of batches into the order of `history`.

use std::cmp::Ordering;

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
    /// The eight bytes of the key after those all keys share: most comparisons end here, and all where no key has more.
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
    /// True if no key has more bytes than its digest, so that keys need not be looked at: each look misses every cache,
    /// and there is one for each two versions of one row that meet.
    are_digests_keys: bool,
    /// True if greater versions of the first row are elsewhere, before these.
    continues: bool,
}

impl<'b> Sorted<'b> {
    /// Sorts the rows by view, key and version, newest first. Of two of the same version the later one stays.
    pub(super) fn new(batches: Vec<&'b WriteBatch>, created: &[Timestamp]) -> Self {
        let mut sorted = Sorted::unsorted(batches, created);
        let order = sorted.order();
        sorted.entries.sort_unstable_by(order);
        sorted.without_doubles()
    }

    /// [`Sorted::new`] of a batch whose rows are some sorted runs, one after the other, which are merged.
    pub(super) fn of_runs(batch: &'b WriteBatch, created: Timestamp) -> Self {
        let mut sorted = Sorted::unsorted(vec![batch], &[created]);
        let order = sorted.order();
        // The stable sort finds the runs; the other one would begin from nothing.
        sorted.entries.sort_by(order);
        sorted.without_doubles()
    }

    fn unsorted(batches: Vec<&'b WriteBatch>, created: &[Timestamp]) -> Self {
        let (shared, longest) = key_lengths(&batches);
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
        // No key is another's beginning, so that short ones filled up with zeros differ where the keys do.
        let are_digests_keys = longest - shared <= size_of::<u64>();
        Sorted { batches, entries, are_digests_keys, continues: false }
    }

    /// The same rows, as the part of a greater order of which greater versions of the first row are before them.
    pub(super) fn continuing(self, continues: bool) -> Self {
        Sorted { continues, ..self }
    }

    fn order(&self) -> impl Fn(&Entry, &Entry) -> Ordering + use<'b> {
        let (batches, are_digests_keys) = (self.batches.clone(), self.are_digests_keys);
        move |a, b| {
            let keys = || match are_digests_keys {
                true => Ordering::Equal,
                false => row_key(&batches, a).cmp(row_key(&batches, b)),
            };
            (a.view, a.digest)
                .cmp(&(b.view, b.digest))
                .then_with(keys)
                .then_with(|| b.version.cmp(&a.version))
                .then_with(|| (b.batch, b.place.start).cmp(&(a.batch, a.place.start)))
        }
    }

    /// Leaves one of the rows of one version, the first in the order.
    fn without_doubles(mut self) -> Self {
        let mut entries = std::mem::take(&mut self.entries);
        entries.dedup_by(|later, kept| later.version == kept.version && self.is_same_row(later, kept));
        self.entries = entries;
        self
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
            _ => !self.is_same_row(&self.entries[index - 1], &self.entries[index]),
        };
        (0..self.first_event()).filter(is_first)
    }

    fn is_same_row(&self, a: &Entry, b: &Entry) -> bool {
        let keys = || row_key(&self.batches, a) == row_key(&self.batches, b);
        (a.view, a.digest) == (b.view, b.digest) && (self.are_digests_keys || keys())
    }
}

fn row_key<'b>(batches: &[&'b WriteBatch], entry: &Entry) -> &'b [u8] {
    batches[entry.batch as usize].bytes_at(entry.place).0
}

/// The number of bytes that the keys of all rows share at their start, and that the longest of them has.
fn key_lengths(batches: &[&WriteBatch]) -> (usize, usize) {
    let mut keys = batches.iter().flat_map(|batch| batch.written().map(|row| row.key));
    let Some(first) = keys.next() else { return (0, 0) };
    let lengths = (first.len(), first.len());
    keys.fold(lengths, |(shared, longest), key| (common(&first[..shared], key), longest.max(key.len())))
}

pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rocks::testing::Fixture;

    /// Sorts versions of these keys, and compares the order with that of pairs of key and event.
    fn sort(keys: &[&[u8]]) {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut batch = WriteBatch::bulk();
        for event in [30, 10, 20, 10] {
            keys.iter().for_each(|key| fixture.put(&store, &mut batch, key, event, event));
        }
        let sorted = Sorted::new(vec![&batch], &[Timestamp::MIN]);
        let merged = Sorted::of_runs(&batch, Timestamp::MIN);
        let rows = |sorted: &Sorted<'_>| (0..sorted.len()).map(|index| format!("{:?}", sorted.get(index))).collect();
        let (rows, of_runs): (Vec<_>, Vec<_>) = (rows(&sorted), rows(&merged));
        assert_eq!(rows, of_runs);
        let found = (0..sorted.len()).map(|index| sorted.get(index));
        let found: Vec<_> = found.map(|(version, row)| (row.key.to_vec(), std::cmp::Reverse(version))).collect();
        let mut expected = found.clone();
        expected.sort();
        expected.dedup();
        assert_eq!(found, expected);
        assert_eq!(found.len(), 3 * keys.len(), "an event that came twice is there once");
        let newest: Vec<_> = sorted.newest().collect();
        assert_eq!(newest, (0..keys.len()).map(|row| 3 * row).collect::<Vec<_>>());
    }

    #[test]
    fn rows_are_in_the_order_of_their_keys_whether_or_not_digests_are_all_of_them() {
        sort(&[b"b", b"a", b"", b"\0", b"a\0", b"\xff", b"ab"]);
        sort(&[b"shared-b", b"shared-a", b"shared-ab"]);
        sort(&[b"longer-than-eight-a", b"longer-than-eight-b", b"longer", b"other", b"longer-than-eight-ab"]);
        sort(&[b"alone"]);
    }
}
