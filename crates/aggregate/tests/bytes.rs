//! The bytes of partial results: they are stored, so they stay; and any bytes are read or refused.

mod support;

use asofdb_aggregate::Partial;
use asofdb_storage::{Aggregate, ErrorKind, ScalarType, Value, ValueType};
use proptest::prelude::*;
use support::{Batch, Cell, cases, seeds, tree};

fn folded(aggregate: &Aggregate, ty: ValueType, events: &[Cell]) -> Partial {
    let batch = Batch::new(ty, events, false);
    let mut partial = Partial::new(aggregate, Some(ty)).unwrap();
    partial.fold(Some(&batch.column(0)), 0..batch.rows(), None);
    partial
}

fn bytes(partial: &Partial) -> Vec<u8> {
    let mut out = Vec::new();
    partial.encode(&mut out);
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden(aggregate: &Aggregate, events: &[Value]) -> String {
    let events: Vec<Cell> = events.iter().cloned().map(Some).collect();
    let ty = events[0].as_ref().unwrap().value_type();
    hex(&bytes(&folded(aggregate, ty, &events)))
}

#[test]
fn the_bytes_of_partial_results_stay() {
    let ints = [300, -2, 300].map(Value::Int64);
    let floats = [1.5, -0.25, 1000.0, 0.0].map(Value::Float64);
    let texts = ["food", "", "food"].map(|text| Value::String(text.into()));
    let list = [Value::List(ScalarType::Int32, vec![Value::Int32(1), Value::Int32(-1)])];
    let of = |value: Value| Aggregate::CountOf { value };
    let all = [
        golden(&Aggregate::Count, &floats),
        golden(&of(Value::Int64(300)), &ints),
        golden(&Aggregate::Sum, &ints),
        golden(&Aggregate::Sum, &[i64::MIN, i64::MIN].map(Value::Int64)),
        golden(&Aggregate::Mean, &floats),
        golden(&Aggregate::Variance { population: true }, &floats),
        golden(&Aggregate::Min, &ints),
        golden(&Aggregate::Max, &floats),
        golden(&Aggregate::Max, &[Value::Float32(0.5)]),
        golden(&Aggregate::Min, &[Value::Bool(true)]),
        golden(&Aggregate::Max, &texts),
        golden(&Aggregate::Last, &floats),
        golden(&Aggregate::First, &texts),
        golden(&Aggregate::First, &list),
        golden(&Aggregate::LastK { k: 2, distinct: false }, &ints),
        golden(&Aggregate::FirstK { k: 5, distinct: true }, &texts),
        golden(&Aggregate::Distinct { cap: 5 }, &texts),
        golden(&Aggregate::Top { k: 5, counts: true }, &texts),
        golden(&Aggregate::ApproxDistinct { precision: 12 }, &texts),
        golden(&Aggregate::ApproxDistinct { precision: 4 }, &(0..6).map(Value::Int64).collect::<Vec<_>>()),
        golden(&Aggregate::Quantile { q: 0.5, error: 0.01 }, &floats),
    ];
    let expected = [
        "04",
        "02",
        "03ac0900",
        "02ffffffffffffffffff0101",
        "0400000000004a8f40",
        "0400000000004a6f40000000d881de2641",
        "0103",
        "010000000000408f40",
        "010000003f",
        "0102",
        "0104666f6f64",
        "01000000000000f83f",
        "0104666f6f64",
        "010801000000ffffffff",
        "022c01000000000000feffffffffffffff",
        "0204666f6f6400",
        "0204666f6f6400",
        "000204666f6f64000201",
        "000284809ae802bdcaf710",
        "0100000500010000000100000002000000",
        "022a018a050101890101010000",
    ];
    assert_eq!(all.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn empty_ones_take_a_byte_or_a_few() {
    for (aggregate, ty) in cases() {
        let bytes = bytes(&Partial::new(&aggregate, Some(ty)).unwrap());
        assert!(bytes.len() <= 5 && bytes.iter().all(|byte| *byte == 0), "{aggregate}: {bytes:?}");
    }
}

/// Decodes bytes that may be anything: it is an error, or a partial result that can be used.
fn try_decode(aggregate: &Aggregate, ty: ValueType, bytes: &[u8]) {
    let mut partial = Partial::new(aggregate, Some(ty)).unwrap();
    let mut other = folded(aggregate, ty, &[]);
    let result = partial.decode(&mut &*bytes);
    assert!(partial.memory_bytes() <= 4_096 + 64 * bytes.len(), "{} of {}", partial.memory_bytes(), bytes.len());
    match result {
        Ok(()) => {
            partial.finish(aggregate, &mut Vec::new());
            other.merge(&partial);
            other.merge(&partial);
            other.finish(aggregate, &mut Vec::new());
            other.encode(&mut Vec::new());
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(partial.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_partial_result_or_corrupt(
        bytes in prop::collection::vec(any::<u8>(), 0..80), small in any::<bool>(),
    ) {
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if small { byte % 4 } else { byte }).collect();
        for (aggregate, ty) in cases() {
            try_decode(&aggregate, ty, &bytes);
        }
    }

    #[test]
    fn bytes_that_were_changed_or_cut_are_a_partial_result_or_corrupt(
        seeds in seeds(40), at in any::<prop::sample::Index>(), change in 1u8.., kind in 0u8..3,
    ) {
        for (aggregate, ty) in cases() {
            let events: Vec<_> = tree(ty, &seeds).into_iter().flatten().flatten().collect();
            let mut bytes = bytes(&folded(&aggregate, ty, &events));
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] ^= change,
                1 => bytes.truncate(at),
                _ => bytes[at] = 0xff,
            }
            try_decode(&aggregate, ty, &bytes);
        }
    }
}

#[test]
fn what_is_cut_short_is_corrupt() {
    for (aggregate, ty) in cases() {
        let events: Vec<Cell> =
            tree(ty, &[(255, 1 << 40, 255), (255, 3, 255)]).into_iter().flatten().flatten().collect();
        let bytes = bytes(&folded(&aggregate, ty, &events));
        for end in 0..bytes.len() {
            let mut partial = Partial::new(&aggregate, Some(ty)).unwrap();
            let error = partial.decode(&mut &bytes[..end]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{aggregate} of {ty}");
        }
    }
}

#[test]
fn a_count_beyond_64_bits_is_stored_and_read_again() {
    let of = ValueType::Scalar(ScalarType::Int64);
    let part = |sum: &[u8]| {
        let mut partial = Partial::new(&Aggregate::Sum, Some(of)).unwrap();
        let count = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        partial.decode(&mut [&count, sum].concat().as_slice()).unwrap();
        partial
    };
    // Sums of 2^127 - 2^64 and of 2^64 - 1, each of as many numbers as can be counted.
    let mut whole = part(&[0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    whole.merge(&part(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1]));
    let stored = bytes(&whole);
    let mut again = Partial::new(&Aggregate::Sum, Some(of)).unwrap();
    again.decode(&mut stored.as_slice()).unwrap();
    assert_eq!(hex(&bytes(&again)), hex(&stored));
    assert!(!again.finish(&Aggregate::Sum, &mut Vec::new()), "it is beyond an int64");
}
