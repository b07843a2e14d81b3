//! The rule of each aggregate, with values.

mod support;

use asofdb_aggregate::{Partial, Shape, has_tiles};
use asofdb_expression::{Column, Values};
use asofdb_storage::{Aggregate, DISTINCT_MAX, Date, ErrorKind, ScalarType, Timestamp, Value, ValueType};
use support::{Batch, Cell, Cuts, finish};

/// The value over events, newest first.
fn over(aggregate: &Aggregate, ty: ValueType, events: &[Cell]) -> Option<Value> {
    let batch = Batch::new(ty, events, false);
    let mut partial = Partial::new(aggregate, Some(ty)).unwrap();
    partial.fold(Some(&batch.column(0)), 0..batch.rows(), None);
    value(&partial, aggregate, ty)
}

fn value(partial: &Partial, aggregate: &Aggregate, ty: ValueType) -> Option<Value> {
    finish(partial, aggregate).map(|stored| Value::decode(aggregate.value_type(Some(ty)).unwrap(), &stored).unwrap())
}

fn ints(aggregate: &Aggregate, events: &[i64]) -> Option<Value> {
    let events: Vec<Cell> = events.iter().map(|event| Some(Value::Int64(*event))).collect();
    over(aggregate, ValueType::Scalar(ScalarType::Int64), &events)
}

/// The float over floats.
fn floats(aggregate: &Aggregate, events: &[f64]) -> Option<f64> {
    let events: Vec<Cell> = events.iter().map(|event| Some(Value::Float64(*event))).collect();
    match over(aggregate, ValueType::Scalar(ScalarType::Float64), &events) {
        Some(Value::Float64(value)) => Some(value),
        None => None,
        other => panic!("{other:?} is a float"),
    }
}

fn texts(aggregate: &Aggregate, events: &[&str]) -> Option<Value> {
    let events: Vec<Cell> = events.iter().map(|event| Some(Value::String((*event).into()))).collect();
    over(aggregate, ValueType::Scalar(ScalarType::String), &events)
}

fn text_list(texts: &[&str]) -> Option<Value> {
    Some(Value::List(ScalarType::String, texts.iter().map(|text| Value::String((*text).into())).collect()))
}

fn int_list(ints: &[i64]) -> Option<Value> {
    Some(Value::List(ScalarType::Int64, ints.iter().copied().map(Value::Int64).collect()))
}

const INF: f64 = f64::INFINITY;

#[test]
fn a_count_is_of_rows_or_of_values() {
    let mut rows = Partial::new(&Aggregate::Count, None).unwrap();
    rows.fold(None, 1..4, Some(&[true, true, false, true, true]));
    assert_eq!(finish(&rows, &Aggregate::Count).unwrap(), 2i64.to_le_bytes());
    let float = ValueType::Scalar(ScalarType::Float64);
    let events = [Some(Value::Float64(1.0)), None, Some(Value::Float64(f64::NAN)), Some(Value::Float64(INF))];
    assert_eq!(over(&Aggregate::Count, float, &events), Some(Value::Int64(2)));
    let list = ValueType::List(ScalarType::Bool);
    assert_eq!(
        over(&Aggregate::Count, list, &[Some(Value::List(ScalarType::Bool, vec![])), None]),
        Some(Value::Int64(1))
    );
}

#[test]
fn a_sum_of_whole_numbers_is_exact_and_beyond_its_type_null() {
    assert_eq!(ints(&Aggregate::Sum, &[]), Some(Value::Int64(0)));
    assert_eq!(ints(&Aggregate::Sum, &[i64::MAX, 1]), None);
    assert_eq!(ints(&Aggregate::Sum, &[i64::MAX, 5, i64::MAX, -5, i64::MIN]), Some(Value::Int64(i64::MAX - 1)));
    assert_eq!(ints(&Aggregate::Sum, &[i64::MIN, -1]), None);
    assert_eq!(ints(&Aggregate::Mean, &[i64::MAX, i64::MAX]), Some(Value::Float64(9_223_372_036_854_775_807.0)));
    assert_eq!(ints(&Aggregate::Mean, &[1, 2]), Some(Value::Float64(1.5)));
}

#[test]
fn a_sum_of_floats_is_in_their_order_and_keeps_the_sign_of_zero() {
    let bits = |events: &[f64]| floats(&Aggregate::Sum, events).map(f64::to_bits);
    assert_eq!(bits(&[]), Some(0.0f64.to_bits()));
    assert_eq!(bits(&[-0.0, -0.0]), Some((-0.0f64).to_bits()));
    assert_eq!(bits(&[-0.0, 0.0]), Some(0.0f64.to_bits()));
    assert_eq!(bits(&[1e16, 1.0, -1e16]), Some(0.0f64.to_bits()));
    assert_eq!(bits(&[1e16, -1e16, 1.0]), Some(1.0f64.to_bits()));
    assert_eq!(floats(&Aggregate::Sum, &[INF, 1.0]), Some(INF));
    assert_eq!(floats(&Aggregate::Sum, &[INF, -INF, 1.0]), None);
    assert_eq!(floats(&Aggregate::Sum, &[f64::NAN]), Some(0.0));
    assert_eq!(floats(&Aggregate::Mean, &[INF, -INF]), None);
    assert_eq!(floats(&Aggregate::Mean, &[f64::NAN, 0.5, 1.0]), Some(0.75));
}

#[test]
fn a_variance_does_not_cancel_and_needs_two_values_of_a_sample() {
    let (population, sample) = (Aggregate::Variance { population: true }, Aggregate::Variance { population: false });
    let numbers = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    assert_eq!(floats(&population, &numbers), Some(4.0));
    assert_eq!(floats(&Aggregate::Stddev { population: true }, &numbers), Some(2.0));
    assert!((floats(&sample, &numbers).unwrap() - 32.0 / 7.0).abs() < 1e-15);
    assert_eq!(floats(&sample, &[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]), Some(30.0));
    assert_eq!((floats(&sample, &[3.0]), floats(&population, &[3.0])), (None, Some(0.0)));
    assert_eq!((floats(&population, &[]), floats(&population, &[INF])), (None, None));
    assert_eq!(floats(&population, &[0.1; 5]), Some(0.0));
}

#[test]
fn a_variance_beyond_the_floats_is_null_and_can_be_stored() {
    let ty = Some(ValueType::Scalar(ScalarType::Float64));
    for population in [true, false] {
        let variance = Aggregate::Variance { population };
        // The deviations overflow, with either sign.
        for numbers in [&[1.7e308, -1.7e308][..], &[1.7e308, -1.7e308, 1.7e308], &[-1.0, f64::MAX, f64::MIN, 0.0]] {
            let mut partial = Partial::new(&variance, ty).unwrap();
            partial.fold(Some(&Column::new(Values::Float64(numbers))), 0..numbers.len(), None);
            let (mut bytes, mut again) = (Vec::new(), Partial::new(&variance, ty).unwrap());
            partial.encode(&mut bytes);
            again.decode(&mut bytes.as_slice()).unwrap();
            for partial in [&partial, &again] {
                assert!(!partial.finish(&variance, &mut Vec::new()), "{numbers:?}");
            }
        }
    }
}

#[test]
fn values_of_nothing_are_zero_empty_or_null() {
    let int = ValueType::Scalar(ScalarType::Int64);
    for (aggregate, ty) in support::cases() {
        let value = over(&aggregate, ty, &[None, None]);
        assert_eq!(value, over(&aggregate, ty, &[]), "{aggregate}");
        let expected = match &aggregate {
            Aggregate::Count | Aggregate::Distinct { .. } | Aggregate::CountOf { .. } => Some(Value::Int64(0)),
            Aggregate::ApproxDistinct { .. } => Some(Value::Int64(0)),
            Aggregate::Sum if aggregate.value_type(Some(ty)).unwrap() == int => Some(Value::Int64(0)),
            Aggregate::Sum => Some(Value::Float64(0.0)),
            Aggregate::FirstK { .. } | Aggregate::LastK { .. } | Aggregate::Top { .. } => {
                let ValueType::List(item) = aggregate.value_type(Some(ty)).unwrap() else { panic!("a list") };
                Some(Value::List(item, vec![]))
            }
            _ => None,
        };
        assert_eq!(value, expected, "{aggregate} of {ty}");
    }
}

#[test]
fn extremes_are_by_the_order_of_the_type() {
    let bits = |aggregate: &Aggregate, events: &[f64]| floats(aggregate, events).map(f64::to_bits);
    assert_eq!(bits(&Aggregate::Min, &[0.0, -0.0, 0.0]), Some((-0.0f64).to_bits()));
    assert_eq!(bits(&Aggregate::Max, &[-0.0, 0.0, -0.0]), Some(0.0f64.to_bits()));
    assert_eq!(floats(&Aggregate::Max, &[f64::NAN, -INF]), Some(-INF));
    assert_eq!(ints(&Aggregate::Min, &[i64::MAX]), Some(Value::Int64(i64::MAX)));
    assert_eq!(ints(&Aggregate::Max, &[i64::MIN]), Some(Value::Int64(i64::MIN)));
    assert_eq!(texts(&Aggregate::Min, &["b", "a", "é"]), Some(Value::String("a".into())));
    assert_eq!(texts(&Aggregate::Max, &["b", "a", "é"]), Some(Value::String("é".into())));
    assert_eq!(texts(&Aggregate::Min, &["b", "", "a"]), Some(Value::String(String::new())));
    let over = |aggregate, events: &[Value]| {
        over(&aggregate, events[0].value_type(), &events.iter().cloned().map(Some).collect::<Vec<_>>())
    };
    assert_eq!(over(Aggregate::Max, &[Value::Bool(false), Value::Bool(true)]), Some(Value::Bool(true)));
    let times = [-5, 3].map(|time| Value::Timestamp(Timestamp::from_micros(time)));
    assert_eq!(over(Aggregate::Min, &times), Some(times[0].clone()));
    assert_eq!(over(Aggregate::Max, &[Date::MIN, Date::MAX].map(Value::Date)), Some(Value::Date(Date::MAX)));
    assert_eq!(over(Aggregate::Min, &[f32::MAX, -1.5].map(Value::Float32)), Some(Value::Float32(-1.5)));
}

#[test]
fn first_is_the_oldest_and_last_the_newest_that_has_a_value() {
    let float = ValueType::Scalar(ScalarType::Float64);
    let events = [None, Some(Value::Float64(f64::NAN)), Some(Value::Float64(2.0)), Some(Value::Float64(1.0)), None];
    assert_eq!(over(&Aggregate::Last, float, &events), Some(Value::Float64(2.0)));
    assert_eq!(over(&Aggregate::First, float, &events), Some(Value::Float64(1.0)));
    let list = |texts: &[&str]| text_list(texts);
    let events = [list(&["new", ""]), list(&[]), list(&["old"])];
    assert_eq!(over(&Aggregate::Last, ValueType::List(ScalarType::String), &events), events[0]);
    assert_eq!(over(&Aggregate::First, ValueType::List(ScalarType::String), &events), events[2]);
}

#[test]
fn lists_of_first_values_are_oldest_first_and_of_last_values_newest_first() {
    let newest_first = ["c", "a", "c", "b", "a"];
    let list = |first: bool, k, distinct| match first {
        true => texts(&Aggregate::FirstK { k, distinct }, &newest_first),
        false => texts(&Aggregate::LastK { k, distinct }, &newest_first),
    };
    assert_eq!(list(true, 3, false), text_list(&["a", "b", "c"]));
    assert_eq!(list(false, 3, false), text_list(&["c", "a", "c"]));
    assert_eq!(list(true, 9, false), text_list(&["a", "b", "c", "a", "c"]));
    assert_eq!(list(true, 9, true), text_list(&["a", "b", "c"]));
    assert_eq!(list(false, 9, true), text_list(&["c", "a", "b"]));
    assert_eq!(list(false, 2, true), text_list(&["c", "a"]));
    let zeros = [0.0, -0.0, 0.0].map(|zero| Some(Value::Float64(zero)));
    let last = over(&Aggregate::LastK { k: 5, distinct: true }, ValueType::Scalar(ScalarType::Float64), &zeros);
    assert_eq!(format!("{}", last.unwrap()), "[0, -0]", "-0.0 and 0.0 are two");
}

#[test]
fn counts_of_values_are_exact_and_ordered() {
    assert_eq!(texts(&Aggregate::Distinct { cap: 9 }, &["a", "b", "a"]), Some(Value::Int64(2)));
    assert_eq!(ints(&Aggregate::Distinct { cap: 2 }, &[1, 2, 3]), Some(Value::Int64(2)));
    let food = Aggregate::CountOf { value: Value::String("food".into()) };
    assert_eq!(texts(&food, &["food", "toys", "food", "foo"]), Some(Value::Int64(2)));
    let minus_one = Aggregate::CountOf { value: Value::Int64(-1) };
    assert_eq!(ints(&minus_one, &[-1, 1, i64::MAX]), Some(Value::Int64(1)));
    let top = |k| Aggregate::Top { k, counts: false };
    assert_eq!(ints(&top(2), &[5, -7, 3, 5, 3, -7, 9]), int_list(&[-7, 3]));
    assert_eq!(ints(&Aggregate::Top { k: 4, counts: true }, &[5, -7, 3, 5, 3, -7, 9]), int_list(&[2, 2, 2, 1]));
    assert_eq!(texts(&top(2), &["b", "a", "c", "c"]), text_list(&["c", "a"]));
}

#[test]
fn the_most_frequent_of_too_many_values_is_null_wherever_they_are_cut() {
    let aggregate = Aggregate::Top { k: 1, counts: false };
    let of = ValueType::Scalar(ScalarType::Int32);
    let numbers: Vec<i32> = (0..=DISTINCT_MAX as i32).collect();
    let column = Column::new(Values::Int32(&numbers));
    let part = |rows| {
        let mut part = Partial::new(&aggregate, Some(of)).unwrap();
        part.fold(Some(&column), rows, None);
        part
    };
    let (all, most) = (DISTINCT_MAX as usize + 1, DISTINCT_MAX as usize);
    let least = Some(Value::List(ScalarType::Int32, vec![Value::Int32(0)]));
    assert_eq!(value(&part(0..most), &aggregate, of), least);
    assert_eq!(value(&part(0..all), &aggregate, of), None);
    for cut in [1, 50_000, most] {
        let mut merged = part(0..cut);
        merged.merge(&part(cut..all));
        assert_eq!(value(&merged, &aggregate, of), None);
        merged.merge(&part(0..1));
        assert_eq!(value(&merged, &aggregate, of), None, "and it stays so");
        assert!(merged.memory_bytes() < 8 << 20, "{}", merged.memory_bytes());
        merged.clear();
        assert!(merged.is_empty());
    }
}

#[test]
fn an_approximate_count_of_few_is_exact_and_of_many_near() {
    for (precision, standard_error) in [(10u8, 0.0325), (12, 0.01625), (14, 0.008_125)] {
        let aggregate = Aggregate::ApproxDistinct { precision };
        for number in [1i64, 100, 250, 2_000, 20_000, 200_000] {
            let numbers: Vec<i64> = (0..number).chain(0..number / 2).collect();
            let Some(Value::Int64(count)) = ints(&aggregate, &numbers) else { panic!("a count") };
            let exact_to = 1i64 << (precision - 2);
            let off = if number <= exact_to { 0.0 } else { 3.0 * standard_error * number as f64 };
            assert!((count - number).abs() as f64 <= off, "{count}, not {number}, at {precision}");
        }
    }
}

#[test]
fn a_quantile_is_the_value_of_its_rank_within_the_error() {
    let quantile = |q, error, events: &[f64]| floats(&Aggregate::Quantile { q, error }, events);
    assert_eq!(quantile(0.5, 0.01, &[]), None);
    assert_eq!(quantile(0.0, 0.01, &[INF, -INF, 1.0]), Some(-INF));
    assert_eq!(quantile(1.0, 0.01, &[INF, -INF, 1.0]), Some(INF));
    assert_eq!(quantile(0.5, 0.01, &[0.0, -0.0, 5e-324, -3.0, 3.0]), Some(0.0));
    assert!((quantile(0.5, 0.01, &[10.0, 20.0, 30.0, 40.0]).unwrap() - 20.0).abs() <= 0.2, "the rank is rounded down");
    for error in [0.001, 0.01, 0.2, 0.5] {
        let mut random = Cuts(7);
        let mut numbers: Vec<f64> = (0..2_000)
            .map(|_| f64::from_bits(random.next() << 11 ^ random.next()))
            .filter(|number| number.is_finite() && number.abs() >= f64::MIN_POSITIVE)
            .collect();
        numbers.extend([f64::MAX, f64::MIN, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 1.0, 1.0 + error]);
        let last = (numbers.len() - 1) as f64;
        let aggregate = Aggregate::Quantile { q: 0.5, error };
        let mut partial = Partial::new(&aggregate, Some(ValueType::Scalar(ScalarType::Float64))).unwrap();
        partial.fold(Some(&Column::new(Values::Float64(&numbers))), 0..numbers.len(), None);
        numbers.sort_by(f64::total_cmp);
        for rank in 0..numbers.len() {
            let q = (rank as f64 / last).min(1.0);
            let exact = numbers[(q * last) as usize];
            let stored = finish(&partial, &Aggregate::Quantile { q, error }).unwrap();
            let value = f64::from_le_bytes(stored.try_into().unwrap());
            assert!((value - exact).abs() <= error * exact.abs(), "{value}, not {exact}, at {error}");
        }
    }
}

#[test]
fn partial_results_that_may_be_large_are_not_stored() {
    let large = |aggregate: &Aggregate| !has_tiles(aggregate);
    let names: Vec<_> = support::aggregates().iter().filter(|one| large(one)).map(Aggregate::name).collect();
    assert!(names.iter().all(|name| ["first_k", "last_k", "distinct", "count_by"].contains(name)), "{names:?}");
    assert!(large(&Aggregate::Top { k: 1, counts: true }));
    assert!(!large(&Aggregate::CountOf { value: Value::Bool(true) }));
    assert!(!large(&Aggregate::ApproxDistinct { precision: 12 }));
    assert!(!large(&Aggregate::Quantile { q: 0.5, error: 0.01 }));
    let by = |error, q| Shape::of(&Aggregate::Quantile { q, error });
    assert_eq!(by(0.01, 0.5), by(0.01, 0.9));
    assert_ne!(by(0.01, 0.5), by(0.02, 0.5));
}

#[test]
fn small_partial_results_are_small_and_columns_are_checked() {
    assert!(size_of::<Partial>() <= 48, "{}", size_of::<Partial>());
    let error = Partial::new(&Aggregate::Sum, Some(ValueType::Scalar(ScalarType::Date))).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "sum is of numbers: got date"));
    assert_eq!(Partial::new(&Aggregate::Last, None).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
#[should_panic(expected = "a column of the type that it was made for")]
fn another_column_than_announced_gives_no_answer() {
    let mut sum = Partial::new(&Aggregate::Sum, Some(ValueType::Scalar(ScalarType::Float64))).unwrap();
    sum.fold(Some(&Column::new(Values::Int64(&[1]))), 0..1, None);
}

#[test]
#[should_panic(expected = "of one shape")]
fn another_aggregate_than_announced_gives_no_answer() {
    let sum = Partial::new(&Aggregate::Sum, Some(ValueType::Scalar(ScalarType::Float64))).unwrap();
    sum.finish(&Aggregate::Max, &mut Vec::new());
}
