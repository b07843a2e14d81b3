//! Values of the walk, and their types.

use std::ops::Range;

use asofdb_expression::Items;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    Bool,
    Int,
    Float,
    Text,
    Time,
    Date,
    Duration,
    Ints,
    Floats,
    Texts,
}

impl Ty {
    pub const ALL: [Ty; 10] =
        [Ty::Bool, Ty::Int, Ty::Float, Ty::Text, Ty::Time, Ty::Date, Ty::Duration, Ty::Ints, Ty::Floats, Ty::Texts];

    pub fn name(self) -> &'static str {
        match self {
            Ty::Bool => "bool",
            Ty::Int => "int64",
            Ty::Float => "float64",
            Ty::Text => "string",
            Ty::Time => "timestamp",
            Ty::Date => "date",
            Ty::Duration => "duration",
            Ty::Ints => "list<int64>",
            Ty::Floats => "list<float64>",
            Ty::Texts => "list<string>",
        }
    }
}

#[derive(Debug, Clone)]
pub enum V {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Vec<u8>),
    Time(i64),
    Date(i64),
    Duration(i64),
    List(Vec<V>),
}

/// Floats are equal when their bits are.
impl PartialEq for V {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (V::Bool(a), V::Bool(b)) => a == b,
            (V::Int(a), V::Int(b)) | (V::Time(a), V::Time(b)) | (V::Date(a), V::Date(b)) => a == b,
            (V::Duration(a), V::Duration(b)) => a == b,
            (V::Float(a), V::Float(b)) => a.to_bits() == b.to_bits(),
            (V::Text(a), V::Text(b)) => a == b,
            (V::List(a), V::List(b)) => a == b,
            _ => false,
        }
    }
}

impl V {
    pub fn int(value: i64, ty: Ty) -> V {
        match ty {
            Ty::Time => V::Time(value),
            Ty::Date => V::Date(value),
            Ty::Duration => V::Duration(value),
            _ => V::Int(value),
        }
    }

    pub fn list(items: &Items<'_>, range: Range<usize>, ty: Ty) -> V {
        let item = |at: usize| match (items, ty) {
            (Items::Int64(items), _) => V::Int(items[at]),
            (Items::Float32(items), _) => V::Float(f64::from(items[at])),
            (Items::Float64(items), _) => V::Float(items[at]),
            (Items::Text { offsets, bytes }, _) => {
                V::Text(bytes[offsets[at] as usize..offsets[at + 1] as usize].to_vec())
            }
            other => panic!("no items of these lists: {other:?}"),
        };
        V::List(range.map(item).collect())
    }

    /// The value where a value of type `ty` is needed.
    pub fn widened(self, ty: Ty) -> V {
        match (self, ty) {
            (V::Int(value), Ty::Float) => V::Float(value as f64),
            (V::Date(days), Ty::Time) => V::Time(days * 86_400_000_000),
            (value, _) => value,
        }
    }

    /// The whole number that stands for the value.
    pub fn number(&self) -> i64 {
        match self {
            V::Int(value) | V::Time(value) | V::Date(value) | V::Duration(value) => *value,
            V::Bool(value) => i64::from(*value),
            other => panic!("no whole number: {other:?}"),
        }
    }

    pub fn float(&self) -> f64 {
        match self {
            V::Float(value) => *value,
            V::Int(value) => *value as f64,
            other => panic!("no float: {other:?}"),
        }
    }

    pub fn micros(&self) -> i64 {
        match self {
            V::Date(days) => days * 86_400_000_000,
            other => other.number(),
        }
    }
}
