//! Memory that evaluations use again and again.

use std::sync::Arc;

use asofdb_storage::Status;

use crate::lane::{Lane, ListLane, TextLane};
use crate::plan::{Plan, empty_items};
use crate::provenance::ReadsLane;

/// The memory of evaluations.
///
/// It grows to the greatest batch that it has seen and then allocates nothing more, except for longer text. A thread
/// keeps one for each program that it evaluates often; with another program it is made anew.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The plan for which the lanes were made.
    plan: Option<Arc<Plan>>,
    pub(crate) lanes: Lanes,
}

/// The lanes of a plan, by kind.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    rows: usize,
    pub bools: Vec<Lane<bool>>,
    pub ints: Vec<Lane<i64>>,
    pub floats: Vec<Lane<f64>>,
    pub texts: Vec<TextLane>,
    pub lists: Vec<ListLane>,
    pub reads: Vec<ReadsLane>,
    /// By lane of bools: for guards, whether any row takes the branch.
    pub taken: Vec<bool>,
    /// By input: which values are not null, for the inputs that a plan asks for.
    pub input_valid: Vec<Vec<bool>>,
    pub all_true: Vec<bool>,
    pub all_false: Vec<bool>,
    pub statuses: Vec<Status>,
    pub events: Vec<i64>,
    pub truths: Vec<bool>,
}

impl Scratch {
    /// Memory that nothing was computed in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the lanes fit a plan and a number of rows.
    pub(crate) fn prepare(&mut self, plan: &Arc<Plan>, rows: usize) {
        if !self.plan.as_ref().is_some_and(|own| Arc::ptr_eq(own, plan)) {
            self.lanes = Lanes::new(plan);
            self.plan = Some(plan.clone());
        }
        if self.lanes.rows < rows {
            self.lanes.grow(plan, rows);
        }
    }
}

impl Lanes {
    fn new(plan: &Plan) -> Self {
        fn many<T: Default>(count: u32) -> Vec<T> {
            (0..count).map(|_| T::default()).collect()
        }
        let inputs = plan.valid_inputs.iter().max().map_or(0, |last| last + 1);
        Lanes {
            bools: many(plan.lanes.bools),
            ints: many(plan.lanes.ints),
            floats: many(plan.lanes.floats),
            texts: many(plan.lanes.texts),
            lists: plan
                .lanes
                .lists
                .iter()
                .map(|item| ListLane { items: empty_items(*item), ..Default::default() })
                .collect(),
            reads: many(plan.lanes.reads),
            taken: vec![false; plan.lanes.bools as usize],
            input_valid: many(inputs),
            ..Lanes::default()
        }
    }

    /// Makes all lanes as long as `rows`, and fills those of constants.
    fn grow(&mut self, plan: &Plan, rows: usize) {
        self.bools.iter_mut().for_each(|lane| lane.grow(rows));
        self.ints.iter_mut().for_each(|lane| lane.grow(rows));
        self.floats.iter_mut().for_each(|lane| lane.grow(rows));
        self.reads.iter_mut().for_each(|lane| lane.grow(rows));
        self.input_valid.iter_mut().for_each(|lane| lane.resize(rows, false));
        self.all_true.resize(rows, true);
        self.all_false.resize(rows, false);
        self.truths.resize(rows, false);
        self.statuses.resize(rows, Status::Present);
        self.events.resize(rows, 0);
        let constants = &plan.constants;
        constants.bools.iter().for_each(|(lane, value)| self.bools[*lane as usize].fill(*value));
        constants.ints.iter().for_each(|(lane, value)| self.ints[*lane as usize].fill(*value));
        constants.floats.iter().for_each(|(lane, value)| self.floats[*lane as usize].fill(*value));
        self.rows = rows;
    }
}
