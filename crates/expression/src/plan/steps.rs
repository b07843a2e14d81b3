//! The steps of a program, over registers.

use crate::operation::Operation;
use crate::plan::constants::Constants;
use crate::types::{Kind, Scalar};

/// The steps that compute an expression.
///
/// Every step writes a lane of its own, and reads only such as were written before it: so lanes below its own can be
/// read while its own is written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub steps: Vec<Step>,
    pub lanes: Lanes,
    pub constants: Constants,
    /// The inputs of which is asked which of their values are not null: texts and lists, which are read where they are.
    pub valid_inputs: Vec<u32>,
    pub result: Place,
    /// The lane of what was read.
    pub reads: u32,
}

/// The number of lanes that a plan has of each kind.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pub bools: u32,
    pub ints: u32,
    pub floats: u32,
    pub texts: u32,
    /// The type of the items of each list lane.
    pub lists: Vec<Scalar>,
    pub reads: u32,
}

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub kind: Kind,
    pub lane: u32,
}

/// A step: an operation, what it reads and where it writes.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub operation: Operation,
    pub operands: [Operand; OPERANDS_MAX],
    pub out: u32,
    /// The lane of bools that says which rows take the branch of the step; `None`: all. Where no row does, the step is
    /// left out, and what its lane holds is never read.
    pub guard: Option<u32>,
}

/// The most operands of a step.
pub(crate) const OPERANDS_MAX: usize = 4;

/// An operand of a step. The kind is that which its operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    None,
    Lane(u32),
    /// An input: a text or a list where it is, or an input of any kind for an operation that asks about inputs.
    Input(u32),
    /// A constant text or list. Constants of other kinds are lanes.
    Constant(u32),
}

impl Operand {
    /// The number of the lane. An operation whose operands have fixed width is only given lanes.
    #[inline]
    pub(crate) fn lane(self) -> usize {
        match self {
            Operand::Lane(lane) | Operand::Input(lane) | Operand::Constant(lane) => lane as usize,
            Operand::None => 0,
        }
    }
}
