//! Making the indexes of events again from the events, of which they are copies.

use rocksdb::{ReadOptions, WriteBatch as RocksBatch};

use super::error::from_rocks;
use super::scan::key_parts;
use super::store::Store;
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::event_copies::EventCopies;
use crate::key;

/// Bytes of copies that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// Removes what is in the indexes and writes the copies of every version of every event. Only while no one else writes.
/// A row that cannot be read as an event is left to `verify`, which tells of it.
pub(super) fn rebuild_indexes(store: &Store) -> Result<()> {
    let known = store.present.known();
    known.catalog.views().filter(|view| !view.also_by.is_empty()).try_for_each(|view| rebuild_of(store, view))
}

fn rebuild_of(store: &Store, view: &FeatureView) -> Result<()> {
    let Some(mut copies) = EventCopies::of(view)? else { return Ok(()) };
    let events = store.database.events();
    let mut batch = RocksBatch::default();
    for index in &view.also_by {
        // Ids of views are far from the greatest number.
        batch.delete_range_cf(events, index.id.to_be_bytes(), (index.id + 1).to_be_bytes());
    }
    store.write_rare(std::mem::take(&mut batch), false)?;
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    let mut raw = store.database.rocks.raw_iterator_cf_opt(events, options);
    let (prefix, mut bytes) = (view.id.to_be_bytes(), Vec::new());
    raw.seek(prefix);
    while let Some((found, row)) = raw.item().filter(|(found, _)| found.starts_with(&prefix)) {
        let (_, row_key, version) = key_parts(found)?;
        let made = copies.each(row_key, row, |copy| {
            bytes.clear();
            key::version_key(copy.index, copy.key, version, &mut bytes);
            batch.put_cf(events, &bytes, row);
            Ok(())
        });
        drop(made);
        if batch.size_in_bytes() > WRITE_BYTES_MAX {
            store.write_rare(std::mem::take(&mut batch), false)?;
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read events", error))?;
    store.write_rare(batch, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Upkeep;
    use crate::rocks::testing::Fixture;

    #[test]
    fn indexes_are_made_again_of_the_events_that_are_left() {
        let fixture = Fixture::new();
        let store = fixture.open();
        for item in 0..20 {
            fixture.commit_event(&store, b"a", item, (item % 4 > 0).then_some(item % 4), item);
        }
        let database = &store.store.database;
        let key_of = |view: u32| {
            let mut options = ReadOptions::default();
            options.set_total_order_seek(true);
            let mut raw = database.rocks.raw_iterator_cf_opt(database.events(), options);
            raw.seek(view.to_be_bytes());
            raw.key().unwrap().to_vec()
        };
        for view in [fixture.events.id, fixture.events.also_by[0].id] {
            database.rocks.delete_cf(database.events(), key_of(view)).unwrap();
        }
        assert_eq!(store.verify().unwrap().problems.len(), 1);
        rebuild_indexes(&store.store).unwrap();
        let verified = store.verify().unwrap();
        assert_eq!((verified.versions, verified.problems), (19, Vec::<String>::new()));
    }
}
