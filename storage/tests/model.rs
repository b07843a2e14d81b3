//! Random histories: after each operation every kind of read agrees with the model. See `asofdb-model`.

use asofdb_model::{Change, Moment, Op, OpRow, Step, Subject, VIEWS, run};
use asofdb_storage::{ManualClock, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// 2024-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

/// Returns a configuration with as many histories as said here, or by `PROPTEST_CASES`.
fn histories(cases: u32) -> ProptestConfig {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: given.unwrap_or(cases), ..ProptestConfig::default() }
}

fn moment() -> impl Strategy<Value = Moment> {
    (0..Moment::HOURS.len() as u8, 0..3u8).prop_map(|(age, nudge)| Moment { age, nudge })
}

fn view() -> impl Strategy<Value = u8> {
    0..VIEWS as u8
}

fn row() -> impl Strategy<Value = OpRow> {
    (view(), 0..6u8, moment(), option::of(moment()), prop::bool::weighted(0.15))
        .prop_map(|(view, key, event, created, tombstone)| OpRow { view, key, event, created, tombstone })
}

fn write() -> impl Strategy<Value = Op> {
    (vec(row(), 1..7), prop::bool::weighted(0.2), any::<bool>()).prop_map(|(rows, bulk, sync)| Op::Write {
        rows,
        bulk,
        sync,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        view().prop_map(Change::Grow),
        view().prop_map(Change::DropOrCreate),
        (view(), 0..3u8).prop_map(|(view, days)| Change::Retain(view, days)),
    ]
}

fn flat_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => write(),
        1 => (0..6u8).prop_map(|key| Op::Erase { key }),
        2 => (0..Step::ALL.len()).prop_map(|step| Op::Advance(Step::ALL[step])),
        1 => Just(Op::Flush),
        1 => Just(Op::Compact),
        1 => Just(Op::Reopen),
        1 => change().prop_map(Op::Change),
    ]
}

fn history() -> impl Strategy<Value = Vec<Op>> {
    vec(prop_oneof![12 => flat_op(), 1 => vec(flat_op(), 0..4).prop_map(Op::Pinned)], 0..32)
}

proptest! {
    #![proptest_config(histories(256))]

    #[test]
    fn the_in_memory_backend_answers_as_a_plain_list_of_writes_does(ops in history()) {
        let clock = ManualClock::new(START);
        run(Subject::in_memory(clock.clone()), clock, &ops);
    }
}

#[cfg(feature = "rocksdb")]
proptest! {
    #![proptest_config(histories(48))]

    #[test]
    fn the_backend_on_disk_answers_as_the_in_memory_one_does(ops in history()) {
        let clock = ManualClock::new(START);
        let directory = tempfile::tempdir().unwrap();
        let (path, time) = (directory.path().join("store"), clock.clone());
        let open = move || -> asofdb_storage::Result<Box<dyn asofdb_storage::Backend>> {
            let options = asofdb_storage::Options { memory_budget_bytes: 32 << 20, ..Default::default() };
            Ok(Box::new(asofdb_storage::RocksBackend::open(&path, options, time.clone())?))
        };
        run(Subject::on_disk(open).unwrap(), clock, &ops);
    }
}
