//! From a typed expression to steps.

use std::collections::BTreeMap;

use crate::error::{Error, Result, Span};
use crate::operation::{
    BoolOperation, FloatOperation, IntOperation, ListOperation, Operation, ReadsOperation, TextOperation,
};
use crate::plan::constants::{Constant, Constants};
use crate::plan::reads::Reads;
use crate::plan::steps::{Lanes, OPERANDS_MAX, Operand, Place, Plan, Step};
use crate::typed::{Typed, TypedNode};
use crate::types::{Kind, Type};

/// The most steps of a plan.
pub const STEPS_MAX: usize = 2_048;

/// The most patterns of a plan, each of which may take a mebibyte.
const PATTERNS_MAX: usize = 16;

/// Makes the plan of an expression that stands at `span`.
///
/// # Errors
/// `Limit` where it would be more than [`STEPS_MAX`] steps or [`PATTERNS_MAX`] patterns.
pub(crate) fn plan(typed: &Typed, span: Span) -> Result<Plan> {
    let mut planner = Planner::default();
    let value = planner.value(typed);
    let lane = planner.settled(value.operand, typed.ty);
    let reads = planner.reads_lane(&value.reads);
    if planner.steps.len() > STEPS_MAX {
        let message = format!("an expression has at most {STEPS_MAX} steps: {}", planner.steps.len());
        return Err(Error::limit(span, message));
    }
    let is_pattern = |step: &&Step| matches!(step.operation, Operation::Bool(BoolOperation::Matches(_)));
    if planner.steps.iter().filter(is_pattern).count() > PATTERNS_MAX {
        return Err(Error::limit(span, format!("an expression has at most {PATTERNS_MAX} patterns")));
    }
    Ok(Plan {
        steps: planner.steps,
        lanes: planner.lanes,
        constants: planner.constants,
        valid_inputs: planner.valid_inputs,
        result: Place { kind: typed.ty.kind(), lane },
        reads,
    })
}

/// The state of planning.
#[derive(Default)]
struct Planner {
    steps: Vec<Step>,
    lanes: Lanes,
    constants: Constants,
    valid_inputs: Vec<u32>,
    /// The lanes of inputs that were loaded.
    loaded: BTreeMap<u32, u32>,
    now: Option<u32>,
    guards: Vec<Guard>,
    /// The branch in which steps are made, if it is one.
    branch: Option<usize>,
}

/// A branch. The lane that says which rows take it is made when a step needs it.
struct Guard {
    parent: Option<usize>,
    choice: u32,
    /// True if the branch is that of rows for which the choice is false.
    otherwise: bool,
    lane: Option<u32>,
}

/// The place of a value, and what was read for it.
struct Value {
    operand: Operand,
    reads: Reads,
}

impl Planner {
    fn value(&mut self, typed: &Typed) -> Value {
        match &typed.node {
            TypedNode::Literal(literal) => self.constant(Constant::of(literal, typed.ty)),
            TypedNode::List(items) => self.constant(Constant::list(items, typed.ty)),
            TypedNode::Input(input) => Value { operand: self.load(*input, typed.ty.kind()), reads: Reads::of(*input) },
            TypedNode::Now => Value { operand: self.now(), reads: Reads::nothing() },
            TypedNode::Apply(operation, operands) => self.apply(operation, operands, typed.ty),
            TypedNode::OfInput(operation, input) => {
                let operand = self.emit(operation.clone(), &[Operand::Input(*input)], typed.ty);
                Value { operand, reads: Reads::of(*input) }
            }
            TypedNode::And(left, right) => self.logic(BoolOperation::And, left, right, false),
            TypedNode::Or(left, right) => self.logic(BoolOperation::Or, left, right, true),
            TypedNode::Case(pairs, otherwise) => self.case(pairs, otherwise, typed.ty),
            TypedNode::Coalesce(values) => self.coalesce(values, typed.ty),
            TypedNode::IsNull(value) => {
                let kind = value.ty.kind();
                let Value { operand, reads } = self.value(value);
                let operation = BoolOperation::Validity { kind, of_nulls: true };
                Value { operand: self.emit_bool(operation, &[operand]), reads }
            }
        }
    }

    fn constant(&mut self, constant: Constant) -> Value {
        let operand = match constant {
            Constant::Bool(value) => {
                let lane = next(&mut self.lanes.bools);
                self.constants.bools.push((lane, value));
                Operand::Lane(lane)
            }
            Constant::Int(value) => {
                let lane = next(&mut self.lanes.ints);
                self.constants.ints.push((lane, value));
                Operand::Lane(lane)
            }
            Constant::Float(value) => {
                let lane = next(&mut self.lanes.floats);
                self.constants.floats.push((lane, value));
                Operand::Lane(lane)
            }
            Constant::Text(value) => {
                self.constants.texts.push(value);
                Operand::Constant(self.constants.texts.len() as u32 - 1)
            }
            Constant::List(value) => {
                self.constants.lists.push(value);
                Operand::Constant(self.constants.lists.len() as u32 - 1)
            }
        };
        Value { operand, reads: Reads::nothing() }
    }

    /// The values of an input. It is loaded once, for all rows, whichever branch asks for it first.
    fn load(&mut self, input: u32, kind: Kind) -> Operand {
        let (operation, lanes) = match kind {
            Kind::Text | Kind::List => {
                if !self.valid_inputs.contains(&input) {
                    self.valid_inputs.push(input);
                }
                return Operand::Input(input);
            }
            Kind::Bool => (Operation::Bool(BoolOperation::Load), &mut self.lanes.bools),
            Kind::Int => (Operation::Int(IntOperation::Load), &mut self.lanes.ints),
            Kind::Float => (Operation::Float(FloatOperation::Load), &mut self.lanes.floats),
        };
        let steps = &mut self.steps;
        let lane = *self.loaded.entry(input).or_insert_with(|| {
            let out = next(lanes);
            steps.push(Step { operation, operands: operands(&[Operand::Input(input)]), out, guard: None });
            out
        });
        Operand::Lane(lane)
    }

    fn now(&mut self) -> Operand {
        let (steps, lanes) = (&mut self.steps, &mut self.lanes.ints);
        let lane = *self.now.get_or_insert_with(|| {
            let out = next(lanes);
            let operation = Operation::Int(IntOperation::Now);
            steps.push(Step { operation, operands: operands(&[]), out, guard: None });
            out
        });
        Operand::Lane(lane)
    }

    fn apply(&mut self, operation: &Operation, parts: &[Typed], ty: Type) -> Value {
        let mut reads = Reads::nothing();
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            let value = self.value(part);
            values.push(value.operand);
            reads = self.both(reads, value.reads);
        }
        Value { operand: self.emit(operation.clone(), &values, ty), reads }
    }

    /// `and` and `or`: the right side is not read where the left one has the value that decides.
    fn logic(&mut self, operation: BoolOperation, left: &Typed, right: &Typed, deciding: bool) -> Value {
        let left = self.value(left);
        let decided = self.emit_bool(BoolOperation::Truth(deciding), &[left.operand]).lane() as u32;
        let outer = self.enter(decided, true);
        let right = self.value(right);
        self.branch = outer;
        let operand = self.emit_bool(operation, &[left.operand, right.operand]);
        Value { operand, reads: self.branched(left.reads, decided, Reads::nothing(), right.reads) }
    }

    fn case(&mut self, pairs: &[(Typed, Typed)], otherwise: &Typed, ty: Type) -> Value {
        let outermost = self.branch;
        let mut arms = Vec::with_capacity(pairs.len());
        for (condition, value) in pairs {
            let condition = self.value(condition);
            let choice = self.emit_bool(BoolOperation::Truth(true), &[condition.operand]).lane() as u32;
            let branch = self.enter(choice, false);
            let value = self.value(value);
            self.branch = branch;
            self.enter(choice, true);
            arms.push((branch, condition.reads, choice, value));
        }
        let mut result = self.value(otherwise);
        for (branch, condition, choice, value) in arms.into_iter().rev() {
            self.branch = branch;
            let operands = [Operand::Lane(choice), value.operand, result.operand];
            let operand = self.emit(select(ty.kind()), &operands, ty);
            result = Value { operand, reads: self.branched(condition, choice, value.reads, result.reads) };
        }
        self.branch = outermost;
        result
    }

    fn coalesce(&mut self, values: &[Typed], ty: Type) -> Value {
        let outermost = self.branch;
        let mut arms = Vec::with_capacity(values.len());
        let (last, before) = values.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
        for value in before {
            let value = self.value(value);
            let validity = BoolOperation::Validity { kind: ty.kind(), of_nulls: false };
            let choice = self.emit_bool(validity, &[value.operand]).lane() as u32;
            arms.push((self.branch, choice, value));
            self.enter(choice, true);
        }
        let null = Typed::new(ty, TypedNode::Literal(crate::tree::Literal::Null));
        let mut result = self.value(last.unwrap_or(&null));
        for (branch, choice, value) in arms.into_iter().rev() {
            self.branch = branch;
            let operands = [Operand::Lane(choice), value.operand, result.operand];
            let operand = self.emit(select(ty.kind()), &operands, ty);
            result = Value { operand, reads: self.branched(value.reads, choice, Reads::nothing(), result.reads) };
        }
        self.branch = outermost;
        result
    }

    /// Makes what follows part of a branch, and returns the one around it.
    fn enter(&mut self, choice: u32, otherwise: bool) -> Option<usize> {
        self.guards.push(Guard { parent: self.branch, choice, otherwise, lane: None });
        self.branch.replace(self.guards.len() - 1)
    }

    /// The lane that says which rows take a branch.
    fn guard(&mut self, branch: Option<usize>) -> Option<u32> {
        let Guard { parent, choice, otherwise, lane } = &self.guards[branch?];
        if lane.is_some() {
            return *lane;
        }
        let (parent, choice, otherwise) = (*parent, *choice, *otherwise);
        let parent = self.guard(parent).map_or(Operand::None, Operand::Lane);
        let out = next(&mut self.lanes.bools);
        let operation = Operation::Guard { otherwise };
        // It is made for all rows, so that it says of every one whether it takes the branch.
        self.steps.push(Step { operation, operands: operands(&[parent, Operand::Lane(choice)]), out, guard: None });
        self.guards[branch?].lane = Some(out);
        Some(out)
    }

    fn emit_bool(&mut self, operation: BoolOperation, values: &[Operand]) -> Operand {
        self.emit(Operation::Bool(operation), values, Type::BOOL)
    }

    /// Makes a step in the branch at hand.
    fn emit(&mut self, operation: Operation, values: &[Operand], ty: Type) -> Operand {
        let guard = self.guard(self.branch);
        let out = match (&operation, ty) {
            (Operation::Bool(_) | Operation::Guard { .. }, _) => next(&mut self.lanes.bools),
            (Operation::Int(_), _) => next(&mut self.lanes.ints),
            (Operation::Float(_), _) => next(&mut self.lanes.floats),
            (Operation::Text(_), _) => next(&mut self.lanes.texts),
            (Operation::Reads(_), _) => next(&mut self.lanes.reads),
            (Operation::List(_), Type::List(item) | Type::Scalar(item)) => {
                self.lanes.lists.push(item);
                self.lanes.lists.len() as u32 - 1
            }
        };
        self.steps.push(Step { operation, operands: operands(values), out, guard });
        Operand::Lane(out)
    }

    /// The lane of a value that may be an input or a constant, which is then copied.
    fn settled(&mut self, operand: Operand, ty: Type) -> u32 {
        let copied = match (operand, ty.kind()) {
            (Operand::Lane(lane), _) => return lane,
            (operand, Kind::List) => self.emit(Operation::List(ListOperation::Copy), &[operand], ty),
            (operand, _) => self.emit(Operation::Text(TextOperation::Copy), &[operand], ty),
        };
        copied.lane() as u32
    }

    /// The reads where `before` was read by every row, and then one or the other as `choice` is true or not.
    fn branched(&mut self, before: Reads, choice: u32, then: Reads, otherwise: Reads) -> Reads {
        let (then, otherwise) = (then.without(&before), otherwise.without(&before));
        if let (Reads::Same(then), Reads::Same(otherwise)) = (&then, &otherwise)
            && then == otherwise
        {
            return self.both(before, Reads::Same(then.clone()));
        }
        let operands = [Operand::Lane(choice), self.reads_operand(&then), self.reads_operand(&otherwise)];
        let chosen = self.emit_reads(ReadsOperation::Select, &operands);
        self.both(before, chosen)
    }

    fn both(&mut self, one: Reads, other: Reads) -> Reads {
        match (one, other) {
            (Reads::Same(mut one), Reads::Same(other)) => {
                one.extend(other);
                Reads::Same(one)
            }
            (nothing, other) | (other, nothing) if nothing.is_nothing() => other,
            (one, other) => {
                let operands = [self.reads_operand(&one), self.reads_operand(&other)];
                self.emit_reads(ReadsOperation::Both, &operands)
            }
        }
    }

    fn reads_operand(&mut self, reads: &Reads) -> Operand {
        Operand::Lane(self.reads_lane(reads))
    }

    fn reads_lane(&mut self, reads: &Reads) -> u32 {
        match reads {
            Reads::Lane(lane) => *lane,
            Reads::Same(inputs) => {
                let inputs: Vec<u32> = inputs.iter().copied().collect();
                let made = self.emit(Operation::Reads(ReadsOperation::Of(inputs.into())), &[], Type::BOOL);
                made.lane() as u32
            }
        }
    }

    fn emit_reads(&mut self, operation: ReadsOperation, operands: &[Operand]) -> Reads {
        Reads::Lane(self.emit(Operation::Reads(operation), operands, Type::BOOL).lane() as u32)
    }
}

fn select(kind: Kind) -> Operation {
    match kind {
        Kind::Bool => Operation::Bool(BoolOperation::Select),
        Kind::Int => Operation::Int(IntOperation::Select),
        Kind::Float => Operation::Float(FloatOperation::Select),
        Kind::Text => Operation::Text(TextOperation::Select),
        Kind::List => Operation::List(ListOperation::Select),
    }
}

/// Takes the next number of a kind of lanes.
fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}

fn operands(values: &[Operand]) -> [Operand; OPERANDS_MAX] {
    let mut operands = [Operand::None; OPERANDS_MAX];
    operands.iter_mut().zip(values).for_each(|(operand, value)| *operand = *value);
    operands
}
