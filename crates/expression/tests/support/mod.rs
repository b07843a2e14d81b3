//! Rows and results for tests, as plain values.

use std::collections::BTreeMap;

use asofdb_expression::{Batch, Column, ColumnBuffer, Expression, Name, Nulls, Program, Scratch};
use asofdb_storage::{Status, Timestamp, Value, ValueType};

/// The time of all rows.
pub const NOW: i64 = 1_717_243_200_000_000;

/// An input with its value in one row.
pub struct Given {
    pub name: &'static str,
    pub ty: &'static str,
    pub value: Option<Value>,
    pub status: Status,
    /// Microseconds from the event to [`NOW`]; `None`: there was no event.
    pub age: Option<i64>,
}

/// An input that is present, an hour old.
pub fn given(name: &'static str, ty: &'static str, value: impl Into<Option<Value>>) -> Given {
    let value = value.into();
    let status = if value.is_some() { Status::Present } else { Status::Null };
    Given { name, ty, value, status, age: Some(3_600_000_000) }
}

/// The outcome of an expression for one row.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub value: Option<Value>,
    pub status: Status,
    pub event: i64,
    pub nulls: Nulls,
}

pub fn program(text: &str, row: &[Given]) -> Program {
    let types = row.iter().map(|given| (Name::new(given.name), given.ty.parse().expect("a type")));
    let scope: BTreeMap<Name, ValueType> = types.collect();
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{}", error.render(text)));
    Program::compile(&expression, &scope).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

pub fn evaluate(text: &str, row: &[Given]) -> Row {
    let program = program(text, row);
    let buffer = |name: String| {
        let given = row.iter().find(|given| given.name == name).expect("an input");
        let mut buffer = ColumnBuffer::new(given.ty.parse().expect("a type"));
        let event = given.age.map(|age| Timestamp::from_micros(NOW - age));
        buffer.push(given.value.as_ref(), given.status, event).expect("a good value");
        buffer
    };
    let buffers: Vec<ColumnBuffer> = program.inputs().iter().map(|input| buffer(input.name.reference())).collect();
    let columns: Vec<Column<'_>> = buffers.iter().map(ColumnBuffer::column).collect();
    let mut scratch = Scratch::new();
    let outcome = program.evaluate(&Batch { now: &[NOW], columns: &columns }, &mut scratch).expect("a good batch");
    let value = program.value_type().and_then(|ty| outcome.value(0, ty));
    Row { value, status: outcome.statuses[0], event: outcome.events[0], nulls: outcome.nulls }
}
