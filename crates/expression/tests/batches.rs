//! Batches as the engine has them: Arrow's layouts, shared memory, bad shapes.

use std::collections::BTreeMap;

use asofdb_expression::{
    BATCH_ROWS_MAX, Batch, Bools, Column, ColumnBuffer, Computed, Expression, Items, NO_EVENT, Name, Program, Scratch,
    Values,
};
use asofdb_storage::{ErrorKind, ScalarType, Status, Value, ValueType};

fn program(text: &str, inputs: &[(&str, &str)]) -> Program {
    let scope: BTreeMap<Name, ValueType> =
        inputs.iter().map(|(name, ty)| (Name::new(name), ty.parse().unwrap())).collect();
    Program::compile(&Expression::parse(text).unwrap(), &scope).unwrap()
}

fn floats(program: &Program, now: &[i64], columns: &[Column<'_>]) -> Vec<Option<f64>> {
    let mut scratch = Scratch::new();
    let outcome = program.evaluate(&Batch { now, columns }, &mut scratch).unwrap();
    let Computed::Float(values) = outcome.values else { panic!("floats") };
    values.iter().zip(outcome.valid).map(|(value, valid)| valid.then_some(*value)).collect()
}

#[test]
fn bits_and_slices_of_arrow_are_read_where_they_are() {
    let text = program(
        "if(v:flag, len(v:city) * 1.0, get(v:vector, 0))",
        &[("v:flag", "bool"), ("v:city", "string"), ("v:vector", "list<float32>")],
    );
    let columns = [
        Column {
            valid: Some(Bools::Bits { bits: &[0b0001_1100], offset: 2, len: 3 }),
            ..Column::new(Values::Bool(Bools::Bits { bits: &[0b0000_1010], offset: 1, len: 3 }))
        },
        // A slice of a longer array: the first text begins after two bytes.
        Column::new(Values::Text { offsets: &[2, 3, 3, 6], bytes: b"xxabcd" }),
        Column::new(Values::List {
            item: ScalarType::Float32,
            offsets: &[1, 1, 3, 4],
            items: Items::Float32(&[9.0, 1.0, 2.0, 3.0]),
        }),
    ];
    assert_eq!(floats(&text, &[0, 0, 0], &columns), [Some(1.0), Some(1.0), Some(3.0)]);
}

#[test]
fn what_is_present_is_said_by_validity_or_else_by_statuses() {
    let sum = program("v:a + v:b", &[("v:a", "float64"), ("v:b", "float32")]);
    let statuses = [Status::Present, Status::Expired, Status::Present, Status::Missing];
    let events = [5, 6, 7, NO_EVENT];
    let columns = [
        Column {
            statuses: Some(&statuses),
            events: Some(&events),
            ..Column::new(Values::Float64(&[1.0, 2.0, 3.0, 4.0]))
        },
        Column { valid: Some(Bools::Bytes(&[true, true, false, true])), ..Column::new(Values::Float32(&[0.5; 4])) },
    ];
    let mut scratch = Scratch::new();
    let outcome = sum.evaluate(&Batch { now: &[10, 10, 10, 10], columns: &columns }, &mut scratch).unwrap();
    assert_eq!(outcome.valid, [true, false, false, false]);
    assert_eq!(outcome.statuses, [Status::Present, Status::Expired, Status::Null, Status::Missing]);
    assert_eq!(outcome.events, [5, 6, 7, 10]);
    assert_eq!(outcome.value(0, ValueType::Scalar(ScalarType::Float64)), Some(Value::Float64(1.5)));
    assert_eq!(outcome.value(0, ValueType::Scalar(ScalarType::String)), None);
    assert_eq!(outcome.value(9, ValueType::Scalar(ScalarType::Float64)), None);
}

#[test]
fn a_condition_is_true_where_it_is_neither_false_nor_null() {
    let condition = program("amount >= 0 and amount // 0 != 1 or amount > 5", &[("amount", "int64")]);
    let columns =
        [Column { valid: Some(Bools::Bytes(&[true, true, false])), ..Column::new(Values::Int64(&[1, 9, 9])) }];
    let mut scratch = Scratch::new();
    let truths = condition.test(&Batch { now: &[0; 3], columns: &columns }, &mut scratch).unwrap();
    assert_eq!((truths.rows, truths.nulls.division), (&[false, true, false][..], 2));
    let number = program("amount", &[("amount", "int64")]);
    assert_eq!(number.test(&Batch { now: &[0; 3], columns: &columns }, &mut scratch).unwrap().rows, [false; 3]);
}

#[test]
fn one_scratch_serves_programs_in_turn() {
    let (one, other) = (program("a + 1.0", &[("a", "float64")]), program("upper(t)", &[("t", "string")]));
    let (floats, texts) =
        (Column::new(Values::Float64(&[1.0, 2.0])), Column::new(Values::Text { offsets: &[0, 1, 2], bytes: b"ab" }));
    let mut scratch = Scratch::new();
    for _ in 0..3 {
        let outcome = one.evaluate(&Batch { now: &[0, 0], columns: &[floats] }, &mut scratch).unwrap();
        assert!(matches!(outcome.values, Computed::Float([2.0, 3.0])));
        let outcome = other.evaluate(&Batch { now: &[0, 0], columns: &[texts] }, &mut scratch).unwrap();
        assert!(matches!(outcome.values, Computed::Text { offsets: [0, 1, 2], bytes: b"AB" }));
    }
}

#[test]
fn a_batch_of_no_rows_has_no_answers() {
    let length = program("if(len(t) > 1, [1], [2, 3])", &[("t", "string")]);
    let columns = [Column::new(Values::Text { offsets: &[0], bytes: b"" })];
    let mut scratch = Scratch::new();
    let outcome = length.evaluate(&Batch { now: &[], columns: &columns }, &mut scratch).unwrap();
    assert!(matches!(outcome.values, Computed::List { offsets: [0], .. }));
    assert_eq!((outcome.valid.len(), outcome.nulls.total()), (0, 0));
}

#[test]
fn a_batch_of_another_shape_is_refused_by_the_input_that_it_does_not_fit() {
    let both = program("a + len(t) + len(l)", &[("a", "int64"), ("t", "string"), ("l", "list<string>")]);
    let list = |offsets, items| Values::List { item: ScalarType::String, offsets, items };
    let items = Items::Text { offsets: &[0, 1], bytes: b"x" };
    let good = [
        Column::new(Values::Int64(&[1])),
        Column::new(Values::Text { offsets: &[0, 1], bytes: b"a" }),
        Column::new(list(&[0, 1], items)),
    ];
    let refused = |at: usize, column: Column<'_>| {
        let mut columns = good;
        columns[at] = column;
        let error = both.evaluate(&Batch { now: &[0], columns: &columns }, &mut Scratch::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    };
    assert_eq!(refused(0, Column::new(Values::Int32(&[1]))), "the input `a` is int64, not int32");
    assert_eq!(refused(0, Column::new(Values::Int64(&[1, 2]))), "the input `a` has 2 values for 1 rows");
    assert_eq!(refused(0, Column { statuses: Some(&[]), ..good[0] }), "the input `a` has 0 values for 1 rows");
    assert_eq!(refused(0, Column { events: Some(&[1, 2]), ..good[0] }), "the input `a` has 2 values for 1 rows");
    assert_eq!(
        refused(0, Column { valid: Some(Bools::Bits { bits: &[], offset: 0, len: 1 }), ..good[0] }),
        "the input `a` has 0 values for 1 rows"
    );
    let beyond = "the input `t` has offsets that lead beyond its values";
    assert_eq!(refused(1, Column::new(Values::Text { offsets: &[0, 2], bytes: b"a" })), beyond);
    assert_eq!(refused(1, Column::new(Values::Text { offsets: &[0, -1], bytes: b"a" })), beyond);
    assert_eq!(
        refused(1, Column::new(Values::Text { offsets: &[], bytes: b"a" })),
        "the input `t` has 0 values for 1 rows"
    );
    assert!(refused(2, Column::new(list(&[0, 2], items))).contains("offsets"));
    assert!(refused(2, Column::new(list(&[0, 1], Items::Int64(&[1])))).contains("items are not of the type"));
    let few = both.evaluate(&Batch { now: &[0], columns: &good[..2] }, &mut Scratch::new()).unwrap_err();
    assert_eq!(few.to_string(), "the program has 3 inputs, not 2");
    let now = vec![0; BATCH_ROWS_MAX + 1];
    let many = both.evaluate(&Batch { now: &now, columns: &good }, &mut Scratch::new()).unwrap_err();
    assert_eq!(many.to_string(), "a batch has at most 65536 rows: 65537");
}

#[test]
fn offsets_that_do_not_ascend_give_empty_values_and_no_panic() {
    let both = program("len(t) + len(l) + len(get(l, 0))", &[("t", "string"), ("l", "list<string>")]);
    let columns = [
        Column::new(Values::Text { offsets: &[9, -3, 1], bytes: b"ab" }),
        Column::new(Values::List {
            item: ScalarType::String,
            offsets: &[7, 1, 0],
            items: Items::Text { offsets: &[5, 1], bytes: b"ab" },
        }),
    ];
    let outcome = both
        .evaluate(&Batch { now: &[0, 0], columns: &columns }, &mut Scratch::new())
        .map(|outcome| outcome.valid.to_vec());
    assert_eq!(outcome.unwrap(), [false, false]);
}

#[test]
fn text_that_is_not_utf_8_has_no_characters() {
    let length = program("len(t)", &[("t", "string")]);
    let columns = [Column::new(Values::Text { offsets: &[0, 1, 2], bytes: &[0xff, b'a'] })];
    let mut scratch = Scratch::new();
    let outcome = length.evaluate(&Batch { now: &[0, 0], columns: &columns }, &mut scratch).unwrap();
    assert_eq!((outcome.valid, outcome.nulls.domain), (&[false, true][..], 1));
}

#[test]
fn a_buffer_takes_rows_as_they_are_stored() {
    let mut buffer = ColumnBuffer::new("list<string>".parse().unwrap());
    let list = Value::List(ScalarType::String, vec![Value::String("a".into()), Value::String("bc".into())]);
    let mut stored = Vec::new();
    list.encode(&mut stored);
    buffer.push_stored(Some(&stored), Status::Present, None).unwrap();
    assert_eq!(buffer.push_stored(Some(&stored[..5]), Status::Present, None).unwrap_err().kind(), ErrorKind::Corrupt);
    let error = buffer.push(Some(&Value::Int64(1)), Status::Present, None).unwrap_err();
    assert_eq!(error.to_string(), "a column of list<string> takes no int64: 1");
    buffer.push(None, Status::Missing, None).unwrap();
    assert_eq!(buffer.rows(), 2);
    let program = program("l", &[("l", "list<string>")]);
    let mut scratch = Scratch::new();
    let columns = [buffer.column()];
    let outcome = program.evaluate(&Batch { now: &[3, 3], columns: &columns }, &mut scratch).unwrap();
    let ty = "list<string>".parse().unwrap();
    assert_eq!((outcome.value(0, ty), outcome.value(1, ty)), (Some(list), None));
    assert_eq!((outcome.statuses, outcome.events), (&[Status::Present, Status::Missing][..], &[3, 3][..]));
    buffer.clear();
    assert_eq!(buffer.rows(), 0);
}

#[test]
fn programs_are_shared_and_scratch_moves_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn moves<T: Send>() {}
    shared::<Program>();
    shared::<Expression>();
    moves::<Scratch>();
}

/// A compiler takes one NaN for another: it once left the operand's bits where there were less than eight rows.
#[test]
fn the_nan_of_an_operation_is_always_the_same_one() {
    let nans = [0x7ff8_0000_0000_0000u64, 0xfff8_0000_0000_0000, 0x7ff8_0000_0000_0123, 0xfff0_0000_0000_0123];
    for text in [
        "sqrt(x)",
        "-x",
        "abs(x)",
        "round(x)",
        "floor(x)",
        "ceil(x)",
        "exp(x)",
        "ln(x)",
        "sin(x)",
        "cos(x)",
        "x + 1",
        "1 - x",
        "x * x",
        "x / 2",
        "x // 2",
        "x % 2",
        "pow(x, 2)",
        "min(x, 1)",
        "max(1, x)",
        "cast(x, 'float32')",
        "haversine(x, 0, 0, 0)",
    ] {
        let program = program(text, &[("x", "float64")]);
        let mut scratch = Scratch::new();
        for (nan, rows) in nans.into_iter().flat_map(|nan| [1, 2, 3, 7, 8, 9, 64].map(|rows| (nan, rows))) {
            let (values, now) = (vec![f64::from_bits(nan); rows], vec![0; rows]);
            let columns = [Column::new(Values::Float64(&values))];
            let outcome = program.evaluate(&Batch { now: &now, columns: &columns }, &mut scratch).unwrap();
            let Computed::Float(values) = outcome.values else { panic!("floats") };
            assert!(values.iter().all(|value| value.to_bits() == 0x7ff8_0000_0000_0000), "{text} {nan:x} {rows}");
            assert_eq!((outcome.valid, outcome.nulls.total()), (&vec![true; rows][..], 0), "{text} {nan:x} {rows}");
        }
    }
}
