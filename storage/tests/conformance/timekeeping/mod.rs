//! The promises of [`asofdb_storage::Timekeeping`]: a wrong clock does no lasting harm.

mod jumps;
mod repair;
