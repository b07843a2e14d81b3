//! From records to Arrow columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, BooleanBufferBuilder, DictionaryArray, Int8Array, ListArray, PrimitiveArray,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use asofdb_storage::{Error, ListItems, Result, ScalarType, Status, Value, ValueType};

use crate::arrow_types::{UTC, list_item};
use crate::record::{Field, Records};

/// The column of a field over `rows`; `default` stands in wherever the value is not present.
pub(crate) fn field_column(
    records: &Records,
    field: &Field,
    rows: Range<usize>,
    default: Option<&Value>,
) -> Result<ArrayRef> {
    let column = Source { records, field, rows, default };
    match field.ty {
        ValueType::Scalar(ScalarType::Bool) => Ok(column.booleans()),
        ValueType::Scalar(ScalarType::Int32) => Ok(column.primitive::<Int32Type, 4>(i32::from_le_bytes)),
        ValueType::Scalar(ScalarType::Int64) => Ok(column.primitive::<Int64Type, 8>(i64::from_le_bytes)),
        ValueType::Scalar(ScalarType::Float32) => Ok(column.primitive::<Float32Type, 4>(f32::from_le_bytes)),
        ValueType::Scalar(ScalarType::Float64) => Ok(column.primitive::<Float64Type, 8>(f64::from_le_bytes)),
        ValueType::Scalar(ScalarType::Timestamp) => {
            let micros = column.primitive_array::<TimestampMicrosecondType, 8>(i64::from_le_bytes);
            Ok(Arc::new(micros.with_timezone(UTC)))
        }
        ValueType::Scalar(ScalarType::String) => column.strings(),
        ValueType::Scalar(ScalarType::Bytes) => Ok(column.binaries()),
        ValueType::List(item) => column.lists(item),
    }
}

struct Source<'a> {
    records: &'a Records,
    field: &'a Field,
    rows: Range<usize>,
    default: Option<&'a Value>,
}

impl<'a> Source<'a> {
    /// Which rows have a value, not counting the default; `None` when all have.
    fn presence(&self) -> Option<BooleanBuffer> {
        let mut present = BooleanBufferBuilder::new(self.rows.len());
        self.rows.clone().for_each(|row| present.append(self.records.get(row).is_present(self.field)));
        let present = present.finish();
        (present.count_set_bits() < present.len()).then_some(present)
    }

    /// The column's nulls: none where a default stands in.
    fn nulls(&self, presence: Option<BooleanBuffer>) -> Option<NullBuffer> {
        presence.filter(|_| self.default.is_none()).map(NullBuffer::new)
    }

    fn primitive_array<T: ArrowPrimitiveType, const N: usize>(
        &self,
        read: impl Fn([u8; N]) -> T::Native,
    ) -> PrimitiveArray<T> {
        let mut values: Vec<T::Native> =
            self.rows.clone().map(|row| read(self.records.get(row).fixed::<N>(self.field))).collect();
        let presence = self.presence();
        if let Some(present) = &presence {
            let absent = self.default_bytes::<N>().map_or_else(T::Native::default, &read);
            (0..values.len()).filter(|index| !present.value(*index)).for_each(|index| values[index] = absent);
        }
        PrimitiveArray::new(values.into(), self.nulls(presence))
    }

    fn primitive<T: ArrowPrimitiveType, const N: usize>(&self, read: impl Fn([u8; N]) -> T::Native) -> ArrayRef {
        Arc::new(self.primitive_array::<T, N>(read))
    }

    /// The default as a row would store it.
    fn default_bytes<const N: usize>(&self) -> Option<[u8; N]> {
        let mut bytes = Vec::with_capacity(N);
        self.default?.encode(&mut bytes);
        bytes.try_into().ok()
    }

    fn booleans(&self) -> ArrayRef {
        let presence = self.presence();
        let default = matches!(self.default, Some(Value::Bool(true)));
        let mut values = BooleanBufferBuilder::new(self.rows.len());
        for row in self.rows.clone() {
            let record = self.records.get(row);
            values.append(if record.is_present(self.field) { record.fixed::<1>(self.field) == [1] } else { default });
        }
        Arc::new(BooleanArray::new(values.finish(), self.nulls(presence)))
    }

    /// The bytes of each row's value or its default.
    fn variable(&self, default: Option<&'a [u8]>) -> impl Iterator<Item = Option<&'a [u8]>> {
        let (records, field) = (self.records, self.field);
        self.rows.clone().map(move |row| match records.get(row).is_present(field) {
            true => Some(records.variable(row, field)),
            false => default,
        })
    }

    fn encoded_default(&self) -> Option<Vec<u8>> {
        self.default.map(|value| {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            bytes
        })
    }

    fn strings(&self) -> Result<ArrayRef> {
        let default = match self.default {
            Some(Value::String(text)) => Some(text.as_bytes()),
            _ => None,
        };
        let mut builder = StringBuilder::with_capacity(self.rows.len(), self.rows.len() * 8);
        for bytes in self.variable(default) {
            builder.append_option(bytes.map(utf8).transpose()?);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn binaries(&self) -> ArrayRef {
        let default = match self.default {
            Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
            _ => None,
        };
        let mut builder = BinaryBuilder::with_capacity(self.rows.len(), self.rows.len() * 8);
        self.variable(default).for_each(|bytes| builder.append_option(bytes));
        Arc::new(builder.finish())
    }

    fn lists(&self, item: ScalarType) -> Result<ArrayRef> {
        let (records, field, rows) = (self.records, self.field, self.rows.clone());
        let encoded = self.encoded_default();
        let default = encoded.as_deref();
        let values = rows.map(|row| match records.get(row).is_present(field) {
            true => Some(records.variable(row, field)),
            false => default,
        });
        lists(item, values, self.rows.len())
    }
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| Error::corrupt("a stored string is not UTF-8").with_source(error))
}

/// The list column of stored lists.
fn lists<'a>(item: ScalarType, values: impl Iterator<Item = Option<&'a [u8]>>, rows: usize) -> Result<ArrayRef> {
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut valid = BooleanBufferBuilder::new(rows);
    let mut items = Items::new(item);
    offsets.push(0i32);
    for value in values {
        valid.append(value.is_some());
        if let Some(bytes) = value {
            items.extend(ListItems::new(item, bytes)?, bytes)?;
        }
        offsets.push(i32::try_from(items.count).map_err(|_| Error::invalid("a batch of lists has over 2^31 items"))?);
    }
    let valid = valid.finish();
    let nulls = (valid.count_set_bits() < valid.len()).then(|| NullBuffer::new(valid));
    Ok(Arc::new(ListArray::new(list_item(item), OffsetBuffer::new(offsets.into()), items.finish()?, nulls)))
}

/// The items of all lists of a column.
struct Items {
    item: ScalarType,
    count: usize,
    fixed: Vec<u8>,
    text: StringBuilder,
    binary: BinaryBuilder,
}

impl Items {
    fn new(item: ScalarType) -> Self {
        Items { item, count: 0, fixed: Vec::new(), text: StringBuilder::new(), binary: BinaryBuilder::new() }
    }

    fn extend(&mut self, items: ListItems<'_>, bytes: &[u8]) -> Result<()> {
        self.count += items.item_count();
        match self.item {
            ScalarType::String => items.into_iter().try_for_each(|item| {
                self.text.append_value(utf8(item?)?);
                Ok(())
            }),
            ScalarType::Bytes => items.into_iter().try_for_each(|item| {
                self.binary.append_value(item?);
                Ok(())
            }),
            _ => {
                self.fixed.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<ArrayRef> {
        fn plain<T: ArrowPrimitiveType, const N: usize>(
            bytes: &[u8],
            read: impl Fn([u8; N]) -> T::Native,
        ) -> PrimitiveArray<T> {
            let values: Vec<T::Native> = bytes.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect();
            PrimitiveArray::new(values.into(), None)
        }
        Ok(match self.item {
            ScalarType::Bool => Arc::new(BooleanArray::from(self.fixed.iter().map(|b| *b == 1).collect::<Vec<_>>())),
            ScalarType::Int32 => Arc::new(plain::<Int32Type, 4>(&self.fixed, i32::from_le_bytes)),
            ScalarType::Int64 => Arc::new(plain::<Int64Type, 8>(&self.fixed, i64::from_le_bytes)),
            ScalarType::Float32 => Arc::new(plain::<Float32Type, 4>(&self.fixed, f32::from_le_bytes)),
            ScalarType::Float64 => Arc::new(plain::<Float64Type, 8>(&self.fixed, f64::from_le_bytes)),
            ScalarType::Timestamp => {
                let micros = plain::<TimestampMicrosecondType, 8>(&self.fixed, i64::from_le_bytes);
                Arc::new(micros.with_timezone(UTC))
            }
            ScalarType::String => Arc::new(self.text.finish()),
            ScalarType::Bytes => Arc::new(self.binary.finish()),
        })
    }
}

/// The dictionary type of a status column.
pub(crate) fn status_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
}

/// The status of a field in each of `rows`, as a dictionary of the four names.
pub(crate) fn status_column(records: &Records, field: &Field, rows: Range<usize>) -> Result<ArrayRef> {
    status_array(rows.map(|row| records.get(row).status(field) as i8).collect())
}

/// Statuses by their numbers, as a dictionary of the four names.
pub(crate) fn status_array(keys: Vec<i8>) -> Result<ArrayRef> {
    let names = Arc::new(StringArray::from_iter_values(Status::ALL.map(Status::as_str)));
    let keys = Int8Array::new(ScalarBuffer::from(keys), None);
    let column = DictionaryArray::<Int8Type>::try_new(keys, names);
    Ok(Arc::new(column.map_err(|error| Error::internal("cannot build a status column").with_source(error))?))
}

/// The event timestamp of the version found for each of `rows`.
pub(crate) fn event_column(records: &Records, rows: Range<usize>) -> ArrayRef {
    let events = rows.map(|row| records.get(row).event().map(|event| event.as_micros()));
    Arc::new(events.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
}
