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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use crate::backend::Upkeep;
    use crate::error::ErrorKind;
    use crate::rocks::testing::{Fixture, seen};

    #[test]
    fn failed_background_work_that_no_write_meets_closes_the_latch_and_opening_again_goes_on() {
        let fixture = Fixture::new();
        let store = fixture.open();
        for value in [1, 2] {
            fixture.commit(&store, b"a", 10, value);
            store.flush().unwrap();
        }
        let directory = store.store.loads.parent().unwrap().to_owned();
        let away = directory.with_extension("away");
        fs::rename(&directory, &away).unwrap();
        let database = &store.store.database;
        database.rocks.compact_range_cf(database.history(), None::<&[u8]>, None::<&[u8]>);
        fs::rename(&away, &directory).unwrap();
        let is_closed = (0..12_000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            store.read_only().is_some()
        });
        assert!(is_closed, "nobody noticed");
        let reason = store.read_only().unwrap();
        assert!(reason.contains("No such file or directory"), "{reason}");
        assert_eq!(seen(&fixture, &store, &[b"a"]), [Some((10, 2))]);
        let error = store.flush().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().ends_with(&reason), "{error}");
        drop(store);
        let store = fixture.open();
        assert_eq!(store.read_only(), None);
        fixture.commit(&store, b"a", 10, 3);
        assert_eq!(seen(&fixture, &store, &[b"a"]), [Some((10, 3))]);
    }
}
