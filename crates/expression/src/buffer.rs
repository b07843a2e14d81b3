//! Columns from rows.

use asofdb_storage::{Error, ListItems, Result, ScalarType, Status, Timestamp, Value, ValueType};

use crate::column::{Bools, Column, Items, NO_EVENT, Values};

/// A column that is filled row by row, for whoever has rows: one small copy a value, and no allocation once it has seen
/// as many rows.
#[derive(Debug)]
pub struct ColumnBuffer {
    ty: ValueType,
    /// The values; of a list, its items.
    values: Store,
    /// The start of each list, and the end of the last one.
    ends: Vec<i32>,
    valid: Vec<bool>,
    statuses: Vec<Status>,
    events: Vec<i64>,
    encoded: Vec<u8>,
}

impl ColumnBuffer {
    /// An empty column of a type.
    pub fn new(ty: ValueType) -> Self {
        let (ValueType::Scalar(item) | ValueType::List(item)) = ty;
        ColumnBuffer {
            ty,
            values: Store::new(item),
            ends: vec![0],
            valid: Vec::new(),
            statuses: Vec::new(),
            events: Vec::new(),
            encoded: Vec::new(),
        }
    }

    /// Forgets the rows, and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.ends.truncate(1);
        self.valid.clear();
        self.statuses.clear();
        self.events.clear();
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.valid.len()
    }

    /// Adds a row: its value, as a row of a view stores it ([`Value::encode`]), why it is there or not, and the time of
    /// its event.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no value of the type; `Invalid` when there are 2 GiB. Nothing is added then.
    pub fn push_stored(&mut self, value: Option<&[u8]>, status: Status, event: Option<Timestamp>) -> Result<()> {
        let before = self.values.len();
        if let Err(error) = self.push_value(value) {
            self.values.truncate(before);
            return Err(error);
        }
        self.valid.push(value.is_some());
        self.statuses.push(status);
        self.events.push(event.map_or(NO_EVENT, Timestamp::as_micros));
        Ok(())
    }

    /// Adds a row, as [`ColumnBuffer::push_stored`] does.
    ///
    /// # Errors
    /// `Invalid` when the value is of another type, or when there are 2 GiB.
    pub fn push(&mut self, value: Option<&Value>, status: Status, event: Option<Timestamp>) -> Result<()> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        let result = match value {
            Some(value) if value.value_type() != self.ty => {
                Err(Error::invalid(format!("a column of {} takes no {}: {value}", self.ty, value.value_type())))
            }
            Some(value) => {
                value.encode(&mut encoded);
                self.push_stored(Some(&encoded), status, event)
            }
            None => self.push_stored(None, status, event),
        };
        self.encoded = encoded;
        result
    }

    fn push_value(&mut self, value: Option<&[u8]>) -> Result<()> {
        match (self.ty, value) {
            (ValueType::Scalar(_), None) => self.values.push_null(),
            (ValueType::Scalar(ty), Some(value)) => self.values.push(ty, value)?,
            (ValueType::List(_), None) => self.ends.push(self.ends[self.ends.len() - 1]),
            (ValueType::List(ty), Some(value)) => {
                for item in ListItems::new(ty, value)? {
                    self.values.push(ty, item?)?;
                }
                self.ends.push(i32::try_from(self.values.len()).map_err(|_| too_much())?);
            }
        }
        Ok(())
    }

    /// The rows as a column.
    pub fn column(&self) -> Column<'_> {
        let values = match self.ty {
            ValueType::List(item) => Values::List { item, offsets: &self.ends, items: self.values.items() },
            ValueType::Scalar(ty) => self.values.values(ty),
        };
        let valid = Some(Bools::Bytes(&self.valid));
        Column { values, valid, statuses: Some(&self.statuses), events: Some(&self.events) }
    }
}

#[cold]
fn too_much() -> Error {
    Error::invalid("a column has at most 2 GiB of text and 2147483647 items")
}

/// Values of one scalar type.
#[derive(Debug)]
enum Store {
    Bools(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
}

/// Runs an expression with the values, if they are of fixed width, or else another one.
macro_rules! with_store {
    ($store:expr, $values:ident => $fixed:expr, ($offsets:ident, $bytes:ident) => $text:expr) => {
        match $store {
            Store::Bools($values) => $fixed,
            Store::Int32($values) => $fixed,
            Store::Int64($values) => $fixed,
            Store::Float32($values) => $fixed,
            Store::Float64($values) => $fixed,
            Store::Text { offsets: $offsets, bytes: $bytes } => $text,
        }
    };
}

impl Store {
    fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => Store::Bools(Vec::new()),
            ScalarType::Int32 | ScalarType::Date => Store::Int32(Vec::new()),
            ScalarType::Int64 | ScalarType::Timestamp => Store::Int64(Vec::new()),
            ScalarType::Float32 => Store::Float32(Vec::new()),
            ScalarType::Float64 => Store::Float64(Vec::new()),
            ScalarType::String | ScalarType::Bytes => Store::Text { offsets: vec![0], bytes: Vec::new() },
        }
    }

    fn clear(&mut self) {
        self.truncate(0);
    }

    fn len(&self) -> usize {
        with_store!(self, values => values.len(), (offsets, _bytes) => offsets.len() - 1)
    }

    fn truncate(&mut self, rows: usize) {
        with_store!(self, values => values.truncate(rows), (offsets, bytes) => {
            offsets.truncate(rows + 1);
            bytes.truncate(offsets[offsets.len() - 1] as usize);
        });
    }

    fn push_null(&mut self) {
        with_store!(self, values => values.push(Default::default()), (offsets, _bytes) => {
            offsets.push(offsets[offsets.len() - 1]);
        });
    }

    fn push(&mut self, ty: ScalarType, value: &[u8]) -> Result<()> {
        match self {
            Store::Bools(values) => values.push(match fixed::<1>(ty, value)? {
                [0] => false,
                [1] => true,
                _ => return Err(Error::corrupt("a stored bool is one byte, 0 or 1")),
            }),
            Store::Int32(values) => values.push(i32::from_le_bytes(fixed(ty, value)?)),
            Store::Int64(values) => values.push(i64::from_le_bytes(fixed(ty, value)?)),
            Store::Float32(values) => values.push(f32::from_le_bytes(fixed(ty, value)?)),
            Store::Float64(values) => values.push(f64::from_le_bytes(fixed(ty, value)?)),
            Store::Text { offsets, bytes } => {
                let end = i32::try_from(bytes.len() + value.len()).map_err(|_| too_much())?;
                bytes.extend_from_slice(value);
                offsets.push(end);
            }
        }
        Ok(())
    }

    fn items(&self) -> Items<'_> {
        match self {
            Store::Bools(items) => Items::Bool(Bools::Bytes(items)),
            Store::Int32(items) => Items::Int32(items),
            Store::Int64(items) => Items::Int64(items),
            Store::Float32(items) => Items::Float32(items),
            Store::Float64(items) => Items::Float64(items),
            Store::Text { offsets, bytes } => Items::Text { offsets, bytes },
        }
    }

    fn values(&self, ty: ScalarType) -> Values<'_> {
        match self {
            Store::Bools(values) => Values::Bool(Bools::Bytes(values)),
            Store::Int32(values) if ty == ScalarType::Date => Values::Date(values),
            Store::Int32(values) => Values::Int32(values),
            Store::Int64(values) if ty == ScalarType::Timestamp => Values::Timestamp(values),
            Store::Int64(values) => Values::Int64(values),
            Store::Float32(values) => Values::Float32(values),
            Store::Float64(values) => Values::Float64(values),
            Store::Text { offsets, bytes } if ty == ScalarType::Bytes => Values::Bytes { offsets, bytes },
            Store::Text { offsets, bytes } => Values::Text { offsets, bytes },
        }
    }
}

fn fixed<const N: usize>(ty: ScalarType, bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| Error::corrupt(format!("a stored {ty} cannot have this length: {} bytes", bytes.len())))
}
