//! The promises of [`asofdb_storage::Online`], by itself: a table is held to this before it hangs on a store.

mod forget;
mod look_up;
mod put;
mod suspend;
mod table;
