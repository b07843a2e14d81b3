//! A state of the store to read at length.

use rocksdb::{DBRawIterator, ReadOptions};

use super::cursor::{LazyIterator, RocksCursor};
use super::scan::VersionScan;
use super::split::{split, versions_estimate};
use super::store::Store;
use crate::backend::{Cursor, KeyRange, Scan, Snapshot};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::key;
use crate::time::Timestamp;

/// The prefetch of a scan: few, large reads on any disk.
const READAHEAD_BYTES: usize = 4 << 20;

/// With no more versions than this to each read in order, about every other block is needed: it is read as
/// a scan reads it.
const DENSE_VERSIONS_A_FIND: u64 = 64;

/// Reads in order from which on their blocks are not kept in the cache: each is needed once, and so many would drive out what
/// others read, and take its memory anew.
const FINDS_BESIDE_CACHE: u64 = 10_000;

/// The way in which a cursor goes through a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// It needs some blocks, which others may need too.
    Cached,
    /// It needs many blocks, each once.
    BesideCache,
    /// It needs about every other block.
    Dense,
}

impl Pass {
    /// The way for so many reads in order, of so many versions.
    fn of(finds: u64, versions: u64) -> Self {
        match finds {
            _ if finds.saturating_mul(DENSE_VERSIONS_A_FIND) >= versions => Pass::Dense,
            FINDS_BESIDE_CACHE.. => Pass::BesideCache,
            _ => Pass::Cached,
        }
    }
}

pub(super) struct RocksSnapshot<'s> {
    store: &'s Store,
    pin: u64,
    now: Timestamp,
    state: rocksdb::Snapshot<'s>,
}

impl<'s> RocksSnapshot<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        let (pin, now) = store.present.pin();
        // What was stamped until now must be in it: a cursor may ask what was known now.
        store.present.wait_settled(now);
        RocksSnapshot { store, pin, now, state: store.database.rocks.snapshot() }
    }

    fn iterate(&self, view: &FeatureView, mut options: ReadOptions) -> DBRawIterator<'_> {
        options.set_total_order_seek(true);
        if let Some(end) = key::prefix_end(&view.id.to_be_bytes()) {
            options.set_iterate_upper_bound(end);
        }
        self.state.raw_iterator_cf_opt(self.store.database.versions(view.id), options)
    }
}

impl RocksSnapshot<'_> {
    fn cursor_with<'s>(&'s self, pass: Pass, view: &'s FeatureView) -> Box<dyn Cursor + 's> {
        let raw = LazyIterator::new(move || {
            let mut options = ReadOptions::default();
            // It would look up each next block in the cache at every seek.
            options.set_auto_readahead_size(false);
            options.fill_cache(pass == Pass::Cached);
            if pass == Pass::Dense {
                options.set_readahead_size(READAHEAD_BYTES);
            }
            self.iterate(view, options)
        });
        Box::new(RocksCursor::new(raw, view, view.cutoff(self.now)))
    }
}

impl Drop for RocksSnapshot<'_> {
    fn drop(&mut self) {
        self.store.present.unpin(self.pin);
    }
}

impl Snapshot for RocksSnapshot<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn cursor<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>> {
        Ok(self.cursor_with(Pass::Cached, view))
    }

    fn ordered_cursor<'s>(&'s self, view: &'s FeatureView, finds: u64) -> Result<Box<dyn Cursor + 's>> {
        Ok(self.cursor_with(Pass::of(finds, self.versions_estimate(view)?), view))
    }

    fn scan<'s>(&'s self, view: &'s FeatureView, range: &KeyRange) -> Result<Box<dyn Scan + 's>> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(READAHEAD_BYTES);
        Ok(Box::new(VersionScan::new(self.iterate(view, options), view, range, view.cutoff(self.now))))
    }

    fn versions_estimate(&self, view: &FeatureView) -> Result<u64> {
        versions_estimate(self.store, view)
    }

    fn split(&self, view: &FeatureView, parts: usize) -> Result<Vec<KeyRange>> {
        split(self.store, &mut self.iterate(view, ReadOptions::default()), view, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Upkeep;
    use crate::batch::WriteBatch;
    use crate::rocks::testing::{Fixture, encoded};

    #[test]
    fn many_reads_in_order_go_beside_the_cache_and_few_do_not() {
        assert_eq!(Pass::of(9_999, 1_000_000), Pass::Cached);
        assert_eq!(Pass::of(10_000, 1_000_000), Pass::BesideCache);
        assert_eq!(Pass::of(15_625, 1_000_000), Pass::Dense);
        assert_eq!((Pass::of(1, 64), Pass::of(1, 65)), (Pass::Dense, Pass::Cached));
    }

    #[test]
    fn what_goes_beside_the_cache_finds_the_same_and_leaves_nothing_there() {
        let (fixture, mut batch) = (Fixture::new(), WriteBatch::bulk());
        let keys: Vec<[u8; 4]> = (0..5_000u32).map(u32::to_be_bytes).collect();
        let store = fixture.open();
        keys.iter().enumerate().for_each(|(value, key)| fixture.put(&store, &mut batch, key, 1, value as i64));
        crate::backend::History::bulk_load(&store, batch).unwrap();
        store.compact().unwrap();
        let rocks = &store.store.database;
        let usage = || {
            let family = rocks.versions(fixture.view.id);
            rocks.rocks.property_int_value_cf(family, "rocksdb.block-cache-usage").unwrap().unwrap()
        };
        let snapshot = RocksSnapshot::new(&store.store);
        let values = |pass, keys: &[[u8; 4]]| {
            let mut cursor = snapshot.cursor_with(pass, &fixture.view);
            let value = |key: &[u8; 4]| {
                let found = cursor.find(&encoded(key), snapshot.now(), None).unwrap().expect("a row");
                found.row.to_vec()
            };
            keys.iter().map(value).collect::<Vec<_>>()
        };
        // Index and filter are kept there all the same.
        values(Pass::Cached, &keys[..1]);
        let before = usage();
        let [beside, dense] = [Pass::BesideCache, Pass::Dense].map(|pass| values(pass, &keys));
        assert_eq!(usage(), before);
        let cached = values(Pass::Cached, &keys);
        assert!(cached == beside && cached == dense);
        assert!(usage() > before + (32 << 10), "{} of {before}", usage());
    }
}
