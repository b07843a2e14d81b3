//! Bulk work of an embedded store gives way to its reads, where somebody wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    ExportOptions, ExportRows, GiveWay, JoinOptions, Precedence, ProfileSample, Result, Scan, ScanBegin, ScanSink,
    Session, Store,
};

use crate::common::{TestStore, batch, hours_ago, times, users};

/// Enough for several steps of each work.
const USERS: i64 = 5_000;

/// Counts the looks of bulk work, and the work that there is.
#[derive(Debug, Default)]
struct Looks {
    looks: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Looks {
    fn take(&self) -> u64 {
        self.looks.swap(0, Ordering::Relaxed)
    }
}

impl GiveWay for Looks {
    fn give_way(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    fn work_begins(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn work_ends(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

fn filled() -> TestStore {
    let test = TestStore::new(&users());
    let ids = || (0..USERS).collect::<Vec<_>>();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from(ids()))),
        ("event_timestamp", times(ids().iter().map(|_| Some(hours_ago(2))))),
        ("score", Arc::new(Float32Array::from(vec![0.5; USERS as usize]))),
        ("visits", Arc::new(Int64Array::from(ids()))),
        ("name", Arc::new(StringArray::from(vec!["x"; USERS as usize]))),
    ];
    test.store.write("profile", &batch(columns)).unwrap();
    test
}

fn export(store: &Store, to: &str) {
    let directory = tempfile::tempdir().unwrap();
    let options = ExportOptions { rows: ExportRows::Latest, ..ExportOptions::default() };
    let manifest = store.export("profile", &directory.path().join(to), &options, &mut |_| {}).unwrap();
    assert_eq!(manifest.rows, USERS as u64);
}

fn join(store: &Store) {
    let request = store.prepare(&["profile:visits"]).unwrap();
    let spine = batch(vec![
        ("user_id", Arc::new((0..USERS).collect::<Int64Array>()) as ArrayRef),
        ("event_timestamp", times((0..USERS).map(|_| Some(hours_ago(1))))),
    ]);
    let schema = spine.schema();
    let rows = store.join(&request, schema, Box::new([Ok(spine)].into_iter()), &JoinOptions::default()).unwrap();
    assert_eq!(rows.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), USERS as usize);
}

/// A work of a store in bulk, by its name.
type Work = (&'static str, fn(&Store));

const WORKS: [Work; 6] = [
    ("export", |store| export(store, "out")),
    ("join", join),
    ("scan", |store| assert_eq!(scanned(store, &mut |_| {}), USERS as u64)),
    ("profile", |store| drop(store.profile("profile", ProfileSample::All, &mut |_| {}).unwrap())),
    ("sample", |store| drop(store.sample_entities("profile", 10).unwrap())),
    ("verify", |store| drop(store.verify().unwrap())),
];

/// Scans the newest rows, and hears of each batch.
fn scanned(store: &Store, heard: &mut dyn FnMut(&RecordBatch)) -> u64 {
    struct Sink<'h>(&'h mut dyn FnMut(&RecordBatch));
    impl ScanSink for Sink<'_> {
        fn begin(&mut self, _: ScanBegin) -> Result<()> {
            Ok(())
        }

        fn take(&mut self, batch: RecordBatch) -> Result<()> {
            (self.0)(&batch);
            Ok(())
        }
    }
    let scan = Scan { view: "profile", rows: ExportRows::Latest, entity: None, limit: None };
    store.scan(&scan, &mut Sink(heard)).unwrap()
}

#[test]
fn each_bulk_work_of_a_clone_that_gives_way_looks_between_its_steps_and_of_others_none() {
    let test = filled();
    let looks = Arc::new(Looks::default());
    let bulk = test.store.giving_way(looks.clone());
    for (name, work) in WORKS {
        work(&test.store);
        assert_eq!(looks.take(), 0, "{name} of another clone");
        work(&bulk);
        assert!(looks.take() > 0, "{name}");
    }
}

#[test]
fn reads_and_writes_of_such_a_clone_never_give_way() {
    let test = filled();
    let looks = Arc::new(Looks::default());
    let bulk = test.store.giving_way(looks.clone());
    let request = bulk.prepare(&["profile:visits"]).unwrap();
    let mut rows = request.entity_rows();
    (0..2_000).for_each(|user| rows.push(&[crate::common::int(user)]).unwrap());
    assert_eq!(bulk.latest(&request, &rows).unwrap().rows(), 2_000);
    assert_eq!(bulk.as_of(&request, &rows, hours_ago(1), None).unwrap().rows(), 2_000);
    bulk.erase(&["profile"], &[("user_id", asofdb::Value::Int64(1))]).unwrap();
    assert_eq!(looks.take(), 0);
}

#[test]
fn work_counts_from_the_first_clone_to_the_last() {
    let test = filled();
    let looks = Arc::new(Looks::default());
    let bulk = test.store.giving_way(looks.clone());
    let count = || (looks.begun.load(Ordering::Relaxed), looks.ended.load(Ordering::Relaxed));
    let consumer = bulk.for_consumer("training").unwrap();
    drop(bulk);
    assert_eq!(count(), (1, 0), "a clone of it goes on");
    drop(consumer);
    assert_eq!(count(), (1, 1));
}

#[test]
fn a_scan_pauses_while_point_requests_come_and_not_otherwise() {
    let test = filled();
    // Of a hundredth of its time each step is followed by a pause, however short it was.
    let precedence = Arc::new(Precedence::new(1));
    let bulk = test.store.giving_way(precedence.clone());
    assert_eq!(scanned(&bulk, &mut |_| {}), USERS as u64);
    assert_eq!(precedence.paused(), Duration::ZERO, "nobody came");
    assert_eq!(scanned(&bulk, &mut |_| precedence.point()), USERS as u64);
    assert!(precedence.paused() > Duration::ZERO);
    let all = Arc::new(Precedence::new(100));
    scanned(&test.store.giving_way(all.clone()), &mut |_| all.point());
    assert_eq!(all.paused(), Duration::ZERO);
}
