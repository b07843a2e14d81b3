//! Steps that give whole numbers.

use crate::column::NO_EVENT;
use crate::evaluate::load::load_ints;
use crate::evaluate::sight::Sight;
use crate::functions::{convert, hash, lists, sets, text};
use crate::kernel::{Faults, select};
use crate::lane::Out;
use crate::nulls::Fault;
use crate::operation::IntOperation;
use crate::plan::{Operand, Step};

impl Sight<'_> {
    pub(super) fn ints(self, operation: &IntOperation, step: &Step, out: Out<'_, i64>, faults: &mut Faults<'_>) {
        let [a, b, c, _] = step.operands;
        match operation {
            IntOperation::Load => load_ints(self.column(a), out),
            IntOperation::Now => {
                out.valid.fill(true);
                out.values.copy_from_slice(self.batch.now);
            }
            IntOperation::One(operation) => operation.run(out, self.int(a), faults),
            IntOperation::Two(operation) => operation.run(out, self.int(a), self.int(b), faults),
            IntOperation::FromBool => convert::bool_to_int(out, self.bool(a)),
            IntOperation::FromFloat => convert::float_to_int(out, self.float(a), faults),
            IntOperation::FromText(form) => convert::text_to_int(out, self.text(a), *form, faults),
            IntOperation::Length { of_characters } => text::length(out, self.text(a), *of_characters, faults),
            IntOperation::ListLength => lists::length(out, self.list(a), faults),
            IntOperation::HashInt(buckets) => hash::hash_ints(out, self.int(a), *buckets),
            IntOperation::HashText(buckets) => hash::hash_texts(out, self.text(a), *buckets),
            IntOperation::BucketInt(bounds) => sets::bucket_ints(out, self.int(a), bounds),
            IntOperation::BucketFloat(bounds) => sets::bucket_floats(out, self.float(a), bounds, faults),
            IntOperation::Age => self.age(out, a, faults),
            IntOperation::Get => lists::get_int(out, self.list(a), self.int(b), faults),
            IntOperation::Sum => lists::sum_ints(out, self.list(a), faults),
            IntOperation::Select => select(out, self.bool(a).values, self.int(b), self.int(c)),
        }
    }

    /// The time from an input's event to that of the row. Values that come with the question have no age.
    fn age(&self, out: Out<'_, i64>, input: Operand, faults: &mut Faults<'_>) {
        let now = self.batch.now;
        let events = self.column(input).events.unwrap_or(now);
        let has_event = |row: usize| events[row] != NO_EVENT;
        crate::kernel::rows(out, has_event, faults, |row| now[row].checked_sub(events[row]).ok_or(Fault::Overflow));
    }
}
