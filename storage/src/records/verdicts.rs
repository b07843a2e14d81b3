//! The record of the verdicts on features, within that of their view.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::{Decode, Encode};
use crate::verdicts::Verdicts;

#[derive(Encode, Decode)]
pub(crate) struct VerdictsRecordV1 {
    same_as: BTreeMap<String, BTreeSet<String>>,
    /// With the reasons.
    not_same_as: BTreeMap<String, BTreeMap<String, String>>,
}

impl From<&Verdicts> for VerdictsRecordV1 {
    fn from(verdicts: &Verdicts) -> Self {
        let Verdicts { same_as, not_same_as } = verdicts.clone();
        VerdictsRecordV1 { same_as, not_same_as }
    }
}

impl From<VerdictsRecordV1> for Verdicts {
    fn from(record: VerdictsRecordV1) -> Self {
        let VerdictsRecordV1 { same_as, not_same_as } = record;
        Verdicts { same_as, not_same_as }
    }
}
