//! Opening a store: what is checked before, what is finished after.

use std::path::Path;
use std::sync::Arc;

use super::ages::AgeCounts;
use super::directory::{self, Contents, StoreDirectory};
use super::families::Database;
use super::floor::{self, Keeper};
use super::hot::HotRows;
use super::kept::{Kept, Setting};
use super::online::RocksOnline;
use super::options::{Options, Tuning};
use super::pool::Pool;
use super::present::Present;
use super::store::Store;
use super::tiles::Tiles;
use super::{bulk, erase, process, reached, records, verify};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::fail_point;
use crate::time::Clock;

/// Opens the store at `path`, or creates it where the options say so.
pub(super) fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Store> {
    options.check()?;
    let directory = StoreDirectory::open(path, &options)?;
    let mut checked = floor::check(&directory.path)?;
    let present = Arc::new(Present::new(clock));
    // Compaction starts while the store opens, and an erasure may have been interrupted.
    present.set_erasing(true);
    process::prepare(&options)?;
    let mut tuning = Tuning::new(&options, &present)?;
    let setting = Setting::read(&directory.path)?;
    if let Some(setting) = &setting {
        tuning.keep_logs(setting.bytes_max);
    }
    let mut store = assemble(directory, options, present, tuning, setting)?;
    if checked.needs_reading {
        checked.notices.push(verify::read_all(&store)?);
    }
    fail_point("opening recovered");
    store.floor.start(&checked)?;
    records::identify(&store)?;
    checked.notices.extend(store.hot.resume(&store.database, &store.present.known().catalog));
    fail_point("opening done");
    store.notices = checked.notices;
    Ok(store)
}

/// Opens what is in a directory, and finishes what a crash interrupted. Nothing keeps its floor yet; its logs are kept
/// if there is a setting.
pub(super) fn assemble(
    directory: StoreDirectory,
    options: Options,
    present: Arc<Present>,
    tuning: Tuning,
    setting: Option<Setting>,
) -> Result<Store> {
    let path = &directory.path;
    let database = Arc::new(Database::open(path, &tuning, directory.contents == Contents::Fresh)?);
    fail_point("opening read");
    records::check_format(&database)?;
    directory.complete()?;
    resume(path, &database, &present)?;
    let pool = Arc::new(Pool::new(database.clone()));
    let kept = setting.map(|setting| Kept::resume(path, setting, &database)).transpose()?;
    let store = Store {
        ages: AgeCounts::resume(&database, &present),
        tiles: Tiles::resume(&database, &present.known())?,
        hot: HotRows::within(path, &options, &present.known().catalog)?,
        online: RocksOnline::over(database.clone(), pool.clone(), present.clone(), options.stall_patience),
        options,
        tuning,
        present,
        pool,
        loads: directory::empty_loads(path)?,
        loads_before: Default::default(),
        loading: Default::default(),
        database,
        floor: Keeper::new(path),
        kept,
        notices: Vec::new(),
        last: Default::default(),
        observers: Default::default(),
        writes: Default::default(),
        erasing: Default::default(),
        taking_over: Default::default(),
        counters: Default::default(),
        sums: Default::default(),
        _lock: directory.lock,
    };
    recover(&store)?;
    Ok(store)
}

/// Goes on from the time and the catalog that are on record.
fn resume(path: &Path, database: &Database, present: &Present) -> Result<()> {
    if let Some(reached) = reached::reached(database)? {
        present.resume(reached);
    }
    let catalog = Catalog::from_records(records::all(database)?);
    let catalog = catalog.map_err(|error| error.context(format!("cannot open the store at {}", path.display())))?;
    present.set_catalog(catalog);
    Ok(())
}

/// Finishes or forgets the loads and erasures that a crash interrupted.
fn recover(store: &Store) -> Result<()> {
    bulk::recover(store)?;
    if let Err(error) = erase::finish(store) {
        // The rows are gone for every reader; only their bytes wait for the next time.
        store.failed(error);
    }
    Ok(())
}
