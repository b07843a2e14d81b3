//! A table under test, with short ways to put and look up rows.

use std::sync::Arc;

use asofdb_storage::{
    Catalog, FeatureView, Found, LookedUp, Lookup, MemoryOnline, NewestRow, Online, RowKey, Version, ViewDefinition,
};

use crate::common::{START, Seen, aged, at, definitions, kept, read, text_key, value_row};

/// A row to put: view, key, event, created and value; no value for a deletion.
pub type Put<'a> = (&'a str, &'a str, i64, i64, Option<i64>);

/// An empty table, and views for its rows: `u`, `v` and `w` keep everything, `aged` keeps the newest version of each
/// row over a retention of ten days and `fleeting` does not; `item` is about other entities.
pub struct Table {
    pub online: Box<dyn Online>,
    catalog: Catalog,
    /// Removed with the table.
    _directory: Option<tempfile::TempDir>,
}

impl Table {
    fn new(online: Box<dyn Online>, directory: Option<tempfile::TempDir>) -> Self {
        let item = ViewDefinition { entities: vec!["item".to_owned()], ..kept("item") };
        let views = [kept("u"), kept("v"), kept("w"), aged("aged", true), aged("fleeting", false), item];
        let catalog = Catalog::default().plan(&definitions(&views), START).unwrap().into_catalog();
        Table { online, catalog, _directory: directory }
    }

    pub fn in_memory() -> Self {
        Table::new(Box::new(MemoryOnline::new()), None)
    }

    #[cfg(feature = "rocksdb")]
    pub fn on_disk() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let online = asofdb_storage::RocksOnline::create(directory.path().join("table"), 16 << 20).unwrap();
        Table::new(Box::new(online), Some(directory))
    }

    pub fn view(&self, name: &str) -> &Arc<FeatureView> {
        self.catalog.view(name).unwrap()
    }

    fn row_key<'a>(&self, view: &str, key: &'a [u8]) -> RowKey<'a> {
        let view = self.view(view);
        RowKey { view: view.id, key_space: view.key_space, key }
    }

    /// Puts rows in one step.
    pub fn put(&self, rows: &[Put<'_>]) {
        let encoded = rows.iter().map(|(view, key, .., value)| {
            let row =
                value.map_or(asofdb_storage::row::TOMBSTONE_ROW.to_vec(), |value| value_row(self.view(view), value));
            (text_key(key), row)
        });
        let encoded: Vec<_> = encoded.collect();
        let rows = rows.iter().zip(&encoded).map(|((view, _, event, created, _), (key, row))| NewestRow {
            of: self.row_key(view, key),
            version: Version::new(at(*event), at(*created)),
            row,
        });
        self.online.put(&rows.collect::<Vec<_>>()).unwrap();
    }

    pub fn forget(&self, rows: &[(&str, &str)]) {
        let keys: Vec<_> = rows.iter().map(|(_, key)| text_key(key)).collect();
        let rows: Vec<_> = rows.iter().zip(&keys).map(|((view, _), key)| self.row_key(view, key)).collect();
        self.online.forget(&rows).unwrap();
    }

    pub fn forget_views(&self, views: &[&str]) {
        let ids: Vec<_> = views.iter().map(|view| self.view(view).id).collect();
        self.online.forget_views(&ids).unwrap();
    }

    /// The table's answers at `now`; `None` when it declines, and then no lookup was visited.
    pub fn look_up(&self, rows: &[(&str, &str)], now: i64) -> Option<Vec<Seen>> {
        let rows: Vec<_> = rows.iter().map(|(view, key)| (self.view(view), text_key(key))).collect();
        let lookups: Vec<_> = rows.iter().map(|(view, key)| Lookup { view, key }).collect();
        let mut seen = vec![None; rows.len()];
        let visit = &mut |index: usize, found: Option<Found<'_>>| {
            let before = seen[index].replace(found.map(|found| read(rows[index].0, found)));
            assert!(before.is_none(), "lookup {index} was visited twice");
            Ok(())
        };
        match self.online.look_up(&lookups, at(now), visit).unwrap() {
            LookedUp::Answered => Some(seen.into_iter().map(|seen| seen.expect("every lookup is visited")).collect()),
            LookedUp::Declined => {
                assert!(seen.iter().all(Option::is_none), "a table that declines visits nothing");
                None
            }
        }
    }

    /// [`Table::look_up`] of one row at the start, which is answered.
    pub fn newest(&self, view: &str, key: &str) -> Seen {
        self.look_up(&[(view, key)], 0).expect("the table answers").remove(0)
    }
}

/// Makes each function a test over every table.
macro_rules! every_table {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $name() { super::$name(&$crate::online::table::Table::in_memory()); })*
        }

        #[cfg(feature = "rocksdb")]
        mod on_disk {
            $(#[test] fn $name() { super::$name(&$crate::online::table::Table::on_disk()); })*
        }
    };
}
pub(crate) use every_table;
