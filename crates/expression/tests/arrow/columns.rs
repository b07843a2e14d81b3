//! Random Arrow columns with nulls, and how a program reads them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use asofdb_expression::{Bools, Column, Items, Name, Values};
use asofdb_storage::{Date, ScalarType, Timestamp, ValueType};

use crate::random::Random;

/// Columns by name; all of one length.
#[derive(Clone)]
pub struct Columns(BTreeMap<&'static str, ArrayRef>);

impl Columns {
    pub fn random(random: &mut Random, rows: usize) -> Self {
        let mut columns: BTreeMap<&'static str, ArrayRef> = BTreeMap::new();
        for name in ["i", "j"] {
            columns.insert(name, Arc::new(cells(random, rows, int).collect::<Int64Array>()));
        }
        for name in ["f", "g"] {
            columns.insert(name, Arc::new(cells(random, rows, float).collect::<Float64Array>()));
        }
        for name in ["p", "q"] {
            columns.insert(name, Arc::new(cells(random, rows, |random| random.one_in(2)).collect::<BooleanArray>()));
        }
        for name in ["s", "t"] {
            columns.insert(name, Arc::new(cells(random, rows, text).collect::<StringArray>()));
        }
        for name in ["x", "y"] {
            columns.insert(name, Arc::new(cells(random, rows, time).collect::<TimestampMicrosecondArray>()));
        }
        for name in ["d", "e"] {
            columns.insert(name, Arc::new(cells(random, rows, date).collect::<Date32Array>()));
        }
        let small = |random: &mut Random| int(random) as i32;
        columns.insert("n", Arc::new(cells(random, rows, small).collect::<Int32Array>()));
        let single = |random: &mut Random| float(random) as f32;
        columns.insert("h", Arc::new(cells(random, rows, single).collect::<Float32Array>()));
        let bytes = |random: &mut Random| random.of(&[b"".as_slice(), b"a", b"\xff\xfe", b"ab\0", "ü".as_bytes()]);
        columns.insert("b", Arc::new(cells(random, rows, bytes).collect::<BinaryArray>()));
        columns.insert("digits", Arc::new(cells(random, rows, digits).collect::<StringArray>()));
        let truth = |random: &mut Random| random.of(&["true", "false"]);
        columns.insert("truth", Arc::new(cells(random, rows, truth).collect::<StringArray>()));
        let day = |random: &mut Random| Date::from_days(date(random)).expect("a date").to_string();
        columns.insert("day", Arc::new(cells(random, rows, day).collect::<StringArray>()));
        let moment = |random: &mut Random| Timestamp::from_micros(time(random)).to_string();
        columns.insert("moment", Arc::new(cells(random, rows, moment).collect::<StringArray>()));
        let list = |random: &mut Random| (0..random.below(5)).map(|_| Some(int(random))).collect::<Vec<_>>();
        let lists: Vec<_> = cells(random, rows, list).collect();
        columns.insert("l", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)));
        Columns(columns)
    }

    /// The types of the columns.
    pub fn scope(&self) -> BTreeMap<Name, ValueType> {
        self.0.iter().map(|(name, array)| (Name::new(name), value_type(array.data_type()))).collect()
    }

    pub fn get(&self, name: &str) -> &ArrayRef {
        self.0.get(name).unwrap_or_else(|| panic!("no column is named {name}"))
    }

    pub fn ints(&self, name: &str) -> &Int64Array {
        self.get(name).as_primitive()
    }

    pub fn floats(&self, name: &str) -> &Float64Array {
        self.get(name).as_primitive()
    }

    pub fn bools(&self, name: &str) -> &BooleanArray {
        self.get(name).as_boolean()
    }

    pub fn texts(&self, name: &str) -> &StringArray {
        self.get(name).as_string()
    }

    /// One of the rows.
    pub fn row(&self, row: usize) -> Columns {
        Columns(self.0.iter().map(|(name, array)| (*name, array.slice(row, 1))).collect())
    }

    /// The column of an input as a program reads it: the memory is Arrow's.
    pub fn column(&self, name: &Name) -> Column<'_> {
        let array = self.get(&name.name);
        let valid = array.nulls().map(|nulls| bits(nulls.validity(), nulls.offset(), nulls.len()));
        Column { valid, ..Column::new(values(array)) }
    }
}

/// Cells of which some are null.
fn cells<T>(
    random: &mut Random,
    rows: usize,
    mut value: impl FnMut(&mut Random) -> T,
) -> impl Iterator<Item = Option<T>> {
    let cells: Vec<_> = (0..rows).map(|_| (!random.one_in(7)).then(|| value(random))).collect();
    cells.into_iter()
}

fn int(random: &mut Random) -> i64 {
    match random.below(6) {
        0 => random.of(&[i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1, 0, 1 << 53, i64::from(i32::MIN)]),
        1 => (random.next() << 8) as i64,
        _ => random.below(41) as i64 - 20,
    }
}

fn float(random: &mut Random) -> f64 {
    match random.below(8) {
        0 => random.of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MAX, f64::MIN_POSITIVE]),
        1 => f64::from_bits(random.next() << 8),
        2 => random.below(1_000_000) as f64 / 997.0 - 300.0,
        _ => random.below(41) as f64 / 2.0 - 10.0,
    }
}

fn time(random: &mut Random) -> i64 {
    match random.below(6) {
        0 => random.of(&[Timestamp::FIRST, Timestamp::LAST, Timestamp::EPOCH]).as_micros(),
        1 => random.below(1_000) as i64 * 86_400_000_000 - random.below(2) as i64,
        2 => -(random.below(1 << 50) as i64),
        _ => 1_700_000_000_000_000 + (random.next() % (1 << 46)) as i64,
    }
}

fn date(random: &mut Random) -> i32 {
    time(random).div_euclid(86_400_000_000) as i32
}

fn text(random: &mut Random) -> &'static str {
    random.of(&["", "a", "ab", "abc", "bc", "b", "Straße", "ß", "日本語", "本", "aß", "a%b", "a_b", "%"])
}

fn digits(random: &mut Random) -> String {
    match random.below(4) {
        0 => int(random).to_string(),
        1 => format!("{:?}", float(random)),
        _ => random
            .of(&["7", "-3", "", "x", "1.5", "-0.25", "1e3", "9223372036854775808", "007", "0x1", "1_000"])
            .to_owned(),
    }
}

fn value_type(ty: &DataType) -> ValueType {
    ValueType::Scalar(match ty {
        DataType::Boolean => ScalarType::Bool,
        DataType::Int32 => ScalarType::Int32,
        DataType::Int64 => ScalarType::Int64,
        DataType::Float32 => ScalarType::Float32,
        DataType::Float64 => ScalarType::Float64,
        DataType::Utf8 => ScalarType::String,
        DataType::Binary => ScalarType::Bytes,
        DataType::Timestamp(TimeUnit::Microsecond, None) => ScalarType::Timestamp,
        DataType::Date32 => ScalarType::Date,
        DataType::List(_) => return ValueType::List(ScalarType::Int64),
        other => panic!("no column is {other}"),
    })
}

fn values(array: &ArrayRef) -> Values<'_> {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean().values();
            Values::Bool(bits(values.values(), values.offset(), values.len()))
        }
        DataType::Int32 => Values::Int32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>().values()),
        DataType::Float32 => Values::Float32(array.as_primitive::<Float32Type>().values()),
        DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>().values()),
        DataType::Timestamp(..) => Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>().values()),
        DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().values()),
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Values::Text { offsets: texts.value_offsets(), bytes: texts.value_data() }
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Values::Bytes { offsets: bytes.value_offsets(), bytes: bytes.value_data() }
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let items = Items::Int64(lists.values().as_primitive::<Int64Type>().values());
            Values::List { item: ScalarType::Int64, offsets: lists.value_offsets(), items }
        }
        other => panic!("no column is {other}"),
    }
}

fn bits(bits: &[u8], offset: usize, len: usize) -> Bools<'_> {
    Bools::Bits { bits, offset, len }
}
