//! asofdb: an embedded feature store engine.
//!
//! A [`Store`] keeps every version of every feature row and answers what a value is now
//! ([`Store::latest`]), what it was at a time ([`Store::as_of`], [`Session::point_in_time_join`]), and gives all of
//! it ([`Session::export`]). Every value comes with the reason for its presence or absence, a [`Status`].
//!
//! It is no feature computation framework and no job scheduler: values come in as Arrow batches or files, and go out as
//! Arrow, matrices or Parquet. One process has a store open at a time; others use it through a sidecar (crate
//! `asofdb-sidecar`), which a client (crate `asofdb-client`) talks to with the same methods, types and errors.
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
#![cfg_attr(not(feature = "files"), allow(dead_code, reason = "what only files need"))]

mod ages;
mod allow;
#[cfg(feature = "rocksdb")]
mod backup;
mod definitions;
mod derived;
#[cfg(feature = "rocksdb")]
mod disk;
#[cfg(feature = "files")]
mod export;
mod feeds;
#[cfg(feature = "files")]
mod files;
mod freshness;
mod govern;
#[cfg(feature = "files")]
mod ingest;
mod ipc;
mod join;
mod json;
mod lineage;
mod misdefined;
mod policy;
mod precedence;
mod profile;
mod progress;
mod proposals;
mod read;
mod rows;
mod sample;
mod scan;
mod served;
mod session;
#[cfg(feature = "files")]
mod source;
mod store;
mod threads;
mod usage;
mod windows;

pub use self::ages::{EntityAges, FreshnessStatus, ViewAges};
pub use self::allow::Allow;
#[cfg(feature = "rocksdb")]
pub use self::backup::back_up;
pub use self::definitions::reference::ResolvedFeature;
pub use self::definitions::{DEFINITIONS_BYTES_MAX, parse_definitions, read_definitions};
#[cfg(feature = "files")]
pub use self::export::{
    Asked, EXPORT_THREAD_MEMORY_BYTES_MAX, EXPORT_THREADS_DEFAULT, EXPORT_THREADS_MAX, ExportOptions, MANIFEST_FILE,
    Manifest, ManifestFile, PartitionBy,
};
#[cfg(feature = "files")]
pub use self::feeds::{FEED_FILES_MAX, FeedFiles, OnFeedProgress};
pub use self::feeds::{Feed, ViewRun};
#[cfg(feature = "files")]
pub use self::files::parquet::Compression;
pub use self::freshness::Freshness;
pub use self::govern::{ApplyOptions, CHANGE_MESSAGE_BYTES_MAX, plan_hash, policy_hash, policy_plan_hash};
#[cfg(feature = "files")]
pub use self::ingest::{
    INGEST_CHUNK_BYTES_DEFAULT, INGEST_CHUNK_BYTES_MIN, INGEST_STEP_BYTES_DEFAULT, IngestOptions, IngestReport,
    IngestedFile, Input,
};
#[cfg(feature = "files")]
pub use self::join::TrainingSetOptions;
pub use self::join::{
    FeatureCounts, JOIN_MEMORY_BYTES_DEFAULT, JOIN_MEMORY_BYTES_MIN, JoinBatches, JoinOptions, JoinReport, KnownAt,
    Spine,
};
pub use self::json::{AnswerRows, AsJson, HistoryRows};
pub use self::lineage::{Lineage, LineageFeature, LineageInput, Origin, WindowOrigin};
pub use self::policy::breach::Breach;
pub use self::policy::difference::PolicyDifference;
pub use self::policy::document::POLICY_BYTES_MAX;
pub use self::policy::rulebook::Policy;
pub use self::policy::team::Actor;
pub use self::precedence::Precedence;
pub use self::profile::events::PROFILE_EVENTS_MAX;
pub use self::profile::sample::{PROFILE_ENTITIES_DEFAULT, ProfileSample};
pub use self::profile::statistics::ViewStatistics;
pub use self::progress::{OnProgress, Progress};
pub use self::read::answer::Answer;
pub use self::read::fields::AnswerColumns;
pub use self::read::history::HistoryRow;
pub use self::read::matrix::{F32Matrix, MatrixNumber};
pub use self::read::question::Question;
pub use self::read::request::{EntityRows, Prepared};
pub use self::rows::arrow_scalar::ArrowScalar;
pub use self::rows::digest::{Digest, TableDigest};
pub use self::rows::keys::{EntityKey, key_value, parse_join_key, parse_request_value};
pub use self::rows::roles::ColumnRole;
pub use self::rows::types::{arrow_type, feature_field, timestamp_type};
pub use self::sample::SAMPLE_ENTITIES_MAX;
pub use self::scan::{EXPORT_FORMAT, ExportRows, ManifestColumn};
pub use self::served::log::{ServedLog, ServedLogStatus};
pub use self::served::options::ServedLogOptions;
#[cfg(feature = "files")]
pub use self::served::reader::{ServedRows, read_served_log};
pub use self::served::row::{NamedValue, ServedFeature, ServedRow};
#[cfg(feature = "files")]
pub use self::served::training::served_training_set;
pub use self::session::{Evaluated, EvaluatedRow, EvaluatedValue, Scan, ScanBegin, ScanSink, Session};
#[cfg(feature = "files")]
pub use self::source::{Batches, Delimiter, InputFormat, Source, TextOptions};
pub use self::store::Store;
pub use self::usage::answers::{AnswerCounts, AnswerRow};
pub use self::usage::book::USAGE_DAYS_MAX;
pub use self::usage::consumer::check_consumer_name;
pub use self::usage::impact::Impact;
pub use self::usage::model::check_model_name;
pub use self::usage::unused::unused;
pub use asofdb_storage as storage;
pub use asofdb_storage::{
    Aggregate, Approval, Approvals, Catalog, CatalogChange, Change, ChangeCause, ChangeKind, CheckpointFiles, Clock,
    ClockClaim, ClockRepair, ClockStatus, Committed, Computed, Date, Definitions, Durability, Entity, EntityDefinition,
    Erased, Error, ErrorKind, EventsRead, Expressions, Feature, FeatureDefinition, FeatureProfile, FeatureService,
    FeatureView, FeedRun, FeedSource, FreshnessObjective, GiveWay, Hint, HistogramBucket, HotPolicy, JoinKey,
    LifeCycle, ManualClock, ModelKey, ModelRow, NumberProfile, ObjectKind, Plan, Proposal, Proposals, Reading,
    RequestValue, Result, ScalarType, Schedule, ServiceDefinition, Span, Stage, StampRun, Stats, Status, StatusCounts,
    Stop, StoreId, SystemClock, Timestamp, TopValue, UsageCounts, UsageKey, UsageOf, UsagePeriod, UsageRow, Value,
    ValueType, Verdicts, Verified, Version, ViewDefinition, ViewProfile, ViewSize, Window, WindowAggregate,
    WindowFeature, Windows,
};
#[cfg(feature = "rocksdb")]
pub use asofdb_storage::{
    BackedUp, Backup, BackupKey, Backups, KeepPolicy, Options, ROCKSDB_VERSION, Repaired, Restored, STORE_FORMAT,
    examine, keep_logs, repair, restore, restore_at, restore_backup, restore_point,
};

/// Parts that the crates of this workspace which carry a store to other processes share with it. They may change with
/// any version: programs use what is above.
#[doc(hidden)]
pub mod parts {
    pub use crate::definitions::check::RowCheck;
    pub use crate::definitions::document::{Field, Table, TomlText, read_text};
    pub use crate::definitions::literal::float_setting;
    pub use crate::definitions::reference::{find_event_view, find_stored_view, find_view};
    pub use crate::definitions::suggest::did_you_mean;
    pub use crate::govern::planned;
    #[cfg(feature = "files")]
    pub use crate::ingest::{LOAD_ROWS_MAX, check_note};
    pub use crate::ipc::{COLUMNS_MAX, IpcRules, MessageHead, check_message, guarded};
    pub use crate::join::{Join, join_until};
    pub use crate::json::statistics::number_json;
    pub use crate::misdefined::check_conditions;
    pub use crate::profile::notes::is_statistics_note;
    pub use crate::read::asked::AskedRows;
    pub use crate::read::newest_read::NewestRead;
    pub use crate::read::output::{Output, OutputColumn};
    pub use crate::read::plan::ReadPlan;
    pub use crate::read::record::Records;
    pub use crate::read::slot::ValueSlot;
    pub use crate::read::sources::{SourcePlan, Sources};
    pub use crate::rows::encode::source_schema;
    pub use crate::rows::event_id_check::EventIdCheck;
    pub use crate::rows::keys::EncodedKeys;
    pub use crate::rows::plain::{PLAIN_BYTES_MAX, check_plain, plain_bytes};
    pub use crate::rows::types::batch_bytes;
    pub use crate::rows::values::value_at;
    pub use crate::scan::ExportSchema;
    pub use crate::served::meaning::{difference as meaning_difference, feature_meaning};
    pub use crate::session::{deletions, scan_until};
    #[cfg(feature = "files")]
    pub use crate::source::{NO_TIME_MICROS, ObjectRows, RequestRows, request_batch, request_column, value_column};
    pub use crate::store::check_revision;
    pub use crate::usage::holes::{HoleCounts, Holes};
}
