//! Random histories under a clock that jumps: whenever it is right again, a store answers as one whose clock has been
//! right all along, save for created timestamps. So no row is ever gone whose retention has not truly passed.

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::sync::Arc;

use asofdb_model::Subject;
use asofdb_storage::{
    AsOfLookup, Backend, Catalogs, Definitions, Durability, Found, Lookup, ManualClock, MemoryBackend, Span,
    Timekeeping, Timestamp, WriteBatch,
};
use common::{DAY, HOUR, SECOND, START, aged, definitions, kept, text_key, value_row};
use proptest::collection::vec;
use proptest::prelude::*;

/// The error of the clock. There are two ahead: a third would confirm the first.
const OFFSETS: [i64; 5] = [0, DAY, 3_650 * DAY, -DAY, -3_650 * DAY];

/// Keys of each view.
const KEYS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
enum Op {
    /// Writes a row of a view, with an event so many hours before the true time.
    Write {
        view: usize,
        key: usize,
        age_hours: i64,
        bulk: bool,
    },
    /// Sets the clock off the true time.
    Off(usize),
    /// Lets time pass: a minute while the clock is wrong, so many hours while it is right.
    Pass(i64),
    /// Lets days pass during which no store is open, with a clock that is right afterwards.
    Close(i64),
    Compact,
    Flush,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0..3usize, 0..KEYS.len(), 0..300i64, prop::bool::weighted(0.2))
            .prop_map(|(view, key, age_hours, bulk)| Op::Write { view, key, age_hours, bulk }),
        3 => (0..OFFSETS.len()).prop_map(Op::Off),
        1 => (1..200i64).prop_map(Op::Pass),
        1 => (1..40i64).prop_map(Op::Close),
        4 => Just(Op::Compact),
        1 => Just(Op::Flush),
        2 => Just(Op::Reopen),
    ]
}

/// The answers of a store, without created timestamps: events tell the versions of a row apart.
type Answers = Vec<(String, Option<(i64, Option<i64>)>)>;

struct Run {
    subject: Subject,
    clock: Arc<ManualClock>,
    model: MemoryBackend,
    truth: Arc<ManualClock>,
    offset: i64,
    writes: i64,
}

impl Run {
    fn new(subject: Subject, clock: Arc<ManualClock>) -> Self {
        let truth = ManualClock::new(START);
        let model = MemoryBackend::new(truth.clone());
        model.confirm_clock().unwrap();
        subject.backend().confirm_clock().unwrap();
        let run = Run { subject, clock, model, truth, offset: 0, writes: 0 };
        let views = [aged("v", false), aged("w", true), kept("x")];
        let wanted: Definitions = definitions(&views);
        for backend in [&run.model as &dyn Backend, run.subject.backend()] {
            backend.set_catalog(backend.catalog().plan(&wanted, START).unwrap().into_catalog()).unwrap();
        }
        run
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Write { view, key, age_hours, bulk } => self.write(view, key, age_hours, bulk),
            Op::Off(offset) => self.off(OFFSETS[offset]),
            Op::Pass(hours) => self.pass(if self.offset == 0 { hours * HOUR } else { 60 * SECOND }),
            Op::Close(days) => {
                self.truth.advance(Span::from_micros(days * DAY));
                self.off(0);
                self.subject.reopen().unwrap();
            }
            Op::Compact => self.subject.backend().compact().unwrap(),
            Op::Flush => self.subject.backend().flush().unwrap(),
            Op::Reopen => self.subject.reopen().unwrap(),
        }
        self.subject.backend().now();
        if self.offset == 0 {
            self.compare(op);
        }
    }

    fn off(&mut self, offset: i64) {
        self.offset = offset;
        let truth = asofdb_storage::Clock::now(&*self.truth);
        self.clock.step(Timestamp::from_micros(truth.as_micros() + offset));
    }

    fn pass(&self, micros: i64) {
        self.truth.advance(Span::from_micros(micros));
        self.clock.advance(Span::from_micros(micros));
    }

    fn write(&mut self, view: usize, key: usize, age_hours: i64, bulk: bool) {
        self.writes += 1;
        let now = self.model.now();
        // No two writes have the same event, so that stamps decide nothing.
        let event = Timestamp::from_micros(now.as_micros() - age_hours * HOUR - self.writes);
        let view = self.model.catalog().view(["v", "w", "x"][view]).unwrap().clone();
        for backend in [&self.model as &dyn Backend, self.subject.backend()] {
            let mut batch = if bulk { WriteBatch::bulk() } else { WriteBatch::new() };
            batch.put(&view, &text_key(KEYS[key]), event, None, &value_row(&view, self.writes), now).unwrap();
            match bulk {
                true => backend.bulk_load(batch).unwrap(),
                false => backend.commit(batch, Durability::Os).unwrap(),
            };
        }
    }

    fn compare(&self, op: Op) {
        let subject = self.subject.backend();
        assert_eq!(subject.now(), self.model.now(), "the present after {op:?}");
        assert_eq!(answers(subject), answers(&self.model), "after {op:?}");
    }
}

fn answers(backend: &dyn Backend) -> Answers {
    let (now, mut answers) = (backend.now(), Vec::new());
    for view in backend.catalog().views() {
        for key in KEYS {
            let (lookup, mut found) = (text_key(key), None);
            let mut visit = |_: usize, version: Option<Found<'_>>| {
                found = version.map(|version| seen(view, version));
                Ok(())
            };
            backend.latest(&[Lookup { view, key: &lookup }], now, &mut visit).unwrap();
            answers.push((format!("latest {} {key}", view.name), found.take()));
            for days in [1, 9, 12, 30] {
                let at = now.minus(Span::from_micros(days * DAY));
                let mut visit = |_: usize, version: Option<Found<'_>>| {
                    found = version.map(|version| seen(view, version));
                    Ok(())
                };
                backend.as_of(&[AsOfLookup { view, key: &lookup, at }], None, &mut visit).unwrap();
                answers.push((format!("{} {key} {days} days ago", view.name), found.take()));
            }
        }
        let rows = common::scan(&*backend.snapshot(), view, &asofdb_storage::KeyRange::default());
        answers.extend(rows.into_iter().map(|row| (format!("scan {} {}", view.name, row.0), Some((row.1, row.3)))));
    }
    answers
}

fn seen(view: &asofdb_storage::FeatureView, version: Found<'_>) -> (i64, Option<i64>) {
    let (event, _, value) = common::read(view, version);
    (event, value)
}

fn run(subject: Subject, clock: Arc<ManualClock>, ops: &[Op]) {
    let mut run = Run::new(subject, clock);
    for key in 0..KEYS.len() {
        // A newer and an older version of each view, so that there is something to lose.
        (0..6).for_each(|n| run.step(Op::Write { view: n / 2, key, age_hours: 100 * (n as i64 % 2), bulk: false }));
    }
    ops.iter().for_each(|op| run.step(*op));
    run.off(0);
    run.subject.reopen().unwrap();
    run.subject.backend().compact().unwrap();
    run.compare(Op::Compact);
    assert_eq!(run.subject.backend().verify().unwrap().problems, Vec::<String>::new());
    // Other stamps change no answer that does not ask for them. A time in which the store was closed is a claim.
    run.subject.backend().confirm_clock().unwrap();
    run.subject.backend().repair_clock().unwrap();
    run.compare(Op::Off(0));
    assert_eq!(run.subject.backend().clock().apart, []);
    assert_eq!(run.subject.backend().verify().unwrap().problems, Vec::<String>::new());
}

/// Returns a configuration with as many histories as said here, or by `PROPTEST_CASES`.
fn histories(cases: u32) -> ProptestConfig {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: given.unwrap_or(cases), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(histories(256))]

    #[test]
    fn a_store_in_memory_is_right_whenever_its_clock_is(ops in vec(op(), 0..24)) {
        let clock = ManualClock::new(START);
        run(Subject::in_memory(clock.clone()), clock, &ops);
    }
}

#[cfg(feature = "rocksdb")]
proptest! {
    #![proptest_config(histories(48))]

    #[test]
    fn a_store_on_disk_is_right_whenever_its_clock_is(ops in vec(op(), 0..24)) {
        let clock = ManualClock::new(START);
        let directory = tempfile::tempdir().unwrap();
        let (path, time) = (directory.path().join("store"), clock.clone());
        let open = move || -> asofdb_storage::Result<Box<dyn Backend>> {
            let options = asofdb_storage::Options { memory_budget_bytes: 32 << 20, ..Default::default() };
            Ok(Box::new(asofdb_storage::RocksBackend::open(&path, options, time.clone())?))
        };
        run(Subject::on_disk(open).unwrap(), clock, &ops);
    }
}
