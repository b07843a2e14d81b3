//! Feature values.

use std::fmt;

use crate::date::Date;
use crate::error::{Error, Result};
use crate::scalar::{self, Scalar};
use crate::time::Timestamp;
use crate::value_type::{ScalarType, ValueType};
use crate::{dispatch_scalar, for_each_scalar};

/// Runs an expression with the marker of a single value and the value within, or another one with the item type and
/// the values of a list: `dispatch_value!(value, T, v => T::stored(v); (item, values) => ...)`.
#[macro_export]
macro_rules! dispatch_value {
    ($value:expr, $marker:ident, $within:ident => $single:expr; ($item:ident, $values:ident) => $list:expr) => {
        $crate::dispatch_value!(
            @arms $value, $marker, $within => $single; ($item, $values) => $list;
            Bool Int32 Int64 Float32 Float64 String Bytes Timestamp Date
        )
    };
    (
        @arms $value:expr, $marker:ident, $within:ident => $single:expr; ($item:ident, $values:ident) => $list:expr;
        $($name:ident)*
    ) => {
        match $value {
            $($crate::Value::$name(owned) => {
                type $marker = $crate::scalar::$name;
                let $within = <$marker as $crate::scalar::Scalar>::borrow(owned);
                $single
            })*
            $crate::Value::List($item, $values) => $list,
        }
    };
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

/// Makes each scalar type's values values.
macro_rules! value_from_scalars {
    ($($name:ident)*) => {
        $(impl From<<scalar::$name as Scalar>::Owned> for Value {
            #[inline]
            fn from(value: <scalar::$name as Scalar>::Owned) -> Self {
                Value::$name(value)
            }
        })*
    };
}

for_each_scalar!(value_from_scalars);

impl Value {
    /// Returns whether it is NaN, or a list with one.
    pub fn has_nan(&self) -> bool {
        match self {
            Value::Float32(value) => value.is_nan(),
            Value::Float64(value) => value.is_nan(),
            Value::List(_, values) => values.iter().any(Value::has_nan),
            _ => false,
        }
    }

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
    dispatch_scalar!(ty, T => T::from_stored(bytes).map(|value| Value::from(T::owned(value))))
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
