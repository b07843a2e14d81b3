//! Features out of a key-value store.

use crate::contender::{Fallible, Reader, Request};
use crate::data::{decode, event, row_bytes};
use crate::embedded::kv::{Entity, Keys, Kv};
use crate::scenario::{Setting, Shape};

/// A key-value store whose values are rows of little-endian floats.
pub struct KvReader<K> {
    kv: K,
    shape: Shape,
    keys: Keys,
}

impl<K: Kv> KvReader<K> {
    /// Loads the data.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(mut kv: K, setting: &Setting) -> Fallible<Self> {
        let shape = setting.scenario.shape();
        let mut entities: Vec<u64> = (0..setting.entities()).collect();
        if shape.text_keys {
            entities.sort_by_cached_key(u64::to_string);
        }
        let views = (0..shape.views).flat_map(|view| entities.iter().map(move |entity| (view, *entity)));
        // The newest version comes first.
        let mut rows = views.flat_map(|(view, entity)| {
            (0..shape.versions).rev().map(move |version| {
                let mut bytes = Vec::with_capacity(shape.features * size_of::<f32>());
                row_bytes(entity, version, view, shape.features, &mut bytes);
                (key(&shape, view, entity, version), bytes)
            })
        });
        kv.load(&mut rows)?;
        Ok(KvReader { kv, shape, keys: Keys::default() })
    }
}

fn key(shape: &Shape, view: usize, entity: u64, version: u64) -> Vec<u8> {
    let mut keys = Keys::default();
    let text = entity.to_string();
    let name = if shape.text_keys { Entity::Text(&text) } else { Entity::Number(entity) };
    keys.push(view, name, shape.as_of.then(|| event(version)));
    keys.iter().next().map(<[u8]>::to_vec).unwrap_or_default()
}

impl<K: Kv> Reader for KvReader<K> {
    fn answer(&mut self, request: &Request, out: &mut [f32]) -> Fallible<()> {
        let (shape, keys) = (&self.shape, &mut self.keys);
        keys.clear();
        let at = shape.as_of.then(|| event(shape.version()));
        for (n, entity) in request.entities.iter().enumerate() {
            let entity = request.texts.get(n).map_or(Entity::Number(*entity), |text| Entity::Text(text));
            (0..shape.views).for_each(|view| keys.push(view, entity, at));
        }
        let (mut found, features) = (0, shape.features);
        let mut take = |n: usize, _: &[u8], bytes: &[u8]| {
            found += 1;
            match decode(bytes, &mut out[n * features..][..features]) {
                true => Ok(()),
                false => Err("a row of another length".into()),
            }
        };
        if shape.as_of {
            let asked: &Keys = keys;
            let mut prefixes = asked.iter();
            let mut of_entity = |n: usize, key: &[u8], bytes: &[u8]| {
                let entity = prefixes.next().map(|key| &key[..key.len() - size_of::<i64>()]);
                match entity.is_some_and(|entity| key.starts_with(entity)) {
                    true => take(n, key, bytes),
                    false => Err("an entity without a version".into()),
                }
            };
            self.kv.seek(asked, &mut of_entity)?;
        } else {
            self.kv.get(keys, &mut take)?;
        }
        match found == self.keys.len() {
            true => Ok(()),
            false => Err(format!("{found} of {} rows are there", self.keys.len()).into()),
        }
    }
}
