//! The rule of each function at its edges.

mod support;

use asofdb_expression::Nulls;
use asofdb_storage::{ScalarType, Status, Timestamp, Value};

use crate::support::{Given, evaluate, given};

fn overflow() -> Nulls {
    Nulls { overflow: 1, ..Nulls::default() }
}

fn division() -> Nulls {
    Nulls { division: 1, ..Nulls::default() }
}

fn domain() -> Nulls {
    Nulls { domain: 1, ..Nulls::default() }
}

fn row() -> Vec<Given> {
    let list = |ty, items: Vec<Value>| Value::List(ty, items);
    vec![
        given("nan", "float64", Value::Float64(f64::NAN)),
        given("minus_nan", "float64", Value::Float64(-f64::NAN)),
        given("infinite", "float64", Value::Float64(f64::INFINITY)),
        given("minus_zero", "float64", Value::Float64(-0.0)),
        given("zero", "float64", Value::Float64(0.0)),
        given("tenth", "float32", Value::Float32(0.1)),
        given("least", "int64", Value::Int64(i64::MIN)),
        given("greatest", "int64", Value::Int64(i64::MAX)),
        given("small", "int32", Value::Int32(i32::MIN)),
        given("none", "int64", None),
        given("yes", "bool", Value::Bool(true)),
        given("city", "string", Value::String("Zürich 🏔".into())),
        given("raw", "bytes", Value::Bytes(vec![0xff, 0, 65])),
        given("ascii", "bytes", Value::Bytes(b"abc".to_vec())),
        given("leap", "date", Value::Date("2024-02-29".parse().unwrap())),
        given("seen", "timestamp", Value::Timestamp("1969-12-31T23:59:59.999999Z".parse().unwrap())),
        given("first", "timestamp", Value::Timestamp(Timestamp::MIN)),
        given("empty", "list<int64>", list(ScalarType::Int64, vec![])),
        given(
            "huge",
            "list<int64>",
            list(ScalarType::Int64, vec![Value::Int64(i64::MAX), Value::Int64(1), Value::Int64(-1)]),
        ),
        given("over", "list<int64>", list(ScalarType::Int64, vec![Value::Int64(i64::MAX), Value::Int64(1)])),
        given("flags", "list<bool>", list(ScalarType::Bool, vec![Value::Bool(false), Value::Bool(true)])),
        given("days", "list<date>", list(ScalarType::Date, vec![Value::Date("2024-02-29".parse().unwrap())])),
        given("nans", "list<float64>", list(ScalarType::Float64, vec![Value::Float64(f64::NAN), Value::Float64(1.0)])),
        given(
            "opposite",
            "list<float64>",
            list(ScalarType::Float64, vec![Value::Float64(f64::INFINITY), Value::Float64(f64::NEG_INFINITY)]),
        ),
    ]
}

fn value(text: &str) -> Option<Value> {
    let given = evaluate(text, &row());
    assert_eq!(given.status == Status::Present, given.value.is_some(), "{text}");
    given.value
}

/// Values, with floats compared to the bit.
fn gives(cases: &[(&str, Value)]) {
    for (text, expected) in cases {
        match (value(text), expected) {
            (Some(Value::Float64(given)), Value::Float64(expected)) => {
                assert_eq!(given.to_bits(), expected.to_bits(), "{text}: {given:?}");
            }
            (given, expected) => assert_eq!(given.as_ref(), Some(expected), "{text}"),
        }
    }
}

/// Nulls that the expression made itself, by reason.
fn is_null(cases: &[(&str, Nulls)]) {
    for (text, nulls) in cases {
        let given = evaluate(text, &row());
        assert_eq!((given.value, given.nulls), (None, *nulls), "{text}");
    }
}

#[test]
fn whole_numbers_end_at_64_bits() {
    gives(&[
        ("least + 1 - 1", Value::Int64(i64::MIN)),
        ("least % -1", Value::Int64(0)),
        ("least // 1", Value::Int64(i64::MIN)),
        ("-7 // 2", Value::Int64(-4)),
        ("7 // -2", Value::Int64(-4)),
        ("-7 // -2", Value::Int64(3)),
        ("-7 % 2", Value::Int64(1)),
        ("7 % -2", Value::Int64(-1)),
        ("-6 % 2", Value::Int64(0)),
        ("greatest % least", Value::Int64(-1)),
        ("greatest / least", Value::Float64(-1.0)),
        ("greatest == cast(greatest, 'float64')", Value::Bool(true)),
        ("small - 1", Value::Int64(i64::from(i32::MIN) - 1)),
    ]);
    is_null(&[
        ("least - 1", overflow()),
        ("greatest + 1", overflow()),
        ("least * -1", overflow()),
        ("-least", overflow()),
        ("abs(least)", overflow()),
        ("least // -1", overflow()),
        ("least // 0", division()),
        ("least % 0", division()),
        ("(greatest + 1) // 0", overflow()),
    ]);
}

#[test]
fn floats_are_those_of_ieee_754() {
    gives(&[
        ("0.1 + 0.2", Value::Float64(0.1 + 0.2)),
        ("tenth + 0.0", Value::Float64(f64::from(0.1f32))),
        ("infinite + 1", Value::Float64(f64::INFINITY)),
        ("1e308 * 10", Value::Float64(f64::INFINITY)),
        ("nan + 1", Value::Float64(f64::NAN)),
        ("-nan", Value::Float64(f64::NAN)),
        ("abs(minus_nan)", Value::Float64(f64::NAN)),
        ("minus_nan", Value::Float64(-f64::NAN)),
        ("nan == nan", Value::Bool(false)),
        ("nan != nan", Value::Bool(true)),
        ("nan < 1.0 or nan >= 1.0", Value::Bool(false)),
        ("nan in [1.0]", Value::Bool(false)),
        ("minus_zero == zero", Value::Bool(true)),
        ("minus_zero in [0]", Value::Bool(true)),
        ("-zero", Value::Float64(-0.0)),
        ("min(zero, minus_zero)", Value::Float64(-0.0)),
        ("min(minus_zero, zero)", Value::Float64(-0.0)),
        ("max(minus_zero, zero)", Value::Float64(0.0)),
        ("max(1, nan)", Value::Float64(f64::NAN)),
        ("min(nan, 1)", Value::Float64(f64::NAN)),
        ("clip(nan, 0, 1)", Value::Float64(f64::NAN)),
        ("clip(5, 3, 1)", Value::Int64(1)),
    ]);
}

#[test]
fn floats_are_divided_and_rounded_as_python_and_sql_do() {
    gives(&[
        ("-7.5 // 2", Value::Float64(-4.0)),
        ("-7.5 % 2", Value::Float64(0.5)),
        ("7.5 % -2", Value::Float64(-0.5)),
        ("6.0 % -2", Value::Float64(-0.0)),
        ("5.0 // infinite", Value::Float64(0.0)),
        ("-5.0 // infinite", Value::Float64(-1.0)),
        ("round(0.49999999999999994)", Value::Float64(0.0)),
        ("round(-0.5)", Value::Float64(-1.0)),
        ("round(3)", Value::Int64(3)),
        ("pow(0, 0)", Value::Float64(1.0)),
        ("pow(-8, 3)", Value::Float64(-512.0)),
        // What libm gives, a bit off: it is the same everywhere.
        ("exp(1)", Value::Float64(2.7182818284590455)),
        ("ln(infinite)", Value::Float64(f64::INFINITY)),
        ("sqrt(minus_zero)", Value::Float64(-0.0)),
    ]);
}

#[test]
fn floats_that_come_from_nowhere_are_null() {
    is_null(&[
        ("1.0 / 0", division()),
        ("0.0 / minus_zero", division()),
        ("nan / 0", division()),
        ("1.5 % 0.0", division()),
        ("1.5 // 0.0", division()),
        ("infinite - infinite", domain()),
        ("infinite * 0", domain()),
        ("infinite / infinite", domain()),
        ("sqrt(-0.1)", domain()),
        ("pow(-8, 0.5)", domain()),
        ("ln(minus_zero)", domain()),
        ("sin(infinite)", domain()),
        ("bucket(nan, [0.0])", domain()),
        ("haversine(infinite, 0, 0, 0)", domain()),
    ]);
}

#[test]
fn the_calendar_knows_leap_days_and_times_before_1970() {
    gives(&[
        ("day(leap)", Value::Int64(29)),
        ("days_between(leap, date('2025-02-28'))", Value::Int64(365)),
        ("days_between(date('1900-02-28'), date('1900-03-01'))", Value::Int64(1)),
        ("days_between(date('2000-02-28'), date('2000-03-01'))", Value::Int64(2)),
        ("year(seen)", Value::Int64(1969)),
        ("second(seen)", Value::Int64(59)),
        ("weekday(seen)", Value::Int64(2)),
        ("weekday(leap)", Value::Int64(3)),
        ("days_between(timestamp('1970-01-01'), seen)", Value::Int64(-1)),
        ("seconds_between(seen, timestamp('1970-01-01'))", Value::Int64(0)),
        ("seconds_between(timestamp('1970-01-01'), seen)", Value::Int64(-1)),
        ("cast(seen, 'date')", Value::Date("1969-12-31".parse().unwrap())),
        ("cast(leap, 'timestamp') == timestamp('2024-02-29')", Value::Bool(true)),
        ("(timestamp('2024-01-01') - leap) // 1d", Value::Int64(-59)),
        ("(leap - timestamp('2024-01-01')) % 7d == 3d", Value::Bool(true)),
        ("-1d * 2 == -2d", Value::Bool(true)),
        ("1d * 3 // 2 == 36h", Value::Bool(true)),
        ("bucket(leap, [date('2024-02-29'), date('2024-03-01')])", Value::Int64(1)),
        ("max(leap, timestamp('2024-02-29T00:00:01Z')) - leap == 1s", Value::Bool(true)),
        ("year(first)", Value::Int64(-290_308)),
    ]);
    is_null(&[
        ("now + 3000000d", overflow()),
        ("date('0001-01-01') - 1us", overflow()),
        ("first - now", overflow()),
        ("cast(first, 'date')", overflow()),
        ("seconds_between(now, first)", overflow()),
        ("1d // 0", division()),
        ("1d / 0s", division()),
        ("106751991d * 2", overflow()),
    ]);
}

#[test]
fn text_is_counted_in_characters() {
    gives(&[
        ("len(city)", Value::Int64(8)),
        ("len(raw)", Value::Int64(3)),
        ("substr(city, -1)", Value::String("🏔".into())),
        ("substr(city, 1, 2)", Value::String("ür".into())),
        ("substr(city, 100)", Value::String(String::new())),
        ("substr(city, -100, 95)", Value::String("Zür".into())),
        ("substr(city, 0, -1)", Value::String(String::new())),
        ("substr(city, least)", Value::String("Zürich 🏔".into())),
        ("substr(city, greatest, greatest)", Value::String(String::new())),
        ("upper('straße')", Value::String("STRASSE".into())),
        ("trim('\\u{2003}a\\n')", Value::String("a".into())),
        ("contains(city, '')", Value::Bool(true)),
        ("'a' < 'B'", Value::Bool(false)),
        ("'z' < 'ä'", Value::Bool(true)),
        ("'' < 'a'", Value::Bool(true)),
        ("regex_match(city, '^\\\\w+ .$')", Value::Bool(true)),
        ("city in ['a', 'Zürich 🏔']", Value::Bool(true)),
        ("raw == raw", Value::Bool(true)),
    ]);
}

#[test]
fn lists_may_be_empty() {
    gives(&[
        ("len(empty)", Value::Int64(0)),
        ("sum(empty)", Value::Int64(0)),
        ("sum(huge)", Value::Int64(i64::MAX)),
        ("contains(empty, 1)", Value::Bool(false)),
        ("contains(flags, true)", Value::Bool(true)),
        ("contains(days, leap)", Value::Bool(true)),
        ("contains(nans, nan)", Value::Bool(false)),
        ("get(flags, -1)", Value::Bool(true)),
        ("get(days, 0)", Value::Date("2024-02-29".parse().unwrap())),
        ("dot(empty, empty)", Value::Float64(0.0)),
        ("mean(nans)", Value::Float64(f64::NAN)),
        ("coalesce(empty, [1])", Value::List(ScalarType::Int64, vec![])),
        ("if(false, empty, [1, 2])", Value::List(ScalarType::Int64, vec![Value::Int64(1), Value::Int64(2)])),
    ]);
    is_null(&[
        ("get(empty, 0)", Nulls::default()),
        ("get(flags, least)", Nulls::default()),
        ("mean(empty)", division()),
        ("cosine(empty, empty)", division()),
        ("dot([1], empty)", domain()),
        ("sum(over)", overflow()),
        ("sum(opposite)", domain()),
        ("mean(opposite)", domain()),
    ]);
}

#[test]
fn casts_give_what_fits_or_null() {
    gives(&[
        ("cast(cast(0.1, 'string'), 'float64')", Value::Float64(0.1)),
        ("cast(-9.99, 'int64')", Value::Int64(-9)),
        ("cast(-9223372036854775808.0, 'int64')", Value::Int64(i64::MIN)),
        ("cast(yes, 'int64')", Value::Int64(1)),
        ("cast(1, 'bool')", Value::Bool(true)),
        ("cast(' true ', 'bool')", Value::Bool(true)),
        ("cast(tenth, 'float32') == tenth", Value::Bool(true)),
        ("cast(ascii, 'string')", Value::String("abc".into())),
        ("cast('abc', 'bytes')", Value::Bytes(b"abc".to_vec())),
        ("cast('2024-02-29T10:00:00+02:00', 'timestamp') == timestamp('2024-02-29T08:00:00Z')", Value::Bool(true)),
        ("cast(least, 'string')", Value::String(i64::MIN.to_string())),
        ("cast(nan, 'string')", Value::String("NaN".into())),
        ("cast(90m, 'string')", Value::String("90m".into())),
        ("cast(leap, 'string')", Value::String("2024-02-29".into())),
        ("cast(seen, 'string')", Value::String("1969-12-31T23:59:59.999999Z".into())),
    ]);
    is_null(&[
        ("cast(9223372036854775808.0, 'int64')", overflow()),
        ("cast(infinite, 'int64')", overflow()),
        ("cast(nan, 'int64')", domain()),
        ("cast(greatest, 'int32')", overflow()),
        ("cast(1e39, 'float32')", overflow()),
        ("cast(2, 'bool')", domain()),
        ("cast('yes', 'bool')", domain()),
        ("cast('1e3', 'int64')", domain()),
        ("cast('', 'float64')", domain()),
        ("cast('2023-02-29', 'date')", domain()),
        ("cast('1717243200', 'timestamp')", domain()),
        ("cast(raw, 'string')", domain()),
    ]);
}

#[test]
fn hashes_are_those_of_xxh3() {
    gives(&[
        // The test vector of the empty input, 0x2D06800538D394C2.
        ("hash('', 9223372036854775807)", Value::Int64(0x2D06_8005_38D3_94C2)),
        ("hash(small, 1)", Value::Int64(0)),
        ("hash(2, 1000) == hash(cast('2', 'int64'), 1000)", Value::Bool(true)),
        ("hash(yes, 1000) == hash(1, 1000)", Value::Bool(true)),
        ("hash('abc', 1000) == hash(ascii, 1000)", Value::Bool(true)),
    ]);
}

#[test]
fn buckets_count_the_bounds_at_or_below() {
    for (x, bucket) in [(17, 0), (18, 1), (24, 1), (25, 2), (35, 3), (36, 3), (i64::MIN, 0), (i64::MAX, 3)] {
        gives(&[(&format!("bucket({x}, [18, 25, 35])"), Value::Int64(bucket))]);
    }
    gives(&[("bucket(0.3, [0.1, 0.2, 0.3])", Value::Int64(3)), ("bucket(infinite, [0.1])", Value::Int64(1))]);
}

#[test]
fn a_long_list_of_values_is_searched() {
    let items: Vec<String> = (0..100).map(|item| (item * 2).to_string()).collect();
    let items = items.join(", ");
    gives(&[
        (&format!("42 in [{items}]"), Value::Bool(true)),
        (&format!("43 in [{items}]"), Value::Bool(false)),
        (&format!("43 not in [{items}]"), Value::Bool(true)),
        (&format!("42.0 in [{items}]"), Value::Bool(true)),
    ]);
    assert_eq!(value(&format!("none in [{items}]")), None);
}
