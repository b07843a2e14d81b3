//! Expressions, each with the kernels of Arrow that mean the same.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DurationMicrosecondArray, Float64Array, Int64Array, Scalar, StringArray,
};
use arrow::compute::kernels::cmp::{eq, gt, gt_eq, lt, lt_eq, neq};
use arrow::compute::kernels::comparison::{contains, ends_with, regexp_is_match_scalar, starts_with};
use arrow::compute::kernels::length::length;
use arrow::compute::kernels::numeric::{add, div, mul, neg, rem, sub};
use arrow::compute::kernels::substring::substring_by_char;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{DatePart, and_kleene, cast, date_part, is_not_null, is_null, not, nullif, or_kleene};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use asofdb_storage::Timestamp;

use crate::columns::Columns;

/// An expression and what Arrow makes of the same columns.
pub struct Case {
    pub text: &'static str,
    pub kernel: Kernel,
    /// Says of one row that the language means something else by design.
    pub differs: fn(&Columns) -> bool,
    /// Says it of the value that Arrow gives.
    pub gives_another: fn(&ArrayRef) -> bool,
}

type Kernel = fn(&Columns) -> Result<ArrayRef, ArrowError>;

pub fn all() -> Vec<Case> {
    [numbers(), floats(), comparisons(), logic(), casts(), texts(), times()].into_iter().flatten().collect()
}

fn case(text: &'static str, kernel: Kernel) -> Case {
    Case { text, kernel, differs: |_| false, gives_another: |_| false }
}

impl Case {
    fn unless(self, differs: fn(&Columns) -> bool) -> Case {
        Case { differs, ..self }
    }

    fn unless_it_gives(self, gives_another: fn(&ArrayRef) -> bool) -> Case {
        Case { gives_another, ..self }
    }
}

fn numbers() -> Vec<Case> {
    vec![
        case("i + j", |c| add(c.ints("i"), c.ints("j"))),
        case("i - j", |c| sub(c.ints("i"), c.ints("j"))),
        case("i * j", |c| mul(c.ints("i"), c.ints("j"))),
        case("i // j", |c| div(c.ints("i"), c.ints("j"))).unless(unlike_signs),
        case("i % j", |c| rem(c.ints("i"), c.ints("j"))).unless(unlike_signs),
        case("i // 7", |c| div(c.ints("i"), &int(7))).unless(|c| of::<Int64Type>(c, "i").is_some_and(|i| i < 0)),
        case("-i", |c| neg(c.ints("i"))),
        case("n + i", |c| add(&to(c, "n", &DataType::Int64)?, c.ints("i"))),
        case("n * n", |c| mul(&to(c, "n", &DataType::Int64)?, &to(c, "n", &DataType::Int64)?)),
        case("min(i, j)", |c| choose(&lt(c.ints("i"), c.ints("j"))?, c.get("i"), c.get("j"))),
        case("max(i, j)", |c| choose(&gt(c.ints("i"), c.ints("j"))?, c.get("i"), c.get("j"))),
    ]
}

fn floats() -> Vec<Case> {
    vec![
        case("f + g", |c| add(c.floats("f"), c.floats("g"))).unless_it_gives(nan),
        case("f - g", |c| sub(c.floats("f"), c.floats("g"))).unless_it_gives(nan),
        case("f * g", |c| mul(c.floats("f"), c.floats("g"))).unless_it_gives(nan),
        case("f / g", |c| div(c.floats("f"), c.floats("g")))
            .unless(|c| of::<Float64Type>(c, "g") == Some(0.0))
            .unless_it_gives(nan),
        case("i / j", |c| div(&to(c, "i", &DataType::Float64)?, &to(c, "j", &DataType::Float64)?))
            .unless(|c| of::<Int64Type>(c, "j") == Some(0)),
        case("f % g", |c| rem(c.floats("f"), c.floats("g")))
            .unless(|c| !both(c, "f", "g", |f: f64, g: f64| f >= 0.0 && g > 0.0 && f.is_sign_positive()))
            .unless_it_gives(nan),
        case("-f", |c| neg(c.floats("f"))).unless_it_gives(nan),
        case("h + f", |c| add(&to(c, "h", &DataType::Float64)?, c.floats("f"))).unless_it_gives(nan),
        case("i + f", |c| add(&to(c, "i", &DataType::Float64)?, c.floats("f"))).unless_it_gives(nan),
        case("f * 2.5", |c| mul(c.floats("f"), &float(2.5))).unless_it_gives(nan),
        case("min(f, g)", |c| choose(&lt(c.floats("f"), c.floats("g"))?, c.get("f"), c.get("g"))).unless(has_nan),
        case("max(f, g)", |c| choose(&gt(c.floats("f"), c.floats("g"))?, c.get("f"), c.get("g"))).unless(has_nan),
    ]
}

fn comparisons() -> Vec<Case> {
    vec![
        case("i == j", |c| bools(eq(c.ints("i"), c.ints("j")))),
        case("i != n", |c| bools(neq(c.ints("i"), &to(c, "n", &DataType::Int64)?))),
        case("i < j", |c| bools(lt(c.ints("i"), c.ints("j")))),
        case("i >= 0", |c| bools(gt_eq(c.ints("i"), &int(0)))),
        case("f == g", |c| bools(eq(c.floats("f"), c.floats("g")))).unless(unordered),
        case("f != g", |c| bools(neq(c.floats("f"), c.floats("g")))).unless(unordered),
        case("f < g", |c| bools(lt(c.floats("f"), c.floats("g")))).unless(unordered),
        case("f <= g", |c| bools(lt_eq(c.floats("f"), c.floats("g")))).unless(unordered),
        case("f > g", |c| bools(gt(c.floats("f"), c.floats("g")))).unless(unordered),
        case("f >= g", |c| bools(gt_eq(c.floats("f"), c.floats("g")))).unless(unordered),
        case("s == t", |c| bools(eq(c.texts("s"), c.texts("t")))),
        case("s != t", |c| bools(neq(c.texts("s"), c.texts("t")))),
        case("s < t", |c| bools(lt(c.texts("s"), c.texts("t")))),
        case("s >= 'b'", |c| bools(gt_eq(c.texts("s"), &text("b")))),
        case("x <= y", |c| bools(lt_eq(&c.get("x"), &c.get("y")))),
        case("d > e", |c| bools(gt(&c.get("d"), &c.get("e")))),
        case("d < x", |c| bools(lt(&to(c, "d", &timestamp())?, &c.get("x")))),
        case("p == q", |c| bools(eq(c.bools("p"), c.bools("q")))),
        case("i in [0, 1, -3]", |c| {
            let [a, b, c] = [0, 1, -3].map(|value| eq(c.ints("i"), &int(value)));
            bools(or_kleene(&or_kleene(&a?, &b?)?, &c?))
        }),
        case("s not in ['a', 'bc']", |c| {
            bools(not(&or_kleene(&eq(c.texts("s"), &text("a"))?, &eq(c.texts("s"), &text("bc"))?)?))
        }),
    ]
}

fn logic() -> Vec<Case> {
    vec![
        case("p and q", |c| bools(and_kleene(c.bools("p"), c.bools("q")))),
        case("p or q", |c| bools(or_kleene(c.bools("p"), c.bools("q")))),
        case("not p", |c| bools(not(c.bools("p")))),
        case("p and (i > 0 or not q)", |c| {
            bools(and_kleene(c.bools("p"), &or_kleene(&gt(c.ints("i"), &int(0))?, &not(c.bools("q"))?)?))
        }),
        case("is_null(i)", |c| bools(is_null(c.get("i")))),
        case("not is_null(s)", |c| bools(is_not_null(c.get("s")))),
        case("if(p, i, j)", |c| zip(c.bools("p"), c.ints("i"), c.ints("j"))),
        case("if(i > j, f, g)", |c| zip(&gt(c.ints("i"), c.ints("j"))?, c.floats("f"), c.floats("g")))
            .unless_it_gives(nan),
        case("if(p, s, 'none')", |c| zip(c.bools("p"), c.texts("s"), &text("none"))),
        case("case(p, i, q, j, 0)", |c| zip(c.bools("p"), c.ints("i"), &zip(c.bools("q"), c.ints("j"), &int(0))?)),
        case("coalesce(i, j)", |c| zip(&is_not_null(c.get("i"))?, c.ints("i"), c.ints("j"))),
        case("coalesce(s, t, '')", |c| {
            let rest = zip(&is_not_null(c.get("t"))?, c.texts("t"), &text(""))?;
            zip(&is_not_null(c.get("s"))?, c.texts("s"), &rest)
        }),
    ]
}

fn casts() -> Vec<Case> {
    vec![
        case("cast(i, 'float64')", |c| to(c, "i", &DataType::Float64)),
        case("cast(i, 'int32')", |c| to(c, "i", &DataType::Int32)),
        case("cast(i, 'bool')", |c| to(c, "i", &DataType::Boolean))
            .unless(|c| of::<Int64Type>(c, "i").is_some_and(|i| !matches!(i, 0 | 1))),
        case("cast(i, 'string')", |c| to(c, "i", &DataType::Utf8)),
        case("cast(f, 'int64')", |c| to(c, "f", &DataType::Int64)),
        case("cast(f, 'int32')", |c| to(c, "f", &DataType::Int32)),
        case("cast(f, 'float32')", |c| to(c, "f", &DataType::Float32)).unless_it_gives(nan_or_infinite),
        case("cast(f, 'string')", |c| to(c, "f", &DataType::Utf8))
            .unless(|c| of::<Float64Type>(c, "f").is_some_and(|f| f != 0.0 && !(1e-4..1e16).contains(&f.abs()))),
        case("cast(p, 'int64')", |c| to(c, "p", &DataType::Int64)),
        case("cast(p, 'float64')", |c| to(c, "p", &DataType::Float64)),
        case("cast(p, 'string')", |c| to(c, "p", &DataType::Utf8)),
        case("cast(digits, 'int64')", |c| to(c, "digits", &DataType::Int64)),
        case("cast(digits, 'float64')", |c| to(c, "digits", &DataType::Float64)).unless_it_gives(nan),
        case("cast(truth, 'bool')", |c| to(c, "truth", &DataType::Boolean)),
        case("cast(day, 'date')", |c| to(c, "day", &DataType::Date32)),
        case("cast(moment, 'timestamp')", |c| to(c, "moment", &timestamp())),
        case("cast(s, 'bytes')", |c| to(c, "s", &DataType::Binary)),
        case("cast(b, 'string')", |c| to(c, "b", &DataType::Utf8)),
        case("cast(x, 'date')", |c| to(c, "x", &DataType::Date32)),
        case("cast(d, 'timestamp')", |c| to(c, "d", &timestamp())),
        case("cast(d, 'string')", |c| to(c, "d", &DataType::Utf8)),
    ]
}

fn texts() -> Vec<Case> {
    vec![
        case("contains(s, t)", |c| bools(contains(c.texts("s"), c.texts("t")))),
        case("contains(s, '%')", |c| bools(contains(c.texts("s"), &text("%")))),
        case("starts_with(s, t)", |c| bools(starts_with(c.texts("s"), c.texts("t")))),
        case("ends_with(s, t)", |c| bools(ends_with(c.texts("s"), c.texts("t")))),
        case("regex_match(s, '^a.?b')", |c| bools(regexp_is_match_scalar(c.texts("s"), "^a.?b", None))),
        case("len(s)", |c| cast(&length(c.texts("s"))?, &DataType::Int64))
            .unless(|c| c.texts("s").iter().flatten().any(|text| !text.is_ascii())),
        case("len(b)", |c| cast(&length(c.get("b"))?, &DataType::Int64)),
        case("len(l)", |c| cast(&length(c.get("l"))?, &DataType::Int64)),
        case("substr(s, 1)", |c| Ok(Arc::new(substring_by_char(c.texts("s"), 1, None)?))),
        case("substr(s, 0, 2)", |c| Ok(Arc::new(substring_by_char(c.texts("s"), 0, Some(2))?))),
        case("substr(s, -2, 1)", |c| Ok(Arc::new(substring_by_char(c.texts("s"), -2, Some(1))?)))
            .unless(|c| c.texts("s").iter().flatten().any(|text| text.chars().count() < 2)),
    ]
}

fn times() -> Vec<Case> {
    vec![
        case("year(x)", |c| part(c, "x", DatePart::Year)),
        case("month(x)", |c| part(c, "x", DatePart::Month)),
        case("day(x)", |c| part(c, "x", DatePart::Day)),
        case("hour(x)", |c| part(c, "x", DatePart::Hour)),
        case("minute(x)", |c| part(c, "x", DatePart::Minute)),
        case("second(x)", |c| part(c, "x", DatePart::Second)),
        case("weekday(x)", |c| part(c, "x", DatePart::DayOfWeekMonday0)),
        case("year(d)", |c| part(c, "d", DatePart::Year)),
        case("month(d)", |c| part(c, "d", DatePart::Month)),
        case("day(d)", |c| part(c, "d", DatePart::Day)),
        case("weekday(d)", |c| part(c, "d", DatePart::DayOfWeekMonday0)),
        case("x - y", |c| sub(&c.get("x"), &c.get("y"))),
        case("x + 36h", |c| add(&c.get("x"), &duration(36))).unless_it_gives(beyond_the_years),
        case("x - 36h", |c| sub(&c.get("x"), &duration(36))).unless_it_gives(beyond_the_years),
        case("(x - y) // 1s", |c| {
            let micros = cast(&sub(&c.get("x"), &c.get("y"))?, &DataType::Int64)?;
            div(&micros, &int(1_000_000))
        })
        .unless(|c| both_times(c, |x, y| x < y)),
        case("hours_between(x, y)", |c| {
            let micros = cast(&sub(&c.get("y"), &c.get("x"))?, &DataType::Int64)?;
            div(&micros, &int(3_600_000_000))
        })
        .unless(|c| both_times(c, |x, y| y < x)),
    ]
}

fn int(value: i64) -> Scalar<Int64Array> {
    Int64Array::new_scalar(value)
}

fn float(value: f64) -> Scalar<Float64Array> {
    Float64Array::new_scalar(value)
}

fn text(value: &str) -> Scalar<StringArray> {
    StringArray::new_scalar(value)
}

fn duration(hours: i64) -> Scalar<DurationMicrosecondArray> {
    Scalar::new(DurationMicrosecondArray::from(vec![hours * 3_600_000_000]))
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn bools(result: Result<BooleanArray, ArrowError>) -> Result<ArrayRef, ArrowError> {
    result.map(|array| Arc::new(array) as ArrayRef)
}

fn to(columns: &Columns, name: &str, ty: &DataType) -> Result<ArrayRef, ArrowError> {
    cast(columns.get(name), ty)
}

fn part(columns: &Columns, name: &str, part: DatePart) -> Result<ArrayRef, ArrowError> {
    cast(&date_part(columns.get(name), part)?, &DataType::Int64)
}

/// `a` where the condition is true, `b` where it is false, null where it is null.
fn choose(condition: &BooleanArray, a: &ArrayRef, b: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    nullif(&zip(condition, a, b)?, &is_null(condition)?)
}

/// The one value of a column of one row; `None`: null.
fn of<T: ArrowPrimitiveType>(row: &Columns, name: &str) -> Option<T::Native> {
    let array = row.get(name).as_primitive::<T>();
    (!array.is_null(0)).then(|| array.value(0))
}

fn both(row: &Columns, a: &str, b: &str, holds: fn(f64, f64) -> bool) -> bool {
    of::<Float64Type>(row, a).zip(of::<Float64Type>(row, b)).is_none_or(|(a, b)| holds(a, b))
}

fn both_times(row: &Columns, holds: fn(i64, i64) -> bool) -> bool {
    let of = |name| of::<TimestampMicrosecondType>(row, name);
    of("x").zip(of("y")).is_some_and(|(x, y)| holds(x, y))
}

fn unlike_signs(row: &Columns) -> bool {
    of::<Int64Type>(row, "i").zip(of::<Int64Type>(row, "j")).is_some_and(|(i, j)| (i < 0) != (j < 0))
}

fn has_nan(row: &Columns) -> bool {
    ["f", "g"].iter().any(|name| of::<Float64Type>(row, name).is_some_and(f64::is_nan))
}

/// NaN, or zeros of both signs.
fn unordered(row: &Columns) -> bool {
    has_nan(row) || !both(row, "f", "g", |f, g| f.to_bits() == g.to_bits() || f != g)
}

fn nan(value: &ArrayRef) -> bool {
    value.as_primitive::<Float64Type>().iter().flatten().any(f64::is_nan)
}

fn nan_or_infinite(value: &ArrayRef) -> bool {
    value.as_primitive::<arrow::datatypes::Float32Type>().iter().flatten().any(|value| !value.is_finite())
}

fn beyond_the_years(value: &ArrayRef) -> bool {
    let times = value.as_primitive::<TimestampMicrosecondType>().iter().flatten();
    times.map(Timestamp::from_micros).any(|time| !time.is_in_range())
}
