//! Expressions beside Arrow's kernels, over random columns with nulls: bit for bit, wherever a kernel means the same.
//!
//! Each case names the rows that are left out because the language means something else there by design:
//! - a comparison, a `min` and a `max` of floats with NaN or with zeros of both signs: Arrow has a total order, the
//!   language IEEE 754's;
//! - a division of floats by zero, and whatever makes a NaN of numbers: Arrow gives infinity or NaN, the language null;
//! - `//` and `%` of operands of unlike signs: Arrow cuts off, the language rounds down;
//! - `cast` of a whole number other than 0 and 1 to bool: Arrow says true, the language null;
//! - times that leave the years 1 to 9999: null in the language;
//! - `len` of text that is not ASCII: Arrow counts bytes, the language characters;
//! - floats as text that are very large or small, and times as text: other forms of the same.
//!
//! Arrow has no kernel for `upper`, `lower`, `trim`, `abs`, `round`, `floor`, `ceil`, `clip`, `bucket`, the functions
//! of real numbers, `hash`, and those of lists but `len`; `tests/random` has a naive walk for them.

#[path = "../random/random.rs"]
mod random;

mod cases;
mod columns;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use asofdb_expression::{Batch, Column, Computed, Expression, Outcome, Program, Scratch};

use cases::Case;
use columns::Columns;
use random::Random;

const ROWS: usize = 1_024;

#[test]
fn operations_give_the_same_bits_as_the_kernels_of_arrow() {
    let mut random = Random::new(11);
    let cases = cases::all();
    for _ in 0..4 {
        let columns = Columns::random(&mut random, ROWS);
        for case in &cases {
            compare(case, &columns);
        }
    }
}

fn compare(case: &Case, columns: &Columns) {
    let text = case.text;
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{}", error.render(text)));
    let program =
        Program::compile(&expression, &columns.scope()).unwrap_or_else(|error| panic!("{}", error.render(text)));
    let inputs: Vec<Column<'_>> = program.inputs().iter().map(|input| columns.column(&input.name)).collect();
    let mut scratch = Scratch::new();
    let batch = Batch { now: &[0; ROWS], columns: &inputs };
    let outcome = program.evaluate(&batch, &mut scratch).expect("columns of the program");
    let expected = expected(case, columns);
    let mut values = 0;
    for (row, wanted) in expected.iter().enumerate() {
        let (of_row, wanted) = (columns.row(row), wanted.as_ref());
        if (case.differs)(&of_row) || wanted.is_some_and(|wanted| (case.gives_another)(wanted)) {
            continue;
        }
        let found = found(&outcome, row);
        let wanted = wanted.and_then(bits);
        assert_eq!(found, wanted, "{text}, row {row}: {:?}", inputs_of(&program, &of_row));
        values += usize::from(wanted.is_some());
    }
    assert!(values >= ROWS / 32, "{text} compares {values} values of {ROWS} rows");
}

/// The value of each row as an array of one; `None` where the kernel refuses the row, as an overflow.
fn expected(case: &Case, columns: &Columns) -> Vec<Option<ArrayRef>> {
    let check = |array: ArrayRef| {
        assert_eq!(array.len(), 1, "{}", case.text);
        array
    };
    if let Ok(array) = (case.kernel)(columns) {
        return (0..ROWS).map(|row| Some(array.slice(row, 1))).collect();
    }
    let refused = |error: ArrowError| {
        let is_of_values =
            matches!(error, ArrowError::ArithmeticOverflow(_) | ArrowError::DivideByZero | ArrowError::ComputeError(_));
        assert!(is_of_values, "{}: {error}", case.text);
    };
    let row = |row: usize| (case.kernel)(&columns.row(row)).map(check).map_err(refused).ok();
    (0..ROWS).map(row).collect()
}

/// The bits of a value; text as its bytes.
#[derive(Debug, PartialEq)]
enum Bits {
    Number(u64),
    Text(Vec<u8>),
}

/// The bits of the one value of an array; `None`: null.
fn bits(array: &ArrayRef) -> Option<Bits> {
    if array.is_null(0) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Bits::Number(u64::from(array.as_boolean().value(0))),
        DataType::Int32 => Bits::Number(i64::from(array.as_primitive::<Int32Type>().value(0)) as u64),
        DataType::Date32 => Bits::Number(i64::from(array.as_primitive::<Date32Type>().value(0)) as u64),
        DataType::Int64 => Bits::Number(array.as_primitive::<Int64Type>().value(0) as u64),
        DataType::Timestamp(..) => Bits::Number(array.as_primitive::<TimestampMicrosecondType>().value(0) as u64),
        DataType::Duration(_) => Bits::Number(array.as_primitive::<DurationMicrosecondType>().value(0) as u64),
        DataType::Float32 => Bits::Number(f64::from(array.as_primitive::<Float32Type>().value(0)).to_bits()),
        DataType::Float64 => Bits::Number(array.as_primitive::<Float64Type>().value(0).to_bits()),
        DataType::Utf8 => Bits::Text(array.as_string::<i32>().value(0).as_bytes().to_vec()),
        DataType::Binary => Bits::Text(array.as_binary::<i32>().value(0).to_vec()),
        other => panic!("no kernel gives {other}"),
    })
}

/// The bits of the value of a row; `None`: null.
fn found(outcome: &Outcome<'_>, row: usize) -> Option<Bits> {
    outcome.valid[row].then(|| match outcome.values {
        Computed::Bool(values) => Bits::Number(u64::from(values[row])),
        Computed::Int(values) => Bits::Number(values[row] as u64),
        Computed::Float(values) => Bits::Number(values[row].to_bits()),
        Computed::Text { offsets, bytes } => {
            Bits::Text(bytes[offsets[row] as usize..offsets[row + 1] as usize].to_vec())
        }
        Computed::List { .. } => panic!("no case gives a list"),
    })
}

/// The inputs of a row, for people.
fn inputs_of(program: &Program, row: &Columns) -> Vec<ArrayRef> {
    let arrays = program.inputs().iter().map(|input| row.get(&input.name.name));
    arrays.map(|array| concat(&[array.as_ref()]).expect("one array")).collect()
}
