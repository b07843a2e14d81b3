//! Removing rows physically.
//!
//! Every version is deleted in one synced write, and then compaction is made to rewrite the files they were
//! in. A durable record, written together with the deletions, names the rows until that is done: opening the
//! store, the next erasure, or `compact` finish what was interrupted.
//!
//! Meanwhile compaction reclaims nothing. An erased version may lie in a deeper file than its deletion; the
//! filter of a compaction that sees only the former would take it for a newer version of its row.

use std::sync::Arc;

use rocksdb::{BottommostLevelCompaction, CompactOptions, ReadOptions, WriteBatch as RocksBatch};

use super::ages::AgeChanges;
use super::commit::Committer;
use super::erase_copies::{ErasedCopies, rewrite_events};
use super::error::from_rocks;
use super::families::Database;
use super::kept::Kept;
use super::records::{self, Work};
use super::store::Store;
use super::stored::{self, Head};
use super::work::ErasedRow;
use super::{maintain, spoiled};
use crate::backend::{Erased, Lookup, Newest};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::key;

/// Erases rows, and returns when their bytes are gone.
pub(super) fn erase(store: &Arc<Store>, committer: &Committer, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>> {
    let _one_at_a_time = store.erasing.lock();
    let rows = lookups.iter().map(|lookup| ErasedRow {
        view: lookup.view.id,
        key_space: lookup.view.key_space,
        key: lookup.key.to_vec(),
    });
    let rows: Vec<_> = rows.collect();
    let names: Vec<_> = lookups.iter().map(|lookup| lookup.view.name.clone()).collect();
    store.present.set_erasing(true);
    let copies = lookups.iter().map(|lookup| ErasedCopies::of(store, lookup.view, lookup.key));
    let copies = copies.collect::<Result<Vec<_>>>()?;
    let receipts = committer.exclusively(move |store| delete(store, rows, names, copies))?;
    finish_locked(store)?;
    Ok(receipts)
}

/// Deletes the rows from both families, with the record that says what is left to do.
fn delete(
    store: &Store,
    rows: Vec<ErasedRow>,
    names: Vec<String>,
    copies: Vec<Option<ErasedCopies>>,
) -> Result<Vec<Erased>> {
    let database = &store.database;
    let (mut batch, mut of_indexes) = (RocksBatch::default(), Vec::new());
    let (mut receipts, mut ages) = (Vec::with_capacity(rows.len()), AgeChanges::default());
    for ((row, view), mut copies) in rows.iter().zip(names).zip(copies) {
        receipts.push(delete_versions(store, row, view, copies.as_mut(), &mut batch)?);
        if let Some(copies) = copies {
            let of_copies = copies.finish(store, &mut batch)?;
            of_copies.iter().try_for_each(|row| delete_tiles(store, row, &mut batch))?;
            of_indexes.extend(of_copies);
        }
        if key::holds_events(row.view) {
            delete_tiles(store, row, &mut batch)?;
            continue;
        }
        let mut latest_key = Vec::new();
        key::latest_key(row.key_space, &row.key, row.view, &mut latest_key);
        ages.replace(row.view, newest_of(store, &latest_key)?, None);
        batch.delete_cf(database.latest(), &latest_key);
    }
    let all = [rows.clone(), of_indexes].concat();
    store.writes.touch(all.iter().map(|row| row.view));
    batch.put_cf(database.catalog(), Work::Erasure.key(next_id(database)?), crate::records::encode(&all)?);
    // Forgotten when it is dropped.
    let _changing = store.hot.change(rows.iter().map(ErasedRow::row_key));
    fail_point("erasure begun");
    store.write_rare(batch, true)?;
    fail_point("erasure written");
    store.ages.apply(&ages);
    let erased: Vec<_> = rows.iter().map(ErasedRow::row_key).collect();
    store.tell(&Newest::Erased(&erased));
    Ok(receipts)
}

/// The number of the next erasure.
fn next_id(database: &Database) -> Result<u64> {
    match records::begun(database, Work::Erasure)?.last() {
        Some((last, _)) => Ok(Work::id(last)? + 1),
        None => Ok(0),
    }
}

/// The newest version of a row, if there is one.
fn newest_of(store: &Store, latest_key: &[u8]) -> Result<Option<Head>> {
    let value = store.database.rocks.get_pinned_cf(store.database.latest(), latest_key);
    let value = value.map_err(|error| from_rocks("cannot read what is to be erased", error))?;
    Ok(value.and_then(|value| stored::head(&value)))
}

/// Deletes the tiles of the events of an entity, or of all of an index, of which the key is empty.
fn delete_tiles(store: &Store, row: &ErasedRow, batch: &mut RocksBatch) -> Result<()> {
    if !row.key.is_empty() {
        return spoiled::delete_entity(store, row.view, &row.key, batch);
    }
    store.tiles.give_up_making();
    spoiled::delete_view(&store.database, row.view, batch);
    Ok(())
}

fn delete_versions(
    store: &Store,
    row: &ErasedRow,
    view: String,
    mut copies: Option<&mut ErasedCopies>,
    batch: &mut RocksBatch,
) -> Result<Erased> {
    let database = &store.database;
    let (prefix, family) = (version_prefix(row), database.versions(row.view));
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    let mut raw = database.rocks.raw_iterator_cf_opt(family, options);
    raw.seek(&prefix);
    let mut erased = Erased { view, versions: 0, bytes: 0 };
    while let Some((found, value)) = raw.item().filter(|(found, _)| found.starts_with(&prefix)) {
        erased.versions += 1;
        erased.bytes += (found.len() + value.len()) as u64;
        batch.delete_cf(family, found);
        if let Some(copies) = &mut copies {
            copies.delete(store, found, value, batch)?;
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read what is to be erased", error))?;
    Ok(erased)
}

/// The start of the keys of all versions of a row, or of all events of an entity.
fn version_prefix(row: &ErasedRow) -> Vec<u8> {
    let mut prefix = Vec::new();
    key::version_prefix(row.view, &row.key, &mut prefix);
    prefix
}

/// Finishes the erasures that were begun.
pub(super) fn finish(store: &Store) -> Result<()> {
    let _one_at_a_time = store.erasing.lock();
    finish_locked(store)
}

/// The caller holds the lock of erasures.
fn finish_locked(store: &Store) -> Result<()> {
    let begun = records::begun(&store.database, Work::Erasure)?;
    if !begun.is_empty() {
        let failures = maintain::background_errors(store);
        maintain::flush(store)?;
        // What was erased stands in logs before the one that is written now.
        store.begin_logs_anew()?;
        fail_point("erasure flushed");
        for (key, value) in &begun {
            let rows: Vec<ErasedRow> = crate::records::decode(key, value)?;
            rows.iter().filter(|row| !key::holds_events(row.view)).for_each(|row| rewrite(store, row));
            rewrite_events(store, &rows)?;
        }
        store.hot.forget_keys()?;
        if maintain::background_errors(store) > failures {
            return Err(Error::unavailable(
                "the rows were erased, but their bytes are still on disk; free some space and compact the store",
            ));
        }
        fail_point("erasure compacted");
        let mut batch = RocksBatch::default();
        begun.iter().for_each(|(key, _)| batch.delete_cf(store.database.catalog(), key));
        store.write_rare(batch, true)?;
        store.kept.as_ref().map_or(Ok(()), Kept::sweep)?;
        fail_point("erasure concluded");
    }
    store.present.set_erasing(false);
    Ok(())
}

/// Rewrites the files around a deleted row, which is none of events.
fn rewrite(store: &Store, row: &ErasedRow) {
    let database = &store.database;
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_exclusive_manual_compaction(false);
    let prefix = version_prefix(row);
    let end = key::prefix_end(&prefix);
    database.rocks.compact_range_cf_opt(database.versions(row.view), Some(&prefix), end.as_ref(), &options);
    let mut latest_key = Vec::new();
    key::latest_key(row.key_space, &row.key, row.view, &mut latest_key);
    database.rocks.compact_range_cf_opt(database.latest(), Some(&latest_key), Some(&latest_key), &options);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Upkeep;
    use crate::rocks::testing::{Fixture, encoded, seen};

    /// Bytes that compression leaves as they are.
    const VALUE: i64 = 0x1f83_d9ab_fb41_bd6b;

    #[test]
    fn an_interrupted_erasure_is_finished_when_the_store_opens() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"a", 10, VALUE);
        fixture.commit(&store, b"b", 10, 1);
        store.flush().unwrap();
        let row = ErasedRow { view: fixture.view.id, key_space: fixture.view.key_space, key: encoded(b"a") };
        store.committer.exclusively(move |store| delete(store, vec![row], vec!["v".to_owned()], vec![None])).unwrap();
        assert!(fixture.holds(&VALUE.to_le_bytes()));
        drop(store);
        let store = fixture.open();
        assert!(!fixture.holds(&VALUE.to_le_bytes()));
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [None, Some((10, 1))]);
        assert!(records::begun(&store.store.database, Work::Erasure).unwrap().is_empty());
        assert!(store.store.present.reclaim().is_some(), "compaction reclaims again");
    }

    #[test]
    fn compaction_reclaims_nothing_while_rows_are_being_erased() {
        let fixture = Fixture::new();
        let store = fixture.open();
        store.store.present.set_erasing(true);
        assert!(store.store.present.reclaim().is_none());
        finish(&store.store).unwrap();
        assert!(store.store.present.reclaim().is_some());
    }
}
