//! Features into a key-value store.

use crate::contender::{Fallible, Writer, Written};
use crate::data::{decode, row_bytes};
use crate::embedded::kv::{Entity, Keys, Kv, KvRow};
use crate::scenario::Shape;

/// Above what the first byte of a key is otherwise: the view of what is latest.
const LATEST: usize = 128;

/// A key-value store with a history and what is latest.
pub struct KvWriter<K> {
    kv: K,
    shape: Shape,
    ready: Vec<KvRow>,
}

impl<K: Kv> KvWriter<K> {
    /// Begins with an empty store.
    pub fn new(kv: K, shape: Shape) -> Self {
        KvWriter { kv, shape, ready: Vec::new() }
    }
}

fn latest_key(entity: u64) -> Keys {
    let mut keys = Keys::default();
    keys.push(LATEST, Entity::Number(entity), None);
    keys
}

fn first(keys: &Keys) -> Vec<u8> {
    keys.iter().next().map(<[u8]>::to_vec).unwrap_or_default()
}

impl<K: Kv> Writer for KvWriter<K> {
    fn prepare(&mut self, rows: &[Written]) -> Fallible<()> {
        let row = |row: &Written| {
            let mut history = Keys::default();
            history.push(0, Entity::Number(row.entity), Some(row.event()));
            let mut bytes = row.event().to_be_bytes().to_vec();
            row_bytes(row.entity, row.version, 0, self.shape.features, &mut bytes);
            KvRow { history: first(&history), latest: first(&latest_key(row.entity)), bytes }
        };
        self.ready = rows.iter().map(row).collect();
        Ok(())
    }

    fn write(&mut self) -> Fallible<()> {
        self.kv.write(&self.ready)
    }

    fn latest(&mut self, entity: u64, out: &mut [f32]) -> Fallible<bool> {
        let mut found = false;
        self.kv.get(&latest_key(entity), &mut |_, _, bytes| {
            found = decode(&bytes[KvRow::EVENT_BYTES..], out);
            Ok(())
        })?;
        Ok(found)
    }

    fn is_right_when_late(&self) -> bool {
        self.kv.compares()
    }
}
