//! Tests that files are read back by the `parquet` crate, with the same values, and what its statistics say is true.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array,
    Int32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{concat_batches, max, max_string, min, min_string};
use arrow::datatypes::{DataType, Field, Float64Type, Int8Type, Int64Type, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression as ParquetCompression, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::TableWriter;
use crate::files::parquet::{Compression, parquet_properties};

/// A number that looks like chance.
fn chance(n: usize) -> u64 {
    let x = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 29)
}

/// Writes batches, reads them back, and compares.
fn round_trip(batches: &[RecordBatch], compression: Compression) -> (ParquetMetaData, usize) {
    let schema = batches[0].schema();
    let properties = parquet_properties(&schema, compression);
    let mut writer = TableWriter::new(Vec::new(), schema.clone(), properties, compression).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let file = Bytes::from(writer.finish().unwrap());
    let size = file.len();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = builder.metadata().as_ref().clone();
    assert_eq!(*builder.schema(), schema);
    let read: Vec<RecordBatch> = builder.with_batch_size(5_000).build().unwrap().map(Result::unwrap).collect();
    let (expected, read) = (concat_batches(&schema, batches).unwrap(), concat_batches(&schema, &read).unwrap());
    for (number, field) in schema.fields().iter().enumerate() {
        assert!(read.column(number) == expected.column(number), "{} is not what was written", field.name());
    }
    assert_eq!(metadata.file_metadata().num_rows() as usize, expected.num_rows());
    (metadata, size)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// The values of rows, some of which are null.
fn some<T>(
    rows: &std::ops::Range<usize>,
    null_every: usize,
    value: impl Fn(usize) -> T,
) -> impl Iterator<Item = Option<T>> {
    let is_null = move |n: usize| null_every > 0 && chance(n * 7).is_multiple_of(null_every as u64);
    rows.clone().map(move |n| (!is_null(n)).then(|| value(n)))
}

/// Rows of every type that is encoded here, and of two that are not.
fn every_type(rows: std::ops::Range<usize>, null_every: usize) -> RecordBatch {
    let mut columns = numbers(&rows, null_every);
    let words = ["red", "green", "", "ultramarine \u{1f300}"];
    let status = rows.clone().map(|n| Some(["present", "null"][chance(n) as usize % 2]));
    let list = some(&rows, null_every, |n| (0..n % 3).map(|i| Some((n + i) as i64)).collect::<Vec<_>>());
    let word = some(&rows, null_every, |n| words[chance(n) as usize % 4]);
    let text = some(&rows, null_every, |n| format!("{:x}", chance(n)));
    let bytes = some(&rows, null_every, |n| chance(n).to_le_bytes());
    columns.extend::<[(&str, ArrayRef); 5]>([
        ("word", Arc::new(word.collect::<StringArray>())),
        ("text", Arc::new(text.collect::<StringArray>())),
        ("bytes", Arc::new(bytes.collect::<BinaryArray>())),
        ("status", Arc::new(status.collect::<DictionaryArray<Int8Type>>())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(list))),
    ]);
    batch(columns)
}

fn numbers(rows: &std::ops::Range<usize>, null_every: usize) -> Vec<(&'static str, ArrayRef)> {
    let int64 = |value: fn(usize) -> i64| Arc::new(some(rows, null_every, value).collect::<Int64Array>());
    let float64 = |value: fn(usize) -> f64| Arc::new(some(rows, null_every, value).collect::<Float64Array>());
    let times = some(rows, null_every, |n| n as i64 * 1_000_003).collect::<TimestampMicrosecondArray>();
    let float32 = some(rows, null_every, |n| f32::from_bits(chance(n) as u32)).collect::<Float32Array>();
    vec![
        ("bool", Arc::new(some(rows, null_every, |n| chance(n).is_multiple_of(3)).collect::<BooleanArray>())),
        ("int32", Arc::new(some(rows, null_every, |n| chance(n) as i32).collect::<Int32Array>())),
        ("date", Arc::new(some(rows, null_every, |n| n as i32 / 10).collect::<Date32Array>())),
        ("few", int64(|n| chance(n) as i64 % 10)),
        ("near", int64(|n| chance(n) as i64 % 70_000)),
        ("far", int64(|n| chance(n) as i64)),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("float32", Arc::new(float32)),
        ("float64", float64(|n| chance(n) as f64 / 7.0)),
        ("price", float64(|n| (chance(n) % 50) as f64)),
    ]
}

#[test]
fn every_type_reads_back_with_and_without_nulls_however_it_is_compressed() {
    for compression in [Compression::Zstd, Compression::Snappy, Compression::None] {
        for null_every in [0, 1, 2, 30] {
            let batches = [every_type(0..0, null_every), every_type(0..1, null_every)];
            round_trip(&batches, compression);
            let batches = [every_type(0..7_000, null_every), every_type(7_000..47_001, null_every)];
            round_trip(&batches, compression);
        }
    }
}

#[test]
fn nulls_that_begin_or_end_with_a_page_read_back() {
    for (from, to) in [(0, 20_000), (16_384, 40_000), (5_000, 5_001), (39_999, 40_000)] {
        let values = (0..40_000).map(|n| (!(from..to).contains(&n)).then_some(n as i64));
        let texts = (0..40_000).map(|n| (!(from..to).contains(&n)).then(|| n.to_string()));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("values", Arc::new(values.collect::<Int64Array>())),
            ("texts", Arc::new(texts.collect::<StringArray>())),
        ];
        round_trip(&[batch(columns)], Compression::Snappy);
    }
}

#[test]
fn a_column_is_encoded_as_its_values_are_and_compressed_if_that_helps() {
    let (metadata, _) = round_trip(&[every_type(0..100_000, 0)], Compression::Zstd);
    let chunk = |name: &str| {
        let columns = metadata.row_group(0).columns();
        columns.iter().find(|column| column.column_path().string() == name).unwrap()
    };
    let has = |name: &str, encoding| chunk(name).encodings().any(|one| one == encoding);
    for name in ["few", "price", "word"] {
        assert!(has(name, Encoding::RLE_DICTIONARY), "{name}");
    }
    for name in ["near", "time", "date"] {
        assert!(has(name, Encoding::DELTA_BINARY_PACKED), "{name}");
    }
    for name in ["far", "float32", "float64"] {
        assert!(has(name, Encoding::PLAIN), "{name}");
    }
    assert!(has("text", Encoding::DELTA_LENGTH_BYTE_ARRAY));
    assert_eq!(chunk("far").compression(), ParquetCompression::UNCOMPRESSED);
    assert!(matches!(chunk("text").compression(), ParquetCompression::ZSTD(_)));
}

#[test]
fn a_dictionary_that_grows_too_large_is_left_for_the_rest_of_the_chunk() {
    let few_then_many = |n: usize| if n < 20_000 { n % 10 } else { n };
    let numbers = (0..131_072).map(|n| Some(chance(few_then_many(n)) as i64)).collect::<Int64Array>();
    let texts = (0..131_072).map(|n| Some(format!("text {}", chance(few_then_many(n))))).collect::<StringArray>();
    let columns: Vec<(&str, ArrayRef)> = vec![("numbers", Arc::new(numbers)), ("texts", Arc::new(texts))];
    let (metadata, _) = round_trip(&[batch(columns)], Compression::Zstd);
    for column in metadata.row_group(0).columns() {
        let encodings: Vec<Encoding> = column.encodings().collect();
        assert!(encodings.contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
        assert!(encodings.len() >= 3, "{encodings:?}");
    }
}

#[test]
fn pages_of_long_texts_end_before_they_are_too_long() {
    let texts = (0..60).map(|n| Some(format!("{n}").repeat(200_000))).collect::<StringArray>();
    let (metadata, _) = round_trip(&[batch(vec![("texts", Arc::new(texts) as ArrayRef)])], Compression::None);
    let index = metadata.page_index_for_row_group(0);
    let pages = index.offset_index(0).unwrap().page_locations.len();
    assert!(pages >= 20, "{pages} pages");
}

#[test]
fn row_groups_have_a_limit_and_all_their_rows() {
    let numbers = (0..300_000).map(|n| Some(n as i64)).collect::<Int64Array>();
    let (metadata, _) = round_trip(&[batch(vec![("numbers", Arc::new(numbers) as ArrayRef)])], Compression::Zstd);
    let rows: Vec<i64> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [131_072, 131_072, 37_856]);
}

#[test]
fn statistics_are_those_of_the_values() {
    let batch = every_type(0..50_000, 5);
    let (metadata, _) = round_trip(std::slice::from_ref(&batch), Compression::Zstd);
    let group = metadata.row_group(0);
    for (number, column) in group.columns().iter().enumerate().take(13) {
        let statistics = column.statistics().unwrap();
        assert_eq!(statistics.null_count_opt(), Some(batch.column(number).null_count() as u64));
        let (array, name) = (batch.column(number), column.column_path().string());
        match (statistics, name.as_str()) {
            (Statistics::Int64(statistics), "far") => {
                assert_eq!(statistics.min_opt().copied(), min(array.as_primitive::<Int64Type>()));
                assert_eq!(statistics.max_opt().copied(), max(array.as_primitive::<Int64Type>()));
            }
            (Statistics::Double(statistics), "float64") => {
                assert_eq!(statistics.min_opt().copied(), min(array.as_primitive::<Float64Type>()));
                assert_eq!(statistics.max_opt().copied(), max(array.as_primitive::<Float64Type>()));
            }
            (Statistics::ByteArray(statistics), "text" | "word") => {
                assert_eq!(statistics.min_bytes_opt(), min_string(array.as_string::<i32>()).map(str::as_bytes));
                assert_eq!(statistics.max_bytes_opt(), max_string(array.as_string::<i32>()).map(str::as_bytes));
            }
            (Statistics::Boolean(statistics), _) => {
                assert_eq!((statistics.min_opt(), statistics.max_opt()), (Some(&false), Some(&true)));
            }
            _ => {}
        }
    }
}

#[test]
fn numbers_that_are_none_are_counted_and_bound_nothing() {
    let values = [f64::NAN, -0.0, 3.5, f64::NEG_INFINITY, -f64::NAN, 0.0];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("some", Arc::new(Float64Array::from(values.to_vec()))),
        ("all", Arc::new(Float64Array::from(vec![f64::NAN; 6]))),
        ("null", Arc::new(Float64Array::new_null(6))),
    ];
    let schema = batch(columns.clone()).schema();
    let properties = parquet_properties(&schema, Compression::None);
    let mut writer = TableWriter::new(Vec::new(), schema, properties, Compression::None).unwrap();
    writer.write(&batch(columns)).unwrap();
    let file = Bytes::from(writer.finish().unwrap());
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().clone();
    let statistics = |number: usize| match metadata.row_group(0).column(number).statistics() {
        Some(Statistics::Double(statistics)) => statistics.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(statistics(0).min_opt(), Some(&f64::NEG_INFINITY));
    assert_eq!(statistics(0).max_opt(), Some(&3.5));
    assert_eq!(statistics(0).nan_count_opt(), Some(2));
    assert!(statistics(1).min_opt().is_none_or(|least| least.is_nan()));
    assert_eq!(statistics(1).nan_count_opt(), Some(6));
    assert_eq!((statistics(2).min_opt(), statistics(2).null_count_opt()), (None, Some(6)));
}

#[test]
fn a_null_where_none_may_be_is_refused_with_the_column() {
    let schema = Arc::new(Schema::new(vec![Field::new("key", DataType::Int64, false)]));
    let properties = parquet_properties(&schema, Compression::None);
    let mut writer = TableWriter::new(Vec::new(), schema, properties, Compression::None).unwrap();
    let error = writer.write(&batch(vec![("key", Arc::new(Int64Array::new_null(1)) as ArrayRef)])).unwrap_err();
    assert!(error.to_string().contains("\"key\""), "{error}");
}
