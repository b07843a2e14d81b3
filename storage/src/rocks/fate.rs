//! The fate of a write that RocksDB did not confirm: what is known of it, and whether anything can be written after it.

use rocksdb::ErrorKind as RocksKind;

/// The words of RocksDB for a full disk.
const DISK_FULL: &str = "No space left on device";

/// The words with which errors of RocksDB begin when the bytes had been handed over and only making them durable
/// failed.
const SYNCING: [&str; 4] = ["While fsync", "While fdatasync", "While sync_file_range", "While fcntl(F_FULLSYNC)"];

/// The words for a file, above all a new log, that could not be made: nothing was appended to it.
const CREATING: &str = "While open a file for appending";

/// The ending of a table file as errors name it. Tables are written by flushes and compactions: an error that names
/// one is of background work, and the write that meets it was turned away before it began.
const TABLE: &str = ".sst:";

/// The fate of a write that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing was written. Compaction is behind: the same write can be tried again.
    Stalled,
    /// Nothing was written. The next write may succeed: RocksDB goes on by itself, as when a full disk has room.
    Refused,
    /// Nothing was written, and RocksDB takes nothing more until the store is opened again.
    Stopped,
    /// The write may be on disk or not, and RocksDB takes nothing more until the store is opened again.
    Unknown,
}

impl Fate {
    /// Judges an error that RocksDB returned for a write.
    ///
    /// RocksDB appends a batch to its log, syncs the log if asked to, and applies the batch to memory only then. A log
    /// that failed to take or to sync a record may still hold all of it, and the next opening reads what the log holds:
    /// so whatever is not known to have failed before the append, or in the midst of it, is `Unknown`. RocksDB itself
    /// resumes after a full disk alone; after every other error it refuses all writes as long as it is open (severity
    /// "fatal" in its `error_handler.cc`; the errors of POSIX files are never "retryable" for it).
    ///
    /// | error | fate | reason |
    /// | --- | --- | --- |
    /// | `Incomplete` | stalled | `no_slowdown`: returned instead of waiting |
    /// | `Busy`, `TryAgain`, `ShutdownInProgress` | refused | returned before anything is appended |
    /// | disk full while appending or making a file | refused | a record cut short is dropped when the log is read |
    /// | disk full while syncing | unknown | the record is whole in the file (delayed allocation, NFS) |
    /// | a file could not be made | stopped | too many open files, read-only file system: nothing was appended |
    /// | an error that names a table | stopped | background work failed; the write was never begun |
    /// | all others, above all EIO while appending or syncing | unknown | the log may hold the record |
    pub(super) fn of(error: &rocksdb::Error) -> Self {
        Fate::judge(error.kind(), error.as_ref())
    }

    fn judge(kind: RocksKind, text: &str) -> Self {
        let has = |words: &str| text.contains(words);
        match kind {
            RocksKind::Incomplete => Fate::Stalled,
            RocksKind::Busy | RocksKind::TryAgain | RocksKind::ShutdownInProgress => Fate::Refused,
            RocksKind::IOError if has(DISK_FULL) && !SYNCING.iter().any(|words| has(words)) => Fate::Refused,
            RocksKind::IOError | RocksKind::Corruption if has(CREATING) || has(TABLE) => Fate::Stopped,
            _ => Fate::Unknown,
        }
    }

    /// Returns whether nothing can be written any more before the store is opened again.
    pub(super) fn stops(self) -> bool {
        matches!(self, Fate::Stopped | Fate::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_that_surely_failed_before_its_end_is_said_not_to_be_written() {
        let io = |text: &str| Fate::judge(RocksKind::IOError, text);
        let cases = [
            ("IO error: While fdatasync: /s/000012.log: Input/output error", Fate::Unknown),
            ("IO error: While appending to file: /s/000012.log: Input/output error", Fate::Unknown),
            ("IO error: While appending to file: /s/000012.log: File too large", Fate::Unknown),
            ("IO error: While sync_file_range returned -1: /s/000012.log: Input/output error", Fate::Unknown),
            ("IO error: While fsync: a directory: Input/output error", Fate::Unknown),
            ("IO error: While fdatasync: /s/MANIFEST-000005: Input/output error", Fate::Unknown),
            (
                "IO error: No space left on device: While fdatasync: /s/000012.log: No space left on device",
                Fate::Unknown,
            ),
            (
                "IO error: No space left on device: While appending to file: /s/000012.log: No space left on device",
                Fate::Refused,
            ),
            (
                "IO error: No space left on device: While appending to file: /s/000031.sst: No space left on device",
                Fate::Refused,
            ),
            ("IO error: While open a file for appending: /s/000013.log: Too many open files", Fate::Stopped),
            ("IO error: While open a file for appending: /s/000031.sst: Read-only file system", Fate::Stopped),
            ("IO error: While fdatasync: /s/000031.sst: Input/output error", Fate::Stopped),
        ];
        for (text, fate) in cases {
            assert_eq!(io(text), fate, "{text}");
        }
        assert_eq!(Fate::judge(RocksKind::Corruption, "Corruption: block checksum: /s/000031.sst: x"), Fate::Stopped);
        assert_eq!(Fate::judge(RocksKind::Incomplete, "Result incomplete: Write stall"), Fate::Stalled);
        assert_eq!(Fate::judge(RocksKind::Busy, "Resource busy: "), Fate::Refused);
        assert_eq!(Fate::judge(RocksKind::Unknown, "something new"), Fate::Unknown);
    }
}
