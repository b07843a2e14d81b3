//! The promises of [`asofdb_storage::Catalogs`].

mod catalog;
mod dropped_views;
