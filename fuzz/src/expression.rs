//! Expressions: any text is read or refused, reads the same again as it is printed, and what has types is evaluated
//! without a panic, for one row as for several.

use std::collections::BTreeMap;

use asofdb_expression::{Batch, Column, ColumnBuffer, Computed, Expression, Name, Program, Scope, Scratch};
use asofdb_storage::{ScalarType, Status, Timestamp, Value, ValueType};

const NOW: Timestamp = Timestamp::from_micros(1_717_243_200_000_000);
const ROWS: usize = 9;

/// Reads bytes as an expression over a few inputs, and evaluates it.
///
/// # Panics
/// Where a promise is broken.
pub fn fuzz_expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => return drop(error.render(text)),
    };
    let again = Expression::parse(&expression.tree().to_string()).expect("what is printed can be read");
    assert_eq!(again.tree().to_string(), expression.tree().to_string());
    let scope = Inputs;
    let program = match Program::compile(&expression, &scope) {
        Ok(program) => program,
        Err(error) => return drop(error.render(text)),
    };
    let _ = program.explain().to_string();
    let buffers: Vec<_> = program.inputs().iter().map(|input| column(&input.name, input.ty)).collect();
    let columns: Vec<_> = buffers.iter().map(ColumnBuffer::column).collect();
    let together = rows(&program, &columns, ROWS);
    for (row, expected) in together.iter().enumerate() {
        let buffers: Vec<_> = program.inputs().iter().map(|input| one(&input.name, input.ty, row)).collect();
        let columns: Vec<_> = buffers.iter().map(ColumnBuffer::column).collect();
        assert_eq!(&rows(&program, &columns, 1)[0], expected, "{text}: row {row} alone is another than among {ROWS}");
    }
}

/// The value, the status and the event time of each row, as text that tells every bit.
fn rows(program: &Program, columns: &[Column<'_>], count: usize) -> Vec<String> {
    let now = vec![NOW.as_micros(); count];
    let mut scratch = Scratch::new();
    let outcome = program.evaluate(&Batch { now: &now, columns }, &mut scratch).expect("columns of the program");
    let value = |row: usize| match outcome.values {
        _ if !outcome.valid[row] => "null".to_owned(),
        Computed::Float(values) => format!("{:x}", values[row].to_bits()),
        Computed::Int(values) => values[row].to_string(),
        _ => format!("{:?}", program.value_type().and_then(|ty| outcome.value(row, ty))),
    };
    let told = |row: usize| format!("{} {:?} {}", value(row), outcome.statuses[row], outcome.events[row]);
    (0..count).map(told).collect()
}

/// The inputs: their names say their types.
struct Inputs;

const INPUTS: [(&str, &str); 9] = [
    ("v:i", "int64"),
    ("v:n", "int32"),
    ("v:f", "float64"),
    ("v:b", "bool"),
    ("v:s", "string"),
    ("v:t", "timestamp"),
    ("v:l", "list<float32>"),
    ("v:w", "list<string>"),
    ("amount", "float64"),
];

impl Scope for Inputs {
    fn resolve(&self, name: &Name) -> Option<ValueType> {
        let found = INPUTS.iter().find(|(known, _)| *known == name.reference());
        found.and_then(|(_, ty)| ty.parse().ok())
    }

    fn known(&self) -> Vec<Name> {
        let names: BTreeMap<Name, ()> = INPUTS.iter().map(|(name, _)| (Name::new(name), ())).collect();
        names.into_keys().collect()
    }
}

fn column(name: &Name, ty: ValueType) -> ColumnBuffer {
    let mut column = ColumnBuffer::new(ty);
    (0..ROWS).for_each(|row| push(&mut column, name, ty, row));
    column
}

fn one(name: &Name, ty: ValueType, row: usize) -> ColumnBuffer {
    let mut column = ColumnBuffer::new(ty);
    push(&mut column, name, ty, row);
    column
}

/// Adds the value of a row: of every status, and at the ends of its type.
fn push(column: &mut ColumnBuffer, name: &Name, ty: ValueType, row: usize) {
    let number = row as i64 - 4 + name.name.len() as i64;
    let status = [Status::Present, Status::Null, Status::Missing, Status::Expired][(row + name.name.len()) / 3 % 4];
    let value = match ty {
        ValueType::Scalar(ScalarType::Int64) => Value::Int64(if row == 7 { i64::MIN } else { number }),
        ValueType::Scalar(ScalarType::Int32) => Value::Int32(number as i32),
        ValueType::Scalar(ScalarType::Bool) => Value::Bool(number % 2 == 0),
        ValueType::Scalar(ScalarType::String) => Value::String("zürich".chars().take(row).collect()),
        ValueType::Scalar(ScalarType::Timestamp) => Value::Timestamp(Timestamp::from_micros(number * 86_400_000_000)),
        ValueType::Scalar(_) => Value::Float64(if row == 5 { f64::NAN } else { number as f64 / 2.0 }),
        ValueType::List(ScalarType::String) => {
            Value::List(ScalarType::String, vec![Value::String("a".to_owned()); row % 3])
        }
        ValueType::List(item) => Value::List(item, vec![Value::Float32(number as f32); row % 4]),
    };
    let value = (status == Status::Present).then_some(value);
    column.push(value.as_ref(), status, Some(NOW)).expect("a value of the type");
}
