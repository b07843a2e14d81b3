//! The record of the catalog's counters, key spaces and dropped views.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::catalog::Meta;

#[derive(Encode, Decode)]
pub(crate) struct MetaRecordV1 {
    revision: u64,
    next_view: u32,
    next_key_space: u32,
    key_spaces: BTreeMap<Vec<String>, u32>,
    dropped_views: BTreeSet<u32>,
}

impl Recorded for Meta {
    type Written = MetaRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<MetaRecordV1, Self>];

    fn name(_key: &[u8]) -> String {
        "the catalog's counters".to_owned()
    }
}

impl From<&Meta> for MetaRecordV1 {
    fn from(meta: &Meta) -> Self {
        let Meta { revision, next_view, next_key_space, key_spaces, dropped_views } = meta.clone();
        MetaRecordV1 { revision, next_view, next_key_space, key_spaces, dropped_views }
    }
}

impl From<MetaRecordV1> for Meta {
    fn from(record: MetaRecordV1) -> Self {
        let MetaRecordV1 { revision, next_view, next_key_space, key_spaces, dropped_views } = record;
        Meta { revision, next_view, next_key_space, key_spaces, dropped_views }
    }
}
