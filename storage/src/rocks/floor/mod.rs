//! The floor: what is known to be on disk, kept beside the store, and compared with it before it is opened.
//!
//! RocksDB takes a damaged end of a log for a write that never finished, because it cannot know better: then a flipped
//! bit of a MANIFEST or of a write-ahead log loses what was there, and nothing says so. The floor knows better. What it
//! says is on disk must be there, whole, or the store is not opened; only what lies beyond may be cut off. What is
//! written where and when, and why that is right, is described in `docs/design.md`.

mod check;
mod crc;
mod edit;
mod finding;
mod flip;
mod keeper;
mod log;
mod look;
mod manifest;
mod mend;
mod position;
mod record_type;
mod slots;
mod statement;
mod wal;

pub(super) use self::check::check;
pub(super) use self::keeper::{Keeper, establish};
pub(super) use self::log::walk as walk_log;
pub(super) use self::look::look;
pub(super) use self::mend::mend;
pub(super) use self::slots::remove;
