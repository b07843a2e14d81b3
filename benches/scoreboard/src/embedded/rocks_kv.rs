//! RocksDB, alone: a bloom filter of 10 bits, lz4, a block cache, and compacted after a load.

use std::path::Path;

use rocksdb::{BlockBasedOptions, Cache, DB, DBCompressionType, Options, WriteBatch};

use crate::contender::Fallible;
use crate::embedded::kv::{CACHE_BYTES, Keys, Kv, KvRow, Rows, Take};

/// Rows of one write while loading.
const LOAD_ROWS: usize = 10_000;
const BLOOM_BITS: f64 = 10.0;
/// The families of rows that are loaded, or of the history, and of what is latest.
const ROWS: &str = "default";
const LATEST: &str = "latest";

/// RocksDB.
pub struct RocksKv {
    db: DB,
}

impl RocksKv {
    /// Opens an empty database.
    ///
    /// # Errors
    /// What RocksDB says.
    pub fn open(directory: &Path) -> Fallible<Self> {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&Cache::new_hyper_clock_cache(CACHE_BYTES, 0));
        table.set_bloom_filter(BLOOM_BITS, false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_block_based_table_factory(&table);
        let families = [(ROWS, options.clone()), (LATEST, options.clone())];
        Ok(RocksKv { db: DB::open_cf_with_opts(&options, directory, families)? })
    }

    fn latest(&self) -> Fallible<&rocksdb::ColumnFamily> {
        self.db.cf_handle(LATEST).ok_or_else(|| "no family of what is latest".into())
    }
}

impl Kv for RocksKv {
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()> {
        let mut batch = WriteBatch::default();
        for (key, bytes) in rows {
            batch.put(key, bytes);
            if batch.len() == LOAD_ROWS {
                self.db.write(std::mem::take(&mut batch))?;
            }
        }
        self.db.write(batch)?;
        self.db.flush()?;
        self.db.compact_range(None::<&[u8]>, None::<&[u8]>);
        Ok(())
    }

    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        // What is latest is a family of its own only where there is a history beside it.
        let first = keys.iter().next().unwrap_or_default();
        let family = match first.first() {
            Some(view) if *view >= 128 => self.latest()?,
            _ => self.db.cf_handle(ROWS).ok_or("no family of rows")?,
        };
        if keys.len() == 1 {
            return self.db.get_pinned_cf(family, first)?.map_or(Ok(()), |bytes| take(0, first, &bytes));
        }
        let found = self.db.batched_multi_get_cf(family, keys.iter(), false);
        for (n, (key, bytes)) in keys.iter().zip(found).enumerate() {
            if let Some(bytes) = bytes? {
                take(n, key, &bytes)?;
            }
        }
        Ok(())
    }

    fn seek(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        let mut iterator = self.db.raw_iterator();
        for (n, key) in keys.iter().enumerate() {
            iterator.seek(key);
            match iterator.item() {
                Some((key, bytes)) => take(n, key, bytes)?,
                None => iterator.status()?,
            }
        }
        Ok(())
    }

    fn write(&mut self, rows: &[KvRow]) -> Fallible<()> {
        let (mut batch, latest) = (WriteBatch::default(), self.latest()?);
        for row in rows {
            batch.put(&row.history, &row.bytes);
            batch.put_cf(latest, &row.latest, &row.bytes);
        }
        Ok(self.db.write(batch)?)
    }

    /// Both families are written blindly: the least that can be done, and wrong when a row is late.
    fn compares(&self) -> bool {
        false
    }
}
