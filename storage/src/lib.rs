//! The storage engine of asofdb: versioned, timestamped feature rows.
//!
//! It keeps every version of every row and answers what a row is now, what it was at a time, and all of it.
//! It knows nothing of Arrow, sockets or command lines: those are the business of the crate `asofdb`.
//!
//! [`Backend`] says what a store must do, as [`Catalogs`], [`History`], [`Tiles`], [`Upkeep`] and [`Timekeeping`];
//! [`MemoryBackend`] is its executable specification and `RocksBackend` (feature `rocksdb`, on by default) the one on
//! disk. [`Online`] is a table of newest versions that hangs on a store: [`MemoryOnline`] or `RocksOnline`. The codecs
//! ([`key`], [`row`]) and the model build without RocksDB in seconds.
#![cfg_attr(not(feature = "rocksdb"), allow(dead_code, reason = "what only the store on disk needs"))]

mod ages;
mod aggregate;
mod backend;
mod batch;
mod catalog;
mod catalog_change;
mod catalog_difference;
mod change;
mod clock;
mod closed;
mod computed;
mod computed_rules;
mod date;
mod definition;
mod descriptors;
mod difference;
mod error;
mod event_copies;
mod fail_point;
mod feed_runs;
mod feed_source;
mod float_run;
mod floats;
mod hot_policy;
mod index_rules;
pub mod key;
mod life_cycle;
mod local;
mod memory;
mod memory_online;
mod model_reads;
mod name;
mod number;
mod objective;
mod ordered;
pub mod output;
mod plan;
mod problem;
mod profile;
mod proposal;
mod record_layout;
mod records;
mod redefinition;
mod restamp;
#[cfg(feature = "rocksdb")]
mod rocks;
#[cfg(all(loom, not(feature = "rocksdb")))]
#[allow(dead_code, reason = "what uses them needs RocksDB, which loom does not")]
mod rocks {
    mod gate;
    mod unsettled;
}
pub mod row;
mod row_plan;
mod row_record;
mod rules;
pub mod scalar;
mod schema;
mod sink;
mod status;
mod stop;
mod store_id;
mod sync;
pub mod tile;
mod time;
mod usage;
mod value;
mod value_type;
mod verdicts;
mod version;
mod window;

pub use ages::{AgeBucket, Ages};
pub use aggregate::{Aggregate, DISTINCT_MAX, LIST_VALUES_MAX, PRECISIONS};
pub use backend::{
    AsOfLookup, Backend, Catalogs, CheckpointFiles, Committed, Cursor, Erased, EventVersion, FamilyStats, Found,
    History, HotStats, KeyRange, LookedUp, Lookup, Newest, NewestRow, Observer, OnStagingProgress, Online, RowKey,
    Scan, Scanned, SharedMemory, Snapshot, Staging, StagingProgress, StampedState, State, Stats, Tile, TileMaking,
    Tiles, Timekeeping, Upkeep, Verified, Visit, VisitEventVersion, VisitTile, VisitVersion, Warming,
};
pub use batch::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, BatchRow, Durability, Note, WriteBatch};
pub use catalog::{
    Catalog, Entity, EventIndex, Feature, FeatureService, FeatureView, JoinKey, MAX_FUTURE_SKEW_DEFAULT,
};
pub use catalog_change::{
    Approval, Approvals, CHANGES_BYTES_MAX, CatalogChange, ChangeCause, LOGGED_CHANGES_MAX, Undo,
};
pub use change::{Change, ChangeKind, ObjectKind};
pub use clock::{ClockClaim, ClockRepair, ClockStatus, StampRun};
pub use closed::Closed;
pub use computed::{Computed, Expressions, RequestValue, WindowAggregate, WindowFeature, WindowedFeature, Windows};
pub use date::Date;
pub use definition::{
    Definitions, EVENT_COLUMN_DEFAULT, EntityDefinition, FeatureDefinition, ServiceDefinition, ViewDefinition,
};
pub use descriptors::open_files_max;
pub use error::{Error, ErrorKind, Hint, Result};
pub use event_copies::{EventCopies, EventCopy};
pub use fail_point::fail_point;
pub use feed_runs::{FeedFile, FeedRun, FeedRuns};
pub use feed_source::{FeedSource, Schedule};
pub use floats::Floats;
pub use hot_policy::HotPolicy;
pub use life_cycle::{LifeCycle, Stage};
pub use local::refuse_url;
pub use memory::MemoryBackend;
pub use memory_online::MemoryOnline;
pub use model_reads::{ModelKey, ModelReads, ModelRow};
pub use name::NAME_BYTES_MAX;
pub use number::{MatrixNumber, NumberWork, is_numeric};
pub use objective::FreshnessObjective;
pub use plan::Plan;
pub use problem::{Problem, Step, Unknown};
pub use profile::{
    EventsRead, FeatureProfile, HistogramBucket, NumberProfile, StatusCounts, TopValue, ViewProfile, ViewSize,
};
pub use proposal::{Proposal, Proposals};
pub use record_layout::{Field, RecordLayout};
pub use records::Record;
#[cfg(feature = "rocksdb")]
pub use rocks::{
    BACKGROUND_JOBS_DEFAULT, BackedUp, Backup, BackupKey, Backups, KeepPolicy, MEMORY_BUDGET_BYTES_DEFAULT,
    MEMORY_BUDGET_BYTES_MIN, Options, ROCKSDB_VERSION, Repaired, Restored, RocksBackend, RocksOnline,
    STALL_PATIENCE_DEFAULT, STORE_FORMAT, examine, keep_logs, repair, restore, restore_at, restore_backup,
    restore_point,
};
pub use row_plan::{PlannedRow, RowPlan};
pub use row_record::{RecordArena, RecordMut, RecordRef, mark_missing};
pub use schema::{FEATURES_MAX, FeatureId, Place, ROW_HEADER_BYTES, RowLayout, RowSchema, Slot};
pub use sink::Sink;
pub use status::Status;
pub use stop::{GiveWay, Steps, Stop};
pub use store_id::StoreId;
pub use time::{Clock, ManualClock, Reading, Span, SystemClock, Timestamp};
pub use usage::{UsageCounts, UsageDay, UsageKey, UsageOf, UsagePeriod, UsageRow};
pub use value::{ListItems, Value};
pub use value_type::{ScalarType, ValueType};
pub use verdicts::Verdicts;
pub use version::Version;
pub use window::{WINDOW_MAX, WINDOW_MIN, Window};
