//! Carries out a history on a subject, on the in-memory backend and on the log, and compares them after each step.

use std::sync::Arc;

use asofdb_storage::{
    Backend, Catalog, Catalogs, Erased, ErrorKind, FeatureView, History, ManualClock, MemoryBackend, Timekeeping,
    Timestamp,
};

use crate::ages;
use crate::answers::{Answers, SnapshotAnswers};
use crate::followers::Follower;
use crate::log::Log;
use crate::op::{Change, Op, OpRow};
use crate::questions::Questions;
use crate::script::{EntityRows, NOTE, Script};
use crate::subject::Subject;

/// Texts stay shorter than this, so that a step stays short.
const TEXT_BYTES: usize = 40;

/// Runs a history on an empty subject that goes by `clock`.
///
/// # Panics
/// At the first answer that is not what the contract says.
pub fn run(subject: Subject, clock: Arc<ManualClock>, ops: &[Op]) {
    let mut runner = Runner::new(subject, clock);
    for op in ops {
        runner.step(op);
    }
    runner.verify();
}

/// A subject with the models that it is held to.
pub struct Runner {
    subject: Subject,
    model: Model,
    /// Hears what the in-memory backend tells.
    of_memory: Follower,
    /// Hears what the subject tells.
    of_subject: Follower,
}

impl Runner {
    /// Defines the views in an empty subject that goes by `clock`.
    ///
    /// # Panics
    /// When the subject refuses.
    pub fn new(subject: Subject, clock: Arc<ManualClock>) -> Self {
        let memory = MemoryBackend::new(clock.clone());
        let script = Script::new(TEXT_BYTES);
        let mut model = Model { clock, memory, log: Log::default(), script, note: None, steps: 0 };
        // As a store that has been in use for an hour.
        model.memory.confirm_clock().expect("the model believes its clock");
        subject.backend().confirm_clock().expect("the store believes its clock");
        let of_memory = Follower::of(&model.memory).expect("the model can be observed");
        let of_subject = Follower::of(subject.backend()).expect("the store can be observed");
        model.set_catalog(subject.backend());
        Runner { subject, model, of_memory, of_subject }
    }

    /// Carries out one operation and compares everything that can be asked.
    ///
    /// # Panics
    /// At the first answer that is not what the contract says.
    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Reopen => self.reopen(),
            op => self.model.apply(self.subject.backend(), op),
        }
        self.model.check(self.subject.backend(), &[&self.of_memory, &self.of_subject], op);
    }

    /// Opens the store again. A table that hung on the closed one hears no more; a new one is told what there is.
    fn reopen(&mut self) {
        self.subject.reopen().expect("the store opens again");
        if self.subject.lasts() {
            self.of_subject = Follower::of(self.subject.backend()).expect("the store can be observed");
        }
    }

    /// Has the subject check itself.
    ///
    /// # Panics
    /// When it finds a problem.
    pub fn verify(&self) {
        let verified = self.subject.backend().verify().expect("the store can be read");
        assert_eq!(verified.problems, Vec::<String>::new());
    }
}

/// The models that the subject is held to.
struct Model {
    clock: Arc<ManualClock>,
    memory: MemoryBackend,
    log: Log,
    script: Script,
    note: Option<Vec<u8>>,
    steps: usize,
}

impl Model {
    fn apply(&mut self, backend: &dyn Backend, op: &Op) {
        match op {
            Op::Write { rows, bulk, sync } => self.write(backend, rows, *bulk, *sync),
            Op::Erase { key } => self.erase(backend, *key),
            Op::Advance(step) => self.clock.advance(step.span()),
            Op::Flush => backend.flush().expect("the store flushes"),
            Op::Compact => backend.compact().expect("the store compacts"),
            Op::Reopen => {}
            Op::Change(change) => self.change(backend, *change),
            Op::Pinned(ops) => self.pinned(backend, ops),
        }
    }

    fn write(&mut self, backend: &dyn Backend, rows: &[OpRow], bulk: bool, sync: bool) {
        let now = backend.now();
        let write = self.script.write(rows, bulk, sync, &self.memory.catalog(), now);
        let Some(expected) = write.commit(&self.memory, now).expect("the model takes every valid batch") else {
            // Refused whole: what was already known stays as it was, which the next check holds.
            return;
        };
        let committed = write.commit(backend, now).expect("a valid batch is taken");
        assert_eq!(committed, Some(expected), "created timestamps differ");
        write.log(&mut self.log, expected.created);
        self.note = write.note();
    }

    fn erase(&mut self, backend: &dyn Backend, key: u8) {
        let rows = EntityRows::of(&self.memory.catalog(), key);
        let lookups = rows.lookups();
        let receipts = backend.erase(&lookups).expect("the store erases");
        let expected = self.memory.erase(&lookups).expect("the model erases");
        assert_eq!((receipts.len(), expected.len()), (lookups.len(), lookups.len()), "one receipt a view");
        for ((lookup, receipt), expected) in lookups.iter().zip(&receipts).zip(&expected) {
            self.check_receipt(lookup.view, lookup.key, receipt, expected);
        }
    }

    /// Compaction may have reclaimed what retention hides, and then there is less to remove.
    fn check_receipt(&mut self, view: &FeatureView, key: &[u8], receipt: &Erased, expected: &Erased) {
        let visible = self.log.count_visible(view, key, self.memory.now());
        let (versions, bytes) = self.log.erase(view, key);
        assert_eq!(*expected, Erased { view: view.name.clone(), versions, bytes });
        assert_eq!(receipt.view, view.name);
        if view.cutoff(self.memory.now()) == Timestamp::MIN {
            assert_eq!(receipt, expected);
        }
        assert!((visible..=versions).contains(&receipt.versions), "{receipt:?} of {versions}, {visible} visible");
        assert!(receipt.bytes <= bytes, "{receipt:?} of {bytes} bytes");
    }

    fn change(&mut self, backend: &dyn Backend, change: Change) {
        if self.script.change(change) {
            self.set_catalog(backend);
        }
    }

    fn set_catalog(&mut self, backend: &dyn Backend) {
        let next = self.script.plan(&self.memory.catalog(), self.memory.believed());
        self.memory.set_catalog(next.clone()).expect("the model takes the next catalog");
        backend.set_catalog(next.clone()).expect("the store takes the next catalog");
        let again = backend.set_catalog(next.clone()).map_err(|error| error.kind());
        assert_eq!(again, Err(ErrorKind::Conflict), "a catalog that is not the next one");
        self.log.keep_views(&next.views().chain(next.indexes()).map(|view| view.id).collect());
    }

    fn pinned(&mut self, backend: &dyn Backend, ops: &[Op]) {
        let snapshot = backend.snapshot();
        let now = snapshot.now();
        assert_eq!(now, self.memory.now(), "a snapshot is of the present");
        let questions = self.questions(&self.memory.catalog(), now);
        let before = SnapshotAnswers::of(&*snapshot, &questions).expect("the snapshot can be read");
        for op in ops {
            self.apply(backend, op);
        }
        let after = SnapshotAnswers::of(&*snapshot, &questions).expect("the snapshot can be read");
        assert_eq!(snapshot.now(), now, "a snapshot keeps its present");
        assert_eq!(after, before, "a snapshot changed under {ops:?}");
    }

    fn questions(&self, catalog: &Catalog, now: Timestamp) -> Questions {
        Questions::new(catalog, &self.log.all_versions(), now, self.steps)
    }

    /// Holds followers to `latest`; they may decline where the newest version of a row is from the future.
    fn check_followers(&self, followers: &[&Follower], questions: &Questions, expected: &Answers, op: &Op) {
        let now = self.memory.now();
        for follower in followers {
            let answers = follower.latest(questions, now).expect("a table in memory can be read");
            for (((view, key), answer), expected) in questions.lookups().iter().zip(answers).zip(&expected.latest) {
                match answer {
                    Some(answer) => assert_eq!(&answer, expected, "a follower of {:?} after {op:?}", view.name),
                    None => assert!(self.log.newest_event(view, key) > Some(now), "{:?} after {op:?}", view.name),
                }
            }
        }
    }

    fn check(&mut self, backend: &dyn Backend, followers: &[&Follower], op: &Op) {
        self.steps += 1;
        let now = self.memory.now();
        assert_eq!(backend.now(), now, "the present differs after {op:?}");
        let catalog = backend.catalog();
        assert_eq!(catalog.revision(), self.memory.catalog().revision(), "the catalog differs after {op:?}");
        let questions = self.questions(&catalog, now);
        let expected = self.log.answers(&questions, now);
        for (name, backend) in [("the in-memory backend", &self.memory as &dyn Backend), ("the subject", backend)] {
            let answers = Answers::of(backend, &questions).expect("the store can be read");
            let difference = expected.difference(&answers, &questions);
            assert_eq!(difference, None, "{name} is wrong after step {}, {op:?}", self.steps);
            assert_eq!(backend.note(NOTE).expect("the store can be read"), self.note, "{name}'s note after {op:?}");
        }
        self.check_followers(followers, &questions, &expected, op);
        ages::check(backend, &self.memory, &format!("after step {}, {op:?}", self.steps));
    }
}
