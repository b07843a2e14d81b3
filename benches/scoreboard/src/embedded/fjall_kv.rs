//! fjall.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use crate::contender::Fallible;
use crate::embedded::kv::{CACHE_BYTES, Keys, Kv, KvRow, Rows, Take};

/// fjall.
pub struct FjallKv {
    database: Database,
    rows: Keyspace,
}

impl FjallKv {
    /// Opens an empty database.
    ///
    /// # Errors
    /// What fjall says.
    pub fn open(directory: &Path) -> Fallible<Self> {
        let database = Database::builder(directory).cache_size(CACHE_BYTES as u64).open()?;
        let options = || KeyspaceCreateOptions::default().expect_point_read_hits(true);
        let rows = database.keyspace("rows", options)?;
        Ok(FjallKv { database, rows })
    }
}

impl Kv for FjallKv {
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()> {
        let mut ingestion = self.rows.start_ingestion()?;
        for (key, bytes) in rows {
            ingestion.write(key, bytes)?;
        }
        ingestion.finish()?;
        Ok(self.rows.major_compact()?)
    }

    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        for (n, key) in keys.iter().enumerate() {
            if let Some(bytes) = self.rows.get(key)? {
                take(n, key, &bytes)?;
            }
        }
        Ok(())
    }

    fn seek(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        for (n, key) in keys.iter().enumerate() {
            if let Some(row) = self.rows.range(key..).next() {
                let (key, bytes) = row.into_inner()?;
                take(n, &key, &bytes)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, rows: &[KvRow]) -> Fallible<()> {
        let mut batch = self.database.batch();
        // A batch does not see itself: of an entity that is in it twice the newest counts.
        let mut newest = std::collections::BTreeMap::new();
        for row in rows {
            batch.insert(&self.rows, &row.history[..], &row.bytes[..]);
            let best = newest.entry(&row.latest).or_insert(row);
            if row.is_newer(&best.bytes) {
                *best = row;
            }
        }
        for row in newest.values() {
            if self.rows.get(&row.latest)?.is_none_or(|there| row.is_newer(&there)) {
                batch.insert(&self.rows, &row.latest[..], &row.bytes[..]);
            }
        }
        Ok(batch.commit()?)
    }
}
