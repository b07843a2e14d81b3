//! Steps that give lists.

use crate::evaluate::sight::Sight;
use crate::kernel::Faults;
use crate::lane::ListLane;
use crate::nulls::Fault;
use crate::operation::ListOperation;
use crate::plan::Step;

impl Sight<'_> {
    pub(super) fn lists(self, operation: &ListOperation, step: &Step, out: &mut ListLane, faults: &mut Faults<'_>) {
        let [first, then, otherwise, _] = step.operands;
        out.clear();
        for row in 0..self.rows {
            if !faults.active[row] {
                // What the row would choose may not have been computed.
                out.push(None);
                continue;
            }
            let operand = match operation {
                ListOperation::Copy => first,
                ListOperation::Select if self.bool(first).values[row] => then,
                ListOperation::Select => otherwise,
            };
            let list = self.list(operand);
            let fits = out.push(list.valid[row].then(|| (list.items, list.range(row))));
            faults.count(row, Fault::Overflow.when(!fits));
        }
    }
}
