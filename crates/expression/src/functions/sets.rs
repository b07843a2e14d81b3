//! Values that are written down as lists: `in` and `bucket`.

use crate::kernel::Faults;
use crate::kernel::{map, try_map};
use crate::lane::{Out, TextView, View};
use crate::nulls::Fault;

/// The number of items from which on a sorted list is searched by halves.
const SEARCHED_ITEMS_MIN: usize = 16;

/// Returns whether a whole number is in the list, which is sorted.
pub(crate) fn ints_in(out: Out<'_, bool>, a: View<'_, i64>, sorted: &[i64]) {
    match sorted.len() < SEARCHED_ITEMS_MIN {
        true => map(out, a, |a| sorted.iter().fold(false, |found, item| found | (*item == a))),
        false => map(out, a, |a| sorted.binary_search(&a).is_ok()),
    }
}

/// Returns whether a float is equal to one in the list, as IEEE 754 compares.
pub(crate) fn floats_in(out: Out<'_, bool>, a: View<'_, f64>, items: &[f64]) {
    map(out, a, |a| items.iter().fold(false, |found, item| found | (*item == a)));
}

/// Returns whether a text is in the list, which is sorted.
pub(crate) fn texts_in(out: Out<'_, bool>, a: TextView<'_>, sorted: &[Vec<u8>]) {
    for (row, (value, valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
        *valid = a.valid[row];
        *value = *valid && sorted.binary_search_by(|item| item.as_slice().cmp(a.get(row))).is_ok();
    }
}

/// Counts the bounds, which ascend, are at or below a whole number.
pub(crate) fn bucket_ints(out: Out<'_, i64>, a: View<'_, i64>, bounds: &[i64]) {
    map(out, a, |a| bounds.iter().map(|bound| i64::from(*bound <= a)).sum());
}

/// Counts the bounds, which ascend, are at or below a float. NaN is in no bucket.
pub(crate) fn bucket_floats(out: Out<'_, i64>, a: View<'_, f64>, bounds: &[f64], faults: &mut Faults<'_>) {
    try_map(out, a, faults, |a| {
        (bounds.iter().map(|bound| i64::from(*bound <= a)).sum(), Fault::Domain.when(a.is_nan()))
    });
}
