//! Erasing the copies that events of an entity have in the indexes of their view.
//!
//! Their keys follow from the events, which are read for that. Compaction may have reclaimed an event behind the
//! retention and not yet its copies; those are looked for among what the retention hides in the indexes, by the hash of
//! their entity.

use std::collections::BTreeSet;

use rocksdb::{BottommostLevelCompaction, CompactOptions, ReadOptions, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::families::EVENTS;
use super::scan::key_parts;
use super::store::Store;
use super::work::ErasedRow;
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::event_copies::{EventCopies, is_copy_of};
use crate::key;
use crate::time::{Span, Timestamp};

/// Entities of one index of which the record of an erasure has the keys; beyond them it has all of the index.
const RECORDED_MAX: usize = 10_000;

/// The copies of the events of one entity.
pub(super) struct ErasedCopies {
    copies: EventCopies,
    indexes: Vec<(u32, u32)>,
    /// Keys of copies that the retention hides.
    hidden: Vec<Vec<u8>>,
    /// The entities of indexes that have had copies, with the index before each.
    entities: BTreeSet<(u32, Vec<u8>)>,
}

impl ErasedCopies {
    /// Looks for the copies that are not found by their events; `None` where the view has no indexes. Compaction must
    /// have been told before that it reclaims nothing.
    pub(super) fn of(store: &Store, view: &FeatureView, entity_key: &[u8]) -> Result<Option<Self>> {
        let Some(copies) = EventCopies::of(view)? else { return Ok(None) };
        let indexes: Vec<_> = view.also_by.iter().map(|index| (index.id, index.key_space)).collect();
        let (cutoff, mut hidden) = (view.cutoff(store.present.now()), Vec::new());
        if cutoff > Timestamp::MIN {
            for (index, _) in &indexes {
                each_hidden(store, *index, cutoff, |found, row_key| {
                    if is_copy_of(row_key, entity_key) {
                        hidden.push(found.to_vec());
                    }
                })?;
            }
        }
        Ok(Some(ErasedCopies { copies, indexes, hidden, entities: BTreeSet::new() }))
    }

    /// Deletes the copies of a version of an event.
    pub(super) fn delete(
        &mut self,
        store: &Store,
        version_key: &[u8],
        row: &[u8],
        batch: &mut RocksBatch,
    ) -> Result<()> {
        let (_, row_key, version) = key_parts(version_key)?;
        let (entities, mut bytes) = (&mut self.entities, Vec::new());
        self.copies.each(row_key, row, |copy| {
            bytes.clear();
            key::version_key(copy.index, copy.key, version, &mut bytes);
            batch.delete_cf(store.database.events(), &bytes);
            entities.insert((copy.index, key::entity_of(copy.index, copy.key).to_vec()));
            Ok(())
        })
    }

    /// Deletes the copies that the retention hides, and returns what is to be rewritten in the indexes.
    pub(super) fn finish(mut self, store: &Store, batch: &mut RocksBatch) -> Result<Vec<ErasedRow>> {
        for found in &self.hidden {
            let (index, row_key, _) = key_parts(found)?;
            batch.delete_cf(store.database.events(), found);
            self.entities.insert((index, key::entity_of(index, row_key).to_vec()));
        }
        let mut rows = Vec::new();
        for (view, key_space) in self.indexes {
            let of_index = || self.entities.iter().filter(|(index, _)| *index == view);
            match of_index().count() > RECORDED_MAX {
                true => rows.push(ErasedRow { view, key_space, key: Vec::new() }),
                false => rows.extend(of_index().map(|(_, key)| ErasedRow { view, key_space, key: key.clone() })),
            }
        }
        Ok(rows)
    }
}

/// Visits the copies in an index with an event before `cutoff`: their keys and row keys. Passes over the others, entity
/// by entity.
fn each_hidden(store: &Store, index: u32, cutoff: Timestamp, mut visit: impl FnMut(&[u8], &[u8])) -> Result<()> {
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    let mut raw = store.database.rocks.raw_iterator_cf_opt(store.database.events(), options);
    let before = cutoff.minus(Span::from_micros(1));
    let (prefix, mut position) = (index.to_be_bytes(), Vec::new());
    raw.seek(prefix);
    while let Some(found) = raw.key().filter(|found| found.starts_with(&prefix)) {
        let (_, row_key, version) = key_parts(found)?;
        if version.event < cutoff {
            visit(found, row_key);
            raw.next();
            continue;
        }
        position.clear();
        key::version_prefix(index, key::entity_of(index, row_key), &mut position);
        key::event_key(&[], before, &[0; key::EVENT_ID_BYTES], &mut position);
        raw.seek(&position);
    }
    raw.status().map_err(|error| from_rocks("cannot read what is to be erased", error))
}

/// Keys of a family that are rewritten together, the end not included.
type Range = (Vec<u8>, Option<Vec<u8>>);

/// Rewrites the files around events that were deleted, those of one file of the last level together, and those of their
/// tiles.
pub(super) fn rewrite_events(store: &Store, rows: &[ErasedRow]) -> Result<()> {
    let of_row = |row: &ErasedRow| {
        let mut prefix = Vec::new();
        key::version_prefix(row.view, &row.key, &mut prefix);
        let end = key::prefix_end(&prefix);
        (prefix, end)
    };
    let ranges: Vec<Range> = rows.iter().filter(|row| key::holds_events(row.view)).map(of_row).collect();
    let database = &store.database;
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_exclusive_manual_compaction(false);
    for (first, end) in merged(ranges, &ends_of_files(store)?) {
        for family in [database.events(), database.tiles()] {
            database.rocks.compact_range_cf_opt(family, Some(&first), end.as_ref(), &options);
        }
    }
    Ok(())
}

/// The last keys of the files of the last level, in order.
fn ends_of_files(store: &Store) -> Result<Vec<Vec<u8>>> {
    let files = store.database.rocks.live_files();
    let files = files.map_err(|error| from_rocks("cannot list the store's files", error))?;
    let files: Vec<_> = files.into_iter().filter(|file| file.column_family_name == EVENTS).collect();
    let last = files.iter().map(|file| file.level).max();
    let mut ends: Vec<_> =
        files.into_iter().filter(|file| Some(file.level) == last).filter_map(|file| file.end_key).collect();
    ends.sort_unstable();
    Ok(ends)
}

/// Makes one range of those that begin in the same file: each compaction writes whole files.
fn merged(mut ranges: Vec<Range>, ends: &[Vec<u8>]) -> Vec<Range> {
    ranges.sort_unstable();
    let file_of = |key: &[u8]| ends.partition_point(|end| end.as_slice() < key);
    let mut merged: Vec<Range> = Vec::new();
    for (first, end) in ranges {
        match merged.last_mut().filter(|last| file_of(&last.0) == file_of(&first)) {
            // No end is after every other.
            Some(last) if last.1.is_some() && (end.is_none() || end > last.1) => last.1 = end,
            Some(_) => {}
            None => merged.push((first, end)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{History, Lookup, Upkeep};
    use crate::rocks::RocksBackend;
    use crate::rocks::testing::{Fixture, encoded};

    /// Bytes that compression leaves as they are.
    const VALUE: i64 = 0x1f83_d9ab_fb41_bd6b;
    const DAY: i64 = 86_400_000_000;

    /// The keys of a view or an index in `events`.
    fn keys(store: &RocksBackend, view: u32) -> Vec<Vec<u8>> {
        let (database, prefix) = (&store.store.database, view.to_be_bytes());
        let mut options = ReadOptions::default();
        options.set_total_order_seek(true);
        let mut raw = database.rocks.raw_iterator_cf_opt(database.events(), options);
        raw.seek(prefix);
        let mut keys = Vec::new();
        while let Some(found) = raw.key().filter(|found| found.starts_with(&prefix)) {
            keys.push(found.to_vec());
            raw.next();
        }
        keys
    }

    fn erase(fixture: &Fixture, store: &RocksBackend, user: &[u8]) -> u64 {
        let key = encoded(user);
        store.erase(&[Lookup { view: &fixture.events, key: &key }]).unwrap()[0].versions
    }

    #[test]
    fn copies_are_erased_with_their_events_and_nobody_elses() {
        let fixture = Fixture::new();
        let (store, index) = (fixture.open(), fixture.events.also_by[0].id);
        fixture.commit_event(&store, b"a", 10, Some(1), VALUE);
        fixture.commit_event(&store, b"a", 20, Some(2), 9);
        fixture.commit_event(&store, b"a", 30, None, 5);
        fixture.commit_event(&store, b"b", 10, Some(1), 7);
        store.flush().unwrap();
        assert!(fixture.holds(&VALUE.to_le_bytes()));
        assert_eq!((keys(&store, fixture.events.id).len(), keys(&store, index).len()), (4, 3));
        assert_eq!(erase(&fixture, &store, b"a"), 3, "copies are not counted");
        assert_eq!((keys(&store, fixture.events.id).len(), keys(&store, index).len()), (1, 1));
        assert!(!fixture.holds(&VALUE.to_le_bytes()));
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn copies_of_events_that_compaction_has_reclaimed_already_are_erased() {
        let fixture = Fixture::new();
        let (store, index) = (fixture.open(), fixture.events.also_by[0].id);
        for item in 0..3 {
            fixture.commit_event(&store, b"a", item, Some(item), VALUE);
            fixture.commit_event(&store, b"b", item, Some(item), item);
            fixture.commit_event(&store, b"b", DAY / 2, Some(item), item);
        }
        fixture.advance(Span::from_micros(9 * DAY + DAY / 4));
        for found in keys(&store, fixture.events.id).iter().take(3) {
            store.store.database.rocks.delete_cf(store.store.database.events(), found).unwrap();
        }
        store.flush().unwrap();
        assert!(fixture.holds(&VALUE.to_le_bytes()));
        assert_eq!(erase(&fixture, &store, b"a"), 0, "its events were reclaimed");
        assert!(!fixture.holds(&VALUE.to_le_bytes()));
        assert_eq!(keys(&store, index).len(), 6, "those of b, hidden and not, stay");
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn an_erasure_of_more_entities_than_its_record_has_room_for_rewrites_all_of_the_index() {
        let fixture = Fixture::new();
        let (store, index) = (fixture.open(), fixture.events.also_by[0].id);
        let mut erased = ErasedCopies::of(&store.store, &fixture.events, &encoded(b"a")).unwrap().unwrap();
        erased.entities.extend((0..=RECORDED_MAX).map(|number| (index, number.to_be_bytes().to_vec())));
        let rows = erased.finish(&store.store, &mut RocksBatch::default()).unwrap();
        assert_eq!(rows.iter().map(|row| (row.view, row.key.len())).collect::<Vec<_>>(), [(index, 0)]);
        rewrite_events(&store.store, &rows).unwrap();
    }

    #[test]
    fn an_index_without_the_copy_of_an_event_or_with_one_too_many_is_a_problem() {
        let fixture = Fixture::new();
        let (store, index) = (fixture.open(), fixture.events.also_by[0].id);
        fixture.commit_event(&store, b"a", 10, Some(1), 1);
        fixture.commit_event(&store, b"a", 20, Some(1), 2);
        let database = &store.store.database;
        let copy = keys(&store, index)[0].clone();
        let row = database.rocks.get_cf(database.events(), &copy).unwrap().unwrap();
        database.rocks.delete_cf(database.events(), &copy).unwrap();
        let problem =
            |versions| format!("the index of \"e\" by item disagrees with the events: {versions} versions, of 2");
        assert_eq!(store.verify().unwrap().problems, [problem(1)]);
        let mut other = copy.clone();
        *other.last_mut().unwrap() ^= 1;
        database.rocks.put_cf(database.events(), &other, &row).unwrap();
        assert_eq!(store.verify().unwrap().problems, [problem(2)]);
        database.rocks.put_cf(database.events(), &copy, &row).unwrap();
        assert_eq!(store.verify().unwrap().problems, [problem(3)]);
        database.rocks.delete_cf(database.events(), &other).unwrap();
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn ranges_that_begin_in_one_file_are_rewritten_together() {
        let range = |first: &str, end: &str| (first.as_bytes().to_vec(), Some(end.as_bytes().to_vec()));
        let ranges = vec![range("x", "y"), range("a", "b"), range("c", "d"), range("p", "q"), range("m", "n")];
        let ends = [b"f".to_vec(), b"n".to_vec()];
        assert_eq!(merged(ranges, &ends), [range("a", "d"), range("m", "n"), range("p", "y")]);
        assert_eq!(merged(vec![(vec![1], None), (vec![2], Some(vec![3]))], &[]), [(vec![1], None)]);
    }
}
