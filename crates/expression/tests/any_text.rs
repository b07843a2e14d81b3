//! Any text is read or refused, and whatever is read and has types is evaluated: nothing panics.

use std::collections::BTreeMap;

use asofdb_expression::{Batch, Column, ColumnBuffer, Expression, Name, Program, Scratch};
use asofdb_storage::{ScalarType, Status, Timestamp, Value, ValueType};

/// The pieces of random texts.
const PIECES: &[&str] = &[
    "a",
    "v:a",
    "`x y`",
    "1",
    "2.5",
    "7d",
    "'t'",
    "\"",
    "'",
    "`",
    "(",
    ")",
    "[",
    "]",
    ",",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "==",
    "<",
    "in",
    "not",
    "and",
    "or",
    "null",
    "true",
    "now",
    "if(",
    "case(",
    "\\",
    "\u{0}",
    "é",
    "\u{1F600}",
    " ",
    "\n",
    "!",
    "=",
    ":",
    ".",
    "e",
    "_",
    "9223372036854775808",
    "date('2024-01-01')",
    "[1,2]",
    "amount",
    "tags",
    "seen",
    "flag",
    "get(",
    "len(",
];

const PAGE: &str = include_str!("../../../docs/expressions.md");

struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % count
    }
}

/// Inputs of every type, under the names of the page and some more.
fn scope() -> BTreeMap<Name, ValueType> {
    let one = ValueType::Scalar;
    let text = ValueType::List(ScalarType::String);
    [
        ("a", one(ScalarType::Int64)),
        ("v:a", one(ScalarType::Float64)),
        ("x y", one(ScalarType::Bytes)),
        ("tags", text),
        ("seen", one(ScalarType::Timestamp)),
        ("flag", one(ScalarType::Bool)),
        ("user_v1:birth_year", one(ScalarType::Int32)),
        ("user_v1:birthday", one(ScalarType::Date)),
        ("user_v1:registered", one(ScalarType::Timestamp)),
        ("user_v1:city", one(ScalarType::String)),
        ("user_v1:tags", text),
        ("user_v1:embedding", ValueType::List(ScalarType::Float32)),
        ("user_v1:visits", one(ScalarType::Int64)),
        ("user_v1:plan", one(ScalarType::String)),
        ("spend_v1:mean", one(ScalarType::Float64)),
        ("spend_v1:stddev", one(ScalarType::Float64)),
        ("spend_v1:score", one(ScalarType::Float64)),
        ("amount", one(ScalarType::Float64)),
        ("country", one(ScalarType::String)),
    ]
    .map(|(name, ty)| (Name::new(name), ty))
    .into()
}

fn sample(ty: ValueType) -> Value {
    match ty {
        ValueType::Scalar(ScalarType::Bool) => Value::Bool(true),
        ValueType::Scalar(ScalarType::Int32) => Value::Int32(i32::MIN),
        ValueType::Scalar(ScalarType::Int64) => Value::Int64(i64::MIN),
        ValueType::Scalar(ScalarType::Float32) => Value::Float32(f32::NAN),
        ValueType::Scalar(ScalarType::Float64) => Value::Float64(-0.0),
        ValueType::Scalar(ScalarType::String) => Value::String("Zürich".into()),
        ValueType::Scalar(ScalarType::Bytes) => Value::Bytes(vec![0xff, 0]),
        ValueType::Scalar(ScalarType::Timestamp) => Value::Timestamp(Timestamp::MIN),
        ValueType::Scalar(ScalarType::Date) => Value::Date("0001-01-01".parse().unwrap()),
        ValueType::List(item) => Value::List(item, vec![sample(ValueType::Scalar(item)); 3]),
    }
}

/// Evaluates a program for a row of values, one of nulls and one of defaults.
fn evaluate(program: &Program) {
    let buffer = |ty: ValueType| {
        let (mut buffer, value) = (ColumnBuffer::new(ty), sample(ty));
        buffer.push(Some(&value), Status::Present, Some(Timestamp::EPOCH)).unwrap();
        buffer.push(None, Status::Missing, None).unwrap();
        buffer.push(Some(&value), Status::Expired, Some(Timestamp::MIN)).unwrap();
        buffer
    };
    let buffers: Vec<ColumnBuffer> = program.inputs().iter().map(|input| buffer(input.ty)).collect();
    let columns: Vec<Column<'_>> = buffers.iter().map(ColumnBuffer::column).collect();
    let now = [0, i64::MAX, i64::MIN];
    let mut scratch = Scratch::new();
    let batch = Batch { now: &now, columns: &columns };
    let outcome = program.evaluate(&batch, &mut scratch).unwrap();
    assert_eq!((outcome.valid.len(), outcome.statuses.len()), (3, 3));
    program.test(&batch, &mut scratch).unwrap();
}

/// Reads a text, and says how far it came: refused, read, or evaluated.
fn try_text(text: &str, scope: &BTreeMap<Name, ValueType>) -> usize {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.render(text).contains("line"));
            return 0;
        }
    };
    let printed = expression.tree().to_string();
    assert_eq!(Expression::parse(&printed).unwrap().tree(), expression.tree(), "{text:?} {printed:?}");
    match Program::compile(&expression, scope) {
        Ok(program) => {
            evaluate(&program);
            assert!(program.explain().to_string().contains("plan:"));
            2
        }
        Err(error) => {
            assert!(error.render(text).contains("line"));
            1
        }
    }
}

#[test]
fn random_bytes_and_words_are_read_or_refused() {
    let (mut random, scope, mut came) = (Random(88_172_645_463_325_252), scope(), [0; 3]);
    for round in 0..3_000 {
        let text: String = match round % 3 {
            0 => {
                let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            _ => (0..random.below(12)).map(|_| PIECES[random.below(PIECES.len())]).collect(),
        };
        came[try_text(&text, &scope)] += 1;
    }
    assert!(came.iter().all(|count| *count > 20), "{came:?}");
}

#[test]
fn examples_that_were_damaged_are_read_or_refused() {
    let (mut random, scope, mut came) = (Random(4_711), scope(), [0; 3]);
    let blocks = PAGE.split("```expressions\n").skip(1).flat_map(|rest| rest.split("```").next().unwrap().lines());
    let examples: Vec<&str> = blocks.map(|line| line.rsplit_once(" -> ").unwrap().0.trim()).collect();
    for _ in 0..6_000 {
        let mut text = examples[random.below(examples.len())].to_owned();
        for _ in 0..random.below(4) {
            let at = text.floor_char_boundary(random.below(text.len() + 1));
            match random.below(4) {
                0 => text.truncate(at),
                1 if at < text.len() => {
                    text.remove(at);
                }
                2 => text.insert_str(at, examples[random.below(examples.len())]),
                _ => text.insert_str(at, PIECES[random.below(PIECES.len())]),
            }
        }
        came[try_text(&text, &scope)] += 1;
    }
    assert!(came.iter().all(|count| *count > 500), "{came:?}");
}
