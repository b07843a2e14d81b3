//! What [`asofdb_storage::Upkeep`] promises.

mod persistence;
