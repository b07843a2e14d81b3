//! Flushing, compacting and measuring a store.

use std::sync::atomic::Ordering;

use rocksdb::{BottommostLevelCompaction, CompactOptions, FlushOptions};

use super::error::from_rocks;
use super::families::FAMILY_NAMES;
use super::store::Store;
use crate::backend::{FamilyStats, Stats};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::stop::Stop;

/// Writes what is in memory to disk.
pub(super) fn flush(store: &Store) -> Result<()> {
    // What idle iterators hold on to could not be deleted.
    store.pool.clear();
    let database = &store.database;
    database.latch.check()?;
    let families: Vec<_> = FAMILY_NAMES.iter().map(|name| database.family(name)).collect();
    let flushed = database.rocks.flush_cfs_opt(&families, &FlushOptions::default());
    flushed.map_err(|error| {
        database.latch.close_after(&error);
        store.failed(from_rocks("cannot write the store's memory to disk", error))
    })?;
    fail_point("flush done");
    store.floor.refresh();
    Ok(())
}

/// Compacts all families down to one level each. When it is told to stop, it ends with the piece under way.
pub(super) fn compact(store: &Store, stop: &Stop) -> Result<()> {
    stop.check()?;
    flush(store)?;
    let failures = background_errors(store);
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    options.set_exclusive_manual_compaction(false);
    for name in FAMILY_NAMES {
        for Piece { first, last } in pieces(store, name, stop)? {
            stop.check()?;
            store.database.rocks.compact_range_cf_opt(store.database.family(name), first, last, &options);
        }
    }
    fail_point("compaction done");
    store.floor.refresh();
    if background_errors(store) > failures {
        return Err(Error::unavailable("compaction failed; its cause is in the file LOG of the store"));
    }
    Ok(())
}

/// Keys that are compacted in one go, both ends included; `None` is no end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Piece {
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
}

/// Bytes of the files of a piece: some seconds of work.
const PIECE_BYTES: u64 = 256 << 20;

/// The keys of a family in pieces, which RocksDB cannot be told to stop within. What nobody can stop is one piece: the
/// files at the seams are rewritten more than once.
fn pieces(store: &Store, name: &str, stop: &Stop) -> Result<Vec<Piece>> {
    if !stop.may_come() {
        return Ok(vec![Piece::default()]);
    }
    let failed = |error| from_rocks("cannot list the store's files", error);
    let files = store.database.rocks.live_files().map_err(failed)?;
    let files = files.into_iter().filter(|file| file.column_family_name == name);
    Ok(cut(files.filter_map(|file| Some((file.end_key?, file.size as u64))).collect(), PIECE_BYTES))
}

/// Cuts the keys behind the last one of a file, once the files that end before have so many bytes.
fn cut(mut files: Vec<(Vec<u8>, u64)>, bytes_max: u64) -> Vec<Piece> {
    files.sort_unstable();
    let (mut pieces, mut first, mut bytes) = (Vec::new(), None, 0);
    for (last, size) in files {
        bytes += size;
        if bytes >= bytes_max && first.as_ref().is_none_or(|first| *first < last) {
            // The least key after it: a file that ends with `last` belongs to one piece.
            let next = [&last[..], &[0]].concat();
            pieces.push(Piece { first: first.replace(next), last: Some(last) });
            bytes = 0;
        }
    }
    pieces.push(Piece { first, last: None });
    pieces
}

/// The number of flushes and compactions that have failed since the store was opened.
pub(super) fn background_errors(store: &Store) -> u64 {
    let errors = store.database.rocks.property_int_value("rocksdb.background-errors");
    errors.ok().flatten().unwrap_or_default()
}

/// Figures about the store.
pub(super) fn stats(store: &Store) -> Result<Stats> {
    let families = FAMILY_NAMES.iter().map(|name| family_stats(store, name)).collect::<Result<Vec<_>>>()?;
    let counters = &store.counters;
    let failures = background_errors(store);
    let stopped = store.database.latch.reason().map(|reason| format!("the store is read-only: {reason}"));
    let failed_before = (failures > 0).then(|| format!("{failures} flushes or compactions failed; see the file LOG"));
    let hot = store.hot.stats();
    Ok(Stats {
        disk_bytes: families.iter().map(|family| family.disk_bytes).sum(),
        // Write buffers are charged to the cache.
        memory_bytes: store.tuning.cache.get_usage() as u64 + hot.map_or(0, |hot| hot.bytes),
        memory_budget_bytes: store.options.memory_budget_bytes as u64,
        families,
        batches: counters.batches.load(Ordering::Relaxed),
        rows: counters.rows.load(Ordering::Relaxed),
        stalls: counters.stalls.load(Ordering::Relaxed),
        background_error: stopped
            .or(counters.failure.lock().clone())
            .or(failed_before)
            .or_else(|| store.floor.failure()),
        hot,
    })
}

fn family_stats(store: &Store, name: &str) -> Result<FamilyStats> {
    let family = store.database.family(name);
    let figure = |property: &str| {
        let figure = store.database.rocks.property_int_value_cf(family, property);
        figure.map(Option::unwrap_or_default).map_err(|error| from_rocks("cannot read the store's figures", error))
    };
    Ok(FamilyStats {
        name: name.to_owned(),
        rows_estimate: figure("rocksdb.estimate-num-keys")?,
        disk_bytes: figure("rocksdb.live-sst-files-size")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Upkeep;
    use crate::error::ErrorKind;
    use crate::rocks::testing::{Fixture, seen};

    #[test]
    fn pieces_have_every_key_once_and_about_as_many_bytes() {
        let file = |key: &[u8], bytes| (key.to_vec(), bytes);
        let piece = |first: &[u8], last: &[u8]| Piece {
            first: (!first.is_empty()).then(|| first.to_vec()),
            last: (!last.is_empty()).then(|| last.to_vec()),
        };
        assert_eq!(cut(Vec::new(), 10), [Piece::default()]);
        let files = vec![file(b"m", 16), file(b"c", 3), file(b"f", 17), file(b"f", 12), file(b"z", 1)];
        assert_eq!(cut(files, 10), [piece(b"", b"f"), piece(b"f\0", b"m"), piece(b"m\0", b"")][..]);
    }

    #[test]
    fn a_compaction_that_is_stopped_rewrites_nothing_more_and_can_be_made_again() {
        let fixture = Fixture::new();
        let store = fixture.open();
        for event in 0..3 {
            fixture.commit(&store, b"a", 10 + event, event);
            store.flush().unwrap();
        }
        let files = || store.store.database.rocks.live_files().unwrap().len();
        let before = files();
        let stop = Stop::new();
        stop.stop();
        assert_eq!(store.compact_until(&stop).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(files(), before);
        store.compact_until(&Stop::new()).unwrap();
        assert!(files() < before);
        assert_eq!(seen(&fixture, &store, &[b"a"]), [Some((12, 2))]);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}
