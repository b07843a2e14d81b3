//! Reads that this process answers by itself, out of memory that a sidecar shares with it.

mod keeper;
mod tallies;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asofdb::parts::{Holes, NewestRead, ReadPlan, Records};
use asofdb::storage::{Clock, Found, Lookup, SystemClock, Version};
use asofdb::{Catalog, EntityRows, F32Matrix, Prepared, Result, Status, Timestamp};
use asofdb_hot::{Conditions, Hot, Looked, Row, SharedTable};
use parking_lot::{Mutex, RwLock};

use self::keeper::Keeper;
use self::tallies::Tallies;
use crate::options::ConnectOptions;

/// Of so many rows that are found one is told to the sidecar, by which it knows what is read often.
const USES_TOLD_EVERY: u64 = 8;

/// Of a read at least one row in so many must not be in memory, for the sidecar to be asked for all.
const OTHERS_PART: usize = 2;

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
    /// Reads of the newest values that were answered in this process, all of their rows or most.
    pub answered: u64,
    /// Those that the sidecar was asked for, because many rows were not there, or some were being written.
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

    /// The newest values. What is not in memory is `ask`ed for, where it is little; `None` where the sidecar must be asked
    /// for everything.
    pub(crate) fn answer(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        catalog: &Arc<Catalog>,
        ask: impl FnOnce(&EntityRows) -> Result<Vec<Records>>,
    ) -> Result<Option<(Arc<ReadPlan>, Vec<Records>)>> {
        self.read(request, entities, catalog, ask, |read, found, asked| {
            let known = |lookup| found.known(lookup);
            let (mut records, holes) = read.records(found.at, found.lookups.len(), &known)?;
            if let Some(asked) = asked {
                read.take_records(&mut records, found.others, &asked)?;
            }
            Ok((records, holes))
        })
    }

    /// Writes the newest values into a matrix; tells whether it did. What is not in memory is `ask`ed for, where it is
    /// little.
    pub(crate) fn fill(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        catalog: &Arc<Catalog>,
        matrix: &mut F32Matrix<'_>,
        mut ask: impl FnMut(&EntityRows, F32Matrix<'_>) -> Result<()>,
    ) -> Result<bool> {
        let (width, fill, has_statuses) = (request.width(), matrix.fill, matrix.statuses.is_some());
        let ask = |others: &EntityRows| {
            let mut values = vec![fill; others.len() * width];
            let mut statuses = vec![Status::Missing; if has_statuses { values.len() } else { 0 }];
            let statuses_of = has_statuses.then_some(&mut statuses[..]);
            ask(others, F32Matrix { values: &mut values, statuses: statuses_of, fill })?;
            Ok((values, statuses))
        };
        let filled = self.read(request, entities, catalog, ask, |read, found, asked| {
            let known = |lookup| found.known(lookup);
            let holes = read.write_matrix(found.at, found.lookups.len(), &known, matrix)?;
            if let Some((values, statuses)) = asked {
                copy_rows(&values, matrix.values, found.others, width);
                matrix.statuses.iter_mut().for_each(|to| copy_rows(&statuses, to, found.others, width));
            }
            Ok(((), holes))
        })?;
        Ok(filled.is_some())
    }

    /// Reads what is in memory, asks for the rest, and lets `make` put an answer together.
    fn read<A, T>(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        catalog: &Arc<Catalog>,
        ask: impl FnOnce(&EntityRows) -> Result<A>,
        make: impl FnOnce(&NewestRead<'_>, &Seen<'_>, Option<A>) -> Result<(T, Holes)>,
    ) -> Result<Option<(Arc<ReadPlan>, T)>> {
        let Some((granted, conditions)) = self.state.usable().filter(|(_, now)| now.revision == catalog.revision())
        else {
            return Ok(None);
        };
        let plan = request.plan(catalog.revision(), || catalog.clone())?;
        let Some(read) = NewestRead::new(&plan, entities.asked_of(&plan)?) else { return Ok(None) };
        let looking = Looking { state: &self.state, table: &granted.table, conditions, entities };
        let made = LOOKED.with(|looked| match looked.try_borrow_mut() {
            Ok(mut looked) => {
                let made = looking.read(&read, &mut looked, ask, make);
                looked.trim();
                made
            }
            // Asking reads.
            Err(_) => Ok(None),
        })?;
        let Some((made, holes, rows)) = made else {
            self.state.passed_on.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        };
        self.state.answered.fetch_add(1, Ordering::Relaxed);
        self.state.tallies.add(request, &plan, (rows == entities.len(), rows), holes);
        Ok(Some((plan, made)))
    }
}

/// Copies rows of a matrix to their places.
fn copy_rows<T: Copy>(from: &[T], to: &mut [T], rows: &[usize], width: usize) {
    for (values, row) in from.chunks_exact(width.max(1)).zip(rows) {
        to[row * width..(row + 1) * width].copy_from_slice(values);
    }
}

impl State {
    fn usable(&self) -> Option<(Arc<Granted>, Conditions)> {
        let granted = self.granted.read().clone()?;
        let conditions = granted.table.conditions()?;
        (conditions.grants == granted.grants).then_some((granted, conditions))
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
struct Looking<'r> {
    state: &'r State,
    table: &'r SharedTable,
    conditions: Conditions,
    entities: &'r EntityRows,
}

/// The findings of a read.
struct Seen<'s> {
    looked: &'s Looked,
    lookups: &'s [Lookup<'s>],
    at: Timestamp,
    /// The rows that are not in memory, in their order.
    others: &'s [usize],
    /// By lookup: true if it is of one of them.
    is_other: &'s [bool],
}

impl Seen<'_> {
    /// The newest version of a lookup, or that there is none, unless it is of a row that is not in memory.
    fn known(&self, lookup: usize) -> Option<Option<Found<'_>>> {
        let is_other = self.is_other.get(lookup).copied().unwrap_or(false);
        let shown = |found: &Found<'_>| self.lookups[lookup].shows(found.version, self.at);
        (!is_other).then(|| newest(self.looked, lookup).filter(shown))
    }
}

impl Looking<'_> {
    /// Reads; tells the number of rows that were in memory. `None` where the sidecar must be asked for everything.
    fn read<A, T>(
        &self,
        read: &NewestRead<'_>,
        looked: &mut Looked,
        ask: impl FnOnce(&EntityRows) -> Result<A>,
        make: impl FnOnce(&NewestRead<'_>, &Seen<'_>, Option<A>) -> Result<(T, Holes)>,
    ) -> Result<Option<(T, Holes, usize)>> {
        let Some(at) = self.conditions.times.present(SystemClock.now().as_micros()) else { return Ok(None) };
        let (lookups, at) = (read.lookups(), Timestamp::from_micros(at));
        let found = self.table.look(lookups.iter().map(|lookup| (lookup.view.id, lookup.key)), looked);
        let looked = &*looked;
        let (others, is_other) = if found < lookups.len() as u64 { others(read, looked) } else { Default::default() };
        if others.len() * OTHERS_PART > self.entities.len() {
            return Ok(None);
        }
        // Of one moment: what is asked for now, and what was found if it has not changed by the time of the answer.
        let asked = if others.is_empty() { None } else { Some(ask(&self.entities.subset(&others))?) };
        let is_own = |lookup: &usize| !is_other.get(*lookup).copied().unwrap_or(false);
        let own = || (0..lookups.len()).filter(is_own);
        if !self.table.are_still(looked, own(), &self.conditions) {
            return Ok(None);
        }
        // What lies ahead hides an older version, which the table does not have.
        if own().any(|lookup| newest(looked, lookup).is_some_and(|found| found.version.event > at)) {
            return Ok(None);
        }
        let seen = Seen { looked, lookups: &lookups, at, others: &others, is_other: &is_other };
        let (made, holes) = make(read, &seen, asked)?;
        self.state.note_used(looked);
        Ok(Some((made, holes, self.entities.len() - others.len())))
    }
}

/// The rows of which some view is not in memory, in their order, and by lookup whether it is of one of them.
fn others(read: &NewestRead<'_>, looked: &Looked) -> (Vec<usize>, Vec<bool>) {
    let mut others: Vec<usize> = looked.unknown().map(|lookup| read.row(lookup)).collect();
    others.dedup();
    let is_other = (0..looked.len()).map(|lookup| others.binary_search(&read.row(lookup)).is_ok()).collect();
    (others, is_other)
}

/// The newest version of a row that is in the table; `None` where the store has none.
fn newest(looked: &Looked, row: usize) -> Option<Found<'_>> {
    let Hot::Row(Row { version, bytes }) = looked.get(row) else { return None };
    let [event, created] = version.map(Timestamp::from_micros);
    Some(Found { version: Version::new(event, created), row: bytes })
}
