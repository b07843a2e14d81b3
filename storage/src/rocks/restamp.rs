//! Repairing what a wrong clock has left in a store: its believed time, and created timestamps that are ahead.
//!
//! History is read once to see which stamps are in use, and once more to move the versions that have them, in batches
//! that the committer writes between commits. A repair that is interrupted is begun again: what has been moved is no
//! longer ahead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rocksdb::{ColumnFamily, DBRawIterator, ReadOptions, WriteBatch as RocksBatch};

use super::catalog::change_catalog;
use super::commit::Committer;
use super::error::from_rocks;
use super::rebuild::rebuild_latest;
use super::scan::key_parts;
use super::store::Store;
use super::work::LoadedRows;
use super::{maintain, observe, spoiled, stored};
use crate::backend::{Newest, NewestRow, Online, RowKey};
use crate::catalog::FeatureView;
use crate::catalog_change::ChangeCause;
use crate::clock::ClockRepair;
use crate::error::Result;
use crate::key::{self, ENTITY_KEY_BYTES_MAX};
use crate::restamp::Restamp;
use crate::stop::{Steps, Stop};
use crate::time::Timestamp;
use crate::version::Version;

/// Bytes of keys and rows that are moved in one batch.
const MOVED_BYTES_MAX: usize = 4 << 20;

const READAHEAD_BYTES: usize = 4 << 20;

/// Repairs a store. See [`crate::Timekeeping::repair_clock`].
pub(super) fn repair(store: &Arc<Store>, committer: &Committer, stop: &Stop) -> Result<ClockRepair> {
    let _one_at_a_time = store.erasing.lock();
    let (back_from, reclaimed) = committer.exclusively(go_back)?;
    let apart = store.present.clock().apart;
    store.present.wait_settled_runs(&apart);
    let mut restamp = Restamp::new(&apart);
    let mut restamped = 0;
    if !restamp.is_empty() {
        each_version(store, stop, |found, _| {
            restamp.note(key_parts(found)?.2.created);
            Ok(())
        })?;
        restamp.seal();
        restamped = move_all(store, committer, &restamp, stop)?;
    }
    committer.exclusively(|store| {
        store.present.forget_apart();
        store.write(true, || Ok(RocksBatch::default()))
    })?;
    Ok(ClockRepair { back_from, reclaimed, restamped })
}

/// Goes back to the system's clock where that is before what is believed. Runs between commits.
fn go_back(store: &Store) -> Result<(Option<Timestamp>, Vec<String>)> {
    let believed = store.present.believed();
    if !store.present.set_back()? {
        return Ok((None, Vec::new()));
    }
    if let Some(next) = store.present.known().catalog.without_floors_after(store.present.believed()) {
        let message = "the clock was wrong: a floor of retention that it left is gone".to_owned();
        change_catalog(store, next, ChangeCause { message, ..ChangeCause::default() })?;
    }
    derive_latest(store)?;
    store.write(true, || Ok(RocksBatch::default()))?;
    Ok((Some(believed), store.present.known().catalog.with_retention()))
}

/// Makes `latest` again for the views whose newest versions compaction may have taken from one family and not from
/// the other: reads show them again.
fn derive_latest(store: &Store) -> Result<()> {
    let known = store.present.known();
    let views: Vec<_> = known.catalog.views().filter(|view| is_in_latest(view)).collect();
    let ids: Vec<_> = views.iter().map(|view| view.id).collect();
    store.tell(&Newest::Suspended);
    let derive = || {
        store.online.forget_views(&ids)?;
        for view in &views {
            let (first, last) = (Vec::new(), vec![u8::MAX; ENTITY_KEY_BYTES_MAX + 1]);
            rebuild_latest(store, &LoadedRows { view: view.id, key_space: view.key_space, first, last })?;
        }
        store.tell(&Newest::Dropped(&ids));
        observe::tell_views(store, &ids)
    };
    let derived = derive();
    store.tell(&Newest::Resumed);
    derived
}

/// Returns whether compaction may take newest versions of a view from one family and not from the other.
fn is_in_latest(view: &FeatureView) -> bool {
    view.retention.is_some() && !view.keep_newest && !key::holds_events(view.id)
}

/// Visits every version, with its row: family by family, in the order of their keys.
fn each_version(store: &Store, stop: &Stop, mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    store.database.version_families().into_iter().try_for_each(|family| each_of(store, family, stop, &mut visit))
}

fn each_of(
    store: &Store,
    family: &ColumnFamily,
    stop: &Stop,
    visit: &mut impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    options.set_readahead_size(READAHEAD_BYTES);
    let mut raw = store.database.rocks.raw_iterator_cf_opt(family, options);
    raw.seek_to_first();
    let mut steps = Steps::new(stop);
    while let Some((found, row)) = raw.item() {
        steps.step()?;
        visit(found, row)?;
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read history", error))
}

/// A version that gets another created timestamp: its key and the new one.
struct Moved {
    from: Vec<u8>,
    to: Vec<u8>,
}

/// Moves all versions that have a new stamp; returns how many they were, without copies of events.
///
/// Meanwhile compaction reclaims nothing, and afterwards everything is compacted: the filter of a compaction that sees
/// a version and not that it was moved would take it for a newer version of its row. Where this fails, it is so until
/// the store is repaired, compacted or opened again.
fn move_all(store: &Store, committer: &Committer, restamp: &Restamp, stop: &Stop) -> Result<u64> {
    let (mut moved, mut bytes, mut count, mut copies) = (Vec::new(), 0, 0, 0);
    let indexes: BTreeSet<u32> = store.present.known().catalog.indexes().map(|index| index.id).collect();
    let write = |moved: &mut Vec<Moved>| {
        let moved = std::mem::take(moved);
        let count = moved.len() as u64;
        committer.exclusively(move |store| move_some(store, &moved)).map(|()| count)
    };
    store.present.set_erasing(true);
    each_version(store, stop, |found, row| {
        let (view, entity, version) = key_parts(found)?;
        let Some(created) = restamp.get(version.created) else { return Ok(()) };
        let mut to = Vec::with_capacity(found.len());
        key::version_key(view, entity, Version::new(version.event, created), &mut to);
        bytes += 2 * found.len() + row.len();
        copies += u64::from(indexes.contains(&view));
        moved.push(Moved { from: found.to_vec(), to });
        if bytes > MOVED_BYTES_MAX {
            count += write(&mut moved)?;
            bytes = 0;
        }
        Ok(())
    })?;
    count += write(&mut moved)?;
    if count > 0 {
        maintain::compact(store, stop)?;
    }
    store.present.set_erasing(false);
    Ok(count - copies)
}

/// Moves versions in both families. Runs between commits.
fn move_some(store: &Store, moved: &[Moved]) -> Result<()> {
    let (database, known) = (&store.database, store.present.known());
    let mut batch = RocksBatch::default();
    let (mut gone, mut entities) = (BTreeSet::new(), BTreeSet::new());
    let mut newest: BTreeMap<&[u8], (Version, Vec<u8>)> = BTreeMap::new();
    for Moved { from, to } in moved {
        let (view, row_key, version) = key_parts(to)?;
        let family = database.versions(view);
        // It may have been erased meanwhile, or its view dropped.
        let row = database.rocks.get_cf(family, from).map_err(|error| from_rocks("cannot read a version", error))?;
        let Some(row) = row else { continue };
        if !known.has_view(view) {
            continue;
        }
        batch.delete_cf(family, from);
        batch.put_cf(family, to, &row);
        if key::holds_events(view) {
            entities.insert((view, key::entity_of(view, row_key)));
            continue;
        }
        gone.insert(&from[..]);
        let entry = newest.entry(key::row_prefix(to)).or_insert_with(|| (version, row.clone()));
        if version > entry.0 {
            *entry = (version, row);
        }
    }
    for (view, entity) in entities {
        spoiled::delete_entity(store, view, entity, &mut batch)?;
    }
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    let mut raw = database.rocks.raw_iterator_cf_opt(database.history(), options);
    for (prefix, of) in &mut newest {
        outdo(&mut raw, prefix, &gone, of)?;
    }
    put_latest(store, batch, &newest)
}

/// Replaces a version by the greatest one of its row that is not gone, where that is greater.
fn outdo(
    raw: &mut DBRawIterator<'_>,
    prefix: &[u8],
    gone: &BTreeSet<&[u8]>,
    of: &mut (Version, Vec<u8>),
) -> Result<()> {
    raw.seek(prefix);
    while raw.key().is_some_and(|found| gone.contains(found)) {
        raw.next();
    }
    if let Some((found, row)) = raw.item().filter(|(found, _)| found.starts_with(prefix)) {
        let version = key_parts(found)?.2;
        if found.len() == prefix.len() + Version::ENCODED_BYTES && version > of.0 {
            *of = (version, row.to_vec());
        }
    }
    raw.status().map_err(|error| from_rocks("cannot read history", error))
}

/// Adds the newest versions of rows to a batch, writes it, and tells the observers.
fn put_latest(store: &Store, mut batch: RocksBatch, newest: &BTreeMap<&[u8], (Version, Vec<u8>)>) -> Result<()> {
    let (database, known) = (&store.database, store.present.known());
    let mut rows = Vec::with_capacity(newest.len());
    let (mut latest_key, mut value) = (Vec::new(), Vec::new());
    for (prefix, (version, row)) in newest {
        let Some((id, key)) = prefix.split_first_chunk::<4>() else { continue };
        let Some(view) = known.catalog.view_by_id(u32::from_be_bytes(*id)) else { continue };
        let of = RowKey { view: view.id, key_space: view.key_space, key };
        latest_key.clear();
        key::latest_key(of.key_space, key, of.view, &mut latest_key);
        value.clear();
        stored::encode(*version, row, &mut value);
        batch.put_cf(database.latest(), &latest_key, &value);
        rows.push(NewestRow { of, version: *version, row });
    }
    let views: BTreeSet<_> = rows.iter().map(|row| row.of.view).collect();
    // Of versions of one time another one may be the newest now, and be a deletion or not.
    store.ages.distrust(views.iter().copied());
    store.writes.touch(views);
    store.tell(&Newest::Suspended);
    let written = store.write_rare(batch, true);
    if written.is_ok() {
        store.tell(&Newest::Erased(&rows.iter().map(|row| row.of).collect::<Vec<_>>()));
        store.tell(&Newest::Put(&rows));
    }
    store.tell(&Newest::Resumed);
    written
}
