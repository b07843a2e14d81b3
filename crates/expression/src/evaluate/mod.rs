//! The evaluator: one loop over the steps of a plan, each of which loops over the rows.

mod bools;
mod floats;
mod ints;
mod lists;
mod load;
mod sight;
mod texts;

use std::mem::take;

use crate::batch::Batch;
use crate::column::NO_EVENT;
use crate::evaluate::load::load_validity;
use crate::evaluate::sight::Sight;
use crate::kernel::Faults;
use crate::nulls::Nulls;
use crate::operation::{Operation, ReadsOperation};
use crate::plan::{Operand, Plan, Step};
use crate::provenance;
use crate::scratch::Lanes;
use crate::types::Kind;

/// An evaluation of a plan.
pub(crate) struct Evaluation<'e> {
    plan: &'e Plan,
    batch: &'e Batch<'e>,
    lanes: &'e mut Lanes,
    nulls: Nulls,
}

impl<'e> Evaluation<'e> {
    pub(crate) fn new(plan: &'e Plan, batch: &'e Batch<'e>, lanes: &'e mut Lanes) -> Self {
        Evaluation { plan, batch, lanes, nulls: Nulls::default() }
    }

    /// Computes the values, and what was read for them if `with_reads`.
    pub(crate) fn run(mut self, with_reads: bool) -> Nulls {
        let plan = self.plan;
        for input in &plan.valid_inputs {
            let rows = self.batch.now.len();
            let column = &self.batch.columns[*input as usize];
            load_validity(column, &mut self.lanes.input_valid[*input as usize][..rows]);
        }
        for step in &plan.steps {
            if step.guard.is_none_or(|guard| self.lanes.taken[guard as usize]) {
                self.step(step, with_reads);
            }
        }
        if with_reads {
            self.settle();
        }
        self.nulls
    }

    /// Runs a step. Its lane is taken out of the others while it is written, and put back.
    #[inline]
    fn step(&mut self, step: &Step, with_reads: bool) {
        let (rows, at) = (self.batch.now.len(), step.out as usize);
        match &step.operation {
            Operation::Guard { otherwise } => self.guard(step, *otherwise),
            Operation::Bool(operation) => {
                let mut lane = take(&mut self.lanes.bools[at]);
                self.with_sight(step, |sight, faults| sight.bools(operation, step, lane.out(rows), faults));
                self.lanes.bools[at] = lane;
            }
            Operation::Int(operation) => {
                let mut lane = take(&mut self.lanes.ints[at]);
                self.with_sight(step, |sight, faults| sight.ints(operation, step, lane.out(rows), faults));
                self.lanes.ints[at] = lane;
            }
            Operation::Float(operation) => {
                let mut lane = take(&mut self.lanes.floats[at]);
                self.with_sight(step, |sight, faults| sight.floats(operation, step, lane.out(rows), faults));
                self.lanes.floats[at] = lane;
            }
            Operation::Text(operation) => {
                let mut lane = take(&mut self.lanes.texts[at]);
                self.with_sight(step, |sight, faults| sight.texts(operation, step, &mut lane, faults));
                self.lanes.texts[at] = lane;
            }
            Operation::List(operation) => {
                let mut lane = take(&mut self.lanes.lists[at]);
                self.with_sight(step, |sight, faults| sight.lists(operation, step, &mut lane, faults));
                self.lanes.lists[at] = lane;
            }
            Operation::Reads(operation) if with_reads => self.reads(operation, step),
            Operation::Reads(_) => {}
        }
    }

    #[inline(always)]
    fn with_sight(&mut self, step: &Step, run: impl FnOnce(Sight<'_>, &mut Faults<'_>)) {
        let sight = Sight { plan: self.plan, batch: self.batch, lanes: self.lanes, rows: self.batch.now.len() };
        let mut faults = Faults { active: sight.active(step.guard), nulls: &mut self.nulls };
        run(sight, &mut faults);
    }

    /// Finds the rows that take a branch, and whether there is any.
    fn guard(&mut self, step: &Step, otherwise: bool) {
        let (rows, at) = (self.batch.now.len(), step.out as usize);
        let mut lane = take(&mut self.lanes.bools[at]);
        let sight = Sight { plan: self.plan, batch: self.batch, lanes: self.lanes, rows };
        self.lanes.taken[at] = sight.guard(step, lane.out(rows), otherwise);
        self.lanes.bools[at] = lane;
    }

    fn reads(&mut self, operation: &ReadsOperation, step: &Step) {
        let rows = self.batch.now.len();
        let (below, rest) = self.lanes.reads.split_at_mut(step.out as usize);
        let out = &mut rest[0];
        let [first, then, otherwise, _] = step.operands.map(Operand::lane);
        match operation {
            ReadsOperation::Of(inputs) => {
                out.clear(rows);
                inputs.iter().for_each(|input| out.add(&self.batch.columns[*input as usize], self.batch.now));
            }
            ReadsOperation::Both => out.both(&below[first], &below[then], rows),
            ReadsOperation::Select => {
                out.select(&self.lanes.bools[first].values[..rows], &below[then], &below[otherwise]);
            }
        }
    }

    /// Makes the status and the event time of each value.
    fn settle(&mut self) {
        let rows = self.batch.now.len();
        let Lanes { reads, statuses, events, bools, ints, floats, texts, lists, .. } = &mut *self.lanes;
        let lane = self.plan.result.lane as usize;
        let valid = match self.plan.result.kind {
            Kind::Bool => &bools[lane].valid,
            Kind::Int => &ints[lane].valid,
            Kind::Float => &floats[lane].valid,
            Kind::Text => &texts[lane].valid,
            Kind::List => &lists[lane].valid,
        };
        let reads = &reads[self.plan.reads as usize];
        for row in 0..rows {
            statuses[row] = provenance::status(valid[row], reads.ranks[row]);
            let event = reads.events[row];
            events[row] = if event == NO_EVENT { self.batch.now[row] } else { event };
        }
    }
}
