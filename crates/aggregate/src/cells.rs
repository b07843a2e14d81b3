//! The values of a column's rows, as the folds want them.

use asofdb_expression::{Items, Values};
use asofdb_storage::ScalarType;

use crate::order;
use crate::rows::Rows;

/// Gives whole numbers to `take`.
#[inline(always)]
pub(crate) fn each_int(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(i64)) {
    match values {
        Values::Int32(values) => rows.visit(values, |value| take(i64::from(value))),
        Values::Int64(values) => rows.visit(values, take),
        _ => wrong_column(),
    }
}

/// Gives floats that are numbers to `take`.
#[inline(always)]
pub(crate) fn each_float(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(f64)) {
    let mut take = |value: f64| {
        if !value.is_nan() {
            take(value);
        }
    };
    match values {
        Values::Float32(values) => rows.visit(values, |value| take(f64::from(value))),
        Values::Float64(values) => rows.visit(values, take),
        _ => wrong_column(),
    }
}

/// Gives numbers of any type to `take`, as floats.
#[inline(always)]
pub(crate) fn each_number(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(f64)) {
    match values {
        Values::Int32(_) | Values::Int64(_) => each_int(values, rows, |value| take(value as f64)),
        _ => each_float(values, rows, take),
    }
}

/// Gives values of fixed width to `take`, each as its key in the order of its type.
#[inline(always)]
pub(crate) fn each_key(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(i64)) {
    match values {
        Values::Bool(values) => rows.live().for_each(|row| take(i64::from(values.get(row)))),
        Values::Int32(values) | Values::Date(values) => rows.visit(values, |value| take(i64::from(value))),
        Values::Int64(values) | Values::Timestamp(values) => rows.visit(values, take),
        Values::Float32(values) => rows.visit(values, |value| {
            if !value.is_nan() {
                take(order::float32_key(value));
            }
        }),
        Values::Float64(values) => rows.visit(values, |value| {
            if !value.is_nan() {
                take(order::float64_key(value));
            }
        }),
        Values::Text { .. } | Values::Bytes { .. } | Values::List { .. } => wrong_column(),
    }
}

/// Gives texts and bytes to `take`.
pub(crate) fn each_text(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(&[u8])) {
    match values {
        Values::Text { offsets, bytes } | Values::Bytes { offsets, bytes } => {
            rows.live().for_each(|row| take(text(offsets, bytes, row)));
        }
        _ => wrong_column(),
    }
}

/// Gives the stored bytes of single values to `take`.
pub(crate) fn each_stored(values: &Values<'_>, rows: &Rows<'_>, mut take: impl FnMut(&[u8])) {
    for row in rows.live() {
        with_stored(values, row, &mut take);
    }
}

/// Gives the stored bytes of one single value to `take`; nothing of NaN.
#[inline]
pub(crate) fn with_stored<R>(values: &Values<'_>, row: usize, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
    Some(match values {
        Values::Bool(values) => take(&[u8::from(values.get(row))]),
        Values::Int32(values) | Values::Date(values) => take(&values[row].to_le_bytes()),
        Values::Int64(values) | Values::Timestamp(values) => take(&values[row].to_le_bytes()),
        Values::Float32(values) if values[row].is_nan() => return None,
        Values::Float32(values) => take(&values[row].to_le_bytes()),
        Values::Float64(values) if values[row].is_nan() => return None,
        Values::Float64(values) => take(&values[row].to_le_bytes()),
        Values::Text { offsets, bytes } | Values::Bytes { offsets, bytes } => take(text(offsets, bytes, row)),
        Values::List { .. } => wrong_column(),
    })
}

/// Replaces `out` by the stored bytes of a value of any type; returns whether there is one, which NaN is not.
pub(crate) fn store(values: &Values<'_>, row: usize, out: &mut Vec<u8>) -> bool {
    match values {
        Values::List { item, offsets, items } => {
            out.clear();
            store_list(*item, place(offsets, row), items, out);
            true
        }
        _ => with_stored(values, row, |stored| {
            out.clear();
            out.extend_from_slice(stored);
        })
        .is_some(),
    }
}

fn store_list(item: ScalarType, range: std::ops::Range<usize>, items: &Items<'_>, out: &mut Vec<u8>) {
    match items {
        Items::Bool(items) => out.extend(range.map(|index| u8::from(items.get(index)))),
        Items::Int32(items) => items[range].iter().for_each(|item| out.extend_from_slice(&item.to_le_bytes())),
        Items::Int64(items) => items[range].iter().for_each(|item| out.extend_from_slice(&item.to_le_bytes())),
        Items::Float32(items) => items[range].iter().for_each(|item| out.extend_from_slice(&item.to_le_bytes())),
        Items::Float64(items) => items[range].iter().for_each(|item| out.extend_from_slice(&item.to_le_bytes())),
        Items::Text { offsets, bytes } => {
            debug_assert!(item.fixed_bytes().is_none(), "items of text are of a type of variable length");
            store_texts(range.map(|index| text(offsets, bytes, index)), out);
        }
    }
}

/// Appends a list of texts as a row stores it: their number, the end of each relative to the first one, the texts.
pub(crate) fn store_texts<'a>(texts: impl ExactSizeIterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
    out.extend_from_slice(&(texts.len() as u32).to_le_bytes());
    let mut end = 0;
    for text in texts.clone() {
        end += text.len() as u32;
        out.extend_from_slice(&end.to_le_bytes());
    }
    texts.for_each(|text| out.extend_from_slice(text));
}

#[inline]
fn text<'a>(offsets: &[i32], bytes: &'a [u8], row: usize) -> &'a [u8] {
    &bytes[place(offsets, row)]
}

/// Offsets ascend from zero or more, as those of a batch that was checked do.
#[inline]
fn place(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

/// The end of a caller that folds another column than the one that it announced: any answer would be wrong.
#[cold]
#[inline(never)]
pub(crate) fn wrong_column() -> ! {
    panic!("a partial result is folded over a column of the type that it was made for");
}
