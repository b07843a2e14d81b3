//! The record of a feature service.

use std::collections::BTreeMap;

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded, named};
use crate::catalog::FeatureService;

#[derive(Encode, Decode)]
pub(crate) struct ServiceRecordV1 {
    name: String,
    owner: String,
    description: String,
    tags: BTreeMap<String, String>,
    features: Vec<String>,
}

impl Recorded for FeatureService {
    type Written = ServiceRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ServiceRecordV1, Self>];

    fn name(key: &[u8]) -> String {
        named("feature service", key)
    }
}

impl From<&FeatureService> for ServiceRecordV1 {
    fn from(service: &FeatureService) -> Self {
        let FeatureService { name, owner, description, tags, features } = service.clone();
        ServiceRecordV1 { name, owner, description, tags, features }
    }
}

impl From<ServiceRecordV1> for FeatureService {
    fn from(record: ServiceRecordV1) -> Self {
        let ServiceRecordV1 { name, owner, description, tags, features } = record;
        FeatureService { name, owner, description, tags, features }
    }
}
