//! Reads that this process answers by itself, out of memory that a sidecar shares with it.

mod keeper;
mod tallies;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asofdb::parts::{AskedRows, Holes, ReadPlan, Records, VisitNewest, newest_matrix, newest_records};
use asofdb::storage::{Clock, Found, Lookup, SystemClock, Version};
use asofdb::{Answer, Catalog, EntityRows, F32Matrix, Prepared, Result, Timestamp};
use asofdb_hot::{Conditions, Hot, Looked, Row, SharedTable};
use parking_lot::{Mutex, RwLock};

use self::keeper::Keeper;
use self::tallies::Tallies;
use crate::options::ConnectOptions;

/// Of so many rows that are found one is told to the sidecar, by which it knows what is read often.
const USES_TOLD_EVERY: u64 = 8;

/// Most rows of which a report tells that they are used.
const USES_MAX: usize = 1_024;

thread_local! {
    /// Memory for what was found.
    static LOOKED: RefCell<Looked> = const { RefCell::new(Looked::new()) };
}

/// Figures about the reads that a client answers out of shared memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedReads {
    /// True while there is memory to answer from.
    pub is_shared: bool,
    /// The reason why there is none, where the sidecar or the kernel said one.
    pub refused: Option<String>,
    /// Reads of the newest values that were answered in this process.
    pub answered: u64,
    /// Those that the sidecar was asked for, because a row was not there, or was being written.
    pub passed_on: u64,
}

/// The memory of a sidecar, and what is read there.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    state: Arc<State>,
    /// Asks for the memory, and tells what was read.
    _keeper: Keeper,
}

#[derive(Debug, Default)]
struct State {
    granted: RwLock<Option<Arc<Granted>>>,
    refused: Mutex<Option<String>>,
    tallies: Tallies,
    used: Mutex<Vec<u64>>,
    answered: AtomicU64,
    passed_on: AtomicU64,
}

/// A table, and the number of grants by which it may be read.
#[derive(Debug)]
struct Granted {
    table: SharedTable,
    grants: u64,
}

impl SharedMemory {
    /// Asks the sidecar for its memory. Where there is none, or it refuses, all goes through the socket, and it is asked
    /// again from time to time.
    pub(crate) fn connect(path: PathBuf, options: ConnectOptions) -> Self {
        let state = Arc::new(State::default());
        let keeper = Keeper::start(state.clone(), path, options);
        SharedMemory { state, _keeper: keeper }
    }

    pub(crate) fn reads(&self) -> SharedReads {
        let state = &self.state;
        SharedReads {
            is_shared: state.usable().is_some(),
            refused: state.refused.lock().clone(),
            answered: state.answered.load(Ordering::Relaxed),
            passed_on: state.passed_on.load(Ordering::Relaxed),
        }
    }

    /// The newest values, where all of their rows are in memory.
    pub(crate) fn answer(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        catalog: &Arc<Catalog>,
    ) -> Result<Option<Answer>> {
        let Some((plan, asked, reading)) = self.reading(request, entities, catalog)? else { return Ok(None) };
        let rows = entities.len();
        let records = newest_records(&plan, asked, &mut |lookups, visit| reading.look(lookups, visit))?;
        let holes = |records: &Vec<Records>| {
            let mut holes = Holes::new();
            holes.add_records(&plan, records, rows);
            holes
        };
        self.state.count(request, &plan, rows, records.as_ref().map(holes));
        Ok(records.map(|records| Answer::new(plan, records, rows)))
    }

    /// Writes the newest values into a matrix, where all of their rows are in memory; tells whether they were.
    pub(crate) fn fill(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        catalog: &Arc<Catalog>,
        matrix: &mut F32Matrix<'_>,
    ) -> Result<bool> {
        let Some((plan, asked, reading)) = self.reading(request, entities, catalog)? else { return Ok(false) };
        let mut holes = Holes::new();
        let look = &mut |lookups: &[Lookup<'_>], visit: &mut VisitNewest<'_>| reading.look(lookups, visit);
        let is_filled = newest_matrix(&plan, asked, matrix, &mut holes, look)?;
        self.state.count(request, &plan, entities.len(), is_filled.then_some(holes));
        Ok(is_filled)
    }

    /// What it takes to read; `None` where there is no memory, or the catalog is another one than the client knows.
    fn reading<'e>(
        &self,
        request: &Prepared,
        entities: &'e EntityRows,
        catalog: &Arc<Catalog>,
    ) -> Result<Option<(Arc<ReadPlan>, &'e AskedRows, Reading<'_>)>> {
        let Some((granted, conditions)) = self.state.usable() else { return Ok(None) };
        if conditions.revision != catalog.revision() {
            return Ok(None);
        }
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        let asked = entities.asked_of(&plan)?;
        Ok(Some((plan, asked, Reading { state: &self.state, granted, conditions })))
    }
}

impl State {
    fn usable(&self) -> Option<(Arc<Granted>, Conditions)> {
        let granted = self.granted.read().clone()?;
        let conditions = granted.table.conditions()?;
        (conditions.grants == granted.grants).then_some((granted, conditions))
    }

    /// Counts a read: with its holes if it was answered.
    fn count(&self, request: &Prepared, plan: &ReadPlan, rows: usize, holes: Option<Holes>) {
        match holes {
            Some(holes) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.tallies.add(request, plan, rows, holes);
            }
            None => {
                self.passed_on.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Remembers some of the rows that were found, to be told.
    fn note_used(&self, looked: &Looked) {
        let Some(mut used) = self.used.try_lock() else { return };
        let room = USES_MAX - used.len();
        let first = (self.answered.load(Ordering::Relaxed) % USES_TOLD_EVERY) as usize;
        used.extend((first..looked.len()).step_by(USES_TOLD_EVERY as usize).take(room).map(|row| looked.hash(row)));
    }
}

/// One read.
struct Reading<'r> {
    state: &'r State,
    granted: Arc<Granted>,
    conditions: Conditions,
}

impl Reading<'_> {
    /// Looks rows up as the sidecar would; false where only that can tell.
    fn look(&self, lookups: &[Lookup<'_>], visit: &mut VisitNewest<'_>) -> Result<bool> {
        LOOKED.with(|looked| match looked.try_borrow_mut() {
            Ok(mut looked) => {
                let found = self.look_with(&mut looked, lookups, visit);
                looked.trim();
                found
            }
            // A visitor reads.
            Err(_) => Ok(false),
        })
    }

    fn look_with(&self, looked: &mut Looked, lookups: &[Lookup<'_>], visit: &mut VisitNewest<'_>) -> Result<bool> {
        let (table, conditions) = (&self.granted.table, &self.conditions);
        let Some(at) = conditions.times.present(SystemClock.now().as_micros()) else { return Ok(false) };
        let found = table.look(lookups.iter().map(|lookup| (lookup.view.id, lookup.key)), looked);
        if found < lookups.len() as u64 || !table.is_still(looked, conditions) {
            return Ok(false);
        }
        let at = Timestamp::from_micros(at);
        // What lies ahead hides an older version, which the table does not have.
        if (0..lookups.len()).any(|row| newest(looked, row).is_some_and(|found| found.version.event > at)) {
            return Ok(false);
        }
        for (row, lookup) in lookups.iter().enumerate() {
            visit(at, row, newest(looked, row).filter(|found| lookup.shows(found.version, at)))?;
        }
        self.state.note_used(looked);
        Ok(true)
    }
}

/// The newest version of a row that is in the table; `None` where the store has none.
fn newest(looked: &Looked, row: usize) -> Option<Found<'_>> {
    let Hot::Row(Row { version, bytes }) = looked.get(row) else { return None };
    let [event, created] = version.map(Timestamp::from_micros);
    Some(Found { version: Version::new(event, created), row: bytes })
}
