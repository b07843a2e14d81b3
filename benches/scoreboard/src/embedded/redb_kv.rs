//! redb.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::contender::Fallible;
use crate::embedded::kv::{CACHE_BYTES, Keys, Kv, KvRow, Rows, Take};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// redb.
pub struct RedbKv {
    database: Database,
}

impl RedbKv {
    /// Creates an empty database.
    ///
    /// # Errors
    /// What redb says.
    pub fn open(directory: &Path) -> Fallible<Self> {
        std::fs::create_dir_all(directory)?;
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(directory.join("rows.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(ROWS)?;
        transaction.commit()?;
        Ok(RedbKv { database })
    }
}

impl Kv for RedbKv {
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(ROWS)?;
            for (key, bytes) in rows {
                table.insert(&key[..], &bytes[..])?;
            }
        }
        transaction.commit()?;
        self.database.compact()?;
        Ok(())
    }

    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        let table = self.database.begin_read()?.open_table(ROWS)?;
        for (n, key) in keys.iter().enumerate() {
            if let Some(bytes) = table.get(key)? {
                take(n, key, bytes.value())?;
            }
        }
        Ok(())
    }

    fn seek(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        let table = self.database.begin_read()?.open_table(ROWS)?;
        for (n, key) in keys.iter().enumerate() {
            if let Some(row) = table.range(key..)?.next() {
                let (key, bytes) = row?;
                take(n, key.value(), bytes.value())?;
            }
        }
        Ok(())
    }

    /// redb either waits for the disk or keeps a commit in memory alone; the latter is measured.
    fn write(&mut self, rows: &[KvRow]) -> Fallible<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        {
            let mut table = transaction.open_table(ROWS)?;
            for row in rows {
                table.insert(&row.history[..], &row.bytes[..])?;
                let newer = table.get(&row.latest[..])?.is_none_or(|there| row.is_newer(there.value()));
                if newer {
                    table.insert(&row.latest[..], &row.bytes[..])?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}
