//! Programs: expressions that are ready to be evaluated.

use std::sync::Arc;

use asofdb_storage::{ScalarType, ValueType};

use crate::batch::Batch;
use crate::check::{check, declare};
use crate::error::{Error, Result};
use crate::evaluate::Evaluation;
use crate::explain::Explanation;
use crate::expression::Expression;
use crate::nulls::Nulls;
use crate::operation::{IntOperation, Operation};
use crate::outcome::{Computed, Outcome, Truths};
use crate::plan::{Plan, Step, plan};
use crate::scope::{Input, Scope};
use crate::scratch::{Lanes, Scratch};
use crate::typed::Typed;
use crate::types::{Kind, Type};

/// An expression that is ready to be evaluated, by any number of threads at a time.
#[derive(Debug, Clone)]
pub struct Program {
    text: Arc<str>,
    inputs: Arc<[Input]>,
    typed: Arc<Typed>,
    declared: Option<ValueType>,
    plan: Arc<Plan>,
}

impl Program {
    /// Finds what an expression means and makes its plan.
    ///
    /// # Errors
    /// `Unknown` for names and functions that do not exist, `Type` for values of wrong types, `Limit` for too much
    /// work.
    pub fn compile(expression: &Expression, scope: &dyn Scope) -> Result<Self> {
        let (typed, inputs) = check(expression.tree(), scope)?;
        let declared = typed.ty.value_type();
        Program::new(expression, typed, inputs, declared)
    }

    /// Compiles an expression whose values are of a type that was declared. They are widened to it, and narrowed from
    /// `int64` to `int32` (what does not fit is null) and from `float64` to `float32` (rounded).
    ///
    /// # Errors
    /// As [`Program::compile`], and `Type` when the expression is of another type.
    pub fn compile_as(expression: &Expression, scope: &dyn Scope, declared: ValueType) -> Result<Self> {
        let (typed, inputs) = check(expression.tree(), scope)?;
        let typed = declare(typed, declared, expression.tree().span())?;
        Program::new(expression, typed, inputs, Some(declared))
    }

    /// Compiles an expression that is true or not: a `where` or a `check`.
    ///
    /// # Errors
    /// As [`Program::compile_as`] for a bool.
    pub fn condition(expression: &Expression, scope: &dyn Scope) -> Result<Self> {
        let program = Program::compile(expression, scope)?;
        match program.ty() {
            Type::BOOL => Ok(program),
            ty => Err(Error::ty(expression.tree().span(), format!("a condition is true or false: got {ty}"))
                .with_hint(Some("compare with a value, such as x > 0".to_owned()))),
        }
    }

    fn new(expression: &Expression, typed: Typed, inputs: Vec<Input>, declared: Option<ValueType>) -> Result<Self> {
        let plan = Arc::new(plan(&typed, expression.tree().span())?);
        let text = expression.text().into();
        Ok(Program { text, inputs: inputs.into(), typed: Arc::new(typed), declared, plan })
    }

    /// The text of the expression.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The inputs, in the order in which the text names them, each once. Batches have their columns in this order.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Returns the type of the values.
    pub fn ty(&self) -> Type {
        self.typed.ty
    }

    /// The type of the values as those of a feature: the one that was declared, or what fits; `None` for durations.
    pub fn value_type(&self) -> Option<ValueType> {
        self.declared
    }

    /// Returns whether the values fit into 32 bits, as was declared.
    pub fn is_narrow(&self) -> bool {
        matches!(self.declared, Some(ValueType::Scalar(ScalarType::Int32 | ScalarType::Float32)))
    }

    /// Returns whether the values depend on the time of the row, by `now` or by the age of an input: such a value is
    /// true for one instant alone.
    pub fn depends_on_now(&self) -> bool {
        let is_time = |step: &Step| matches!(step.operation, Operation::Int(IntOperation::Now | IntOperation::Age));
        self.plan.steps.iter().any(is_time)
    }

    /// Inputs, plan and SQL.
    pub fn explain(&self) -> Explanation {
        Explanation::new(&self.text, &self.inputs, &self.typed, &self.plan)
    }

    /// Computes the values for the rows of a batch.
    ///
    /// # Errors
    /// `Invalid` when the batch does not have the columns of this program, or they do not have as many rows.
    pub fn evaluate<'s>(&self, batch: &Batch<'_>, scratch: &'s mut Scratch) -> asofdb_storage::Result<Outcome<'s>> {
        let nulls = self.run(batch, scratch, true)?;
        let (lanes, rows) = (&scratch.lanes, batch.now.len());
        let (values, valid) = computed(&self.plan, lanes, rows);
        Ok(Outcome { values, valid, statuses: &lanes.statuses[..rows], events: &lanes.events[..rows], nulls })
    }

    /// Finds the rows of a batch for which a condition is true. For a program of another type there are none.
    ///
    /// # Errors
    /// As [`Program::evaluate`].
    pub fn test<'s>(&self, batch: &Batch<'_>, scratch: &'s mut Scratch) -> asofdb_storage::Result<Truths<'s>> {
        let nulls = self.run(batch, scratch, false)?;
        let (lanes, rows) = (&mut scratch.lanes, batch.now.len());
        let truths = &mut lanes.truths[..rows];
        match self.plan.result.kind {
            Kind::Bool => {
                let lane = lanes.bools[self.plan.result.lane as usize].view(rows);
                let known = lane.values.iter().zip(lane.valid);
                truths.iter_mut().zip(known).for_each(|(truth, (value, valid))| *truth = *value & *valid);
            }
            _ => truths.fill(false),
        }
        Ok(Truths { rows: truths, nulls })
    }

    fn run(&self, batch: &Batch<'_>, scratch: &mut Scratch, with_reads: bool) -> asofdb_storage::Result<Nulls> {
        batch.check(&self.inputs)?;
        scratch.prepare(&self.plan, batch.now.len());
        Ok(Evaluation::new(&self.plan, batch, &mut scratch.lanes).run(with_reads))
    }
}

/// The values that a plan has computed, and which of them are not null.
fn computed<'s>(plan: &Plan, lanes: &'s Lanes, rows: usize) -> (Computed<'s>, &'s [bool]) {
    let lane = plan.result.lane as usize;
    match plan.result.kind {
        Kind::Bool => (Computed::Bool(&lanes.bools[lane].values[..rows]), &lanes.bools[lane].valid[..rows]),
        Kind::Int => (Computed::Int(&lanes.ints[lane].values[..rows]), &lanes.ints[lane].valid[..rows]),
        Kind::Float => (Computed::Float(&lanes.floats[lane].values[..rows]), &lanes.floats[lane].valid[..rows]),
        Kind::Text => {
            let text = &lanes.texts[lane];
            (Computed::Text { offsets: &text.offsets, bytes: &text.bytes }, &text.valid)
        }
        Kind::List => {
            let list = &lanes.lists[lane];
            (Computed::List { offsets: &list.offsets, items: list.items.view() }, &list.valid)
        }
    }
}
