//! The open database and its column families.

use std::path::Path;

use rocksdb::{ColumnFamily, ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME};

use super::error::from_open;
use super::latch::Latch;
use super::options::Tuning;
use crate::error::Result;
use crate::key::holds_events;

/// Names of the families, as `stats` tells them.
pub(super) const FAMILY_NAMES: [&str; 5] = [CATALOG, LATEST, HISTORY, EVENTS, TILES];

const CATALOG: &str = "catalog";
pub(super) const LATEST: &str = "latest";
pub(super) const HISTORY: &str = "history";
pub(super) const EVENTS: &str = "events";
const TILES: &str = "tiles";

/// An open database. RocksDB's own `default` family stays empty.
pub(super) struct Database {
    pub(super) rocks: DB,
    /// Asked before every write, and told of every one that failed.
    pub(super) latch: Latch,
}

impl Database {
    pub(super) fn open(path: &Path, tuning: &Tuning, create: bool) -> Result<Self> {
        let mut store = tuning.store.clone();
        store.create_if_missing(create);
        let families = [
            ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, tuning.catalog.clone()),
            ColumnFamilyDescriptor::new(CATALOG, tuning.catalog.clone()),
            ColumnFamilyDescriptor::new(LATEST, tuning.latest.clone()),
            ColumnFamilyDescriptor::new(HISTORY, tuning.history.clone()),
            ColumnFamilyDescriptor::new(EVENTS, tuning.events.clone()),
            ColumnFamilyDescriptor::new(TILES, tuning.tiles.clone()),
        ];
        // A store of before there were event views gets their families here.
        let rocks = DB::open_cf_descriptors(&store, path, families).map_err(|error| from_open(path, error))?;
        Ok(Database { rocks, latch: Latch::default() })
    }

    pub(super) fn catalog(&self) -> &ColumnFamily {
        self.family(CATALOG)
    }

    pub(super) fn latest(&self) -> &ColumnFamily {
        self.family(LATEST)
    }

    pub(super) fn history(&self) -> &ColumnFamily {
        self.family(HISTORY)
    }

    pub(super) fn events(&self) -> &ColumnFamily {
        self.family(EVENTS)
    }

    pub(super) fn tiles(&self) -> &ColumnFamily {
        self.family(TILES)
    }

    /// The families of versions. A version is in one of them, by its view.
    pub(super) fn version_families(&self) -> [&ColumnFamily; 2] {
        [self.history(), self.events()]
    }

    /// The family of the versions of a view.
    #[inline]
    pub(super) fn versions(&self, view: u32) -> &ColumnFamily {
        if holds_events(view) { self.events() } else { self.history() }
    }

    pub(super) fn family(&self, name: &str) -> &ColumnFamily {
        self.rocks.cf_handle(name).expect("opening fails unless it opens all of the families named here")
    }
}
