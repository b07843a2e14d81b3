//! The options of a store, and what follows from them for RocksDB.

use std::sync::Arc;
use std::time::Duration;

use rocksdb::{
    BlockBasedOptions, BlockBasedTablePinningTier, Cache, DBCompressionType, DBRecoveryMode, LogLevel,
    Options as RocksOptions, SliceTransform, WriteBufferManager,
};

use super::error::from_rocks;
use super::present::Present;
use super::retention::{HistoryFilters, LatestFilters, TileFilters};
use crate::descriptors::open_files_max;
use crate::error::{Error, Result};
use crate::key::{EVENT_TAIL_BYTES, EVENTS_BIT, version_bytes};
use crate::version::Version;

/// Memory for block cache and write buffers together, unless told otherwise: what a serving process with
/// some millions of rows can spare.
pub const MEMORY_BUDGET_BYTES_DEFAULT: usize = 1 << 30;

/// Below this the write buffers are so small that every batch would be flushed by itself.
pub const MEMORY_BUDGET_BYTES_MIN: usize = 16 << 20;

/// One flush and one compaction at a time keep up with one committer.
pub const BACKGROUND_JOBS_DEFAULT: usize = 2;

/// The time a write waits for compaction to catch up before it is refused.
pub const STALL_PATIENCE_DEFAULT: Duration = Duration::from_secs(30);

/// The least that flushes and compactions may write: below it a write buffer takes a minute or more.
pub const BACKGROUND_BYTES_MIN: u64 = 1 << 20;

/// The most that a limit on them can say; above it limits nothing.
const BACKGROUND_BYTES_MAX: u64 = 1 << 40;

/// The greatest nice value.
const NICENESS_MAX: u8 = 19;

/// The time in which the limiter of flushes and compactions gives out its bytes, in microseconds: RocksDB's own default.
const REFILL_MICROS: i64 = 100_000;

/// One in so many requests of the limiter goes to compactions first, so that flushes do not starve them: RocksDB's own
/// default.
const FAIRNESS: i32 = 10;

/// The write buffers' part of the memory budget: a quarter, since serving lives from the cache.
const WRITE_BUFFER_PART: usize = 4;

/// The hot table's part of the budget, unless told otherwise: rows that are read often take it from the block cache, where
/// a row takes the room of its block.
const HOT_PART: usize = 8;

/// The hot table's part at most: what it does not have is read through the block cache.
const HOT_PART_MAX: usize = 2;

/// Largest write buffer of one family: flushed files are then of the size that compaction writes.
const WRITE_BUFFER_BYTES_MAX: usize = 64 << 20;

/// Write buffers of one family: two can wait for their flush while the third is written.
const WRITE_BUFFERS_MAX: i32 = 3;

/// The write buffer of the catalog, which is small. After a full disk RocksDB waits until there is room for
/// the buffers of all families.
const CATALOG_BUFFER_BYTES: usize = 1 << 20;

/// Bits a key in the filters: one false positive in a hundred.
const FILTER_BITS: f64 = 10.0;

/// Blocks of `history`: rows of one entity are alike, and lz4 finds that out over 16 KiB.
const HISTORY_BLOCK_BYTES: usize = 16 << 10;

/// Blocks of `latest`: read at random, so smaller, but enough for an entity's neighbours of other views.
const LATEST_BLOCK_BYTES: usize = 8 << 10;

/// Threads that open tables while the store opens; they end then. RocksDB's own default is 16, of 8 MiB of addresses
/// each.
pub(super) const OPENING_THREADS: usize = 4;

/// RocksDB's log of its own doings: enough for the last days.
const LOG_FILE_BYTES_MAX: usize = 4 << 20;
const LOG_FILES_MAX: usize = 4;

/// RocksDB begins a new MANIFEST after so many bytes: opening a store and keeping its floor read all of one.
const MANIFEST_BYTES_MAX: usize = 4 << 20;

/// Dirty pages are written out as they come rather than in one burst that delays a synced commit.
const BYTES_PER_SYNC: u64 = 1 << 20;

/// Files take the room that they need. RocksDB otherwise reserves a log of the size of a write buffer, so that a fresh
/// store takes 70 MiB of disk, and as much again wherever it begins a new log. There is no setter in the crate.
const STORE_OPTIONS: &str = "allow_fallocate=false";

/// Block options without a setter in the crate: keys apart from values within a block, and guessing an
/// index position where keys are evenly spread, make seeks 20 to 30 % cheaper.
const BLOCK_OPTIONS: &str = "block_based_table_factory={separate_key_value_in_data_block=true;index_block_search_type=kAuto;uniform_cv_threshold=0.2;}";

/// The options of a store. Plain data, checked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes for block cache, write buffers and hot table together.
    pub memory_budget_bytes: usize,
    /// Bytes of that for the hot table, which answers reads of the latest values from memory; 0: there is none. `None`:
    /// an eighth of the budget.
    pub hot_bytes: Option<usize>,
    /// If set, the hot table lies in memory that other processes may be given to read (Linux).
    pub hot_shared: bool,
    /// If set, a store is created where there is none.
    pub create: bool,
    /// Flushes and compactions at a time.
    pub background_jobs: usize,
    /// The time a write waits for compaction to catch up before it is refused as `Unavailable`.
    pub stall_patience: Duration,
    /// Most bytes a second that flushes and compactions write, of the store as a whole; `None`: as many as they can. Where
    /// more is written for long, writes wait for compaction, and are refused after `stall_patience`.
    pub background_bytes_per_second: Option<u64>,
    /// The nice value of the threads that flush and compact, from 0 to 19. The stores of a process share them: those
    /// that are there already keep theirs.
    pub background_niceness: u8,
    /// If set, other users may look into the store's directory as its permissions say. Otherwise the directory and its
    /// files are made their owner's alone, and a directory of another user that is open to others is refused.
    pub shared: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory_budget_bytes: MEMORY_BUDGET_BYTES_DEFAULT,
            hot_bytes: None,
            hot_shared: false,
            create: true,
            background_jobs: BACKGROUND_JOBS_DEFAULT,
            stall_patience: STALL_PATIENCE_DEFAULT,
            background_bytes_per_second: None,
            background_niceness: 0,
            shared: false,
        }
    }
}

impl Options {
    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// `Invalid`, naming the option.
    pub fn check(&self) -> Result<()> {
        if self.memory_budget_bytes < MEMORY_BUDGET_BYTES_MIN {
            return Err(Error::invalid(format!(
                "memory_budget_bytes is at least {MEMORY_BUDGET_BYTES_MIN}: {}",
                self.memory_budget_bytes
            )));
        }
        let hot_max = self.memory_budget_bytes / HOT_PART_MAX;
        if self.hot_bytes() > hot_max {
            return Err(Error::invalid(format!(
                "hot_bytes is at most half of memory_budget_bytes, {hot_max}: {}",
                self.hot_bytes()
            )));
        }
        if !(1..=64).contains(&self.background_jobs) {
            return Err(Error::invalid(format!("background_jobs is from 1 to 64: {}", self.background_jobs)));
        }
        let range = BACKGROUND_BYTES_MIN..=BACKGROUND_BYTES_MAX;
        if let Some(bytes) = self.background_bytes_per_second.filter(|bytes| !range.contains(bytes)) {
            let message = "background_bytes_per_second is from";
            return Err(Error::invalid(format!("{message} {BACKGROUND_BYTES_MIN} to {BACKGROUND_BYTES_MAX}: {bytes}")));
        }
        if self.background_niceness > NICENESS_MAX {
            let niceness = self.background_niceness;
            return Err(Error::invalid(format!("background_niceness is from 0 to {NICENESS_MAX}: {niceness}")));
        }
        Ok(())
    }

    /// Bytes of the hot table; 0: there is none.
    pub(super) fn hot_bytes(&self) -> usize {
        self.hot_bytes.unwrap_or(self.memory_budget_bytes / HOT_PART)
    }

    fn write_buffers_bytes(&self) -> usize {
        self.memory_budget_bytes / WRITE_BUFFER_PART
    }
}

/// RocksDB's options for a store, and the memory they share.
pub(super) struct Tuning {
    pub(super) cache: Cache,
    pub(super) store: RocksOptions,
    pub(super) catalog: RocksOptions,
    pub(super) latest: RocksOptions,
    pub(super) history: RocksOptions,
    pub(super) events: RocksOptions,
    pub(super) tiles: RocksOptions,
}

impl Tuning {
    pub(super) fn new(options: &Options, present: &Arc<Present>) -> Result<Self> {
        let cache = Cache::new_hyper_clock_cache(options.memory_budget_bytes - options.hot_bytes(), 0);
        let buffers = options.write_buffers_bytes();
        let mut latest = family(options, &cache, LATEST_BLOCK_BYTES, true);
        latest.set_compaction_filter_factory(LatestFilters::new(present.clone()));
        let mut history = family(options, &cache, HISTORY_BLOCK_BYTES, false);
        history.set_prefix_extractor(SliceTransform::create("asofdb.row", row_prefix, Some(has_row_prefix)));
        history.set_compaction_filter_factory(HistoryFilters::new(present.clone()));
        let mut events = family(options, &cache, HISTORY_BLOCK_BYTES, false);
        events.set_prefix_extractor(SliceTransform::create("asofdb.entity", entity_prefix, Some(has_entity_prefix)));
        events.set_compaction_filter_factory(HistoryFilters::new(present.clone()));
        let mut tiles = family(options, &cache, LATEST_BLOCK_BYTES, true);
        tiles.set_compaction_filter_factory(TileFilters::new(present.clone()));
        let mut catalog = family(options, &cache, LATEST_BLOCK_BYTES, true);
        catalog.set_write_buffer_size(CATALOG_BUFFER_BYTES);
        Ok(Tuning {
            store: with_options(
                store(options, &WriteBufferManager::new_write_buffer_manager_with_cache(buffers, false, cache.clone())),
                STORE_OPTIONS,
            )?,
            catalog,
            latest: with_options(latest, BLOCK_OPTIONS)?,
            history: with_options(history, BLOCK_OPTIONS)?,
            events: with_options(events, BLOCK_OPTIONS)?,
            tiles: with_options(tiles, BLOCK_OPTIONS)?,
            cache,
        })
    }
}

impl Tuning {
    /// Lets RocksDB keep the logs that it needs no more, so many bytes of them. It looks at no clock for that, but for
    /// how often it counts.
    pub(super) fn keep_logs(&mut self, bytes_max: u64) {
        self.store.set_wal_size_limit_mb((bytes_max >> 20).max(1));
    }
}

fn store(options: &Options, buffers: &WriteBufferManager) -> RocksOptions {
    let mut store = RocksOptions::default();
    store.create_missing_column_families(true);
    store.set_write_buffer_manager(buffers);
    store.set_max_background_jobs(options.background_jobs as i32);
    store.set_max_open_files(open_files());
    store.set_max_file_opening_threads(OPENING_THREADS as i32);
    store.set_max_total_wal_size(2 * options.write_buffers_bytes() as u64);
    if let Some(bytes) = options.background_bytes_per_second {
        store.set_ratelimiter(i64::try_from(bytes).unwrap_or(i64::MAX), REFILL_MICROS, FAIRNESS);
    }
    store.set_bytes_per_sync(BYTES_PER_SYNC);
    store.set_wal_bytes_per_sync(BYTES_PER_SYNC);
    store.set_log_level(LogLevel::Warn);
    store.set_max_log_file_size(LOG_FILE_BYTES_MAX);
    store.set_keep_log_file_num(LOG_FILES_MAX);
    store.set_stats_dump_period_sec(0);
    store.set_stats_persist_period_sec(0);
    store.set_paranoid_checks(true);
    store.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    store.set_track_and_verify_wals_in_manifest(true);
    store.set_max_manifest_file_size(MANIFEST_BYTES_MAX);
    store
}

/// The files that RocksDB keeps open, by the limit of descriptors that this process has now.
fn open_files() -> i32 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    // At most some thousands.
    open_files_max(limit.unwrap_or(u64::MAX)) as i32
}

fn family(options: &Options, cache: &Cache, block_bytes: usize, whole_keys: bool) -> RocksOptions {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(block_bytes);
    blocks.set_bloom_filter(FILTER_BITS, false);
    blocks.set_whole_key_filtering(whole_keys);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_unpartitioned_pinning_tier(BlockBasedTablePinningTier::FlushAndSimilar);
    let mut family = RocksOptions::default();
    family.set_block_based_table_factory(&blocks);
    family.set_compression_type(DBCompressionType::Lz4);
    family.set_level_compaction_dynamic_level_bytes(true);
    family.set_write_buffer_size(
        (options.write_buffers_bytes() / WRITE_BUFFERS_MAX as usize).min(WRITE_BUFFER_BYTES_MAX),
    );
    family.set_max_write_buffer_number(WRITE_BUFFERS_MAX);
    family
}

fn with_options(mut options: RocksOptions, text: &str) -> Result<RocksOptions> {
    options.get_options_from_string(text).map_err(|error| from_rocks("RocksDB refused the options of a store", error))
}

/// The part of a key that all versions of one row share: the key without its version.
fn row_prefix(key: &[u8]) -> &[u8] {
    &key[..key.len() - Version::ENCODED_BYTES]
}

/// Keys of `history` have a view's id before the version; bounds of ranges may be shorter.
fn has_row_prefix(key: &[u8]) -> bool {
    key.len() >= size_of::<u32>() + Version::ENCODED_BYTES
}

/// Bytes of a key of `events` after the entity key: the event's time and id, and its created timestamp.
const EVENT_ENDING_BYTES: usize = EVENT_TAIL_BYTES + version_bytes(EVENTS_BIT);

/// The part of a key that all events of one entity share.
fn entity_prefix(key: &[u8]) -> &[u8] {
    &key[..key.len() - EVENT_ENDING_BYTES]
}

/// Keys of `events` have a view's id before; bounds of ranges may be shorter.
fn has_entity_prefix(key: &[u8]) -> bool {
    key.len() >= size_of::<u32>() + EVENT_ENDING_BYTES
}
