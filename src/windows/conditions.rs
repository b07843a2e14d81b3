//! The conditions of a fold, tried on a batch of events.

use asofdb_expression::{Batch, Column, Scratch};
use asofdb_storage::Result;

use crate::windows::plan::FoldPlan;

/// The events of a batch that pass each filter of a plan.
pub(crate) struct Filters {
    /// By condition.
    scratches: Vec<Scratch>,
    truths: Vec<Vec<bool>>,
    /// By filter.
    kept: Vec<Vec<bool>>,
}

impl Filters {
    pub(crate) fn new(plan: &FoldPlan) -> Self {
        let conditions = plan.conditions.len();
        Filters {
            scratches: (0..conditions).map(|_| Scratch::new()).collect(),
            truths: vec![Vec::new(); conditions],
            kept: vec![Vec::new(); plan.filters.len()],
        }
    }

    /// Tries a batch of events, each at its own time.
    ///
    /// # Errors
    /// `Internal` when the columns are not those of the plan.
    pub(crate) fn try_events(&mut self, plan: &FoldPlan, times: &[i64], columns: &[Column<'_>]) -> Result<()> {
        let conditions = plan.conditions.iter().zip(&mut self.scratches).zip(&mut self.truths);
        for ((condition, scratch), truths) in conditions {
            let inputs: Vec<_> = condition.inputs.iter().map(|input| columns[*input]).collect();
            let tested = condition.program.test(&Batch { now: times, columns: &inputs }, scratch)?;
            truths.clear();
            truths.extend_from_slice(tested.rows);
        }
        for (filter, kept) in plan.filters.iter().zip(&mut self.kept) {
            kept.clear();
            kept.resize(times.len(), true);
            for truths in filter.iter().map(|condition| &self.truths[*condition]) {
                kept.iter_mut().zip(truths).for_each(|(kept, truth)| *kept &= *truth);
            }
        }
        Ok(())
    }

    /// The events of the batch that pass a filter; `None` for no filter.
    pub(crate) fn kept(&self, filter: Option<usize>) -> Option<&[bool]> {
        filter.map(|filter| self.kept[filter].as_slice())
    }
}
