//! Entity keys: by name, and encoded.

use std::fmt;

use arrow::array::{Array, ArrayRef};
use asofdb_storage::scalar::Scalar;
use asofdb_storage::{Error, JoinKey, Result, ScalarType, Value, ValueType, dispatch_scalar, key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::rows::arrow_scalar::ArrowScalar;
use crate::rows::problems::Problems;
use crate::rows::values::scalar_at;

/// The value of each join key of an entity, by name.
pub type EntityKey<'a> = [(&'a str, Value)];

/// Reads the value of a join key from text, as the command line and addresses give it.
///
/// # Errors
/// `Invalid` when the text is no value of the join key's type.
pub fn parse_join_key(key: &JoinKey, text: &str) -> Result<Value> {
    parse_scalar(format_args!("join key {:?}", key.name), key.ty, text)
}

/// Reads a value that comes with a request from text, as the command line gives it.
///
/// # Errors
/// `Invalid`, naming the value, when the text is none of its type.
pub fn parse_request_value(name: &str, ty: ScalarType, text: &str) -> Result<Value> {
    parse_scalar(format_args!("request value {name:?}"), ty, text)
}

fn parse_scalar(what: fmt::Arguments<'_>, ty: ScalarType, text: &str) -> Result<Value> {
    let parsed = match ty {
        ScalarType::Bool => text.parse().ok().map(Value::Bool),
        ScalarType::Int32 => text.parse().ok().map(Value::Int32),
        ScalarType::Int64 => text.parse().ok().map(Value::Int64),
        ScalarType::Float32 => text.parse().ok().map(Value::Float32),
        ScalarType::Float64 => text.parse().ok().map(Value::Float64),
        ScalarType::String => Some(Value::String(text.to_owned())),
        ScalarType::Bytes => BASE64.decode(text).ok().map(Value::Bytes),
        ScalarType::Timestamp => {
            let time = text.parse().map(Value::Timestamp);
            return time.map_err(|error: Error| Error::invalid(format!("{what}: {}", error.message())));
        }
        ScalarType::Date => text.parse().ok().map(Value::Date),
    };
    let form = match ty {
        ScalarType::Bytes => " (in base64)",
        ScalarType::Date => " (YYYY-MM-DD)",
        _ => "",
    };
    parsed.ok_or_else(|| Error::invalid(format!("{what} is {ty}{form}: {text:?}")))
}

/// Encoded entity keys, one a row; `None` where a join key is null or cannot be one.
#[derive(Debug, Default, Clone)]
pub struct EncodedKeys {
    bytes: Vec<u8>,
    /// The end of each key in `bytes`.
    ends: Vec<usize>,
    holes: Vec<bool>,
    holes_count: usize,
}

impl EncodedKeys {
    /// Encodes the keys of a batch. `columns` hold the join keys in key order, each of exactly its type.
    /// Bad keys are reported; null keys too where `null_is_bad`.
    pub(crate) fn encode(
        columns: &[(ScalarType, ArrayRef)],
        rows: usize,
        null_is_bad: bool,
        problems: &mut Problems,
    ) -> Self {
        let mut keys = EncodedKeys { bytes: Vec::with_capacity(rows * 12), ..EncodedKeys::default() };
        keys.ends.reserve(rows);
        keys.holes.reserve(rows);
        let columns: Vec<Column<'_>> = columns.iter().map(|(ty, array)| Column::new(*ty, array)).collect();
        for row in 0..rows {
            keys.push_row(&columns, row, null_is_bad, problems);
        }
        keys
    }

    fn push_row(&mut self, columns: &[Column<'_>], row: usize, null_is_bad: bool, problems: &mut Problems) {
        let start = self.bytes.len();
        let null = columns.iter().any(|column| column.array.is_null(row));
        let result: std::result::Result<(), String> = match null {
            true if null_is_bad => Err("a join key cannot be null".to_owned()),
            true => Ok(()),
            false => self.append(columns, row, start),
        };
        let good = !null && result.is_ok();
        if let Err(message) = result {
            problems.report(row, message);
        }
        self.finish(start, good);
    }

    fn append(&mut self, columns: &[Column<'_>], row: usize, start: usize) -> std::result::Result<(), String> {
        for column in columns {
            column.append(row, &mut self.bytes).map_err(|error| error.to_string())?;
        }
        key::check_entity_key_length(self.bytes.len() - start).map_err(|error| error.to_string())
    }

    fn finish(&mut self, start: usize, good: bool) {
        if !good {
            self.bytes.truncate(start);
        }
        self.ends.push(self.bytes.len());
        self.holes.push(!good);
        self.holes_count += usize::from(!good);
    }

    /// Adds the key made of the values at `positions`, each of its join key's type; a null makes a hole.
    pub fn push_values(&mut self, keys: &[JoinKey], positions: &[usize], values: &[Option<Value>]) -> Result<()> {
        let start = self.bytes.len();
        for position in positions {
            let Some(value) = &values[*position] else {
                self.finish(start, false);
                return Ok(());
            };
            let key = &keys[*position];
            if value.value_type() != ValueType::Scalar(key.ty) {
                let message = format!("join key {:?} is {}, not {}", key.name, key.ty, value.value_type());
                return Err(Error::invalid(message));
            }
            key::encode_value(value, &mut self.bytes)
                .map_err(|error| Error::invalid(format!("join key {:?}: {}", key.name, error.message())))?;
        }
        key::check_entity_key_length(self.bytes.len() - start)?;
        self.finish(start, true);
        Ok(())
    }

    /// Forgets all rows after the first `rows`, and what a failed push left.
    pub fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.holes.truncate(rows);
        self.holes_count = self.holes.iter().filter(|hole| **hole).count();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Forgets the keys, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.holes.clear();
        self.holes_count = 0;
    }

    /// Returns the number of keys, holes included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns whether any row has no key.
    pub(crate) fn has_holes(&self) -> bool {
        self.holes_count > 0
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        if self.holes[row] {
            return None;
        }
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        Some(&self.bytes[start..self.ends[row]])
    }

    pub(crate) fn extend(&mut self, other: &EncodedKeys) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| base + end));
        self.holes.extend_from_slice(&other.holes);
        self.holes_count += other.holes_count;
    }

    /// Some of the keys, by their rows.
    pub(crate) fn subset(&self, rows: &[usize]) -> EncodedKeys {
        let mut keys = EncodedKeys::default();
        for row in rows {
            let (start, key) = (keys.bytes.len(), self.get(*row));
            keys.bytes.extend_from_slice(key.unwrap_or_default());
            keys.finish(start, key.is_some());
        }
        keys
    }

    /// Appends the keys as they travel: the end of each as a `u32`, then their bytes. A hole is an empty key,
    /// which no key of an entity is.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend(self.ends.iter().flat_map(|end| (*end as u32).to_le_bytes()));
        out.extend_from_slice(&self.bytes);
    }

    /// Bytes that [`EncodedKeys::write_to`] appends.
    pub fn wire_bytes(&self) -> usize {
        4 * self.ends.len() + self.bytes.len()
    }

    /// Appends `rows` keys from the front of `bytes`, as [`EncodedKeys::write_to`] wrote them.
    ///
    /// # Errors
    /// `Invalid` when they are cut short, or one is not a key of these types; what was appended must then be
    /// truncated.
    pub fn read_from(
        &mut self,
        types: impl Iterator<Item = ScalarType> + Clone,
        rows: usize,
        bytes: &mut &[u8],
    ) -> Result<()> {
        let cut_short = || Error::invalid("the entity keys of a request are cut short");
        let (ends, rest) = bytes.split_at_checked(rows.saturating_mul(4)).ok_or_else(cut_short)?;
        let ends = ends.as_chunks::<4>().0.iter().map(|end| u32::from_le_bytes(*end) as usize);
        let (keys, rest) = rest.split_at_checked(ends.clone().next_back().unwrap_or(0)).ok_or_else(cut_short)?;
        let (base, mut start) = (self.bytes.len(), 0);
        for (row, end) in ends.enumerate() {
            let key = keys.get(start..end).ok_or_else(cut_short)?;
            if !key.is_empty() {
                key::check_entity(types.clone(), key)
                    .map_err(|error| Error::invalid(format!("entity row {row}: {}", error.message())))?;
            }
            self.ends.push(base + end);
            self.holes.push(key.is_empty());
            self.holes_count += usize::from(key.is_empty());
            start = end;
        }
        self.bytes.extend_from_slice(keys);
        *bytes = rest;
        Ok(())
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + 8 * self.ends.capacity() + self.holes.capacity()
    }
}

struct Column<'a> {
    ty: ScalarType,
    array: &'a dyn Array,
}

impl<'a> Column<'a> {
    fn new(ty: ScalarType, array: &'a ArrayRef) -> Self {
        Column { ty, array }
    }

    #[inline]
    fn append(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        dispatch_scalar!(self.ty, T => T::write_key(T::get(T::array(self.array), row), out))
    }
}

/// The value of a row in a column of join keys, which is of exactly the key's Arrow type; `None` where it is null.
///
/// # Panics
/// When the column is of another type.
pub fn key_value(ty: ScalarType, array: &ArrayRef, row: usize) -> Option<Value> {
    array.is_valid(row).then(|| scalar_at(array, ty, row))
}
