//! The state that a store must be in after some tasks of its history.

use std::collections::BTreeSet;
use std::sync::Arc;

use asofdb_model::{Answers, EntityRows, LAST, Log, NOTE, Op, OpRow, Questions, Script};
use asofdb_storage::{Backend, Catalogs, History as _, ManualClock, MemoryBackend, Timekeeping, Timestamp};

use crate::history::History;
use crate::workload::Task;

/// Texts in rows are shorter than this: long enough that stores flush and compact by themselves.
pub const TEXT_BYTES: usize = 4_000;

/// The in-memory model of a store, which does the tasks of its history one after the other.
pub struct Oracle<'h> {
    history: &'h History,
    clock: Arc<ManualClock>,
    memory: MemoryBackend,
    script: Script,
    log: Log,
    note: Option<Vec<u8>>,
    /// Number of the last write that was taken; `None` before it.
    last: Option<i64>,
    done: u64,
    durable: u64,
    /// The time at which the next task begins in the first run.
    start: Timestamp,
}

impl<'h> Oracle<'h> {
    /// The model before the first task.
    ///
    /// # Panics
    /// If the model does not work.
    pub fn new(history: &'h History) -> Self {
        let start = history.workload.start(0);
        let clock = ManualClock::new(start);
        let memory = MemoryBackend::new(clock.clone());
        let (script, log) = (Script::new(TEXT_BYTES), Log::default());
        Oracle { history, clock, memory, script, log, note: None, last: None, done: 0, durable: 0, start }
    }

    /// The number of tasks that were done.
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// The number of tasks after which one waited for the disk, and with it all before it.
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// The time at which the next task begins.
    pub fn now(&self) -> Timestamp {
        self.history.time(self.done, self.start)
    }

    /// Does the next task; returns whether it changed anything that can be asked.
    ///
    /// # Panics
    /// If the model does not work.
    pub fn step(&mut self) -> bool {
        let now = self.now();
        self.clock.set(now);
        let (is_change, is_durable) = match self.history.workload.task(self.done) {
            Task::Define => self.define(),
            Task::Do(Op::Write { rows, bulk, sync }) => self.write(&rows, bulk, sync, now),
            Task::Do(Op::Erase { key }) => self.erase(key),
            Task::Do(Op::Change(change)) if self.script.change(change) => self.define(),
            Task::Do(op) => (false, matches!(op, Op::Flush | Op::Compact | Op::Reopen)),
        };
        self.start = self.history.workload.next_start(self.start, self.done);
        self.done += 1;
        if is_durable {
            self.durable = self.done;
        }
        is_change
    }

    fn write(&mut self, rows: &[OpRow], bulk: bool, sync: bool, now: Timestamp) -> (bool, bool) {
        let write = self.script.write(rows, bulk, sync, &self.memory.catalog(), now);
        let committed = write.commit(&self.memory, now).expect("the model takes every valid batch");
        // A rule may refuse it whole.
        let Some(committed) = committed else { return (false, false) };
        write.log(&mut self.log, committed.created);
        (self.note, self.last) = (write.note(), Some(self.script.writes()));
        (true, write.is_synced())
    }

    fn define(&mut self) -> (bool, bool) {
        self.memory.confirm_clock().expect("the model believes its clock");
        let next = self.script.plan(&self.memory.catalog(), self.memory.believed());
        self.memory.set_catalog(next.clone()).expect("the model takes the next catalog");
        self.log.keep_views(&next.views().chain(next.indexes()).map(|view| view.id).collect::<BTreeSet<_>>());
        (true, true)
    }

    fn erase(&mut self, key: u8) -> (bool, bool) {
        let rows = EntityRows::of(&self.memory.catalog(), key);
        self.memory.erase(&rows.lookups()).expect("the model erases");
        for lookup in rows.lookups() {
            self.log.erase(lookup.view, lookup.key);
        }
        (true, true)
    }

    /// Returns whether a store may be in this state, as far as its last write says. It does not cost much to ask.
    ///
    /// # Errors
    /// Those of the store.
    pub fn has_last_write_of(&self, store: &dyn Backend) -> asofdb_storage::Result<bool> {
        Ok(store.note(LAST)? == self.last.map(|last| last.to_le_bytes().to_vec()))
    }

    /// The first answer of a store at its present that is not that of this state, in words.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Panics
    /// When two ways to read the same thing disagree.
    pub fn difference(&self, store: &dyn Backend) -> asofdb_storage::Result<Option<String>> {
        let (catalog, expected) = (store.catalog(), self.memory.catalog());
        if format!("{catalog:?}") != format!("{expected:?}") {
            return Ok(Some(format!("the catalog is {catalog:?} in place of {expected:?}")));
        }
        if store.note(NOTE)? != self.note {
            return Ok(Some(format!("the note is {:?} in place of {:?}", store.note(NOTE)?, self.note)));
        }
        let now = store.now();
        let questions = Questions::new(&catalog, &self.log.all_versions(), now, self.done as usize);
        let answers = Answers::of(store, &questions)?;
        Ok(self.log.answers(&questions, now).difference(&answers, &questions))
    }
}
