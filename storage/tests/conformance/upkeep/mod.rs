//! The promises of [`asofdb_storage::Upkeep`].

mod persistence;
