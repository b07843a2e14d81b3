//! What [`asofdb_storage::Catalogs`] promises.

mod catalog;
mod dropped_views;
