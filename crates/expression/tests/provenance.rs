//! Statuses, event times and counts of nulls: those of what a row has read, and of nothing else.

mod support;

use asofdb_expression::Nulls;
use asofdb_storage::{Status, Value};

use crate::support::{Given, NOW, evaluate, given};

const HOUR: i64 = 3_600_000_000;

fn row() -> Vec<Given> {
    let none = |name, status, age| Given { status, age, ..given(name, "int64", None) };
    vec![
        Given { age: Some(HOUR), ..given("one", "int64", Value::Int64(1)) },
        Given { age: Some(2 * HOUR), ..given("zero", "int64", Value::Int64(0)) },
        none("nil", Status::Null, Some(3 * HOUR)),
        none("expired", Status::Expired, Some(100 * HOUR)),
        none("missing", Status::Missing, None),
        Given { status: Status::Missing, age: None, ..given("default", "int64", Value::Int64(7)) },
        Given { age: Some(4 * HOUR), ..given("yes", "bool", Value::Bool(true)) },
    ]
}

/// Value, status, and the age of the oldest event in hours.
fn all(text: &str) -> (Option<i64>, Status, i64, u64) {
    let given = evaluate(text, &row());
    let value = given.value.map(|value| match value {
        Value::Int64(value) => value,
        Value::Bool(value) => i64::from(value),
        other => panic!("{other}"),
    });
    (value, given.status, (NOW - given.event) / HOUR, given.nulls.total())
}

#[test]
fn the_worst_status_of_what_was_read_is_that_of_a_null() {
    for (text, expected) in [
        ("one + zero", (Some(1), Status::Present, 2, 0)),
        ("one + nil", (None, Status::Null, 3, 0)),
        ("nil + expired", (None, Status::Expired, 100, 0)),
        ("expired + missing + nil", (None, Status::Missing, 100, 0)),
        ("missing + one", (None, Status::Missing, 1, 0)),
        ("missing", (None, Status::Missing, 0, 0)),
        ("one // zero", (None, Status::Null, 2, 1)),
        ("nil // zero", (None, Status::Null, 3, 0)),
        ("is_null(missing)", (Some(1), Status::Present, 0, 0)),
        ("1 + 1", (Some(2), Status::Present, 0, 0)),
        ("1 // 0", (None, Status::Null, 0, 1)),
    ] {
        assert_eq!(all(text), expected, "{text}");
    }
}

#[test]
fn a_branch_that_is_not_taken_is_not_read() {
    for (text, expected) in [
        ("if(yes, one, missing)", (Some(1), Status::Present, 4, 0)),
        ("if(yes, nil, missing)", (None, Status::Null, 4, 0)),
        ("if(not yes, nil, missing)", (None, Status::Missing, 4, 0)),
        ("if(nil > 1, one, expired)", (None, Status::Expired, 100, 0)),
        ("if(yes, one, one // zero)", (Some(1), Status::Present, 4, 0)),
        ("if(yes, one // zero, one)", (None, Status::Null, 4, 1)),
        ("case(nil > 1, missing, yes, expired, one)", (None, Status::Expired, 100, 0)),
        ("case(one == 1, nil, missing == 1, one)", (None, Status::Null, 3, 0)),
        ("case(one == 2, nil)", (None, Status::Null, 1, 0)),
        ("coalesce(one, missing)", (Some(1), Status::Present, 1, 0)),
        ("coalesce(missing, one)", (Some(1), Status::Present, 1, 0)),
        ("coalesce(nil, expired, one, missing)", (Some(1), Status::Present, 100, 0)),
        ("coalesce(nil, missing)", (None, Status::Missing, 3, 0)),
        ("coalesce(one, one // zero)", (Some(1), Status::Present, 1, 0)),
        ("one == 2 and missing == 1", (Some(0), Status::Present, 1, 0)),
        ("one == 1 and missing == 1", (None, Status::Missing, 1, 0)),
        ("missing == 1 and one == 2", (Some(0), Status::Present, 1, 0)),
        ("nil == 1 and expired == 1", (None, Status::Expired, 100, 0)),
        ("one == 1 or missing == 1", (Some(1), Status::Present, 1, 0)),
        ("one == 2 or missing == 1", (None, Status::Missing, 1, 0)),
        ("one == 1 or one // zero == 1", (Some(1), Status::Present, 1, 0)),
    ] {
        assert_eq!(all(text), expected, "{text}");
    }
}

#[test]
fn a_branch_within_a_branch_that_is_not_taken_counts_nothing() {
    for text in [
        "if(not yes, if(yes, one // zero, zero // zero), one)",
        "if(yes, one, coalesce(nil, one // zero))",
        "one == 1 or (yes and one // zero == 1)",
        "case(yes, one, one // zero == 1, one // zero, zero // zero)",
    ] {
        let (value, status, _, nulls) = all(text);
        assert_eq!((value, status, nulls), (Some(1), Status::Present, 0), "{text}");
    }
}

#[test]
fn a_default_is_a_value_and_its_status_still_says_why() {
    for (text, expected) in [
        ("default", (Some(7), Status::Present, 0, 0)),
        ("default + 1", (Some(8), Status::Present, 0, 0)),
        ("is_missing(default)", (Some(1), Status::Present, 0, 0)),
        ("cast(status(default) == 'missing' and is_null(age(default)), 'int64')", (Some(1), Status::Present, 0, 0)),
        ("default // zero", (None, Status::Missing, 2, 1)),
    ] {
        assert_eq!(all(text), expected, "{text}");
    }
}

#[test]
fn status_and_age_read_their_input() {
    for (text, expected) in [
        ("len(status(expired))", (Some(7), Status::Present, 100, 0)),
        ("age(zero) // 1h", (Some(2), Status::Present, 2, 0)),
        ("age(missing) // 1h", (None, Status::Missing, 0, 0)),
        ("if(is_missing(missing), one, zero)", (Some(1), Status::Present, 1, 0)),
        ("age(expired) // 1h", (Some(100), Status::Present, 100, 0)),
    ] {
        assert_eq!(all(text), expected, "{text}");
    }
}

#[test]
fn nulls_are_counted_by_reason() {
    let nulls = |text: &str| evaluate(text, &row()).nulls;
    assert_eq!(
        nulls("coalesce(one // zero, ln(zero), 9223372036854775807 + one)"),
        Nulls { overflow: 1, division: 1, domain: 1 }
    );
    assert_eq!(nulls("coalesce(one // zero, one // zero)"), Nulls { division: 2, ..Nulls::default() });
    assert_eq!(nulls("(one // zero) // zero"), Nulls { division: 1, ..Nulls::default() });
}
