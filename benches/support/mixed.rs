//! Rows of mixed columns, as feature views have them, in a view `mixed` and in files of any number of rows.
//!
//! A row has 50 features: 16 float32, 12 float64, 12 int64, 4 bool and 6 texts of low and high cardinality; every fourth
//! column has 3 % nulls. Entities have ten versions each, in random order: 1 % of them became known days late, and 1 %
//! are restated, which is a second row of the same event that became known an hour later. Row `n` of a file of so many
//! rows is always the same.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use asofdb::{Definitions, EntityDefinition, FeatureDefinition, JoinKey, ScalarType, ValueType, ViewDefinition};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::random::{mix, shuffled};

/// Versions of an entity.
pub const VERSIONS: usize = 10;

/// Name of the view, and of its event view.
pub const VIEW: &str = "mixed";

/// Rows of a row group.
const GROUP_ROWS: usize = 100_000;

/// The first event, 2024-01-01, in microseconds.
const FIRST_EVENT: i64 = 1_704_067_200_000_000;
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The number of features of each type, in the order of the columns.
const COLUMNS: [(&str, ScalarType, usize); 5] = [
    ("f", ScalarType::Float32, 16),
    ("d", ScalarType::Float64, 12),
    ("i", ScalarType::Int64, 12),
    ("b", ScalarType::Bool, 4),
    ("t", ScalarType::String, 6),
];

/// A feature: its name, its type, its number among those of the type, and its number among all.
struct Feature {
    name: String,
    ty: ScalarType,
    of_type: usize,
    number: usize,
}

fn features() -> Vec<Feature> {
    let of_type = |(letter, ty, count): (&'static str, ScalarType, usize)| {
        (0..count).map(move |of_type| Feature { name: format!("{letter}{of_type}"), ty, of_type, number: 0 })
    };
    let features = COLUMNS.into_iter().flat_map(of_type).enumerate();
    features.map(|(number, feature)| Feature { number, ..feature }).collect()
}

/// Definitions of the view `mixed` by the entity `user`.
pub fn definitions() -> Definitions {
    let join_keys = vec![JoinKey { name: "user_id".into(), ty: ScalarType::Int64 }];
    let user = EntityDefinition { name: "user".into(), join_keys, ..EntityDefinition::default() };
    let feature = |feature: Feature| FeatureDefinition::new(feature.name, ValueType::Scalar(feature.ty));
    let features = features().into_iter().map(feature).collect();
    let view = ViewDefinition {
        name: VIEW.into(),
        entities: vec!["user".into()],
        features,
        created_column: Some("created_timestamp".into()),
        ..ViewDefinition::default()
    };
    Definitions { entities: vec![user], views: vec![view], services: vec![] }
}

/// The same definitions as TOML, for the command line.
pub fn toml() -> String {
    let mut toml =
        String::from("[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n");
    toml += &format!(
        "\n[[feature_view]]\nname = \"{VIEW}\"\nentities = [\"user\"]\ncreated_timestamp = \"created_timestamp\"\n"
    );
    for Feature { name, ty, .. } in features() {
        toml += &format!("[[feature_view.feature]]\nname = \"{name}\"\ntype = \"{ty}\"\n");
    }
    toml
}

/// A version of an entity, as a row has it.
#[derive(Clone, Copy)]
struct Version {
    entity: u64,
    version: u64,
    restated: bool,
}

impl Version {
    /// Row `n` of `rows`.
    fn of_row(n: usize, rows: usize) -> Self {
        let place = shuffled(n, rows);
        let (entity, version) = ((place / VERSIONS) as u64, (place % VERSIONS) as u64);
        // The first version is there once at least.
        let restated = version > 0 && mix(place as u64 ^ 0x5eed).is_multiple_of(90);
        Version { entity, version: version - u64::from(restated), restated }
    }

    fn event(self) -> i64 {
        let own = (mix(self.entity) % DAY as u64) as i64 / 1_000_000 * 1_000_000;
        FIRST_EVENT + self.version as i64 * DAY + own
    }

    fn created(self) -> i64 {
        let late = mix(self.entity << 8 | self.version).is_multiple_of(100);
        let delay = if late { 3 * DAY } else { MINUTE };
        self.event() + delay + if self.restated { HOUR } else { 0 }
    }

    /// A number that looks random; half of the features have the same one in all versions of an entity.
    fn number(self, feature: &Feature) -> u64 {
        let version = if feature.number.is_multiple_of(2) { 0 } else { self.version << 1 | u64::from(self.restated) };
        mix(self.entity << 16 ^ version << 8 ^ feature.number as u64)
    }

    fn is_null(self, feature: &Feature) -> bool {
        feature.number % 4 == 3 && self.number(feature) >> 32 & 0xffff < 1_966
    }
}

/// Texts of so many different values each; 0: nearly all differ.
const TEXTS: [u64; 6] = [8, 200, 1_000, 20_000, 0, 0];

fn text(feature: &Feature, number: u64) -> String {
    match (feature.of_type, TEXTS[feature.of_type]) {
        (4, _) => format!("{number:016x}"),
        (of_type, 0) => format!("session-{of_type}-{:08x}", number as u32),
        (of_type, distinct) => {
            let word = number % distinct;
            format!("category {of_type}/{word}")
        }
    }
}

/// Whole numbers: counts below 50, below 100,000, and identifiers.
fn integer(feature: &Feature, number: u64) -> i64 {
    let bound = [50, 100_000, 1 << 40][feature.of_type % 3];
    (number % bound) as i64
}

fn column(feature: &Feature, rows: &[Version]) -> ArrayRef {
    let numbers = rows.iter().map(|row| (!row.is_null(feature)).then(|| row.number(feature)));
    match feature.ty {
        ScalarType::Float32 => {
            let float = |number: u64| (number % 100_000) as f32 / 1_000.0;
            Arc::new(numbers.map(|number| number.map(float)).collect::<Float32Array>())
        }
        ScalarType::Float64 => {
            let float = |number: u64| (number >> 11) as f64 / (1_u64 << 43) as f64;
            Arc::new(numbers.map(|number| number.map(float)).collect::<Float64Array>())
        }
        ScalarType::Int64 => Arc::new(numbers.map(|number| Some(integer(feature, number?))).collect::<Int64Array>()),
        ScalarType::Bool => Arc::new(numbers.map(|number| Some(number? % 3 == 0)).collect::<BooleanArray>()),
        _ => Arc::new(numbers.map(|number| Some(text(feature, number?))).collect::<StringArray>()),
    }
}

/// Rows `first` up to `first + count` of a file of `rows`.
pub fn batch(first: usize, count: usize, rows: usize) -> RecordBatch {
    let versions: Vec<_> = (first..first + count).map(|n| Version::of_row(n, rows)).collect();
    let times = |time: fn(Version) -> i64| -> ArrayRef {
        let times = versions.iter().map(|version| Some(time(*version)));
        Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let ids = versions.iter().map(|version| Some(version.entity as i64)).collect::<Int64Array>();
    let mut columns = vec![
        ("user_id".to_owned(), Arc::new(ids) as ArrayRef),
        ("event_timestamp".to_owned(), times(Version::event)),
        ("created_timestamp".to_owned(), times(Version::created)),
    ];
    columns.extend(features().iter().map(|feature| (feature.name.clone(), column(feature, &versions))));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}

/// Writes a Parquet file of so many rows, compressed with Snappy as pandas and Spark do.
pub fn write_parquet(path: &Path, rows: usize) {
    let group = |first: usize| batch(first, GROUP_ROWS.min(rows - first), rows);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch(0, 0, rows).schema(), Some(properties)).expect("a writer");
    for first in (0..rows).step_by(GROUP_ROWS) {
        writer.write(&group(first)).expect("a written batch");
    }
    writer.close().expect("a whole file");
}
