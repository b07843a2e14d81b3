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
    /// A cursor; a dense one will need about every other block.
    fn cursor_with<'s>(&'s self, is_dense: bool, view: &'s FeatureView) -> Box<dyn Cursor + 's> {
        let raw = LazyIterator::new(move || {
            let mut options = ReadOptions::default();
            // It would look up each next block in the cache at every seek.
            options.set_auto_readahead_size(false);
            if is_dense {
                options.fill_cache(false);
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
        Ok(self.cursor_with(false, view))
    }

    fn ordered_cursor<'s>(&'s self, view: &'s FeatureView, finds: u64) -> Result<Box<dyn Cursor + 's>> {
        let is_dense = finds.saturating_mul(DENSE_VERSIONS_A_FIND) >= self.versions_estimate(view)?;
        Ok(self.cursor_with(is_dense, view))
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
