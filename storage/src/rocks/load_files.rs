//! The files of a bulk load: where they are written, and how RocksDB takes them over.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rocksdb::{
    ColumnFamily, ErrorKind as RocksKind, IngestExternalFileOptions, Options as RocksOptions, SstFileWriter,
};

use super::error::{from_io, from_rocks};
use super::families::Database;
use super::fate::Fate;
use super::store::Store;
use crate::error::Result;

/// Lets RocksDB take over files of one family.
pub(super) fn ingest(database: &Database, family: &ColumnFamily, files: Vec<PathBuf>) -> Result<()> {
    database.latch.check()?;
    let mut options = IngestExternalFileOptions::default();
    options.set_move_files(true);
    database.rocks.ingest_external_file_cf_opts(family, &options, files).map_err(|error| {
        // Only a failure of the list of files, which names no file of the load, leaves open whether they were taken
        // over; opening the store finds out by the sentinel.
        let doing = match error.kind() == RocksKind::IOError && Fate::of(&error) == Fate::Unknown {
            true => {
                database.latch.close_after(&error);
                "it is unknown whether the rows were loaded, and the store is read-only from now on; see that the disk \
                 is well, open the store again, and load them again, which does no harm if they are there"
            }
            false => "the files of a bulk load were refused",
        };
        from_rocks(doing, error)
    })
}

/// The directory of one load's files. What RocksDB has not taken over is removed with it.
pub(super) struct Files {
    directory: PathBuf,
    count: AtomicUsize,
}

impl Files {
    /// A new directory; no two of an open store have the same name.
    pub(super) fn new(store: &Store) -> Result<Self> {
        let directory = store.loads.join(store.loads_before.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&directory).map_err(|error| from_io("cannot prepare a bulk load", error))?;
        Ok(Files { directory, count: AtomicUsize::new(0) })
    }

    /// The path of one more file.
    pub(super) fn next(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.count.fetch_add(1, Ordering::Relaxed)))
    }

    /// Writes one file; `fill` puts its rows, in order.
    pub(super) fn write(
        &self,
        options: &RocksOptions,
        fill: impl FnOnce(&mut SstFileWriter<'_>) -> Result<(), rocksdb::Error>,
    ) -> Result<PathBuf> {
        let path = self.next("sst");
        let mut writer = SstFileWriter::create(options);
        let write = |writer: &mut SstFileWriter<'_>| {
            writer.open(&path)?;
            fill(writer)?;
            writer.finish()
        };
        write(&mut writer).map_err(|error| from_rocks("cannot write the files of a bulk load", error))?;
        Ok(path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What stays is removed when the store is opened again.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
