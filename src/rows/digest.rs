//! Digests of tables: by which one knows that two have the same rows, in the same order, bit for bit.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use asofdb_storage::{Error, Result};
use twox_hash::XxHash3_128;

/// The digest of a table of Arrow, as its batches come: how they are cut does not change it.
///
/// Each column has a digest of its own: the xxh3-128 of whether each row has a value, a byte 0 or 1 a row, and of the
/// values, one after the other: those of fixed width as Arrow stores them, little-endian; texts and bytes behind their
/// length, a `u64`; a list as its number of items, a `u64`, and the items, a structure as its
/// fields, each item and field a byte 0 for null, or a byte 1 and the value. The digest of the table is the xxh3-128 of the number of
/// rows (`u64`), and for each column its name and its type, each behind its length, and its digest.
///
/// Texts are texts however Arrow keeps them (`utf8`, `large_utf8`, views, dictionaries), and so are bytes and lists. All
/// other types must be the same for two digests to be.
pub struct TableDigest {
    columns: Vec<ColumnDigest>,
    rows: u64,
}

/// The digest of a table that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The digest of all of it: 32 hexadecimal digits.
    pub table: String,
    /// The digest of each column, by name.
    pub columns: Vec<(String, String)>,
    /// Rows.
    pub rows: u64,
}

/// The digest of one column. A list is its number of items, a `u64`, and the items; a structure its fields; each item and
/// field is a byte 0 for null, or a byte 1 and the value.
struct ColumnDigest {
    name: String,
    plain: DataType,
    validity: XxHash3_128,
    values: XxHash3_128,
}

impl TableDigest {
    /// Begins the digest of a table with these columns.
    ///
    /// # Errors
    /// `Invalid`, naming the column, for a type that has no digest: maps, unions and runs.
    pub fn new(schema: &Schema) -> Result<Self> {
        let column = |field: &FieldRef| {
            let plain = plain_type(field.data_type());
            let plain = plain.map_err(|error| error.context(format!("column {:?}", field.name())))?;
            let (validity, values) = (XxHash3_128::new(), XxHash3_128::new());
            Ok(ColumnDigest { name: field.name().clone(), plain, validity, values })
        };
        let columns = schema.fields().iter().map(column).collect::<Result<_>>()?;
        Ok(TableDigest { columns, rows: 0 })
    }

    /// Takes the next rows.
    ///
    /// # Errors
    /// `Internal` when a column is not of the type that was said.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column.update(array)?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Gives the digest of all that came.
    pub fn finish(self) -> Digest {
        let mut whole = XxHash3_128::new();
        whole.write(&self.rows.to_le_bytes());
        let mut columns = Vec::with_capacity(self.columns.len());
        for ColumnDigest { name, plain, validity, values } in self.columns {
            let mut column = XxHash3_128::new();
            column.write(&validity.finish_128().to_le_bytes());
            column.write(&values.finish_128().to_le_bytes());
            let digest = column.finish_128();
            for text in [name.as_str(), &type_name(&plain)] {
                whole.write(&(text.len() as u64).to_le_bytes());
                whole.write(text.as_bytes());
            }
            whole.write(&digest.to_le_bytes());
            columns.push((name, format!("{digest:032x}")));
        }
        Digest { table: format!("{:032x}", whole.finish_128()), columns, rows: self.rows }
    }
}

impl ColumnDigest {
    fn update(&mut self, array: &ArrayRef) -> Result<()> {
        let array = plain_array(array, &self.plain)?;
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let mut bytes: Vec<u8> = match &nulls {
            None => vec![1; array.len()],
            Some(nulls) => nulls.iter().map(u8::from).collect(),
        };
        self.validity.write(&bytes);
        bytes.clear();
        match (array.data_type().primitive_width(), &nulls) {
            (Some(width), None) => self.values.write(&fixed_values(&array, width)),
            (Some(width), Some(nulls)) => {
                let all = fixed_values(&array, width);
                nulls.valid_indices().for_each(|row| bytes.extend_from_slice(&all[row * width..(row + 1) * width]));
                self.values.write(&bytes);
            }
            (None, _) => {
                for row in (0..array.len()).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row))) {
                    put_value(&array, row, &mut bytes);
                }
                self.values.write(&bytes);
            }
        }
        Ok(())
    }
}

/// The type that stands for all in which Arrow keeps the same values.
fn plain_type(ty: &DataType) -> Result<DataType> {
    let as_plain = |name: &str, field: &FieldRef| Ok(Field::new(name, plain_type(field.data_type())?, true));
    Ok(match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::LargeUtf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::LargeBinary,
        DataType::Dictionary(_, values) => plain_type(values)?,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            DataType::LargeList(as_plain("item", field)?.into())
        }
        DataType::Struct(fields) => {
            let field = |field: &FieldRef| as_plain(field.name(), field);
            DataType::Struct(fields.iter().map(field).collect::<Result<Vec<_>>>()?.into())
        }
        DataType::Null | DataType::Boolean | DataType::FixedSizeBinary(_) => ty.clone(),
        ty if ty.primitive_width().is_some() => ty.clone(),
        ty => return Err(Error::invalid(format!("the type {ty} has no digest"))),
    })
}

/// The name of a type, which is part of digests for ever: that which pyarrow has for it.
fn type_name(ty: &DataType) -> String {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    match ty {
        DataType::Boolean => "bool".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::LargeUtf8 => "string".to_owned(),
        DataType::LargeBinary => "binary".to_owned(),
        DataType::FixedSizeBinary(width) => format!("fixed_size_binary[{width}]"),
        DataType::Timestamp(of, None) => format!("timestamp[{}]", unit(of)),
        DataType::Timestamp(of, Some(zone)) => format!("timestamp[{}, tz={zone}]", unit(of)),
        DataType::Time32(of) => format!("time32[{}]", unit(of)),
        DataType::Time64(of) => format!("time64[{}]", unit(of)),
        DataType::Duration(of) => format!("duration[{}]", unit(of)),
        DataType::Interval(of) => format!("interval[{of:?}]").to_lowercase(),
        DataType::Decimal32(precision, scale) => format!("decimal32({precision}, {scale})"),
        DataType::Decimal64(precision, scale) => format!("decimal64({precision}, {scale})"),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::Decimal256(precision, scale) => format!("decimal256({precision}, {scale})"),
        DataType::LargeList(field) => format!("list<{}>", type_name(field.data_type())),
        DataType::Struct(fields) => {
            let field = |field: &FieldRef| format!("{}: {}", field.name(), type_name(field.data_type()));
            format!("struct<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        // Whole numbers, half floats, dates and null have no parameters: their names are those of their variants.
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn plain_array(array: &ArrayRef, plain: &DataType) -> Result<ArrayRef> {
    if array.data_type() == plain {
        return Ok(array.clone());
    }
    cast(array, plain).map_err(|error| Error::internal(format!("no digest of a column as {plain}")).with_source(error))
}

/// Bytes of values that have the same width each: those that Arrow keeps one behind the other.
fn fixed_values(array: &dyn Array, width: usize) -> Buffer {
    let data = array.to_data();
    data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width)
}

/// Puts the value of a row that has one.
fn put_value(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    let mut put_text = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    match array.data_type() {
        DataType::Boolean => out.push(array.as_boolean().value(row).into()),
        DataType::LargeUtf8 => put_text(array.as_string::<i64>().value(row).as_bytes()),
        DataType::LargeBinary => put_text(array.as_binary::<i64>().value(row)),
        DataType::FixedSizeBinary(_) => out.extend_from_slice(array.as_fixed_size_binary().value(row)),
        DataType::LargeList(_) => {
            let items = array.as_list::<i64>().value(row);
            out.extend_from_slice(&(items.len() as u64).to_le_bytes());
            put_items(&items, 0..items.len(), out);
        }
        DataType::Struct(_) => {
            for field in array.as_struct().columns() {
                put_items(field, row..row + 1, out);
            }
        }
        // Nulls have no values, and those of fixed width are put by whoever calls.
        _ => {}
    }
}

/// Puts items of a list, or fields: a byte 0 for null, or a byte 1 and the value.
fn put_items(array: &dyn Array, rows: Range<usize>, out: &mut Vec<u8>) {
    let nulls = array.logical_nulls();
    let width = array.data_type().primitive_width();
    let fixed = width.map(|width| (width, fixed_values(array, width)));
    for row in rows {
        let is_valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        out.push(is_valid.into());
        match &fixed {
            Some((width, values)) if is_valid => out.extend_from_slice(&values[row * width..(row + 1) * width]),
            None if is_valid => put_value(array, row, out),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray, MapArray, StringArray, StringViewArray,
        StructArray, TimestampMicrosecondArray,
    };
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::{Int8Type, Int64Type};

    use super::*;

    fn digest(columns: &[(&str, ArrayRef)]) -> Digest {
        digest_cut(columns, usize::MAX)
    }

    /// The digest of a table that comes in batches of so many rows.
    fn digest_cut(columns: &[(&str, ArrayRef)], rows: usize) -> Digest {
        let fields: Vec<_> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch =
            RecordBatch::try_new(schema.clone(), columns.iter().map(|(_, array)| array.clone()).collect()).unwrap();
        let mut digest = TableDigest::new(&schema).unwrap();
        for start in (0..batch.num_rows()).step_by(rows.min(batch.num_rows())) {
            digest.update(&batch.slice(start, rows.min(batch.num_rows() - start))).unwrap();
        }
        digest.finish()
    }

    fn table() -> Vec<(&'static str, ArrayRef)> {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(-2)]),
        ]);
        vec![
            ("a", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)]))),
            ("b", Arc::new(StringArray::from(vec![Some("x"), Some(""), None, Some("é")]))),
            ("c", Arc::new(TimestampMicrosecondArray::from(vec![1, 2, 3, 4]).with_timezone("UTC"))),
            ("d", Arc::new(lists)),
        ]
    }

    #[test]
    fn a_table_has_this_digest_for_ever_however_it_is_cut() {
        let whole = digest(&table());
        assert_eq!((whole.table.as_str(), whole.rows), ("f0567530812107bd2a71982c026a3e85", 4));
        let names: Vec<_> = whole.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        for rows in 1..4 {
            assert_eq!(digest_cut(&table(), rows), whole, "{rows}");
        }
    }

    #[test]
    fn types_have_names_that_do_not_hang_on_a_version_of_arrow() {
        let list = DataType::LargeList(Field::new("item", DataType::Float32, true).into());
        let timestamp = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let names = [
            (DataType::Int64, "int64"),
            (DataType::UInt8, "uint8"),
            (DataType::Float16, "float16"),
            (DataType::Date32, "date32"),
            (DataType::Null, "null"),
            (timestamp, "timestamp[ns, tz=UTC]"),
            (DataType::Decimal128(9, 2), "decimal128(9, 2)"),
            (list, "list<float>"),
        ];
        for (ty, name) in names {
            assert_eq!(type_name(&ty), name);
        }
    }

    #[test]
    fn order_bits_nulls_types_and_names_are_part_of_it() {
        let column =
            |values: Vec<Option<f64>>| digest(&[("a", Arc::new(Float64Array::from(values)) as ArrayRef)]).table;
        let base = column(vec![Some(0.0), Some(1.0), None]);
        let nan = f64::from_bits(f64::NAN.to_bits() + 1);
        let others = [
            column(vec![Some(1.0), Some(0.0), None]),
            column(vec![Some(-0.0), Some(1.0), None]),
            column(vec![Some(0.0), None, Some(1.0)]),
            column(vec![Some(0.0), Some(1.0)]),
            column(vec![Some(f64::NAN), Some(1.0), None]),
            column(vec![Some(nan), Some(1.0), None]),
            digest(&[("b", Arc::new(Float64Array::from(vec![Some(0.0), Some(1.0), None])) as ArrayRef)]).table,
            digest(&[("a", Arc::new(Int64Array::from(vec![Some(0), Some(1), None])) as ArrayRef)]).table,
        ];
        for (place, other) in others.iter().enumerate() {
            assert!(*other != base && !others[..place].contains(other), "{place}");
        }
    }

    #[test]
    fn what_lies_under_nulls_and_how_texts_are_kept_is_no_part_of_it() {
        let hidden = Int64Array::new(vec![1, 7].into(), Some(NullBuffer::from(vec![true, false])));
        let plain = Int64Array::from(vec![Some(1), None]);
        assert_eq!(digest(&[("a", Arc::new(hidden) as ArrayRef)]), digest(&[("a", Arc::new(plain) as ArrayRef)]));
        let texts = ["x", "y", "x"];
        let kept: [ArrayRef; 4] = [
            Arc::new(StringArray::from(texts.to_vec())),
            Arc::new(LargeStringArray::from(texts.to_vec())),
            Arc::new(StringViewArray::from(texts.to_vec())),
            Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>()),
        ];
        let digests = kept.map(|column| digest(&[("a", column)]));
        assert!(digests.iter().all(|other| *other == digests[0]));
    }

    #[test]
    fn structures_have_one_and_types_without_any_are_named() {
        let of = |b: Vec<Option<i64>>| {
            let fields = vec![Field::new("x", DataType::Int64, true)];
            let column = StructArray::new(fields.into(), vec![Arc::new(Int64Array::from(b))], None);
            digest(&[("s", Arc::new(column) as ArrayRef)]).table
        };
        assert_ne!(of(vec![Some(1), None]), of(vec![None, Some(1)]));
        let maps =
            arrow::array::MapBuilder::new(None, arrow::array::StringBuilder::new(), arrow::array::Int64Builder::new());
        let maps: MapArray = { maps }.finish();
        let schema = Schema::new(vec![Field::new("m", maps.data_type().clone(), true)]);
        let error = format!("{:#}", TableDigest::new(&schema).err().unwrap());
        assert!(error.starts_with("column \"m\": the type ") && error.ends_with(" has no digest"), "{error}");
    }
}
