//! Tests of restoring to a point between backups: the state of exactly the commits up to a time.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use asofdb_storage::{
    BackupKey, Backups, Catalogs, CheckpointFiles, Durability, ErrorKind, FeatureDefinition, FeatureView, Found,
    History, KeyRange, Lookup, ManualClock, Options, Restored, Result, RocksBackend, ScalarType, Slot, Span,
    Timekeeping, Timestamp, Upkeep, Value, ValueType, ViewDefinition, WriteBatch, keep_logs, key, restore_at,
    restore_backup, restore_point, row,
};
use common::{DAY, SECOND, START, at, definitions, kept, scan, text_key, value_row};

/// Bytes of logs that are kept.
const LOGS_BYTES: u64 = 64 << 20;

/// Key and value of the rows of both views, which are the same if no batch is torn.
type Rows = BTreeMap<i64, usize>;

struct Fixture {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    store: Option<RocksBackend>,
    key: Option<BackupKey>,
}

impl Fixture {
    /// A store that keeps its logs, with a backup of nothing but its definitions.
    fn new() -> Self {
        let mut fixture = Fixture::without_logs();
        fixture.closed(|path| keep_logs(path, Some(LOGS_BYTES)).unwrap());
        fixture.back_up();
        fixture
    }

    fn without_logs() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(START);
        let mut fixture = Fixture { directory, clock, store: None, key: None };
        fixture.open();
        fixture.define(&["v", "w"]);
        fixture
    }

    fn open(&mut self) {
        let store = open(&self.path("store"), &self.clock);
        store.confirm_clock().unwrap();
        self.store = Some(store);
    }

    /// Does something to the closed store.
    fn closed(&mut self, with: impl FnOnce(&Path)) {
        self.store = None;
        with(&self.path("store"));
        self.open();
    }

    fn store(&self) -> &RocksBackend {
        self.store.as_ref().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn define(&self, views: &[&str]) {
        let store = self.store();
        let views: Vec<_> = views.iter().map(|name| kept(name)).collect();
        let plan = store.catalog().plan(&definitions(&views), store.believed()).unwrap();
        store.set_catalog(plan.into_catalog()).unwrap();
    }

    fn batch(&self, mut batch: WriteBatch, keys: std::ops::Range<i64>, created: Option<Timestamp>) -> WriteBatch {
        for name in ["v", "w"] {
            let view = self.store().catalog().view(name).unwrap().clone();
            for key in keys.clone() {
                let row = value_row(&view, key);
                batch.put(&view, &text_key(&key.to_string()), at(-1), created, &row, self.store().now()).unwrap();
            }
        }
        batch
    }

    /// Writes rows of both views in one batch; its stamp.
    fn put(&self, keys: std::ops::Range<i64>) -> Timestamp {
        self.store().commit(self.batch(WriteBatch::new(), keys, None), Durability::Os).unwrap().created
    }

    fn load(&self, keys: std::ops::Range<i64>) -> Timestamp {
        self.store().bulk_load(self.batch(WriteBatch::bulk(), keys, None)).unwrap().created
    }

    /// Takes a backup a second later; its name.
    fn back_up(&self) -> String {
        self.clock.advance(Span::from_micros(SECOND));
        let backups = Backups::create(&self.path("backups"), self.key.clone()).unwrap();
        let checkpoint = backups.place_for_checkpoint().unwrap();
        self.store().checkpoint(&checkpoint, CheckpointFiles::Shared).unwrap();
        let added = backups.add(&checkpoint, self.store().now()).unwrap();
        backups.clear_checkpoint().unwrap();
        self.clock.advance(Span::from_micros(SECOND));
        added.name
    }

    fn backups(&self) -> Backups {
        Backups::open(&self.path("backups"), self.key.clone()).unwrap()
    }

    fn restored(&self, time: Timestamp) -> Result<Restored> {
        let _ = fs::remove_dir_all(self.path("restored"));
        restore_point(&self.backups(), time, self.path("restored"))
    }

    /// The keys at a time; every way to read them agrees, and so do both views.
    fn keys_at(&self, time: Timestamp) -> Vec<i64> {
        self.restored(time).unwrap();
        let store = open(&self.path("restored"), &self.clock);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        let [v, w] = ["v", "w"].map(|name| rows(&store, name));
        assert_eq!(v, w, "no batch is torn");
        v.into_keys().collect()
    }
}

fn open(path: &Path, clock: &Arc<ManualClock>) -> RocksBackend {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, clock.clone()).unwrap()
}

/// The keys of a view and how many versions each has; `latest` has the same.
fn rows(store: &RocksBackend, view: &str) -> Rows {
    let view = store.catalog().view(view).unwrap().clone();
    let mut rows = Rows::new();
    for (key, ..) in scan(&*store.snapshot(), &view, &KeyRange::default()) {
        *rows.entry(key.parse().unwrap()).or_default() += 1;
    }
    let keys: Vec<_> = rows.keys().map(|key| text_key(&key.to_string())).collect();
    let lookups: Vec<_> = keys.iter().map(|key| Lookup { view: &view, key }).collect();
    let mut found = 0;
    let count = &mut |_: usize, row: Option<Found<'_>>| {
        found += usize::from(row.is_some());
        Ok(())
    };
    store.latest(&lookups, store.now(), count).unwrap();
    assert_eq!(found, rows.len());
    rows
}

fn before(time: Timestamp) -> Timestamp {
    time.minus(Span::from_micros(1))
}

#[test]
fn a_store_is_restored_to_every_commit_between_two_backups_and_to_nothing_else() {
    for key in [None, Some(BackupKey::new([7; 32]))] {
        let mut fixture = Fixture::without_logs();
        fixture.key = key;
        fixture.closed(|path| keep_logs(path, Some(LOGS_BYTES)).unwrap());
        let first = fixture.back_up();
        let stamps: Vec<_> = (0..5).map(|key| fixture.put(key..key + 1)).collect();
        let second = fixture.back_up();
        let later = fixture.put(5..6);
        for (stamp, count) in stamps.iter().zip(1..) {
            assert_eq!(fixture.keys_at(*stamp), (0..count).collect::<Vec<_>>());
            assert_eq!(fixture.keys_at(before(*stamp)), (0..count - 1).collect::<Vec<_>>());
        }
        // Named backups are restored as they are.
        restore_at(&fixture.backups(), Some(&first), fixture.path("first")).unwrap();
        assert_eq!(rows(&open(&fixture.path("first"), &fixture.clock), "v").len(), 0);
        let error = fixture.restored(later).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(format!("{error:#}").contains(&second), "{error:#}");
        let error = fixture.restored(at(-DAY)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(&format!("the first is {first}")), "{error}");
    }
}

#[test]
fn points_are_reached_over_restarts_flushes_and_several_backups() {
    let mut fixture = Fixture::new();
    let mut stamps = Vec::new();
    for round in 0..4 {
        stamps.push(fixture.put(3 * round..3 * round + 1));
        fixture.store().flush().unwrap();
        stamps.push(fixture.put(3 * round + 1..3 * round + 2));
        fixture.closed(|_| {});
        stamps.push(fixture.put(3 * round + 2..3 * round + 3));
        if round % 2 == 1 {
            fixture.store().compact().unwrap();
            fixture.back_up();
        }
    }
    for (stamp, count) in stamps.iter().zip(1..) {
        assert_eq!(fixture.keys_at(*stamp), (0..count).collect::<Vec<_>>());
    }
}

#[test]
fn a_point_between_two_commits_of_one_group_has_the_first_and_not_the_second() {
    let fixture = Fixture::new();
    let mut stamps = BTreeMap::new();
    // Threads that begin together come to lie in one group now and then; of some rows all of them are the newest.
    for round in 0..20 {
        let (barrier, written) = (Barrier::new(4), std::sync::Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (barrier, written, fixture) = (&barrier, &written, &fixture);
                scope.spawn(move || {
                    barrier.wait();
                    let key = 4 * round + writer;
                    written.lock().unwrap().push((fixture.put(key..key + 1), key));
                });
            }
        });
        stamps.extend(written.into_inner().unwrap());
    }
    fixture.back_up();
    for (stamp, _) in stamps.iter().step_by(7) {
        let mut expected: Vec<_> = stamps.range(..=*stamp).map(|(_, key)| *key).collect();
        expected.sort_unstable();
        assert_eq!(fixture.keys_at(*stamp), expected);
    }
}

#[test]
fn rows_that_name_their_created_timestamp_are_of_the_commit_that_wrote_them() {
    let fixture = Fixture::new();
    let first = fixture.put(0..1);
    let created = before(first);
    let commit = |keys| {
        let batch = fixture.batch(WriteBatch::new(), keys, Some(created));
        fixture.store().commit(batch, Durability::Os).unwrap().created
    };
    let second = commit(1..2);
    // The same version again: the commit before it has the row as well.
    let third = commit(1..3);
    fixture.back_up();
    let keys = [first, second, third].map(|stamp| fixture.keys_at(stamp));
    assert_eq!(keys, [vec![0], vec![0, 1], vec![0, 1, 2]]);
}

#[test]
fn bulk_loads_which_are_in_no_log_are_there_whole_from_their_stamp_on() {
    let fixture = Fixture::new();
    let first = fixture.put(0..10);
    let loaded = fixture.load(5..500);
    let last = fixture.put(500..501);
    fixture.back_up();
    assert_eq!(fixture.keys_at(first).len(), 10);
    assert_eq!(fixture.keys_at(before(loaded)).len(), 10);
    assert_eq!(fixture.keys_at(loaded).len(), 500);
    assert_eq!(fixture.keys_at(last).len(), 501);
}

#[test]
fn bulk_loads_of_events_are_there_from_their_stamp_on_and_restored_whole() {
    let fixture = Fixture::new();
    let events = ViewDefinition { event_id: Some(Vec::new()), keep_newest: false, ..kept("events") };
    let store = fixture.store();
    let plan = store.catalog().plan(&definitions(&[kept("v"), kept("w"), events]), store.believed()).unwrap();
    store.set_catalog(plan.into_catalog()).unwrap();
    let first = fixture.put(0..3);
    let view = store.catalog().view("events").unwrap().clone();
    let mut batch = WriteBatch::bulk();
    for number in 0..200_u8 {
        let (mut row_key, id) = (Vec::new(), key::short_event_id(&[number]).unwrap());
        key::event_key(&text_key("a"), at(-1), &id, &mut row_key);
        batch.put(&view, &row_key, at(-1), None, &value_row(&view, i64::from(number)), store.now()).unwrap();
    }
    let loaded = store.bulk_load(batch).unwrap().created;
    fixture.back_up();
    for (time, expected) in [(first, 0), (before(loaded), 0), (loaded, 200)] {
        fixture.restored(time).unwrap();
        let restored = open(&fixture.path("restored"), &fixture.clock);
        assert_eq!(scan(&*restored.snapshot(), &view, &KeyRange::only(&text_key("a"))).len(), expected);
        assert_eq!(restored.verify().unwrap().problems, Vec::<String>::new());
    }
}

/// A batch of events of user a, each also found by item 0, 1 or 2.
fn indexed_batch(
    view: &FeatureView,
    mut batch: WriteBatch,
    numbers: std::ops::Range<i64>,
    now: Timestamp,
) -> WriteBatch {
    for number in numbers {
        let (mut row_key, mut row) = (Vec::new(), Vec::new());
        let id = key::short_event_id(&number.to_be_bytes()).unwrap();
        key::event_key(&text_key("a"), at(-1), &id, &mut row_key);
        let layout = view.current_layout();
        let value = |slot: &Slot| match slot.ty {
            ValueType::Scalar(ScalarType::String) => Some(Value::String((number % 3).to_string())),
            _ => Some(Value::Int64(number)),
        };
        row::encode(&layout, &layout.slots().iter().map(value).collect::<Vec<_>>(), &mut row);
        batch.put(view, &row_key, at(-1), None, &row, now).unwrap();
    }
    batch
}

#[test]
fn indexes_of_events_are_restored_with_them_from_commits_and_from_bulk_loads() {
    let fixture = Fixture::new();
    let mut events = ViewDefinition {
        event_id: Some(Vec::new()),
        also_by: vec![vec!["item".to_owned()]],
        keep_newest: false,
        ..kept("events")
    };
    events.features.push(FeatureDefinition::new("item_id", ValueType::Scalar(ScalarType::String)));
    let store = fixture.store();
    let wanted = definitions(&[kept("v"), kept("w"), events]);
    store.set_catalog(store.catalog().plan(&wanted, store.believed()).unwrap().into_catalog()).unwrap();
    let catalog = store.catalog();
    let (view, index) = (catalog.view("events").unwrap().clone(), catalog.indexes().next().unwrap().clone());
    let commit = |numbers| {
        let batch = indexed_batch(&view, WriteBatch::new(), numbers, store.now());
        store.commit(batch, Durability::Os).unwrap().created
    };
    let first = commit(0..6);
    let loaded = store.bulk_load(indexed_batch(&view, WriteBatch::bulk(), 6..66, store.now())).unwrap().created;
    let last = commit(66..69);
    fixture.back_up();
    for (time, expected) in [(before(first), 0), (first, 6), (before(loaded), 6), (loaded, 66), (last, 69)] {
        fixture.restored(time).unwrap();
        let restored = open(&fixture.path("restored"), &fixture.clock);
        assert_eq!(scan(&*restored.snapshot(), &view, &KeyRange::default()).len(), expected);
        assert_eq!(scan(&*restored.snapshot(), &index, &KeyRange::default()).len(), expected);
        assert_eq!(scan(&*restored.snapshot(), &index, &KeyRange::only(&text_key("1"))).len(), expected / 3);
        assert_eq!(restored.verify().unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn a_load_whose_files_are_not_kept_any_more_is_a_hole_that_is_told() {
    let mut fixture = Fixture::without_logs();
    // No load fits.
    fixture.closed(|path| keep_logs(path, Some(100)).unwrap());
    fixture.back_up();
    let first = fixture.put(0..1);
    let loaded = fixture.load(1..100);
    fixture.back_up();
    assert_eq!(fixture.keys_at(first), [0]);
    let error = fixture.restored(loaded).unwrap_err();
    assert!(format!("{error:#}").contains(&format!("the bulk load of {loaded} are not kept")), "{error:#}");
    assert!(!fixture.path("restored").exists());
}

#[test]
fn definitions_notes_and_deletions_are_those_of_the_point() {
    let fixture = Fixture::new();
    let note = |value: &str| {
        let mut batch = fixture.batch(WriteBatch::new(), 0..1, None);
        batch.note("progress", Some(value.as_bytes().to_vec()));
        fixture.store().commit(batch, Durability::Os).unwrap().created
    };
    let first = note("one");
    fixture.define(&["v", "w", "x"]);
    let second = note("two");
    fixture.define(&["v", "w"]);
    let third = note("three");
    fixture.back_up();
    for (stamp, value, views) in [(first, "one", 2), (second, "two", 3), (third, "three", 2)] {
        fixture.restored(stamp).unwrap();
        let store = open(&fixture.path("restored"), &fixture.clock);
        assert_eq!(store.note(b"progress").unwrap().as_deref(), Some(value.as_bytes()));
        assert_eq!(store.catalog().views().count(), views);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn what_is_erased_is_in_no_kept_log_and_earlier_points_are_refused() {
    let fixture = Fixture::new();
    let first = fixture.put(0..3);
    let view = fixture.store().catalog().view("v").unwrap().clone();
    let key = text_key("1");
    fixture.store().erase(&[Lookup { view: &view, key: &key }]).unwrap();
    let after = fixture.put(3..4);
    assert_eq!(fs::read_dir(fixture.path("store/archive")).unwrap().count(), 0, "the erased rows were in these");
    fixture.back_up();
    let last = fixture.put(4..5);
    fixture.back_up();
    for stamp in [first, after] {
        let error = fixture.restored(stamp).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    }
    fixture.restored(last).unwrap();
    let store = open(&fixture.path("restored"), &fixture.clock);
    assert_eq!(rows(&store, "v").into_keys().collect::<Vec<_>>(), [0, 2, 3, 4]);
}

#[test]
fn a_store_that_keeps_no_logs_has_nothing_between_its_backups_and_says_so() {
    let fixture = Fixture::without_logs();
    let first = fixture.back_up();
    let stamp = fixture.put(0..1);
    let second = fixture.back_up();
    let error = fixture.restored(stamp).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = format!("{error:#}");
    assert!(text.contains("no logs were kept") && text.contains(&first) && text.contains(&second), "{text}");
}

#[test]
fn logs_that_were_kept_off_for_a_while_do_not_lead_over_the_hole() {
    let mut fixture = Fixture::new();
    let first = fixture.put(0..1);
    fixture.closed(|path| keep_logs(path, None).unwrap());
    fixture.put(1..2);
    fixture.closed(|path| keep_logs(path, Some(LOGS_BYTES)).unwrap());
    let third = fixture.put(2..3);
    fixture.back_up();
    let fourth = fixture.put(3..4);
    fixture.back_up();
    for stamp in [first, third] {
        assert_eq!(fixture.restored(stamp).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(fixture.keys_at(fourth), [0, 1, 2, 3]);
}

#[test]
fn backups_of_a_store_that_was_restored_do_not_lead_on_from_those_of_the_first() {
    let mut fixture = Fixture::new();
    let first = fixture.put(0..1);
    fixture.put(1..2);
    fixture.back_up();
    fixture.restored(first).unwrap();
    fixture.store = None;
    fs::rename(fixture.path("store"), fixture.path("old")).unwrap();
    fs::rename(fixture.path("restored"), fixture.path("store")).unwrap();
    fixture.open();
    fixture.put(7..8);
    fixture.back_up();
    // It keeps no logs until it is told to.
    fixture.closed(|path| keep_logs(path, Some(LOGS_BYTES)).unwrap());
    fixture.back_up();
    let last = fixture.put(8..9);
    fixture.back_up();
    assert_eq!(fixture.keys_at(first), [0]);
    assert_eq!(fixture.keys_at(last), [0, 7, 8]);
}

#[test]
fn commits_of_a_clock_that_was_ahead_count_as_of_when_it_came_back() {
    let fixture = Fixture::new();
    let first = fixture.put(0..1);
    fixture.clock.step(at(10 * 365 * DAY));
    fixture.put(1..2);
    fixture.clock.step(at(4 * SECOND));
    let third = fixture.put(2..3);
    fixture.back_up();
    assert!(third < at(DAY), "the present has come back with the clock");
    assert_eq!(fixture.keys_at(first), [0]);
    assert_eq!(fixture.keys_at(before(third)), [0]);
    assert_eq!(fixture.keys_at(third), [0, 1, 2]);
}

#[test]
fn a_backup_that_was_taken_under_a_clock_that_was_ahead_does_not_cover_the_time_up_to_there() {
    let fixture = Fixture::new();
    let first = fixture.put(0..1);
    fixture.clock.step(at(10 * 365 * DAY));
    fixture.back_up();
    fixture.clock.step(at(5 * SECOND));
    let later = fixture.put(1..2);
    assert_eq!(fixture.keys_at(first), [0]);
    let error = fixture.restored(later).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "the logs have nothing of then: {error:#}");
    fixture.back_up();
    assert_eq!(fixture.keys_at(later), [0, 1]);
}

#[test]
fn a_damaged_kept_log_is_named_and_makes_no_store() {
    let fixture = Fixture::new();
    let stamp = fixture.put(0..100);
    fixture.back_up();
    let objects = fs::read_dir(fixture.path("backups/objects")).unwrap().map(|entry| entry.unwrap().path());
    for object in objects {
        let whole = fs::read(&object).unwrap();
        let mut bytes = whole.clone();
        let Some(last) = bytes.last_mut() else { continue };
        *last ^= 1;
        fs::write(&object, &bytes).unwrap();
        match fixture.restored(stamp) {
            // It is of another backup's files.
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
                assert!(format!("{error:#}").contains(&*object.to_string_lossy()), "{error:#}");
                assert!(!fixture.path("restored").exists());
            }
        }
        fs::write(&object, &whole).unwrap();
    }
}

#[test]
fn a_checkpoint_of_a_store_that_keeps_its_logs_is_restored_without_them() {
    let fixture = Fixture::new();
    fixture.put(0..3);
    fixture.load(3..10);
    fixture.store().checkpoint(&fixture.path("checkpoint"), CheckpointFiles::Copied).unwrap();
    asofdb_storage::restore(fixture.path("checkpoint"), fixture.path("restored")).unwrap();
    let names = fs::read_dir(fixture.path("restored")).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(names.iter().all(|name| !name.starts_with("kept-")), "{names:?}");
    let backups = fixture.backups();
    restore_backup(&backups, &backups.find(None).unwrap(), fixture.path("backup")).unwrap();
    assert_eq!(rows(&open(&fixture.path("restored"), &fixture.clock), "w").len(), 10);
}
