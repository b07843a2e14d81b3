//! Random events, the columns that they come in, and the tree in which they are folded.
#![allow(dead_code, reason = "each test uses its part")]

use asofdb_aggregate::Partial;
use asofdb_expression::{Bools, Column, ColumnBuffer};
use asofdb_model::Hour;
use asofdb_storage::{Aggregate, Date, ScalarType, Status, Timestamp, Value, ValueType};
use proptest::prelude::*;

/// The value that an event has in the column; `None`: null.
pub type Cell = Option<Value>;

/// A random event, and where the tree is cut before it.
pub type Seed = (u8, u64, u8);

/// Random seeds of events.
pub fn seeds(most: usize) -> impl Strategy<Value = Vec<Seed>> {
    prop::collection::vec((any::<u8>(), any::<u64>(), any::<u8>()), 0..most)
}

/// Every aggregate, with several settings.
pub fn aggregates() -> Vec<Aggregate> {
    let mut all = vec![
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::Mean,
        Aggregate::First,
        Aggregate::Last,
        Aggregate::Distinct { cap: 3 },
        Aggregate::Distinct { cap: 1_000 },
        Aggregate::ApproxDistinct { precision: 12 },
        Aggregate::ApproxDistinct { precision: 4 },
    ];
    for flag in [true, false] {
        all.push(Aggregate::Variance { population: flag });
        all.push(Aggregate::Stddev { population: flag });
        for k in [1, 4] {
            all.push(Aggregate::FirstK { k, distinct: flag });
            all.push(Aggregate::LastK { k, distinct: flag });
            all.push(Aggregate::Top { k, counts: flag });
        }
    }
    all.extend([0.0, 0.5, 0.99, 1.0].map(|q| Aggregate::Quantile { q, error: 0.01 }));
    let wanted = ScalarType::ALL.map(|ty| Aggregate::CountOf { value: pool(ty).remove(0) });
    all.into_iter().chain(wanted).collect()
}

/// Every type of a column.
pub fn types() -> Vec<ValueType> {
    let lists = [ScalarType::Int32, ScalarType::Bool, ScalarType::Float64, ScalarType::String].map(ValueType::List);
    ScalarType::ALL.map(ValueType::Scalar).into_iter().chain(lists).collect()
}

/// Every aggregate with every type that it takes.
pub fn cases() -> Vec<(Aggregate, ValueType)> {
    let pairs =
        aggregates().into_iter().flat_map(|aggregate| types().into_iter().map(move |ty| (aggregate.clone(), ty)));
    pairs.filter(|(aggregate, ty)| aggregate.value_type(Some(*ty)).is_ok()).collect()
}

/// Values that are likely to matter.
fn pool(ty: ScalarType) -> Vec<Value> {
    let texts = ["food", "", "toys", "fööd", "foo"];
    match ty {
        ScalarType::Bool => [true, false].map(Value::Bool).to_vec(),
        ScalarType::Int32 => [7, 0, -1, i32::MIN, i32::MAX].map(Value::Int32).to_vec(),
        ScalarType::Int64 => [7, 0, -1, i64::MIN, i64::MAX, i64::MAX].map(Value::Int64).to_vec(),
        ScalarType::Float32 => {
            let floats = [1.5, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE / 4.0, 0.1];
            floats.map(Value::Float32).to_vec()
        }
        ScalarType::Float64 => {
            let floats = [1.5, 0.0, -0.0, f64::NAN, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324, 0.1, -0.3];
            floats.map(Value::Float64).to_vec()
        }
        ScalarType::String => texts.map(|text| Value::String(text.into())).to_vec(),
        ScalarType::Bytes => texts.map(|text| Value::Bytes(text.into())).to_vec(),
        ScalarType::Timestamp => [7, 0, i64::MIN].map(|time| Value::Timestamp(Timestamp::from_micros(time))).to_vec(),
        ScalarType::Date => [Date::MAX, Date::MIN].map(Value::Date).to_vec(),
    }
}

/// Some value of a type.
fn scalar(ty: ScalarType, choice: u8, bits: u64) -> Value {
    let pool = pool(ty);
    if choice < 150 {
        return pool[bits as usize % pool.len()].clone();
    }
    let tame = (bits % 2_000_001) as f64 / 1_000.0 - 1_000.0;
    match ty {
        ScalarType::Bool => Value::Bool(bits & 1 == 1),
        ScalarType::Int32 => Value::Int32(bits as i32 >> (bits >> 59)),
        ScalarType::Int64 => Value::Int64(bits as i64 >> (bits % 61)),
        ScalarType::Float32 => Value::Float32(tame as f32),
        ScalarType::Float64 if choice < 170 => Value::Float64(f64::from_bits(bits)),
        ScalarType::Float64 => Value::Float64(tame),
        ScalarType::String => Value::String(format!("{:x}", bits % 50)),
        ScalarType::Bytes => Value::Bytes(bits.to_le_bytes()[..(bits % 3) as usize].to_vec()),
        ScalarType::Timestamp => Value::Timestamp(Timestamp::from_micros(bits as i64 >> (bits % 61))),
        ScalarType::Date => Value::Date(Date::from_days(bits as i32 % 700_000).unwrap()),
    }
}

fn cell(ty: ValueType, (choice, bits, _): Seed) -> Cell {
    match ty {
        _ if choice < 40 => None,
        ValueType::Scalar(ty) => Some(scalar(ty, choice, bits)),
        ValueType::List(item) => {
            let items = (0..bits % 4).map(|at| scalar(item, choice, bits.rotate_left(7 * at as u32))).collect();
            Some(Value::List(item, items))
        }
    }
}

/// The events of the seeds, cut into hours and slots.
pub fn tree(ty: ValueType, seeds: &[Seed]) -> Vec<Hour> {
    let mut hours: Vec<Hour> = vec![vec![vec![]]];
    for seed in seeds {
        match seed.2 {
            0..10 => hours.push(vec![vec![]]),
            10..60 => hours.last_mut().unwrap().push(vec![]),
            _ => {}
        }
        hours.last_mut().unwrap().last_mut().unwrap().push(cell(ty, *seed));
    }
    hours
}

/// The events of a slot as a batch, with another event before and one after them that a range leaves out, and between
/// them some that a condition does.
pub struct Batch {
    buffer: ColumnBuffer,
    bits: Vec<u8>,
    pub keep: Vec<bool>,
}

impl Batch {
    pub fn new(ty: ValueType, slot: &[Cell], with_others: bool) -> Self {
        let mut batch = Batch { buffer: ColumnBuffer::new(ty), bits: Vec::new(), keep: Vec::new() };
        let other = cell(ty, (255, 12_345, 0));
        for (at, event) in slot.iter().enumerate() {
            if with_others && at % 3 == 1 {
                batch.push(other.as_ref(), false);
            }
            batch.push(event.as_ref(), true);
        }
        batch
    }

    fn push(&mut self, cell: Option<&Value>, keep: bool) {
        let row = self.keep.len();
        self.bits.resize(row / 8 + 1, 0);
        self.bits[row / 8] |= u8::from(cell.is_some()) << (row % 8);
        let status = if cell.is_some() { Status::Present } else { Status::Null };
        self.buffer.push(cell, status, None).unwrap();
        self.keep.push(keep);
    }

    pub fn rows(&self) -> usize {
        self.keep.len()
    }

    /// The column; what is null is said by bytes, by bits, or by the statuses.
    pub fn column(&self, form: u8) -> Column<'_> {
        let mut column = self.buffer.column();
        match form % 3 {
            0 => {}
            1 => column.valid = Some(Bools::Bits { bits: &self.bits, offset: 0, len: self.rows() }),
            _ => column.valid = None,
        }
        column
    }
}

/// The value that an aggregate gives, as bytes.
pub fn finish(partial: &Partial, aggregate: &Aggregate) -> Option<Vec<u8>> {
    let mut out = vec![0xab];
    let is_there = partial.finish(aggregate, &mut out);
    assert!(is_there || out.len() == 1, "null appends nothing");
    is_there.then(|| out.split_off(1))
}

/// The value of an aggregate over a tree: each slot in one batch, and nothing stored.
pub fn plain(aggregate: &Aggregate, ty: ValueType, tree: &[Hour]) -> Option<Vec<u8>> {
    let new = || Partial::new(aggregate, Some(ty)).unwrap();
    let mut whole = new();
    for hour in tree {
        let mut of_hour = new();
        for slot in hour {
            let batch = Batch::new(ty, slot, false);
            let mut of_slot = new();
            of_slot.fold(Some(&batch.column(0)), 0..batch.rows(), None);
            of_hour.merge(&of_slot);
        }
        whole.merge(&of_hour);
    }
    finish(&whole, aggregate)
}

/// The same with each slot in several batches, with events that a condition leaves out, and with parts that are
/// encoded, decoded and copied, as the bits of `cuts` say.
pub fn cut(aggregate: &Aggregate, ty: ValueType, tree: &[Hour], cuts: u64) -> Option<Vec<u8>> {
    let mut cuts = Cuts(cuts | 1);
    let new = || Partial::new(aggregate, Some(ty)).unwrap();
    let (mut whole, mut of_hour, mut of_slot) = (new(), new(), new());
    for hour in tree {
        of_hour.clear();
        for slot in hour {
            of_slot.clear();
            fold(&mut of_slot, ty, slot, &mut cuts);
            store(&mut of_slot, &mut cuts);
            of_hour.merge(&of_slot);
        }
        store(&mut of_hour, &mut cuts);
        whole.merge(&of_hour);
        store(&mut whole, &mut cuts);
    }
    finish(&whole, aggregate)
}

fn fold(partial: &mut Partial, ty: ValueType, slot: &[Cell], cuts: &mut Cuts) {
    let with_others = cuts.next().is_multiple_of(2);
    let batch = Batch::new(ty, slot, with_others);
    let form = cuts.next() as u8;
    let keep = (with_others || cuts.next().is_multiple_of(2)).then_some(batch.keep.as_slice());
    let mut start = 0;
    while start < batch.rows() {
        let end = (start + 1 + cuts.next() as usize % 9).min(batch.rows());
        partial.fold(Some(&batch.column(form)), start..end, keep);
        start = end;
    }
}

/// Encodes and decodes a partial result, or copies it, or leaves it as it is.
fn store(partial: &mut Partial, cuts: &mut Cuts) {
    match cuts.next() % 3 {
        0 => {
            let mut bytes = Vec::new();
            partial.encode(&mut bytes);
            let length = bytes.len();
            bytes.push(0xcd);
            let mut rest = bytes.as_slice();
            partial.decode(&mut rest).unwrap();
            assert_eq!(rest, [0xcd], "decoding takes what encoding wrote");
            let mut again = Vec::new();
            partial.encode(&mut again);
            assert_eq!(again, bytes[..length], "what was decoded has the same bytes");
        }
        1 => {
            let other = partial.clone();
            partial.clear();
            assert!(partial.is_empty());
            partial.copy_from(&other);
        }
        _ => {}
    }
}

/// A sequence of numbers without an end (xorshift).
pub struct Cuts(pub u64);

impl Cuts {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
}
