//! Steps that give floats.

use crate::evaluate::load::load_floats;
use crate::evaluate::sight::Sight;
use crate::functions::nan::Nan;
use crate::functions::{convert, float, lists};
use crate::kernel::{Faults, rows, select};
use crate::lane::Out;
use crate::nulls::Fault;
use crate::operation::FloatOperation;
use crate::plan::Step;

impl Sight<'_> {
    pub(super) fn floats(self, operation: &FloatOperation, step: &Step, out: Out<'_, f64>, faults: &mut Faults<'_>) {
        let [a, b, c, _] = step.operands;
        match operation {
            FloatOperation::Load => load_floats(self.column(a), out),
            FloatOperation::One(operation) => operation.run(out, self.float(a), faults),
            FloatOperation::Two(operation) => operation.run(out, self.float(a), self.float(b), faults),
            FloatOperation::FromInt => convert::int_to_float(out, self.int(a)),
            FloatOperation::FromText => convert::text_to_float(out, self.text(a), faults),
            FloatOperation::Haversine => self.haversine(step, out, faults),
            FloatOperation::Get => lists::get_float(out, self.list(a), self.int(b), faults),
            FloatOperation::Sum => lists::sum_floats(out, self.list(a), faults),
            FloatOperation::Mean => lists::mean(out, self.list(a), faults),
            FloatOperation::Dot => lists::dot(out, self.list(a), self.list(b), faults),
            FloatOperation::Cosine => lists::cosine(out, self.list(a), self.list(b), faults),
            FloatOperation::Select => select(out, self.bool(a).values, self.float(b), self.float(c)),
        }
    }

    fn haversine(&self, step: &Step, out: Out<'_, f64>, faults: &mut Faults<'_>) {
        let nan = Nan::new();
        let degrees = step.operands.map(|operand| self.float(operand));
        let valid = |row: usize| degrees.iter().all(|each| each.valid[row]);
        rows(out, valid, faults, |row| {
            let (kilometres, fault) = float::haversine(nan, degrees.map(|each| each.values[row]));
            if fault == Fault::None { Ok(kilometres) } else { Err(fault) }
        });
    }
}
