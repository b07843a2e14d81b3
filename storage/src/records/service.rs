//! The record of a feature service.

use std::collections::BTreeMap;

use super::codec::{self, Decode, Encode};
use super::life_cycle::LifeRecordV1;
use super::{Reader, Recorded, named};
use crate::catalog::FeatureService;
use crate::error::{Error, Result};
use crate::life_cycle::LifeCycle;

#[derive(Encode, Decode)]
pub(crate) struct ServiceRecordV1 {
    name: String,
    owner: String,
    description: String,
    tags: BTreeMap<String, String>,
    features: Vec<String>,
}

/// As version 1, and what was added.
#[derive(Encode, Decode)]
pub(crate) struct ServiceRecordV2 {
    service: ServiceRecordV1,
    life: LifeRecordV1,
}

impl Recorded for FeatureService {
    type Written = ServiceRecordV2;

    const READERS: &'static [Reader<Self>] =
        &[codec::read::<ServiceRecordV1, Self>, codec::read_checked::<ServiceRecordV2, Self>];

    fn name(key: &[u8]) -> String {
        named("feature service", key)
    }

    /// Writes the oldest version that says all of the service.
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        if self.life == LifeCycle::default() {
            out.push(1);
            return codec::write(&ServiceRecordV1::from(self), out);
        }
        out.push(2);
        codec::write(&ServiceRecordV2::from(self), out)
    }
}

impl From<&FeatureService> for ServiceRecordV1 {
    fn from(service: &FeatureService) -> Self {
        let FeatureService { name, owner, description, tags, features, .. } = service.clone();
        ServiceRecordV1 { name, owner, description, tags, features }
    }
}

impl From<ServiceRecordV1> for FeatureService {
    fn from(record: ServiceRecordV1) -> Self {
        let ServiceRecordV1 { name, owner, description, tags, features } = record;
        FeatureService { name, owner, description, tags, features, life: LifeCycle::default() }
    }
}

impl From<&FeatureService> for ServiceRecordV2 {
    fn from(service: &FeatureService) -> Self {
        ServiceRecordV2 { service: service.into(), life: LifeRecordV1::from(&service.life) }
    }
}

impl TryFrom<ServiceRecordV2> for FeatureService {
    type Error = Error;

    fn try_from(record: ServiceRecordV2) -> Result<Self> {
        Ok(FeatureService { life: record.life.try_into()?, ..record.service.into() })
    }
}
