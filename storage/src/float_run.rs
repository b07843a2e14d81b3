//! Runs of numbers: how rows of one schema version get to a matrix.

use crate::number::is_numeric;
use crate::schema::{Place, Slot};
use crate::value_type::{ScalarType, ValueType};

/// Adjacent numbers of one type in a row, which go to adjacent outputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FloatRun {
    /// Their type.
    pub(crate) ty: ScalarType,
    /// Offset of the first in the row.
    pub(crate) offset: usize,
    /// Position of the first in the row of the matrix.
    pub(crate) output: usize,
    /// The number of numbers.
    pub(crate) len: usize,
}

impl FloatRun {
    /// The runs of a row whose features lie in `slots` and go to `outputs`.
    pub(crate) fn compile(slots: &[Option<Slot>], outputs: &[usize]) -> Vec<FloatRun> {
        let mut runs: Vec<FloatRun> = Vec::new();
        for (slot, output) in slots.iter().zip(outputs) {
            let Some(Slot { ty: ty @ ValueType::Scalar(scalar), place: Place::Fixed(offset), .. }) = *slot else {
                continue;
            };
            match runs.last_mut().filter(|run| run.continues_at(scalar, offset, *output)) {
                Some(run) => run.len += 1,
                None if is_numeric(ty) => runs.push(FloatRun { ty: scalar, offset, output: *output, len: 1 }),
                None => {}
            }
        }
        runs
    }

    fn continues_at(&self, ty: ScalarType, offset: usize, output: usize) -> bool {
        let width = ty.fixed_bytes().unwrap_or(0);
        self.ty == ty && self.offset + self.len * width == offset && self.output + self.len == output
    }
}
