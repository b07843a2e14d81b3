//! Feature values and their types.

use std::fmt;
use std::str::FromStr;

use crate::date::Date;
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::time::Timestamp;
use crate::{dispatch_scalar, dispatch_value};

/// The type of one value that is not a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// True or false.
    Bool,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// Microseconds since the epoch, UTC.
    Timestamp,
    /// Days since 1970-01-01.
    Date,
}

impl ScalarType {
    /// Every scalar type.
    pub const ALL: [ScalarType; 9] = [
        ScalarType::Bool,
        ScalarType::Int32,
        ScalarType::Int64,
        ScalarType::Float32,
        ScalarType::Float64,
        ScalarType::String,
        ScalarType::Bytes,
        ScalarType::Timestamp,
        ScalarType::Date,
    ];

    /// The number of the type in records and messages. It never changes: new types go to the end.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The type of a number; `None` where no type has it.
    pub fn from_number(number: u32) -> Option<Self> {
        ScalarType::ALL.get(number as usize).copied()
    }

    /// Bytes of an encoded value; `None` for the types of variable length.
    pub const fn fixed_bytes(self) -> Option<usize> {
        dispatch_scalar!(self, T => T::FIXED_BYTES)
    }

    /// The name used in definitions.
    pub const fn name(self) -> &'static str {
        dispatch_scalar!(self, T => T::NAME)
    }

    /// Returns whether values can go into a matrix of floats.
    pub const fn is_numeric(self) -> bool {
        dispatch_scalar!(self, T => T::IS_NUMERIC)
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of a feature: a scalar, or a list of scalars (an embedding is a list of `float32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// One value.
    Scalar(ScalarType),
    /// Any number of values of one type, none of them null.
    List(ScalarType),
}

impl ValueType {
    /// Bytes in a row's fixed section; `None` for values of variable length.
    pub const fn fixed_bytes(self) -> Option<usize> {
        match self {
            ValueType::Scalar(scalar) => scalar.fixed_bytes(),
            ValueType::List(_) => None,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueType::Scalar(scalar) => scalar.fmt(f),
            ValueType::List(scalar) => write!(f, "list<{scalar}>"),
        }
    }
}

impl FromStr for ScalarType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ScalarType::ALL.into_iter().find(|ty| ty.name() == text).ok_or_else(|| {
            let names = ScalarType::ALL.map(ScalarType::name).join(", ");
            Error::invalid(format!("a type is {names}, or list<..> of one: {text:?}"))
        })
    }
}

impl FromStr for ValueType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => item.parse().map(ValueType::List),
            None => text.parse().map(ValueType::Scalar),
        }
    }
}

/// An owned value. Null is the absence of one: `Option<Value>`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// 32-bit signed integer.
    Int32(i32),
    /// 64-bit signed integer.
    Int64(i64),
    /// 32-bit float.
    Float32(f32),
    /// 64-bit float.
    Float64(f64),
    /// UTF-8 text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A day.
    Date(Date),
    /// Values of one scalar type.
    List(ScalarType, Vec<Value>),
}

impl Value {
    /// The type of this value.
    pub fn value_type(&self) -> ValueType {
        dispatch_value!(self, T, _value => ValueType::Scalar(T::TYPE); (item, _values) => ValueType::List(*item))
    }

    /// Appends the value as a row stores it: little-endian, lists as [`crate::row`] describes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        dispatch_value!(self, T, value => out.extend_from_slice(T::stored(value).as_ref()); (item, values) => {
            match item.fixed_bytes() {
                Some(_) => values.iter().for_each(|value| value.encode(out)),
                None => encode_variable_list(values, out),
            }
        });
    }

    /// Reads back what [`Value::encode`] wrote.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not a value of type `ty`.
    pub fn decode(ty: ValueType, bytes: &[u8]) -> Result<Value> {
        match ty {
            ValueType::Scalar(scalar) => decode_scalar(scalar, bytes),
            ValueType::List(item) => {
                let mut values = Vec::new();
                ListItems::new(item, bytes)?.try_for_each(|bytes| {
                    values.push(decode_scalar(item, bytes?)?);
                    Ok::<(), Error>(())
                })?;
                Ok(Value::List(item, values))
            }
        }
    }
}

impl fmt::Display for Value {
    /// Writes a value as definition files do: text in quotes, lists in brackets; bytes that are not text as escapes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dispatch_value!(self, T, value => T::print(value, f); (_item, values) => {
            f.write_str("[")?;
            for (index, value) in values.iter().enumerate() {
                write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
            }
            f.write_str("]")
        })
    }
}

/// A count, then the end of each item relative to the first one, then the items.
fn encode_variable_list(values: &[Value], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&(values.len() as u32).to_le_bytes());
    out.resize(out.len() + 4 * values.len(), 0);
    let items = out.len();
    for (index, value) in values.iter().enumerate() {
        value.encode(out);
        let end = (out.len() - items) as u32;
        out[start + 4 + 4 * index..][..4].copy_from_slice(&end.to_le_bytes());
    }
}

fn decode_scalar(ty: ScalarType, bytes: &[u8]) -> Result<Value> {
    dispatch_scalar!(ty, T => T::from_stored(bytes).map(T::to_value))
}

/// The items of a stored list, each as its bytes, without copying.
#[derive(Debug, Clone)]
pub struct ListItems<'a> {
    bytes: &'a [u8],
    kind: ListKind<'a>,
    len: usize,
    next: usize,
}

#[derive(Debug, Clone)]
enum ListKind<'a> {
    Fixed(usize),
    Variable { ends: &'a [u8], start: usize },
}

impl<'a> ListItems<'a> {
    /// The items of a list of `item` that a row stores as `bytes`.
    ///
    /// # Errors
    /// `Corrupt` when the bytes cannot be such a list.
    pub fn new(item: ScalarType, bytes: &'a [u8]) -> Result<Self> {
        let corrupt = || Error::corrupt(format!("a stored list<{item}> is cut short at {} bytes", bytes.len()));
        if let Some(width) = item.fixed_bytes() {
            if !bytes.len().is_multiple_of(width) {
                return Err(corrupt());
            }
            return Ok(ListItems { bytes, kind: ListKind::Fixed(width), len: bytes.len() / width, next: 0 });
        }
        let (count, rest) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let len = u32::from_le_bytes(*count) as usize;
        let (ends, items) = rest.split_at_checked(len.checked_mul(4).ok_or_else(corrupt)?).ok_or_else(corrupt)?;
        Ok(ListItems { bytes: items, kind: ListKind::Variable { ends, start: 0 }, len, next: 0 })
    }

    /// Returns the number of items of the list.
    pub fn item_count(&self) -> usize {
        self.len
    }
}

impl<'a> Iterator for ListItems<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.len {
            return None;
        }
        let index = self.next;
        self.next += 1;
        match &mut self.kind {
            ListKind::Fixed(width) => Some(Ok(&self.bytes[index * *width..][..*width])),
            ListKind::Variable { ends, start } => {
                let end = u32::from_le_bytes(ends[4 * index..][..4].try_into().expect("4 bytes")) as usize;
                let item = self.bytes.get(*start..end);
                *start = end;
                Some(item.ok_or_else(|| Error::corrupt("a stored list has items out of order")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_read_back() {
        for scalar in ScalarType::ALL {
            for ty in [ValueType::Scalar(scalar), ValueType::List(scalar)] {
                assert_eq!(ty.to_string().parse::<ValueType>().unwrap(), ty);
            }
        }
        for bad in ["", "float", "list<list<bool>>", "list<>", "List<bool>"] {
            assert!(bad.parse::<ValueType>().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_print_as_in_definition_files() {
        let list = Value::List(ScalarType::Float32, vec![Value::Float32(1.5), Value::Float32(-0.0)]);
        assert_eq!(list.to_string(), "[1.5, -0]");
        assert_eq!(Value::String("a\"b".into()).to_string(), r#""a\"b""#);
        assert_eq!(Value::Bytes(vec![b'a', 0, 255]).to_string(), r#""a\x00\xff""#);
        assert_eq!(Value::Timestamp(Timestamp::EPOCH).to_string(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn lists_of_every_kind_read_back() {
        let lists = [
            Value::List(ScalarType::Float32, vec![Value::Float32(1.5), Value::Float32(-0.0)]),
            Value::List(ScalarType::Bool, vec![]),
            Value::List(ScalarType::String, vec![Value::String("a".into()), Value::String(String::new())]),
            Value::List(ScalarType::Bytes, vec![]),
        ];
        for list in lists {
            let mut bytes = Vec::new();
            list.encode(&mut bytes);
            assert_eq!(Value::decode(list.value_type(), &bytes).unwrap(), list);
        }
    }

    #[test]
    fn broken_lists_are_corrupt_not_guessed() {
        for bytes in [&[1u8, 0, 0][..], &[2, 0, 0, 0, 1, 0, 0, 0], &[255, 255, 255, 255], &[1, 0, 0, 0, 9, 0, 0, 0, 65]]
        {
            let result = Value::decode(ValueType::List(ScalarType::String), bytes);
            assert_eq!(result.unwrap_err().kind(), crate::error::ErrorKind::Corrupt);
        }
    }
}
