//! Partial results of aggregates out of stored bytes: refused, or as good as those that were folded.

use asofdb_aggregate::Partial;
use asofdb_expression::ColumnBuffer;
use asofdb_model::Bytes;
use asofdb_storage::{Aggregate, ErrorKind, PRECISIONS, ScalarType, Status, Value, ValueType};

use crate::values::{scalar, value, value_type};

/// Memory of a partial result beside what grows with its bytes.
const MEMORY_BYTES: usize = 4_096;
/// Memory for each byte that was read, at most: a value of no bytes has a place in a list and in a hash table.
const MEMORY_A_BYTE: usize = 64;
/// Rows that are folded after what was decoded.
const ROWS_MAX: usize = 6;

/// An aggregate, its type, some events, and two partial results of it one behind the other.
///
/// # Panics
/// Where a promise is broken.
pub fn fuzz_partial(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (aggregate, of) = aggregate(&mut bytes);
    let events = events(of, &mut bytes);
    let mut stored = bytes.rest();
    let first = decode(&aggregate, of, &mut stored);
    let second = decode(&aggregate, of, &mut stored);
    let mut whole = Partial::new(&aggregate, Some(of)).expect("the aggregate is of the type");
    for part in [&first, &second, &first, &second] {
        let was = encode(part);
        whole.merge(part);
        assert_eq!(encode(part), was, "what is merged into another stays as it is");
        check(&aggregate, of, &whole);
    }
    let mut itself = first.clone();
    itself.merge(&first);
    itself.fold(Some(&events.column()), 0..events.rows(), None);
    check(&aggregate, of, &itself);
}

/// Reads a partial result from the front of bytes that may be anything; an empty one, if they are none.
fn decode(aggregate: &Aggregate, of: ValueType, bytes: &mut &[u8]) -> Partial {
    let mut partial = Partial::new(aggregate, Some(of)).expect("the aggregate is of the type");
    let given = *bytes;
    let result = partial.decode(bytes);
    let (taken, held) = (given.len() - bytes.len(), partial.memory_bytes());
    assert!(held <= MEMORY_BYTES + MEMORY_A_BYTE * given.len(), "{held} bytes for {}", given.len());
    match result {
        Ok(()) => assert_eq!(encode(&partial).len(), taken, "a partial result has one form"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(partial.is_empty(), "what cannot be read is empty");
        }
    }
    check(aggregate, of, &partial);
    partial
}

/// Checks that a partial result can be stored and has a value, and that neither depends on how it came about.
fn check(aggregate: &Aggregate, of: ValueType, partial: &Partial) {
    let stored = encode(partial);
    let mut again = Partial::new(aggregate, Some(of)).expect("the aggregate is of the type");
    let mut rest = stored.as_slice();
    again.decode(&mut rest).expect("what was encoded can be read");
    assert_eq!((rest.len(), encode(&again)), (0, stored.clone()), "{aggregate} of {of} reads back as another");
    assert_eq!(finish(aggregate, of, &again), finish(aggregate, of, partial), "{aggregate} of {of} has another value");
    assert_eq!(again.is_empty(), partial.is_empty());
    assert_eq!(again.is_settled(), partial.is_settled());
    let empty = Partial::new(aggregate, Some(of)).expect("the aggregate is of the type");
    again.merge(&empty);
    assert_eq!(encode(&again), stored, "an empty part changes a bit");
    let mut copy = empty;
    copy.merge(partial);
    assert_eq!(encode(&copy), stored, "a part that is merged into nothing is another");
}

fn encode(partial: &Partial) -> Vec<u8> {
    let mut out = Vec::new();
    partial.encode(&mut out);
    out
}

/// The value as a row stores it, which is one of its type.
fn finish(aggregate: &Aggregate, of: ValueType, partial: &Partial) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let is_there = partial.finish(aggregate, &mut out);
    assert!(is_there || out.is_empty(), "null appends nothing");
    let ty = aggregate.value_type(Some(of)).expect("the aggregate is of the type");
    is_there.then(|| {
        Value::decode(ty, &out).expect("a value of the type");
        out
    })
}

/// An aggregate and a type that it takes: where the bytes say another one, whole numbers, of which all are.
fn aggregate(bytes: &mut Bytes<'_>) -> (Aggregate, ValueType) {
    let ty = value_type(bytes);
    let of_int64 = ScalarType::Int64;
    let item = match ty {
        ValueType::Scalar(item) => item,
        ValueType::List(_) => of_int64,
    };
    let aggregate = of_item(item, bytes);
    match aggregate.value_type(Some(ty)) {
        Ok(_) => (aggregate, ty),
        Err(_) if matches!(aggregate, Aggregate::CountOf { .. }) => {
            (Aggregate::CountOf { value: Value::Int64(7) }, ValueType::Scalar(of_int64))
        }
        Err(_) => (aggregate, ValueType::Scalar(of_int64)),
    }
}

fn of_item(item: ScalarType, bytes: &mut Bytes<'_>) -> Aggregate {
    let kind = bytes.byte() % 16;
    let (setting, flag) = (bytes.byte(), bytes.below(2) == 1);
    let k = u32::from(setting) + 1;
    match kind {
        0 => Aggregate::Count,
        1 => Aggregate::Sum,
        2 => Aggregate::Mean,
        3 => Aggregate::Min,
        4 => Aggregate::Max,
        5 => Aggregate::Variance { population: flag },
        6 => Aggregate::Stddev { population: flag },
        7 => Aggregate::First,
        8 => Aggregate::Last,
        9 => Aggregate::FirstK { k, distinct: flag },
        10 => Aggregate::LastK { k, distinct: flag },
        11 => Aggregate::Distinct { cap: k },
        12 => Aggregate::CountOf { value: scalar(item, bytes) },
        13 => Aggregate::Top { k, counts: flag },
        14 => {
            let precisions = PRECISIONS.end() - PRECISIONS.start() + 1;
            Aggregate::ApproxDistinct { precision: PRECISIONS.start() + setting % precisions }
        }
        _ => Aggregate::Quantile { q: f64::from(setting) / 255.0, error: if flag { 0.01 } else { 0.5 } },
    }
}

/// A few events, some of them null.
fn events(of: ValueType, bytes: &mut Bytes<'_>) -> ColumnBuffer {
    let mut column = ColumnBuffer::new(of);
    for _ in 0..bytes.below(ROWS_MAX + 1) {
        let given = (bytes.below(4) > 0).then(|| value(of, bytes));
        let status = if given.is_some() { Status::Present } else { Status::Null };
        column.push(given.as_ref(), status, None).expect("a value of the type");
    }
    column
}
