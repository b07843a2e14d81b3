//! The latch of an open database: once a write to disk has failed, nothing more is written until it is opened again.

use std::sync::OnceLock;

use super::fate::Fate;
use crate::error::{Error, Result};

/// Open until a failure closes it; nothing opens it again. A log that may or may not hold its last record must not be
/// written on, and RocksDB does not take writes after such an error either: opening the store reads what is there.
#[derive(Debug, Default)]
pub(super) struct Latch {
    reason: OnceLock<String>,
}

impl Latch {
    /// Refuses to write once the latch is closed.
    ///
    /// # Errors
    /// `Unavailable`, with the reason.
    pub(super) fn check(&self) -> Result<()> {
        match self.reason() {
            None => Ok(()),
            Some(reason) => Err(Error::unavailable(format!(
                "nothing was written: the store is read-only since writing to disk failed; see that the disk is well, \
                 then open the store again: {reason}"
            ))),
        }
    }

    /// Returns why nothing is written any more.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Closes the latch if `error` is one after which nothing can be written; the first reason stays.
    pub(super) fn close_after(&self, error: &rocksdb::Error) -> Fate {
        let fate = Fate::of(error);
        if fate.stops() {
            // RocksDB answers later writes with the same error, which would be no better reason.
            let _ = self.reason.set(error.as_ref().trim_end().to_owned());
        }
        fate
    }
}
