//! A hash map in shards, each with its lock, whose values are rows of bytes: the least that a store in memory can do
//! whose rows are written by others meanwhile.

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use crate::contender::Fallible;
use crate::embedded::kv::{Keys, Kv, KvRow, Rows, Take};

/// The map.
#[derive(Default)]
pub struct MapKv {
    rows: DashMap<Box<[u8]>, Box<[u8]>, FxBuildHasher>,
}

impl Kv for MapKv {
    fn load(&mut self, rows: &mut Rows<'_>) -> Fallible<()> {
        for (key, bytes) in rows {
            self.rows.insert(key.into(), bytes.into());
        }
        self.rows.shrink_to_fit();
        Ok(())
    }

    fn get(&self, keys: &Keys, take: &mut Take<'_>) -> Fallible<()> {
        for (n, key) in keys.iter().enumerate() {
            if let Some(bytes) = self.rows.get(key) {
                take(n, key, &bytes)?;
            }
        }
        Ok(())
    }

    fn seek(&self, _: &Keys, _: &mut Take<'_>) -> Fallible<()> {
        Err("a hash map has no order".into())
    }

    fn write(&mut self, _: &[KvRow]) -> Fallible<()> {
        Err("a hash map keeps nothing".into())
    }
}
