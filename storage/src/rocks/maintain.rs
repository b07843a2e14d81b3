//! Flushing, compacting and measuring a store.

use std::sync::atomic::Ordering;

use rocksdb::{BottommostLevelCompaction, CompactOptions, FlushOptions};

use super::error::from_rocks;
use super::families::FAMILY_NAMES;
use super::store::Store;
use crate::backend::{FamilyStats, Stats};
use crate::error::{Error, Result};
use crate::fail_point;

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

/// Compacts all families down to one level each.
pub(super) fn compact(store: &Store) -> Result<()> {
    flush(store)?;
    let failures = background_errors(store);
    let mut options = CompactOptions::default();
    options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    options.set_exclusive_manual_compaction(false);
    for name in FAMILY_NAMES {
        store.database.rocks.compact_range_cf_opt(store.database.family(name), None::<&[u8]>, None::<&[u8]>, &options);
    }
    fail_point("compaction done");
    store.floor.refresh();
    if background_errors(store) > failures {
        return Err(Error::unavailable("compaction failed; its cause is in the file LOG of the store"));
    }
    Ok(())
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
    Ok(Stats {
        disk_bytes: families.iter().map(|family| family.disk_bytes).sum(),
        // Write buffers are charged to the cache.
        memory_bytes: store.tuning.cache.get_usage() as u64,
        memory_budget_bytes: store.options.memory_budget_bytes as u64,
        families,
        batches: counters.batches.load(Ordering::Relaxed),
        rows: counters.rows.load(Ordering::Relaxed),
        stalls: counters.stalls.load(Ordering::Relaxed),
        background_error: stopped
            .or(counters.failure.lock().clone())
            .or(failed_before)
            .or_else(|| store.floor.failure()),
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
