//! The properties of every Parquet file that is written here.

use arrow::datatypes::{DataType, Schema};
use parquet::basic::ZstdLevel;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

/// Most rows of a row group: readers divide work by row groups, and half a megabyte of a column is worth a read.
/// Groups twice as large cost a twentieth more time, in fresh memory.
pub(crate) const ROW_GROUP_ROWS_MAX: usize = 1 << 17;

/// Most bytes of a row group; it is held in memory until it is whole.
pub(crate) const ROW_GROUP_BYTES_MAX: usize = 64 << 20;

/// The compression of the files' pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// zstd, level 1: higher levels cost much time for few per cent.
    #[default]
    Zstd,
    /// Snappy: a little faster, and a fifth larger.
    Snappy,
    /// None.
    None,
}

/// The properties of a file of `schema`.
pub(crate) fn parquet_properties(schema: &Schema, compression: Compression) -> WriterPropertiesBuilder {
    let metadata = schema.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let mut metadata: Vec<KeyValue> = metadata.collect();
    metadata.sort_by(|a, b| a.key.cmp(&b.key));
    let builder = WriterProperties::builder()
        .set_created_by(concat!("asofdb ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(match compression {
            Compression::Zstd => parquet::basic::Compression::ZSTD(ZstdLevel::default()),
            Compression::Snappy => parquet::basic::Compression::SNAPPY,
            Compression::None => parquet::basic::Compression::UNCOMPRESSED,
        })
        .set_key_value_metadata(Some(metadata))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
        .set_dictionary_enabled(false);
    dictionaries(builder, schema)
}

/// Dictionaries for strings only, where the `parquet` crate encodes a column: numbers repeat too little to be worth twice
/// the time of its own.
fn dictionaries(mut builder: WriterPropertiesBuilder, schema: &Schema) -> WriterPropertiesBuilder {
    let is_string = |ty: &DataType| matches!(ty, DataType::Utf8 | DataType::Dictionary(..));
    for field in schema.fields() {
        let path = match field.data_type() {
            DataType::List(item) if is_string(item.data_type()) => vec![field.name(), "list", item.name()],
            ty if is_string(ty) => vec![field.name().as_str()],
            _ => continue,
        };
        let path = path.into_iter().map(str::to_owned).collect::<Vec<_>>();
        builder = builder.set_column_dictionary_enabled(ColumnPath::new(path), true);
    }
    builder
}
