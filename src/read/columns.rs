//! Arrow columns from records.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayData, ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, BooleanBufferBuilder, DictionaryArray, Int8Array,
    ListArray, PrimitiveArray, StringArray, StringBuilder, TimestampMicrosecondArray, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int32Type, Int64Type,
};
use asofdb_storage::{Error, Field, ListItems, Result, ScalarType, Status, Timestamp, Value, ValueType};

use crate::read::record::Records;
use crate::rows::types::{UTC, arrow_type, list_item};

/// Rows whose fixed values are gathered for all fields at once: few enough to stay in the first-level cache.
const BLOCK_ROWS: usize = 64;

/// The column of a field over `rows`; `default` stands in wherever the value is not present.
pub(crate) fn field_column(
    records: &Records,
    field: &Field,
    rows: Range<usize>,
    default: Option<&Value>,
) -> Result<ArrayRef> {
    let columns = field_columns(records, &[(field, default)], rows)?;
    columns.into_iter().next().ok_or_else(|| Error::internal("a field has a column"))
}

/// The columns of several fields over `rows`, each with its default.
pub(crate) fn field_columns(
    records: &Records,
    fields: &[(&Field, Option<&Value>)],
    rows: Range<usize>,
) -> Result<Vec<ArrayRef>> {
    let absent = Absent::new(records, fields, rows.clone());
    let fixed = gather(records, fields, rows.clone());
    let column = |((field, default), fixed): (&(&Field, Option<&Value>), Fixed)| {
        let source = Source { records, field, rows: rows.clone(), absent: absent.of(field), default: *default };
        source.column(fixed)
    };
    fields.iter().zip(fixed).map(column).collect()
}

/// The fixed values of a field, as their bits; whatever they are where the field is not present.
enum Fixed {
    Variable,
    Byte(Vec<u8>),
    Word(Vec<u32>),
    Long(Vec<u64>),
}

impl Fixed {
    fn new(field: &Field, rows: usize) -> Self {
        match field.ty.fixed_bytes() {
            Some(1) => Fixed::Byte(Vec::with_capacity(rows)),
            Some(4) => Fixed::Word(Vec::with_capacity(rows)),
            Some(_) => Fixed::Long(Vec::with_capacity(rows)),
            None => Fixed::Variable,
        }
    }

    #[inline]
    fn extend(&mut self, records: &Records, field: &Field, rows: Range<usize>) {
        let records = records.iter(rows);
        match self {
            Fixed::Byte(column) => column.extend(records.map(|record| u8::from_le_bytes(record.fixed(field)))),
            Fixed::Word(column) => column.extend(records.map(|record| u32::from_le_bytes(record.fixed(field)))),
            Fixed::Long(column) => column.extend(records.map(|record| u64::from_le_bytes(record.fixed(field)))),
            Fixed::Variable => {}
        }
    }
}

/// Turns the fixed fields of row-major records into columns, block by block.
fn gather(records: &Records, fields: &[(&Field, Option<&Value>)], rows: Range<usize>) -> Vec<Fixed> {
    let mut columns: Vec<Fixed> = fields.iter().map(|(field, _)| Fixed::new(field, rows.len())).collect();
    for start in rows.clone().step_by(BLOCK_ROWS) {
        let block = start..rows.end.min(start + BLOCK_ROWS);
        for ((field, _), column) in fields.iter().zip(&mut columns) {
            column.extend(records, field, block.clone());
        }
    }
    columns
}

/// The rows in which fields are not present, counted from the first, found in one pass over the records.
struct Absent {
    /// By null bit; empty where no row has a hole.
    by_bit: Vec<Vec<u32>>,
}

impl Absent {
    fn new(records: &Records, fields: &[(&Field, Option<&Value>)], rows: Range<usize>) -> Self {
        let holes = records.incomplete(rows.clone());
        if holes.is_empty() {
            return Absent { by_bit: Vec::new() };
        }
        let bits = fields.iter().map(|(field, _)| field.bit + 1).max().unwrap_or(0);
        let mut by_bit = vec![Vec::new(); bits];
        for hole in holes {
            let record = records.get(rows.start + hole);
            if record.is_row_present() {
                let null = record.null_bits(records.header_bytes()).take_while(|bit| *bit < bits);
                null.for_each(|bit| by_bit[bit].push(hole as u32));
            } else {
                fields.iter().for_each(|(field, _)| by_bit[field.bit].push(hole as u32));
            }
        }
        Absent { by_bit }
    }

    /// The rows that do not have a value of a field, in ascending order.
    fn of(&self, field: &Field) -> &[u32] {
        self.by_bit.get(field.bit).map_or(&[], Vec::as_slice)
    }
}

/// The source of one column.
struct Source<'a> {
    records: &'a Records,
    field: &'a Field,
    rows: Range<usize>,
    /// The rows that do not have a value, counted from the first.
    absent: &'a [u32],
    default: Option<&'a Value>,
}

impl<'a> Source<'a> {
    fn column(&self, fixed: Fixed) -> Result<ArrayRef> {
        match (self.field.ty, fixed) {
            (ValueType::Scalar(ScalarType::Bool), Fixed::Byte(bytes)) => Ok(self.booleans(bytes)),
            (ValueType::Scalar(ty), Fixed::Word(bits)) => self.plain(ty, bits),
            (ValueType::Scalar(ty), Fixed::Long(bits)) => self.plain(ty, bits),
            (ValueType::Scalar(ScalarType::String), _) => self.strings(),
            (ValueType::Scalar(ScalarType::Bytes), _) => self.binaries(),
            (ValueType::List(item), _) => self.lists(item),
            (ty, _) => Err(Error::internal(format!("a column of {ty} was gathered in another width"))),
        }
    }

    /// The column's nulls: none where a default stands in.
    fn nulls(&self) -> Option<NullBuffer> {
        if self.absent.is_empty() || self.default.is_some() {
            return None;
        }
        let mut present = BooleanBufferBuilder::new(self.rows.len());
        present.append_n(self.rows.len(), true);
        self.absent.iter().for_each(|row| present.set_bit(*row as usize, false));
        Some(NullBuffer::new(present.finish()))
    }

    /// Puts the default, or else zero, where there is no value.
    fn fill<const N: usize, B: Copy>(&self, bits: &mut [B], from_bytes: impl Fn([u8; N]) -> B) {
        let mut default = Vec::new();
        self.default.into_iter().for_each(|value| value.encode(&mut default));
        let default = from_bytes(default.try_into().unwrap_or([0; N]));
        self.absent.iter().for_each(|row| bits[*row as usize] = default);
    }

    fn plain<B: Bits>(&self, ty: ScalarType, mut bits: Vec<B>) -> Result<ArrayRef> {
        B::fill(self, &mut bits);
        let rows = bits.len();
        plain_array(ty, rows, Buffer::from_vec(bits), self.nulls())
    }

    fn booleans(&self, mut bytes: Vec<u8>) -> ArrayRef {
        self.fill(&mut bytes, u8::from_le_bytes);
        let values = BooleanBuffer::collect_bool(bytes.len(), |row| bytes[row] == 1);
        Arc::new(BooleanArray::new(values, self.nulls()))
    }

    /// The bytes of each row's value or its default.
    fn variable<'b>(&'b self, default: Option<&'b [u8]>) -> impl Iterator<Item = Option<&'b [u8]>> {
        let mut absent = self.absent.iter().map(|row| self.rows.start + *row as usize).peekable();
        self.rows.clone().map(move |row| match absent.next_if_eq(&row) {
            None => Some(self.records.variable(row, self.field)),
            Some(_) => default,
        })
    }

    fn strings(&self) -> Result<ArrayRef> {
        let default = match self.default {
            Some(Value::String(text)) => Some(text.as_bytes()),
            _ => None,
        };
        let (offsets, bytes) = self.side_by_side(default)?;
        // All texts are looked at in one go, and then where each begins.
        let column = StringArray::try_new(offsets, bytes, self.nulls()).map_err(not_utf8)?;
        Ok(Arc::new(column))
    }

    fn binaries(&self) -> Result<ArrayRef> {
        let default = match self.default {
            Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
            _ => None,
        };
        let (offsets, bytes) = self.side_by_side(default)?;
        Ok(Arc::new(BinaryArray::new(offsets, bytes, self.nulls())))
    }

    /// The bytes of all values, and where each begins.
    fn side_by_side(&self, default: Option<&[u8]>) -> Result<(OffsetBuffer<i32>, Buffer)> {
        let mut offsets = Vec::with_capacity(self.rows.len() + 1);
        let mut bytes = Vec::with_capacity(self.rows.len() * 16);
        offsets.push(0);
        for value in self.variable(default) {
            bytes.extend_from_slice(value.unwrap_or_default());
            offsets.push(bytes.len() as i32);
        }
        if i32::try_from(bytes.len()).is_err() {
            return Err(Error::invalid("a batch has over 2^31 bytes in one column; ask for fewer rows"));
        }
        Ok((OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes)))
    }

    fn lists(&self, item: ScalarType) -> Result<ArrayRef> {
        let mut default = Vec::new();
        self.default.into_iter().for_each(|value| value.encode(&mut default));
        let default = self.default.map(|_| default.as_slice());
        lists(item, self.variable(default), self.rows.len())
    }
}

/// The bits of a fixed value.
trait Bits: Copy + ArrowNativeType {
    fn fill(source: &Source<'_>, bits: &mut [Self]);
}

impl Bits for u32 {
    fn fill(source: &Source<'_>, bits: &mut [Self]) {
        source.fill(bits, u32::from_le_bytes);
    }
}

impl Bits for u64 {
    fn fill(source: &Source<'_>, bits: &mut [Self]) {
        source.fill(bits, u64::from_le_bytes);
    }
}

/// The column of values of fixed width that lie in memory as rows store them, which is as Arrow has them.
fn plain_array(ty: ScalarType, rows: usize, values: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    fn typed<T: ArrowPrimitiveType>(rows: usize, values: Buffer, nulls: Option<NullBuffer>) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::new(values, 0, rows), nulls)
    }
    // The usual types, aligned, need none of the checks below, which for one row cost more than the column itself.
    if values.as_ptr().align_offset(align_of::<i64>()) == 0 {
        match ty {
            ScalarType::Int32 => return Ok(Arc::new(typed::<Int32Type>(rows, values, nulls))),
            ScalarType::Int64 => return Ok(Arc::new(typed::<Int64Type>(rows, values, nulls))),
            ScalarType::Float32 => return Ok(Arc::new(typed::<Float32Type>(rows, values, nulls))),
            ScalarType::Float64 => return Ok(Arc::new(typed::<Float64Type>(rows, values, nulls))),
            _ => {}
        }
    }
    let data = ArrayData::builder(arrow_type(ValueType::Scalar(ty))).len(rows).add_buffer(values).nulls(nulls);
    let data = data.align_buffers(true).build();
    Ok(make_array(
        data.map_err(|error| Error::internal(format!("a column of {ty} cannot be made")).with_source(error))?,
    ))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(not_utf8)
}

fn not_utf8(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::corrupt("a stored string is not UTF-8").with_source(error)
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
        Ok(match self.item {
            ScalarType::Bool => Arc::new(BooleanArray::from(self.fixed.iter().map(|b| *b == 1).collect::<Vec<_>>())),
            ScalarType::String => Arc::new(self.text.finish()),
            ScalarType::Bytes => Arc::new(self.binary.finish()),
            item => return plain_array(item, self.count, Buffer::from_vec(self.fixed), None),
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

/// The event timestamp of what was found for each of `rows`; of several records, the oldest.
pub(crate) fn event_column(records: &[&Records], rows: Range<usize>) -> ArrayRef {
    let oldest = |row| records.iter().filter_map(|records| records.get(row).event()).min();
    let events = rows.map(|row| oldest(row).map(Timestamp::as_micros));
    Arc::new(events.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
}
