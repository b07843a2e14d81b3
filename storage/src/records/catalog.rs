//! The durable form of a catalog: one record a thing that it has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::policy::PolicyText;
use super::{decode, encode};
use crate::catalog::{Catalog, Entity, FeatureService, FeatureView};
use crate::error::Result;

/// A durable record of the catalog: key and value.
pub type Record = (Vec<u8>, Vec<u8>);

const META: u8 = b'm';
const ENTITY: u8 = b'e';
const VIEW: u8 = b'v';
const SERVICE: u8 = b's';
const POLICY: u8 = b'p';

impl Catalog {
    /// The durable form, by key.
    ///
    /// # Errors
    /// `Invalid` when a definition with its history is too long.
    pub fn to_records(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let mut encoded = BTreeMap::new();
        encoded.insert(vec![META], encode(&self.meta)?);
        for entity in self.entities.values() {
            encoded.insert(record_key(ENTITY, &entity.name), encode(&**entity)?);
        }
        for view in self.views.values() {
            encoded.insert(record_key(VIEW, &view.name), encode(&**view)?);
        }
        for service in self.services.values() {
            encoded.insert(record_key(SERVICE, &service.name), encode(&**service)?);
        }
        if let Some(policy) = &self.policy {
            encoded.insert(vec![POLICY], encode(&PolicyText(policy.clone()))?);
        }
        Ok(encoded)
    }

    /// Reads the durable form back. Records of other kinds are left to those who wrote them.
    ///
    /// # Errors
    /// `Corrupt` when a record cannot be read; `Conflict` when it was written by a newer asofdb.
    pub fn from_records(records: impl IntoIterator<Item = Record>) -> Result<Self> {
        let mut catalog = Catalog::default();
        for (key, value) in records {
            match key.first() {
                Some(&META) => catalog.meta = decode(&key, &value)?,
                Some(&ENTITY) => {
                    let entity: Entity = decode(&key, &value)?;
                    catalog.entities.insert(entity.name.clone(), Arc::new(entity));
                }
                Some(&VIEW) => {
                    let view: FeatureView = decode(&key, &value)?;
                    catalog.views.insert(view.name.clone(), Arc::new(view));
                }
                Some(&SERVICE) => {
                    let service: FeatureService = decode(&key, &value)?;
                    catalog.services.insert(service.name.clone(), Arc::new(service));
                }
                Some(&POLICY) => catalog.policy = Some(decode::<PolicyText>(&key, &value)?.0),
                _ => {}
            }
        }
        Ok(catalog.with_indexes())
    }
}

fn record_key(kind: u8, name: &str) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(name.as_bytes());
    key
}
