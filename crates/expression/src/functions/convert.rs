//! From one type to another. What does not fit is null, and a fault.

use std::io::Write;

use asofdb_storage::{Date, Timestamp};

use crate::duration::Micros;
use crate::functions::calendar::{read_date, read_time};
use crate::functions::nan::Nan;
use crate::kernel::{Faults, map, rows, texts, try_map, utf8};
use crate::lane::{Out, TextLane, TextView, View};
use crate::nulls::Fault;

/// The meaning of whole numbers where they are read from text and written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Number,
    /// Microseconds since 1970.
    Timestamp,
    /// Days since 1970.
    Date,
    /// Microseconds.
    Duration,
}

pub(crate) fn int_to_float(out: Out<'_, f64>, a: View<'_, i64>) {
    map(out, a, |a| a as f64);
}

pub(crate) fn bool_to_int(out: Out<'_, i64>, a: View<'_, bool>) {
    map(out, a, i64::from);
}

/// 0 is false and 1 is true; other numbers are neither.
pub(crate) fn int_to_bool(out: Out<'_, bool>, a: View<'_, i64>, faults: &mut Faults<'_>) {
    try_map(out, a, faults, |a| (a == 1, Fault::Domain.when((a != 0) & (a != 1))));
}

/// Cuts off what is behind the point.
pub(crate) fn float_to_int(out: Out<'_, i64>, a: View<'_, f64>, faults: &mut Faults<'_>) {
    // The least `int64` is a float, the greatest one is not: the first float beyond is 2^63.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    try_map(out, a, faults, |a| {
        let whole = a.trunc();
        let fits = (-BEYOND..BEYOND).contains(&whole);
        (whole as i64, if a.is_nan() { Fault::Domain } else { Fault::Overflow.when(!fits) })
    });
}

pub(crate) fn text_to_int(out: Out<'_, i64>, a: TextView<'_>, form: Form, faults: &mut Faults<'_>) {
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| {
            let text = utf8(&a, row)?;
            match form {
                Form::Timestamp => read_time(text),
                Form::Date => read_date(text),
                Form::Number | Form::Duration => text.trim().parse().map_err(|_| Fault::Domain),
            }
        },
    );
}

pub(crate) fn text_to_float(out: Out<'_, f64>, a: TextView<'_>, faults: &mut Faults<'_>) {
    let nan = Nan::new();
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| {
            let number: f64 = utf8(&a, row)?.trim().parse().map_err(|_| Fault::Domain)?;
            Ok(if number.is_nan() { nan.value() } else { number })
        },
    );
}

pub(crate) fn text_to_bool(out: Out<'_, bool>, a: TextView<'_>, faults: &mut Faults<'_>) {
    rows(
        out,
        |row| a.valid[row],
        faults,
        |row| match a.get(row).trim_ascii() {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(Fault::Domain),
        },
    );
}

pub(crate) fn int_to_text(out: &mut TextLane, a: View<'_, i64>, form: Form, faults: &mut Faults<'_>) {
    texts(
        out,
        a.valid.len(),
        |row| a.valid[row],
        faults,
        |row, out| {
            let value = a.values[row];
            match form {
                Form::Number => put(out, format_args!("{value}")),
                Form::Timestamp => put(out, format_args!("{}", Timestamp::from_micros(value))),
                Form::Date => {
                    let date = i32::try_from(value).ok().and_then(Date::from_days).ok_or(Fault::Overflow)?;
                    put(out, format_args!("{date}"));
                }
                Form::Duration => put(out, format_args!("{}", Micros(value))),
            }
            Ok(())
        },
    );
}

/// The shortest text that reads as the same float.
pub(crate) fn float_to_text(out: &mut TextLane, a: View<'_, f64>, faults: &mut Faults<'_>) {
    texts(
        out,
        a.valid.len(),
        |row| a.valid[row],
        faults,
        |row, out| {
            put(out, format_args!("{:?}", a.values[row]));
            Ok(())
        },
    );
}

pub(crate) fn bool_to_text(out: &mut TextLane, a: View<'_, bool>, faults: &mut Faults<'_>) {
    texts(
        out,
        a.valid.len(),
        |row| a.valid[row],
        faults,
        |row, out| {
            put(out, format_args!("{}", a.values[row]));
            Ok(())
        },
    );
}

/// Bytes that are UTF-8 are text.
pub(crate) fn bytes_to_text(out: &mut TextLane, a: TextView<'_>, faults: &mut Faults<'_>) {
    texts(
        out,
        a.valid.len(),
        |row| a.valid[row],
        faults,
        |row, out| {
            out.extend_from_slice(utf8(&a, row)?.as_bytes());
            Ok(())
        },
    );
}

/// Appends what is formatted; memory does not fail.
fn put(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "memory takes every byte");
}
