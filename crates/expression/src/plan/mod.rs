//! Plans: from typed expressions to steps.

mod constants;
mod planner;
mod reads;
mod steps;

pub(crate) use constants::empty_items;
pub use planner::STEPS_MAX;
pub(crate) use planner::plan;
pub(crate) use steps::{Operand, Plan, Step};
