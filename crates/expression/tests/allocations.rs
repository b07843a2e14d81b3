//! An evaluation allocates nothing, once its scratch has seen as many rows.
#![allow(unsafe_code, reason = "an allocator that counts can only be written with it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use asofdb_expression::{Batch, Column, ColumnBuffer, Expression, Name, Program, Scratch};
use asofdb_storage::{ScalarType, Status, Timestamp, Value, ValueType};

thread_local! {
    /// The number of allocations of this thread.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

fn count() {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call is handed to the system's allocator as it came, and what that gives is given back. The counter is
// a constant in thread-local memory without a destructor: counting allocates nothing and cannot panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `alloc`, which is that of the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` or `realloc` above, hence from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const INPUTS: [(&str, ValueType); 5] = [
    ("amount", ValueType::Scalar(ScalarType::Float64)),
    ("count", ValueType::Scalar(ScalarType::Int64)),
    ("city", ValueType::Scalar(ScalarType::String)),
    ("seen", ValueType::Scalar(ScalarType::Timestamp)),
    ("vector", ValueType::List(ScalarType::Float32)),
];

fn fill(buffers: &mut [(usize, ColumnBuffer)], rows: i64) {
    for (input, buffer) in buffers {
        buffer.clear();
        for row in 0..rows {
            let value = match input {
                0 => Value::Float64(row as f64),
                1 => Value::Int64(row % 7),
                2 => Value::String(format!("Zürich {row}")),
                3 => Value::Timestamp(Timestamp::from_micros(row)),
                _ => Value::List(ScalarType::Float32, vec![Value::Float32(row as f32); 9]),
            };
            let is_there = row % 5 != 0;
            let status = if is_there { Status::Present } else { Status::Missing };
            buffer
                .push(is_there.then_some(&value), status, is_there.then_some(Timestamp::EPOCH))
                .expect("a good value");
        }
    }
}

#[test]
fn an_evaluation_allocates_nothing_once_it_has_seen_as_many_rows() {
    let scope: BTreeMap<Name, ValueType> = INPUTS.map(|(name, ty)| (Name::new(name), ty)).into();
    for text in [
        "if(amount > 3, amount / count, ln(amount))",
        "case(count == 1, upper(city), count == 2, substr(city, -3), status(city))",
        "coalesce(cast(seen, 'string'), cast(cast(amount, 'int64'), 'string'))",
        "days_between(seen, now) + bucket(amount, [1, 2, 3]) + hash(city, 10) + len(city)",
        "dot(vector, vector) + cosine(vector, [1, 2, 3]) + get(vector, 2)",
        "if(count > 2, vector, coalesce(vector, [1.0]))",
        "contains(city, 'x') or city in ['a', 'b'] and not is_missing(city) or age(seen) > 1d",
    ] {
        let program = Program::compile(&Expression::parse(text).unwrap(), &scope).unwrap();
        let mut scratch = Scratch::new();
        for rows in [1_024, 1, 1_024, 300] {
            let place = |name: &Name| INPUTS.iter().position(|(each, _)| *each == name.name).unwrap();
            let inputs = program.inputs().iter().map(|input| (place(&input.name), ColumnBuffer::new(input.ty)));
            let mut buffers: Vec<(usize, ColumnBuffer)> = inputs.collect();
            fill(&mut buffers, rows);
            let columns: Vec<Column<'_>> = buffers.iter().map(|(_, buffer)| buffer.column()).collect();
            let now = vec![0; rows as usize];
            let batch = Batch { now: &now, columns: &columns };
            let mut allocations = [0; 2];
            for round in &mut allocations {
                let before = ALLOCATIONS.get();
                program.evaluate(&batch, &mut scratch).unwrap();
                program.test(&batch, &mut scratch).unwrap();
                *round = ALLOCATIONS.get() - before;
            }
            assert_eq!(allocations[1], 0, "{text}, {rows} rows");
        }
    }
}
