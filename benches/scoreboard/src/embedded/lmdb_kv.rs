//! LMDB, through heed. Nothing waits for the disk: what is committed survives a crash of the process.

use std::path::Path;

use heed::types::Bytes;
use heed::{Database, Env, EnvFlags, EnvOpenOptions, PutFlags};

use crate::contender::Fallible;
use crate::embedded::kv::{Keys, Kv, KvRow, Rows, Take};

/// Addresses set aside, not memory.
const MAP_BYTES: usize = 64 << 30;

/// LMDB.
pub struct LmdbKv {
    environment: Env,
    rows: Database<Bytes, Bytes>,
}

impl LmdbKv {
    /// Opens an empty environment.
    ///
    /// # Errors
    /// What LMDB says.
    pub fn open(directory: &Path) -> Fallible<Self> {
        std::fs::create_dir_all(directory)?;
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_BYTES);
        // SAFETY: no flag but one that leaves out syncs, and no other process or second `Env` opens the directory, which
        // was made for this run.
        #[allow(unsafe_code, reason = "heed has no other way")]
        let environment = unsafe { options.flags(EnvFlags::NO_SYNC).open(directory)? };
        let mut transaction = environment.write_txn()?;
        let rows = environment.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(LmdbKv { environment, rows })
    }
}

impl Kv for LmdbKv {
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()> {
        let mut transaction = self.environment.write_txn()?;
        for (key, bytes) in rows {
            self.rows.put_with_flags(&mut transaction, PutFlags::APPEND, &key, &bytes)?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        let transaction = self.environment.read_txn()?;
        for (n, key) in keys.iter().enumerate() {
            if let Some(bytes) = self.rows.get(&transaction, key)? {
                take(n, key, bytes)?;
            }
        }
        Ok(())
    }

    fn seek(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        let transaction = self.environment.read_txn()?;
        for (n, key) in keys.iter().enumerate() {
            if let Some((key, bytes)) = self.rows.get_greater_than_or_equal_to(&transaction, key)? {
                take(n, key, bytes)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, rows: &[KvRow]) -> Fallible<()> {
        let mut transaction = self.environment.write_txn()?;
        for row in rows {
            self.rows.put(&mut transaction, &row.history, &row.bytes)?;
            if self.rows.get(&transaction, &row.latest)?.is_none_or(|there| row.is_newer(there)) {
                self.rows.put(&mut transaction, &row.latest, &row.bytes)?;
            }
        }
        Ok(transaction.commit()?)
    }
}
