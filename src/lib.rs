//! asofdb: an embedded feature store engine.
//!
//! A [`Store`] keeps every version of every feature row and answers what a value is now
//! ([`Store::latest`]), what it was at a time ([`Store::as_of`], [`Store::point_in_time_join`]), and gives all of
//! it ([`Store::export`]). Every value comes with the reason for its presence or absence, a [`Status`].
//!
//! It is no feature computation framework and no job scheduler: values come in as Arrow batches or files, and go out as
//! Arrow, matrices or Parquet. One process has a store open at a time; others use it through a [`Server`], which a
//! [`Client`] talks to with the same methods, types and errors.
//!
//! ```
//! # fn main() -> asofdb::Result<()> {
//! use asofdb::{Store, Value, parse_definitions};
//!
//! let directory = tempfile::tempdir().expect("a temporary directory");
//! let store = Store::open(directory.path().join("store"))?;
//! let definitions = r#"
//!     [[entity]]
//!     name = "user"
//!     join_keys = [{ name = "user_id", type = "int64" }]
//!     [[feature_view]]
//!     name = "activity"
//!     entities = ["user"]
//!     [[feature_view.feature]]
//!     name = "clicks"
//!     type = "int64"
//! "#;
//! store.apply(&parse_definitions(definitions, "definitions.toml")?, false)?;
//! let request = store.prepare(&["activity:clicks"])?;
//! let mut users = request.entity_rows();
//! users.push(&[Some(Value::Int64(1001))])?;
//! assert_eq!(store.latest(&request, &users)?.status(0, 0), asofdb::Status::Missing);
//! # Ok(())
//! # }
//! ```

mod answer;
mod arena;
mod array_value;
mod arrow_types;
mod columns;
mod definitions;
mod document;
mod encode;
mod engine;
mod export;
mod freshness;
mod ingest;
mod join;
mod json;
mod keys;
mod matrix;
mod named;
mod output;
mod parquet_files;
mod prepared;
mod problems;
mod progress;
mod read;
mod record;
mod reference;
mod rfc3339;
mod role;
mod scalar_builder;
mod sidecar;
mod source;
mod store;
mod suggest;

pub use answer::{Answer, AnswerColumns};
pub use arrow_types::{arrow_type, feature_field, timestamp_type};
pub use asofdb_storage as storage;
pub use asofdb_storage::{
    Catalog, Change, ChangeKind, Clock, Committed, Definitions, Durability, Entity, EntityDefinition, Erased, Error,
    ErrorKind, Feature, FeatureDefinition, FeatureService, FeatureView, JoinKey, ManualClock, ObjectKind, Options,
    Plan, Result, ScalarType, ServiceDefinition, Span, Stats, Status, SystemClock, Timestamp, Value, ValueType,
    Verified, Version, ViewDefinition, restore,
};
pub use definitions::{DEFINITIONS_BYTES_MAX, parse_definitions, read_definitions};
pub use engine::{Engine, EngineJoin};
pub use export::{
    Asked, EXPORT_FORMAT, EXPORT_THREAD_MEMORY_BYTES_MAX, EXPORT_THREADS_DEFAULT, EXPORT_THREADS_MAX, ExportOptions,
    ExportRows, MANIFEST_FILE, Manifest, ManifestColumn, ManifestFile, PartitionBy,
};
pub use freshness::Freshness;
pub use ingest::{
    INGEST_CHUNK_BYTES_DEFAULT, INGEST_CHUNK_BYTES_MIN, IngestOptions, IngestReport, IngestedFile, Input,
};
pub use join::{
    FeatureCounts, JOIN_MEMORY_BYTES_DEFAULT, JOIN_MEMORY_BYTES_MIN, Join, JoinOptions, JoinReport, KnownAt,
    TrainingSetOptions,
};
pub use json::{AnswerRows, AsJson, HistoryRows};
pub use keys::{EntityKey, key_value, parse_join_key};
pub use matrix::MatrixNumber;
pub use parquet_files::Compression;
pub use prepared::{EntityRows, Prepared};
pub use progress::{OnProgress, Progress};
pub use read::F32Matrix;
pub use reference::ResolvedFeature;
pub use role::ColumnRole;
pub use sidecar::{
    Access, AsyncClient, Bounds, Client, ConnectOptions, ConsumerReport, HttpListeners, HttpOptions, HttpServer,
    HttpToken, Limits, Peer, Pipeline, RemoteJoin, Role, Server, Service, Socket,
};
pub use source::{Batches, Delimiter, InputFormat, Source, TextOptions};
pub use store::{HistoryRow, Store};
