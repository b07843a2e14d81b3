//! The promises of [`asofdb_storage::History`].

mod as_of;
mod atomicity;
mod bulk_load;
mod created;
mod erase;
mod future;
mod known_at;
mod late;
mod latest;
mod notes;
mod observers;
mod refused;
mod retention;
mod snapshots;
mod stamped;
mod tombstones;
mod ttl;
mod windows;
