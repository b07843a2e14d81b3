//! Random columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use asofdb_expression::{Column, ColumnBuffer, Name, Program};
use asofdb_storage::{Date, ScalarType, Status, Timestamp, Value, ValueType};

use crate::random::Random;
use crate::value::{Ty, V};

/// One value of an input.
#[derive(Debug, Clone)]
pub struct Cell {
    pub value: Option<V>,
    pub status: Status,
    pub event: Option<i64>,
}

struct Source {
    name: Name,
    stored: ValueType,
    cells: Vec<Cell>,
}

pub struct Columns {
    pub now: Vec<i64>,
    sources: Vec<Source>,
}

/// The columns of a program for some rows.
pub struct Part(Vec<ColumnBuffer>);

impl Part {
    pub fn columns(&self) -> Vec<Column<'_>> {
        self.0.iter().map(ColumnBuffer::column).collect()
    }
}

const INPUTS: [(&str, ValueType, Ty); 14] = {
    use ScalarType::{Bool, Date, Float32, Float64, Int32, Int64, String, Timestamp};
    [
        ("v:flag", ValueType::Scalar(Bool), Ty::Bool),
        ("v:count", ValueType::Scalar(Int64), Ty::Int),
        ("v:small", ValueType::Scalar(Int32), Ty::Int),
        ("w:amount", ValueType::Scalar(Float64), Ty::Float),
        ("w:rate", ValueType::Scalar(Float32), Ty::Float),
        ("v:city", ValueType::Scalar(String), Ty::Text),
        ("my-view:a.b", ValueType::Scalar(String), Ty::Text),
        ("v:seen", ValueType::Scalar(Timestamp), Ty::Time),
        ("v:born", ValueType::Scalar(Date), Ty::Date),
        ("w:counts", ValueType::List(Int64), Ty::Ints),
        ("w:vector", ValueType::List(Float32), Ty::Floats),
        ("w:weights", ValueType::List(Float64), Ty::Floats),
        ("w:tags", ValueType::List(String), Ty::Texts),
        ("price", ValueType::Scalar(Float64), Ty::Float),
    ]
};

/// The names of the inputs of a type.
pub fn names(ty: Ty) -> Vec<Name> {
    INPUTS.iter().filter(|(_, _, of)| *of == ty).map(|(name, ..)| Name::new(name)).collect()
}

pub fn ty_of(name: &Name) -> Ty {
    INPUTS.iter().find(|(each, ..)| *each == name.reference()).map(|(_, _, ty)| *ty).expect("an input")
}

pub fn every_name() -> Vec<Name> {
    INPUTS.iter().map(|(name, ..)| Name::new(name)).collect()
}

impl Columns {
    pub fn random(random: &mut Random, rows: usize) -> Self {
        let now: Vec<i64> = (0..rows).map(|_| time(random)).collect();
        let source = |(name, stored, _): &(&str, ValueType, Ty)| Source {
            name: Name::new(name),
            stored: *stored,
            cells: now.iter().map(|now| cell(random, *stored, *now)).collect(),
        };
        let sources = INPUTS.iter().map(source).collect();
        Columns { sources, now }
    }

    pub fn scope(&self) -> BTreeMap<Name, ValueType> {
        self.sources.iter().map(|source| (source.name.clone(), source.stored)).collect()
    }

    pub fn cell(&self, name: &Name, row: usize) -> &Cell {
        &self.sources.iter().find(|source| source.name == *name).expect("an input").cells[row]
    }

    pub fn part(&self, program: &Program, rows: Range<usize>) -> Part {
        let buffer = |name: &Name| {
            let source = self.sources.iter().find(|source| source.name == *name).expect("an input");
            let mut buffer = ColumnBuffer::new(source.stored);
            for cell in &source.cells[rows.clone()] {
                let value = cell.value.as_ref().map(|value| stored(value, source.stored));
                buffer.push(value.as_ref(), cell.status, cell.event.map(Timestamp::from_micros)).expect("a good value");
            }
            buffer
        };
        Part(program.inputs().iter().map(|input| buffer(&input.name)).collect())
    }

    /// All rows. They live as long as the test.
    pub fn of(&self, program: &Program) -> Vec<Column<'static>> {
        let part: &'static Part = Box::leak(Box::new(self.part(program, 0..self.now.len())));
        part.columns()
    }

    pub fn single(&self, program: &Program, row: usize) -> Part {
        self.part(program, row..row + 1)
    }

    pub fn show(&self, program: &Program, row: usize) -> String {
        let mut text = format!("now {}", self.now[row]);
        for input in program.inputs() {
            let cell = self.cell(&input.name, row);
            let _ = write!(text, "\n  {} = {:?} {} {:?}", input.name, cell.value, cell.status, cell.event);
        }
        let _ = write!(text, "\n{}", program.explain());
        text
    }
}

fn stored(value: &V, ty: ValueType) -> Value {
    let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
    match value {
        V::Bool(value) => Value::Bool(*value),
        V::Int(value) if scalar == ScalarType::Int32 => Value::Int32(*value as i32),
        V::Int(value) => Value::Int64(*value),
        V::Float(value) if scalar == ScalarType::Float32 => Value::Float32(*value as f32),
        V::Float(value) => Value::Float64(*value),
        V::Text(text) => Value::String(String::from_utf8(text.clone()).expect("text")),
        V::Time(micros) => Value::Timestamp(Timestamp::from_micros(*micros)),
        V::Date(days) => Value::Date(Date::from_days(*days as i32).expect("a date")),
        V::Duration(_) => panic!("no input is a duration"),
        V::List(items) => {
            Value::List(scalar, items.iter().map(|item| stored(item, ValueType::Scalar(scalar))).collect())
        }
    }
}

fn cell(random: &mut Random, ty: ValueType, now: i64) -> Cell {
    let status = if random.one_in(3) { random.of(&Status::ALL) } else { Status::Present };
    // A default stands in for what is not there, now and then; what is present is a value always.
    let has_value = status == Status::Present || random.one_in(6);
    let value = has_value.then(|| value(random, ty));
    let event =
        (status != Status::Missing || random.one_in(4)).then(|| now.saturating_sub(random.below(1 << 40) as i64));
    Cell { value, status, event }
}

fn value(random: &mut Random, ty: ValueType) -> V {
    match ty {
        ValueType::Scalar(scalar) => scalar_value(random, scalar),
        ValueType::List(item) => {
            let count = random.of(&[0, 1, 2, 3, 3, 3, 8, 19]);
            V::List((0..count).map(|_| scalar_value(random, item)).collect())
        }
    }
}

fn scalar_value(random: &mut Random, ty: ScalarType) -> V {
    match ty {
        ScalarType::Bool => V::Bool(random.one_in(2)),
        ScalarType::Int32 => V::Int(random.of(&[0, 1, -1, 7, 1990, i64::from(i32::MIN), i64::from(i32::MAX)])),
        ScalarType::Int64 => V::Int(int(random)),
        ScalarType::Float32 => V::Float(f64::from(float(random) as f32)),
        ScalarType::Float64 => V::Float(float(random)),
        ScalarType::Timestamp => V::Time(time(random)),
        ScalarType::Date => V::Date(time(random).div_euclid(86_400_000_000)),
        ScalarType::String | ScalarType::Bytes => V::Text(text(random).into_bytes()),
    }
}

pub fn int(random: &mut Random) -> i64 {
    match random.below(8) {
        0 => random.of(&[i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1, 0, 1 << 53]),
        1 => (random.next() << 8) as i64,
        _ => random.below(41) as i64 - 20,
    }
}

pub fn float(random: &mut Random) -> f64 {
    match random.below(8) {
        0 => {
            random.of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MAX, f64::MIN_POSITIVE, -f64::NAN])
        }
        1 => f64::from_bits(random.next() << 8),
        2 => random.below(1_000_000) as f64 / 997.0 - 300.0,
        _ => random.below(41) as f64 / 2.0 - 10.0,
    }
}

fn time(random: &mut Random) -> i64 {
    match random.below(6) {
        0 => random.of(&[Timestamp::FIRST, Timestamp::LAST, Timestamp::EPOCH]).as_micros(),
        1 => "2024-02-29T23:59:59.999999Z".parse::<Timestamp>().expect("a time").as_micros(),
        2 => -(random.below(1 << 50) as i64),
        _ => 1_700_000_000_000_000 + (random.next() % (1 << 46)) as i64,
    }
}

pub fn text(random: &mut Random) -> String {
    random
        .of(&[
            "",
            "a",
            "ab",
            "Straße",
            " Köln ",
            "ÄÖ",
            "true",
            "42",
            "-7.5",
            "1990-02-28",
            "x'y\\z",
            "İstanbul",
            "日本語",
        ])
        .to_owned()
}
