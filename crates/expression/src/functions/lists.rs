//! Lists.
//!
//! Floats are summed in one order: the items at positions that are equal modulo 8 one after another, then the eight
//! sums. It is as exact as any other order, the same everywhere, and eight sums can be in flight at once.

use crate::column::Items;
use crate::functions::nan::Nan;
use crate::kernel::{Faults, rows, texts};
use crate::lane::{ListView, Out, TextLane, TextView, View};
use crate::nulls::Fault;

/// The number of sums in flight.
const SUMS: usize = 8;

/// The number of items.
pub(crate) fn length(out: Out<'_, i64>, a: ListView<'_>, faults: &mut Faults<'_>) {
    rows(out, |row| a.valid[row], faults, |row| Ok(a.range(row).len() as i64));
}

/// The place of item `index` of a row's list: from 0, or from the end where negative. No item is null, and no fault.
fn place(a: &ListView<'_>, row: usize, index: i64) -> Result<usize, Fault> {
    let range = a.range(row);
    let from_start = if index < 0 { index.checked_add(range.len() as i64) } else { Some(index) };
    let at = from_start.and_then(|index| usize::try_from(index).ok()).filter(|index| *index < range.len());
    at.map(|index| range.start + index).ok_or(Fault::None)
}

/// An item of each list that `read` makes a value of.
fn get<'a, R: Default>(
    out: Out<'_, R>,
    a: ListView<'a>,
    index: View<'_, i64>,
    faults: &mut Faults<'_>,
    read: impl Fn(&Items<'a>, usize) -> R,
) {
    let valid = |row: usize| a.valid[row] & index.valid[row];
    rows(out, valid, faults, |row| place(&a, row, index.values[row]).map(|at| read(&a.items, at)));
}

pub(crate) fn get_bool(out: Out<'_, bool>, a: ListView<'_>, index: View<'_, i64>, faults: &mut Faults<'_>) {
    get(out, a, index, faults, |items, at| items.int(at) != 0);
}

pub(crate) fn get_int(out: Out<'_, i64>, a: ListView<'_>, index: View<'_, i64>, faults: &mut Faults<'_>) {
    get(out, a, index, faults, Items::int);
}

pub(crate) fn get_float(out: Out<'_, f64>, a: ListView<'_>, index: View<'_, i64>, faults: &mut Faults<'_>) {
    get(out, a, index, faults, Items::float);
}

pub(crate) fn get_text(out: &mut TextLane, a: ListView<'_>, index: View<'_, i64>, faults: &mut Faults<'_>) {
    let valid = |row: usize| a.valid[row] & index.valid[row];
    texts(out, a.valid.len(), valid, faults, |row, out| {
        let at = place(&a, row, index.values[row])?;
        out.extend_from_slice(a.items.text(at));
        Ok(())
    });
}

/// Returns whether a list has an item that is equal.
pub(crate) fn contains<T: Copy>(
    out: Out<'_, bool>,
    a: ListView<'_>,
    item: View<'_, T>,
    faults: &mut Faults<'_>,
    equal: impl Fn(&Items<'_>, usize, T) -> bool,
) {
    let valid = |row: usize| a.valid[row] & item.valid[row];
    rows(out, valid, faults, |row| Ok(a.range(row).any(|at| equal(&a.items, at, item.values[row]))));
}

pub(crate) fn contains_text(out: Out<'_, bool>, a: ListView<'_>, item: TextView<'_>, faults: &mut Faults<'_>) {
    let valid = |row: usize| a.valid[row] & item.valid[row];
    rows(out, valid, faults, |row| Ok(a.range(row).any(|at| a.items.text(at) == item.get(row))));
}

/// The sum of whole numbers. Only the sum itself has to fit, whatever the order.
pub(crate) fn sum_ints(out: Out<'_, i64>, a: ListView<'_>, faults: &mut Faults<'_>) {
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| {
            let sum: i128 = a.range(row).map(|at| i128::from(a.items.int(at))).sum();
            i64::try_from(sum).map_err(|_| Fault::Overflow)
        },
    );
}

pub(crate) fn sum_floats(out: Out<'_, f64>, a: ListView<'_>, faults: &mut Faults<'_>) {
    let nan = Nan::new();
    rows(out, |row| a.valid[row], faults, |row| checked(sum(nan, &a, row)));
}

/// The mean; that of nothing is a division by zero.
pub(crate) fn mean(out: Out<'_, f64>, a: ListView<'_>, faults: &mut Faults<'_>) {
    let nan = Nan::new();
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| {
            let total = checked(sum(nan, &a, row))?;
            let count = a.range(row).len() as f64;
            checked(nan.divided(total / count, total, count))
        },
    );
}

/// The sum of products; lists of different lengths have none.
pub(crate) fn dot(out: Out<'_, f64>, a: ListView<'_>, b: ListView<'_>, faults: &mut Faults<'_>) {
    let nan = Nan::new();
    rows(out, |row| a.valid[row] & b.valid[row], faults, |row| checked(product(nan, &a, &b, row)?));
}

/// The cosine of the angle between two vectors; a vector of length zero has none.
pub(crate) fn cosine(out: Out<'_, f64>, a: ListView<'_>, b: ListView<'_>, faults: &mut Faults<'_>) {
    let nan = Nan::new();
    rows(
        out,
        |row| a.valid[row] & b.valid[row],
        faults,
        |row| {
            let dot = checked(product(nan, &a, &b, row)?)?;
            let (a, b) = (checked(product(nan, &a, &a, row)?)?, checked(product(nan, &b, &b, row)?)?);
            let lengths = checked(nan.two(a.sqrt() * b.sqrt(), a, b))?;
            checked(nan.divided(dot / lengths, dot, lengths))
        },
    );
}

fn checked((value, fault): (f64, Fault)) -> Result<f64, Fault> {
    if fault == Fault::None { Ok(value) } else { Err(fault) }
}

/// Runs an expression with a slice of numbers for `$name`, whichever type they have.
macro_rules! with_numbers {
    ($items:expr, $range:expr, $name:ident => $run:expr) => {
        match $items {
            Items::Float32(items) => {
                let $name = &items[$range];
                $run
            }
            Items::Float64(items) => {
                let $name = &items[$range];
                $run
            }
            Items::Int32(items) => {
                let $name = &items[$range];
                $run
            }
            Items::Int64(items) => {
                let $name = &items[$range];
                $run
            }
            Items::Bool(_) | Items::Text { .. } => (0.0, Fault::None),
        }
    };
}

/// A number that has a place among floats.
trait Number: Copy {
    fn float(self) -> f64;
}

macro_rules! numbers {
    ($($ty:ty)*) => {
        $(impl Number for $ty {
            #[inline(always)]
            fn float(self) -> f64 {
                self as f64
            }
        })*
    };
}

numbers! { f32 f64 i32 i64 }

fn sum(nan: Nan, a: &ListView<'_>, row: usize) -> (f64, Fault) {
    with_numbers!(&a.items, a.range(row), items => {
        sum_by(nan, items.len(), |at| items[at].float(), |at| items[at].float().is_nan())
    })
}

fn product(nan: Nan, a: &ListView<'_>, b: &ListView<'_>, row: usize) -> Result<(f64, Fault), Fault> {
    let (a_range, b_range) = (a.range(row), b.range(row));
    if a_range.len() != b_range.len() {
        return Err(Fault::Domain);
    }
    Ok(with_numbers!(&a.items, a_range.clone(), a => {
        with_numbers!(&b.items, b_range.clone(), b => {
            let is_nan = |at: usize| a[at].float().is_nan() | b[at].float().is_nan();
            sum_by(nan, a.len(), |at| a[at].float() * b[at].float(), is_nan)
        })
    }))
}

/// The sum of what `f` gives for each position, in the order that the module states. NaN is a fault unless `is_nan`
/// says of a position that NaN stands there.
#[inline(always)]
fn sum_by(nan: Nan, count: usize, f: impl Fn(usize) -> f64, is_nan: impl Fn(usize) -> bool) -> (f64, Fault) {
    let mut sums = [0.0f64; SUMS];
    let whole = count - count % SUMS;
    for start in (0..whole).step_by(SUMS) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
    }
    for at in whole..count {
        sums[at - whole] += f(at);
    }
    let total = sums.iter().fold(0.0, |total, sum| total + sum);
    let from_nan = total.is_nan() && (0..count).any(is_nan);
    nan.result(total, from_nan)
}
