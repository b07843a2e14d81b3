//! What [`asofdb_storage::Timekeeping`] promises: a wrong clock does no lasting harm.

mod jumps;
mod repair;
