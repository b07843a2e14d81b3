//! asofdb: an embedded feature store engine.

mod answer;
mod arena;
mod arrow_types;
mod columns;
mod definitions;
mod encode;
mod export;
mod join;
mod keys;
mod output;
mod prepared;
mod problems;
mod progress;
mod read;
mod record;
mod reference;
mod rfc3339;
mod store;
mod suggest;

pub use answer::{Answer, AnswerColumns};
pub use arrow_types::{arrow_type, feature_field, timestamp_type};
pub use asofdb_storage as storage;
pub use asofdb_storage::{
    Catalog, Change, ChangeKind, Clock, Committed, Definitions, Durability, Entity, EntityDefinition, Erased, Error,
    ErrorKind, Feature, FeatureDefinition, FeatureService, FeatureView, JoinKey, ManualClock, ObjectKind, Options,
    Plan, Result, ScalarType, ServiceDefinition, Span, Stats, Status, SystemClock, Timestamp, Value, ValueType,
    Verified, Version, ViewDefinition,
};
pub use definitions::{DEFINITIONS_BYTES_MAX, parse_definitions, read_definitions};
pub use export::{
    Asked, ColumnRole, Compression, EXPORT_FORMAT, EXPORT_THREAD_MEMORY_BYTES_MAX, EXPORT_THREADS_DEFAULT,
    EXPORT_THREADS_MAX, ExportOptions, ExportRows, MANIFEST_FILE, Manifest, ManifestColumn, ManifestFile, PartitionBy,
};
pub use join::{FeatureCounts, JOIN_MEMORY_BYTES_DEFAULT, JOIN_MEMORY_BYTES_MIN, Join, JoinOptions, JoinReport};
pub use prepared::{EntityRows, Prepared};
pub use progress::{OnProgress, Progress};
pub use read::F32Matrix;
pub use reference::ResolvedFeature;
pub use store::{EntityKey, HistoryRow, Store};
