//! Steps that give text and bytes.

use crate::evaluate::sight::Sight;
use crate::functions::{convert, lists, text};
use crate::kernel::{Faults, texts};
use crate::lane::TextLane;
use crate::operation::TextOperation;
use crate::plan::{Operand, Step};
use crate::provenance::status_of_input;

impl Sight<'_> {
    pub(super) fn texts(self, operation: &TextOperation, step: &Step, out: &mut TextLane, faults: &mut Faults<'_>) {
        let [a, b, c, _] = step.operands;
        match operation {
            TextOperation::Copy => self.copy_text(out, a, faults),
            TextOperation::One(operation) => operation.run(out, self.text(a), faults),
            TextOperation::Substring { has_length } => {
                let length = has_length.then(|| self.int(c));
                text::substring(out, self.text(a), self.int(b), length, faults);
            }
            TextOperation::FromInt(form) => convert::int_to_text(out, self.int(a), *form, faults),
            TextOperation::FromFloat => convert::float_to_text(out, self.float(a), faults),
            TextOperation::FromBool => convert::bool_to_text(out, self.bool(a), faults),
            TextOperation::FromBytes => convert::bytes_to_text(out, self.text(a), faults),
            TextOperation::Status => self.status(out, a, faults),
            TextOperation::Get => lists::get_text(out, self.list(a), self.int(b), faults),
            TextOperation::Select => self.select_text(out, [a, b, c], faults),
        }
    }

    fn copy_text(&self, out: &mut TextLane, operand: Operand, faults: &mut Faults<'_>) {
        let text = self.text(operand);
        texts(
            out,
            self.rows,
            |row| text.valid[row],
            faults,
            |row, out| {
                out.extend_from_slice(text.get(row));
                Ok(())
            },
        );
    }

    fn select_text(&self, out: &mut TextLane, [choice, then, otherwise]: [Operand; 3], faults: &mut Faults<'_>) {
        let choice = self.bool(choice).values;
        let (then, otherwise) = (self.text(then), self.text(otherwise));
        let chosen = |row: usize| if choice[row] { &then } else { &otherwise };
        texts(
            out,
            self.rows,
            |row| chosen(row).valid[row],
            faults,
            |row, out| {
                out.extend_from_slice(chosen(row).get(row));
                Ok(())
            },
        );
    }

    fn status(&self, out: &mut TextLane, input: Operand, faults: &mut Faults<'_>) {
        let column = self.column(input);
        texts(
            out,
            self.rows,
            |_| true,
            faults,
            |row, out| {
                out.extend_from_slice(status_of_input(column, row).as_str().as_bytes());
                Ok(())
            },
        );
    }
}
