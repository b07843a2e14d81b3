//! Steps that give bools.

use asofdb_storage::Status;

use crate::evaluate::load::load_bools;
use crate::evaluate::sight::Sight;
use crate::functions::{convert, lists, logic, sets, text};
use crate::kernel::{Faults, select};
use crate::lane::Out;
use crate::operation::BoolOperation;
use crate::plan::{Operand, Step};
use crate::provenance::status_of_input;
use crate::tree::Comparison;
use crate::types::Kind;

impl Sight<'_> {
    pub(super) fn bools(self, operation: &BoolOperation, step: &Step, out: Out<'_, bool>, faults: &mut Faults<'_>) {
        let [a, b, c, _] = step.operands;
        match operation {
            BoolOperation::Load => load_bools(self.column(a), out),
            BoolOperation::Not => logic::not(out, self.bool(a)),
            BoolOperation::And => logic::and(out, self.bool(a), self.bool(b)),
            BoolOperation::Or => logic::or(out, self.bool(a), self.bool(b)),
            BoolOperation::Truth(wanted) => logic::truth(out, self.bool(a), *wanted),
            BoolOperation::Validity { kind, of_nulls } => logic::validity(out, self.valid(*kind, a), *of_nulls),
            BoolOperation::Compare(kind, comparison) => self.compare(*kind, *comparison, out, a, b),
            BoolOperation::IntIn(sorted) => sets::ints_in(out, self.int(a), sorted),
            BoolOperation::FloatIn(items) => sets::floats_in(out, self.float(a), items),
            BoolOperation::TextIn(sorted) => sets::texts_in(out, self.text(a), sorted),
            BoolOperation::Test(test) => test.run(out, self.text(a), self.text(b)),
            BoolOperation::Matches(pattern) => text::matches(out, self.text(a), pattern),
            BoolOperation::FromInt => convert::int_to_bool(out, self.int(a), faults),
            BoolOperation::FromText => convert::text_to_bool(out, self.text(a), faults),
            BoolOperation::IsMissing => self.is_missing(out, a),
            BoolOperation::Get => lists::get_bool(out, self.list(a), self.int(b), faults),
            BoolOperation::Contains(kind) => self.contains(*kind, out, a, b, faults),
            BoolOperation::Select => select(out, self.bool(a).values, self.bool(b), self.bool(c)),
        }
    }

    /// Finds the rows that take a branch, and answers whether there is any.
    pub(super) fn guard(&self, step: &Step, out: Out<'_, bool>, otherwise: bool) -> bool {
        let [parent, choice, ..] = step.operands;
        let parent = match parent {
            Operand::None => &self.lanes.all_true[..self.rows],
            lane => self.bool(lane).values,
        };
        logic::guard(out, parent, self.bool(choice).values, otherwise)
    }

    fn compare(&self, kind: Kind, comparison: Comparison, out: Out<'_, bool>, a: Operand, b: Operand) {
        match kind {
            Kind::Bool => comparison.run(out, self.bool(a), self.bool(b)),
            Kind::Int => comparison.run(out, self.int(a), self.int(b)),
            Kind::Float => comparison.run(out, self.float(a), self.float(b)),
            // No list is compared, as the check has seen to.
            Kind::Text | Kind::List => comparison.run_texts(out, self.text(a), self.text(b)),
        }
    }

    fn contains(&self, kind: Kind, out: Out<'_, bool>, a: Operand, b: Operand, faults: &mut Faults<'_>) {
        let list = self.list(a);
        match kind {
            Kind::Float => {
                lists::contains(out, list, self.float(b), faults, |items, at, item| items.float(at) == item);
            }
            Kind::Text => lists::contains_text(out, list, self.text(b), faults),
            // A bool was made a whole number, and no item is a list.
            Kind::Int | Kind::Bool | Kind::List => {
                lists::contains(out, list, self.int(b), faults, |items, at, item| items.int(at) == item);
            }
        }
    }

    fn is_missing(&self, out: Out<'_, bool>, input: Operand) {
        let column = self.column(input);
        out.valid.fill(true);
        let rows = out.values.iter_mut().enumerate();
        rows.for_each(|(row, out)| *out = status_of_input(column, row) == Status::Missing);
    }
}
