//! Counts of statuses, feature by feature.

use std::ops::Range;

use asofdb_storage::Status;

use crate::read::answer::Answer;

/// The number of times that a feature had each status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureCounts {
    /// `view:feature`.
    pub reference: String,
    /// The counts by number of the status: present, null, missing, expired.
    pub by_status: [u64; 4],
}

impl FeatureCounts {
    pub(crate) fn new(reference: String) -> Self {
        FeatureCounts { reference, by_status: [0; 4] }
    }

    /// Returns the number of times that the feature had this status.
    pub fn of(&self, status: Status) -> u64 {
        self.by_status[status as usize]
    }
}

pub(super) fn count_statuses(answer: &Answer, rows: Range<usize>, counts: &mut [FeatureCounts]) {
    for (feature, counts) in counts.iter_mut().enumerate() {
        rows.clone().for_each(|row| counts.by_status[answer.status(row, feature) as usize] += 1);
    }
}
