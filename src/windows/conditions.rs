//! The conditions of a fold, tried on a batch of events.

use asofdb_expression::{Batch, Column, Scratch};
use asofdb_storage::Result;

use crate::windows::plan::FoldPlan;

/// The events of a batch that pass each filter of a plan.
pub(crate) struct Filters {
    /// By condition: its inputs among the columns of a batch.
    inputs: Vec<Vec<usize>>,
    /// By condition.
    scratches: Vec<Scratch>,
    truths: Vec<Vec<bool>>,
    /// By filter.
    kept: Vec<Vec<bool>>,
}

impl Filters {
    /// The filters of a plan, for batches with all of its columns.
    pub(crate) fn new(plan: &FoldPlan) -> Self {
        Filters::over_inputs(plan, &|_| true)
    }

    /// The filters of a plan, for batches with those of its columns for which `is_there` holds.
    pub(crate) fn over_inputs(plan: &FoldPlan, is_there: &dyn Fn(usize) -> bool) -> Self {
        let conditions = plan.conditions.len();
        let place = |column: &usize| (0..*column).filter(|before| is_there(*before)).count();
        let inputs = plan.conditions.iter().map(|condition| condition.inputs.iter().map(place).collect());
        Filters {
            inputs: inputs.collect(),
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
        let conditions = plan.conditions.iter().zip(&self.inputs).zip(&mut self.scratches).zip(&mut self.truths);
        for (((condition, inputs), scratch), truths) in conditions {
            let inputs: Vec<_> = inputs.iter().map(|input| columns[*input]).collect();
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
