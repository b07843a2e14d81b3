//! Three-valued logic, and the truths that branches are chosen by.

use crate::lane::{Out, View};

/// `not`: null stays null.
pub(crate) fn not(out: Out<'_, bool>, a: View<'_, bool>) {
    crate::kernel::map(out, a, |a| !a);
}

/// `and`: false if one side is, else null if one side is.
pub(crate) fn and(out: Out<'_, bool>, a: View<'_, bool>, b: View<'_, bool>) {
    three_valued(out, a, b, false);
}

/// `or`: true if one side is, else null if one side is.
pub(crate) fn or(out: Out<'_, bool>, a: View<'_, bool>, b: View<'_, bool>) {
    three_valued(out, a, b, true);
}

/// The value is `deciding` if one side is, whatever the other.
#[inline(always)]
fn three_valued(out: Out<'_, bool>, a: View<'_, bool>, b: View<'_, bool>, deciding: bool) {
    let rows = out.values.len();
    for row in 0..rows {
        let (a_known, b_known) = (a.valid[row], b.valid[row]);
        let decided = (a_known & (a.values[row] == deciding)) | (b_known & (b.values[row] == deciding));
        out.values[row] = decided == deciding;
        out.valid[row] = decided | (a_known & b_known);
    }
}

/// Returns whether a bool is known and `wanted`. Never null.
pub(crate) fn truth(out: Out<'_, bool>, a: View<'_, bool>, wanted: bool) {
    out.valid.fill(true);
    for ((out, value), valid) in out.values.iter_mut().zip(a.values).zip(a.valid) {
        *out = *valid & (*value == wanted);
    }
}

/// Returns whether a value is null, or is not. Never null.
pub(crate) fn validity(out: Out<'_, bool>, valid: &[bool], of_nulls: bool) {
    out.valid.fill(true);
    for (out, valid) in out.values.iter_mut().zip(valid) {
        *out = *valid != of_nulls;
    }
}

/// The rows of a branch that take the branch within it. Returns whether any does.
pub(crate) fn guard(out: Out<'_, bool>, parent: &[bool], choice: &[bool], otherwise: bool) -> bool {
    let mut any = false;
    for ((out, parent), choice) in out.values.iter_mut().zip(parent).zip(choice) {
        *out = *parent & (*choice != otherwise);
        any |= *out;
    }
    any
}
