//! The loops that all operations are.
//!
//! An operation sees the rows of its operands and knows nothing of how many there are: one or a thousand is the same
//! machine code. Operations that can fail give a value and a [`Fault`] for every row, also for rows that are null or
//! take another branch, whose operands mean nothing. So they are total. Faults are counted in a second pass, and only
//! where there were any, so that the first one has no branch.

use crate::lane::{Out, TextLane, TextView, View};
use crate::nulls::{Fault, Nulls};

/// The counts of faults, and the rows that count.
pub(crate) struct Faults<'a> {
    /// The rows that take the branch.
    pub active: &'a [bool],
    pub nulls: &'a mut Nulls,
}

impl Faults<'_> {
    #[inline]
    pub(crate) fn count(&mut self, row: usize, fault: Fault) {
        if self.active[row] {
            self.nulls.count(fault);
        }
    }
}

/// Computes a value from one operand; null stays null.
#[inline(always)]
pub(crate) fn map<A: Copy, R>(out: Out<'_, R>, a: View<'_, A>, f: impl Fn(A) -> R) {
    out.valid.copy_from_slice(a.valid);
    for (out, a) in out.values.iter_mut().zip(a.values) {
        *out = f(*a);
    }
}

/// Computes a value from two operands; it is null where one of them is.
#[inline(always)]
pub(crate) fn zip<A: Copy, B: Copy, R>(out: Out<'_, R>, a: View<'_, A>, b: View<'_, B>, f: impl Fn(A, B) -> R) {
    both_valid(out.valid, a.valid, b.valid);
    for ((out, a), b) in out.values.iter_mut().zip(a.values).zip(b.values) {
        *out = f(*a, *b);
    }
}

/// Computes a value from one operand, or says why there is none.
#[inline(always)]
pub(crate) fn try_map<A: Copy, R>(
    out: Out<'_, R>,
    a: View<'_, A>,
    faults: &mut Faults<'_>,
    f: impl Fn(A) -> (R, Fault),
) {
    let mut any = false;
    for (((out, valid), a), a_valid) in out.values.iter_mut().zip(out.valid.iter_mut()).zip(a.values).zip(a.valid) {
        let (value, fault) = f(*a);
        let failed = fault as u8 != 0;
        *out = value;
        *valid = *a_valid & !failed;
        any |= *a_valid & failed;
    }
    if any {
        let rows = a.values.iter().zip(a.valid).enumerate();
        rows.filter(|(_, (_, valid))| **valid).for_each(|(row, (a, _))| faults.count(row, f(*a).1));
    }
}

/// Computes a value from two operands, or says why there is none.
#[inline(always)]
pub(crate) fn try_zip<A: Copy, B: Copy, R>(
    out: Out<'_, R>,
    a: View<'_, A>,
    b: View<'_, B>,
    faults: &mut Faults<'_>,
    f: impl Fn(A, B) -> (R, Fault),
) {
    let mut any = false;
    let rows = out.values.len();
    let (values, valid) = (&mut out.values[..rows], &mut out.valid[..rows]);
    let (a_values, a_valid) = (&a.values[..rows], &a.valid[..rows]);
    let (b_values, b_valid) = (&b.values[..rows], &b.valid[..rows]);
    for row in 0..rows {
        let (value, fault) = f(a_values[row], b_values[row]);
        let (operands, failed) = (a_valid[row] & b_valid[row], fault as u8 != 0);
        values[row] = value;
        valid[row] = operands & !failed;
        any |= operands & failed;
    }
    if any {
        for row in (0..rows).filter(|row| a_valid[*row] & b_valid[*row]) {
            faults.count(row, f(a_values[row], b_values[row]).1);
        }
    }
}

/// Chooses between two values by the truth of `choice`, which is never null.
#[inline(always)]
pub(crate) fn select<T: Copy>(out: Out<'_, T>, choice: &[bool], then: View<'_, T>, otherwise: View<'_, T>) {
    let rows = out.values.len();
    let (values, valid) = (&mut out.values[..rows], &mut out.valid[..rows]);
    for row in 0..rows {
        let chosen = choice[row];
        values[row] = if chosen { then.values[row] } else { otherwise.values[row] };
        valid[row] = if chosen { then.valid[row] } else { otherwise.valid[row] };
    }
}

/// Computes the values of the rows for which `f` has one. Rows that take another branch are null: what their operands
/// would be may not have been computed, so that not even `valid` is asked. `f` is asked where `valid` is true.
#[inline(always)]
pub(crate) fn rows<R: Default>(
    out: Out<'_, R>,
    valid: impl Fn(usize) -> bool,
    faults: &mut Faults<'_>,
    f: impl Fn(usize) -> Result<R, Fault>,
) {
    for (row, (value, is_valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
        let result = if faults.active[row] && valid(row) { f(row) } else { Err(Fault::None) };
        *is_valid = result.is_ok();
        *value = result.unwrap_or_else(|fault| {
            faults.count(row, fault);
            R::default()
        });
    }
}

/// Writes one text a row, as [`rows`] does. `f` appends it.
#[inline(always)]
pub(crate) fn texts(
    out: &mut TextLane,
    rows: usize,
    valid: impl Fn(usize) -> bool,
    faults: &mut Faults<'_>,
    f: impl Fn(usize, &mut Vec<u8>) -> Result<(), Fault>,
) {
    out.clear();
    for row in 0..rows {
        let result = if faults.active[row] && valid(row) { f(row, &mut out.bytes) } else { Err(Fault::None) };
        let fits = out.end(result.is_ok());
        faults.count(row, if fits { result.err().unwrap_or(Fault::None) } else { Fault::Overflow });
    }
}

/// The text of a row, where it is UTF-8.
#[inline]
pub(crate) fn utf8<'a>(view: &TextView<'a>, row: usize) -> Result<&'a str, Fault> {
    std::str::from_utf8(view.get(row)).map_err(|_| Fault::Domain)
}

fn both_valid(out: &mut [bool], a: &[bool], b: &[bool]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = *a & *b;
    }
}
