//! The promises of the contract, a file each, held by every backend. See section 1 of `docs/design.md`.

#[path = "../common/mod.rs"]
mod common;

mod as_of;
mod atomicity;
mod bulk_load;
mod catalog;
mod created;
mod dropped_views;
mod erase;
mod future;
mod known_at;
mod late;
mod latest;
mod notes;
mod persistence;
mod refused;
mod retention;
mod snapshots;
mod tombstones;
mod ttl;
