//! Values do not depend on how a window was cut, and are what simple code gives.

mod support;

use asofdb_aggregate::{Partial, Shape};
use asofdb_model::expected;
use asofdb_storage::{Aggregate, ScalarType, Value, ValueType};
use proptest::prelude::*;
use support::{Batch, Cuts, cases, cut, finish, plain, seeds, tree};

fn decode(aggregate: &Aggregate, ty: ValueType, stored: Option<Vec<u8>>) -> Option<Value> {
    stored.map(|stored| Value::decode(aggregate.value_type(Some(ty)).unwrap(), &stored).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn values_are_the_same_bits_however_a_window_is_cut_and_stored(seeds in seeds(90), cuts in any::<u64>()) {
        for (aggregate, ty) in cases() {
            let tree = tree(ty, &seeds);
            let whole = plain(&aggregate, ty, &tree);
            prop_assert_eq!(&cut(&aggregate, ty, &tree, cuts), &whole, "{} of {}", aggregate, ty);
        }
    }

    #[test]
    fn values_are_those_of_simple_code(seeds in seeds(90)) {
        for (aggregate, ty) in cases() {
            let tree = tree(ty, &seeds);
            let stored = plain(&aggregate, ty, &tree);
            let found = decode(&aggregate, ty, stored);
            let expected = expected(&aggregate, ty, &[tree]);
            prop_assert!(expected.is_met_by(found.as_ref()), "{aggregate} of {ty}: {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn what_is_settled_is_changed_by_no_older_event(seeds in seeds(60)) {
        for (aggregate, ty) in cases() {
            let events: Vec<_> = tree(ty, &seeds).into_iter().flatten().flatten().collect();
            let batch = Batch::new(ty, &events, false);
            let mut partial = Partial::new(&aggregate, Some(ty)).unwrap();
            let mut settled = None;
            for row in 0..batch.rows() {
                partial.fold(Some(&batch.column(0)), row..row + 1, None);
                if partial.is_settled() {
                    let value = finish(&partial, &aggregate);
                    prop_assert_eq!(settled.get_or_insert_with(|| value.clone()), &value, "{} of {}", aggregate, ty);
                }
            }
            if matches!(aggregate, Aggregate::Last) {
                prop_assert_eq!(settled.is_some(), !partial.is_empty());
            }
        }
    }

    #[test]
    fn an_empty_part_on_either_side_changes_no_bit(seeds in seeds(30)) {
        for (aggregate, ty) in cases() {
            let events: Vec<_> = tree(ty, &seeds).into_iter().flatten().flatten().collect();
            let batch = Batch::new(ty, &events, false);
            let empty = Partial::new(&aggregate, Some(ty)).unwrap();
            let mut one = empty.clone();
            one.fold(Some(&batch.column(0)), 0..batch.rows(), None);
            let (mut before, mut after) = (empty.clone(), one.clone());
            before.merge(&one);
            after.merge(&empty);
            let bytes = |partial: &Partial| {
                let mut out = Vec::new();
                partial.encode(&mut out);
                out
            };
            prop_assert_eq!(bytes(&before), bytes(&one));
            prop_assert_eq!(bytes(&after), bytes(&one));
            prop_assert_eq!(finish(&before, &aggregate), finish(&one, &aggregate));
        }
    }
}

#[test]
fn an_approximate_count_is_the_same_in_200_decompositions() {
    for (precision, number) in [(12u8, 10u64), (12, 1_000), (12, 1_100), (12, 20_000), (4, 50), (16, 20_000)] {
        let aggregate = Aggregate::ApproxDistinct { precision };
        let of = ValueType::Scalar(ScalarType::Int64);
        let new = || Partial::new(&aggregate, Some(of)).unwrap();
        let numbers: Vec<i64> =
            (0..number as i64).flat_map(|value| [value * 7, value * 3]).take(number as usize).collect();
        let column = asofdb_expression::Column::new(asofdb_expression::Values::Int64(&numbers));
        let mut whole = new();
        whole.fold(Some(&column), 0..numbers.len(), None);
        let expected = finish(&whole, &aggregate);
        let mut cuts = Cuts(number + 1);
        for _ in 0..200 {
            let (mut merged, mut start) = (new(), 0);
            while start < numbers.len() {
                let end = (start + 1 + cuts.next() as usize % (numbers.len() / 2)).min(numbers.len());
                let mut part = new();
                part.fold(Some(&column), start..end, None);
                match cuts.next() % 2 {
                    0 => merged.merge(&part),
                    _ => {
                        part.merge(&merged);
                        merged.copy_from(&part);
                    }
                }
                start = end;
            }
            assert_eq!(finish(&merged, &aggregate), expected);
        }
    }
}

#[test]
fn aggregates_of_one_shape_give_from_one_partial_what_each_gives_from_its_own() {
    let seeds: Vec<support::Seed> =
        (0..60u64).map(|n| ((n as u8).wrapping_mul(5), n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 255)).collect();
    let mut shared = 0;
    for (one, ty) in cases() {
        let events: Vec<_> = tree(ty, &seeds).into_iter().flatten().flatten().collect();
        let batch = Batch::new(ty, &events, false);
        let mut partial = Partial::new(&one, Some(ty)).unwrap();
        partial.fold(Some(&batch.column(0)), 0..batch.rows(), None);
        for (other, _) in cases().into_iter().filter(|(other, of)| *of == ty && Shape::of(other) == Shape::of(&one)) {
            let mut own = Partial::new(&other, Some(ty)).unwrap();
            own.fold(Some(&batch.column(0)), 0..batch.rows(), None);
            assert_eq!(finish(&partial, &other), finish(&own, &other), "{other} from that of {one} of {ty}");
            shared += usize::from(one != other);
        }
    }
    assert!(shared > 50, "{shared}");
}
