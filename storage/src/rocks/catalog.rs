//! Changing the catalog, in order with commits.

use std::collections::BTreeSet;

use rocksdb::WriteBatch as RocksBatch;

use super::store::Store;
use super::{changes, spoiled};
use crate::backend::Newest;
use crate::catalog::{Catalog, FeatureView};
use crate::catalog_change::{CatalogChange, ChangeCause};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::key;

/// Makes `next` the catalog: writes the records that differ, logs the change, and deletes the rows of dropped views.
pub(super) fn change_catalog(store: &Store, next: Catalog, cause: ChangeCause) -> Result<()> {
    let known = store.present.known();
    let current = &known.catalog;
    if current.revision() + 1 != next.revision() {
        return Err(Error::conflict("the catalog was changed meanwhile; read it and try again"));
    }
    let mut batch = RocksBatch::default();
    let (old, new) = (current.to_records()?, next.to_records()?);
    for (key, value) in new.iter().filter(|(key, value)| old.get(*key) != Some(*value)) {
        batch.put_cf(store.database.catalog(), key, value);
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        batch.delete_cf(store.database.catalog(), key);
    }
    let change = CatalogChange::new((next.revision(), store.present.now()), cause, &old, &new);
    changes::put(&store.database, &change, &mut batch)?;
    let dropped: Vec<_> = next.dropped_views().difference(current.dropped_views()).copied().collect();
    for view in &dropped {
        let start = view.to_be_bytes();
        if let Some(end) = key::prefix_end(&start) {
            batch.delete_range_cf(store.database.versions(*view), &start[..], &end[..]);
        }
    }
    for events in spoiled_tiles(current, &next) {
        spoiled::delete_view(&store.database, events, &mut batch);
    }
    fail_point("catalog begun");
    store.write_rare(batch, true)?;
    fail_point("catalog written");
    store.ages.follow(&next, store.present.now());
    store.present.set_catalog(next);
    store.hot.begin_anew(&store.present.known().catalog);
    if !dropped.is_empty() {
        store.tell(&Newest::Dropped(&dropped));
    }
    Ok(())
}

/// The event views and indexes whose tiles are not what the next catalog would make: those that are dropped, and those
/// under windows that are dropped or computed in another way.
fn spoiled_tiles(current: &Catalog, next: &Catalog) -> BTreeSet<u32> {
    let same = |view: &FeatureView| next.view(&view.name).filter(|next| next.id == view.id);
    let changed = |view: &FeatureView| same(view).is_none_or(|next| next.computed != view.computed);
    let events = current.views().chain(current.indexes()).filter(|view| view.holds_events());
    let events = events.map(|view| view.id).filter(|id| next.view_by_id(*id).is_none());
    let windows = current.views().filter(|view| view.windows().is_some() && changed(view));
    let from = windows.filter_map(|view| current.events_by(&view.windows()?.from, &view.entities)).map(|from| from.id);
    events.chain(from).collect()
}
