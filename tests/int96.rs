//! Parquet files with times in INT96 for tests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asofdb::Timestamp;
use parquet::data_type::{Int64Type, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Writes a Parquet file with a column `id` of whole numbers and a column of times in INT96, as Spark writes it, each
/// `more_nanos` later.
pub fn file(path: impl AsRef<Path>, ids: &[i64], name: &str, times: &[Timestamp], more_nanos: i64) -> PathBuf {
    const JULIAN_DAY_OF_EPOCH: i64 = 2_440_588;
    const DAY_MICROS: i64 = 86_400_000_000;
    let int96 = |time: &Timestamp| {
        let day = time.as_micros().div_euclid(DAY_MICROS) + JULIAN_DAY_OF_EPOCH;
        let nanos = time.as_micros().rem_euclid(DAY_MICROS) * 1_000 + more_nanos;
        Int96::from(vec![nanos as u32, (nanos >> 32) as u32, day as u32])
    };
    let schema = format!("message m {{ required int64 id; required int96 {name}; }}");
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let file = File::create(&path).expect("a new file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut column = group.next_column().expect("a column").expect("ids");
    column.typed::<Int64Type>().write_batch(ids, None, None).expect("ids written");
    column.close().expect("a column written");
    let mut column = group.next_column().expect("a column").expect("times");
    let times: Vec<_> = times.iter().map(int96).collect();
    column.typed::<Int96Type>().write_batch(&times, None, None).expect("times written");
    column.close().expect("a column written");
    group.close().expect("a row group written");
    writer.close().expect("a footer written");
    path.as_ref().to_owned()
}
