//! The record of an entity.

use std::collections::BTreeMap;

use super::codec::{self, Decode, Encode};
use super::value::ScalarTypeRecord;
use super::{Reader, Recorded, named};
use crate::catalog::{Entity, JoinKey};

#[derive(Encode, Decode)]
pub(crate) struct EntityRecordV1 {
    name: String,
    join_keys: Vec<JoinKeyRecordV1>,
    description: String,
    tags: BTreeMap<String, String>,
}

/// A join key within the records of entities and views.
#[derive(Encode, Decode)]
pub(super) struct JoinKeyRecordV1 {
    name: String,
    ty: ScalarTypeRecord,
}

impl Recorded for Entity {
    type Written = EntityRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<EntityRecordV1, Self>];

    fn name(key: &[u8]) -> String {
        named("entity", key)
    }
}

impl From<&Entity> for EntityRecordV1 {
    fn from(entity: &Entity) -> Self {
        EntityRecordV1 {
            name: entity.name.clone(),
            join_keys: entity.join_keys.iter().map(JoinKeyRecordV1::from).collect(),
            description: entity.description.clone(),
            tags: entity.tags.clone(),
        }
    }
}

impl From<EntityRecordV1> for Entity {
    fn from(record: EntityRecordV1) -> Self {
        let EntityRecordV1 { name, join_keys, description, tags } = record;
        Entity { name, join_keys: join_keys.into_iter().map(JoinKey::from).collect(), description, tags }
    }
}

impl From<&JoinKey> for JoinKeyRecordV1 {
    fn from(key: &JoinKey) -> Self {
        JoinKeyRecordV1 { name: key.name.clone(), ty: ScalarTypeRecord(key.ty) }
    }
}

impl From<JoinKeyRecordV1> for JoinKey {
    fn from(record: JoinKeyRecordV1) -> Self {
        JoinKey { name: record.name, ty: record.ty.0 }
    }
}
