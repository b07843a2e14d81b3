//! Damaged files: every bit of `CURRENT` and the MANIFEST, and places of everything else, with a seed. Nothing that was
//! acknowledged as on disk is lost without a word, no read is wrong, and no open goes on for ever.
#![cfg(feature = "rocksdb")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use asofdb_storage::{
    Catalogs, Definitions, Durability, EntityDefinition, Error, ErrorKind, FeatureDefinition, FeatureView, History,
    JoinKey, KeyRange, Lookup, ManualClock, Options, Repaired, RocksBackend, ScalarType, Timestamp, Upkeep, Value,
    ValueType, ViewDefinition, WriteBatch, examine, key, repair, row,
};

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000;

/// Longer than any open of these small stores takes, however busy the machine is.
const ENDLESS: Duration = Duration::from_secs(120);

/// User and event, counted from the start, with the value.
type Rows = BTreeMap<(i64, i64), i64>;

fn open(path: &Path) -> asofdb_storage::Result<RocksBackend> {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, ManualClock::new(Timestamp::from_micros(START + 86_400_000_000)))
}

fn define(store: &RocksBackend) {
    let entities = vec![EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    }];
    let views = vec![ViewDefinition {
        name: "v".to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    }];
    let definitions = Definitions { entities, views, services: Vec::new() };
    let plan = store.catalog().plan(&definitions, store.now()).unwrap();
    store.set_catalog(plan.into_catalog()).unwrap();
}

fn view(store: &RocksBackend) -> Option<std::sync::Arc<FeatureView>> {
    store.catalog().view("v").cloned()
}

fn entity_key(user: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::encode_i64(user, &mut bytes);
    bytes
}

fn put(store: &RocksBackend, batch: &mut WriteBatch, rows: &mut Rows, user: i64, event: i64) {
    let view = view(store).unwrap();
    let value = user * 1_000 + event;
    let mut bytes = Vec::new();
    row::encode(&view.current_layout(), &[Some(Value::Int64(value))], &mut bytes);
    let at = Timestamp::from_micros(START + event);
    batch.put(&view, &entity_key(user), at, None, &bytes, store.now()).unwrap();
    rows.insert((user, event), value);
}

fn commit(store: &RocksBackend, rows: &mut Rows, users: std::ops::Range<i64>, event: i64, durability: Durability) {
    let mut batch = WriteBatch::new();
    users.for_each(|user| put(store, &mut batch, rows, user, event));
    store.commit(batch, durability).unwrap();
}

/// A store with flushed files, a bulk load and a log with synced writes, and what it holds.
fn store(path: &Path) -> Rows {
    let mut rows = Rows::new();
    let store = open(path).unwrap();
    define(&store);
    for event in 0..3 {
        commit(&store, &mut rows, 0..40, event, Durability::Sync);
        store.flush().unwrap();
    }
    let mut batch = WriteBatch::bulk();
    (100..140).for_each(|user| put(&store, &mut batch, &mut rows, user, 10));
    store.bulk_load(batch).unwrap();
    for event in 20..40 {
        commit(&store, &mut rows, event..event + 5, event, Durability::Sync);
    }
    rows
}

/// Everything that the store answers.
fn read(store: &RocksBackend) -> asofdb_storage::Result<Rows> {
    let Some(view) = view(store) else { return Ok(Rows::new()) };
    let value = |row: &[u8]| i64::from_le_bytes(row[row.len() - 8..].try_into().unwrap());
    let mut rows = Rows::new();
    let snapshot = store.snapshot();
    let mut scan = snapshot.scan(&view, &KeyRange::default())?;
    while let Some(version) = scan.next()? {
        let user = (0..200).find(|user| entity_key(*user) == version.key).expect("a key that was written");
        rows.insert((user, version.version.event.as_micros() - START), value(version.row));
    }
    let keys: Vec<_> = (0..200).map(entity_key).collect();
    let lookups: Vec<_> = keys.iter().map(|key| Lookup { view: &view, key }).collect();
    let mut latest = vec![None; keys.len()];
    store.latest(&lookups, store.now(), &mut |index, found| {
        latest[index] = found.map(|found| (found.version.event.as_micros() - START, value(found.row)));
        Ok(())
    })?;
    for (user, latest) in (0..).zip(latest) {
        let newest = rows.range((user, i64::MIN)..=(user, i64::MAX)).next_back();
        assert_eq!(latest, newest.map(|((_, event), value)| (*event, *value)), "latest of user {user}");
    }
    Ok(rows)
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Every file with its content.
fn contents(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(path).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn named(path: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| is_wanted(name) && path.join(name).is_file())
        .map(|name| path.join(name))
        .collect();
    files.sort();
    files
}

/// Opens and reads a store, in a thread of its own, so that an open without an end fails the test.
fn open_and_read(path: &Path) -> asofdb_storage::Result<(Rows, Vec<String>)> {
    let (answer, answered) = channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let opened = open(&path).and_then(|store| Ok((read(&store)?, store.notices())));
        let _ = answer.send(opened);
    });
    answered.recv_timeout(ENDLESS).expect("the store opens, or is refused, in time")
}

/// The number of times that each answer was given.
#[derive(Debug, Default)]
struct Outcomes {
    refused: u64,
    right: u64,
    read_refused: u64,
}

/// A store to be damaged, over and over.
struct Patient {
    directory: tempfile::TempDir,
    rows: Rows,
    outcomes: Outcomes,
}

impl Patient {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rows = store(&directory.path().join("whole"));
        let patient = Patient { directory, rows, outcomes: Outcomes::default() };
        copy(&patient.whole(), &patient.path());
        patient
    }

    fn whole(&self) -> PathBuf {
        self.directory.path().join("whole")
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Damages the store, opens it, and puts it back as it was.
    fn suffer(&mut self, what: &str, damage: impl FnOnce(&Path)) {
        let path = self.path();
        damage(&path);
        let damaged = contents(&path);
        match open_and_read(&path) {
            Ok((rows, _)) => {
                assert_eq!(rows, self.rows, "{what}: the store opened with other rows, silently");
                self.outcomes.right += 1;
            }
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Conflict), "{what}: {kind}: {error:#}");
                match error.to_string().contains("nothing was changed") {
                    true => {
                        assert_eq!(contents(&path), damaged, "{what}: refused, but a file was changed");
                        self.outcomes.refused += 1;
                    }
                    false => self.outcomes.read_refused += 1,
                }
            }
        }
        copy(&self.whole(), &path);
    }

    fn flip(&mut self, file: &Path, place: usize, bit: u32) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        self.suffer(&format!("{name}, byte {place}, bit {bit}"), |path| {
            let mut bytes = fs::read(path.join(&name)).unwrap();
            bytes[place] ^= 1 << bit;
            fs::write(path.join(&name), bytes).unwrap();
        });
    }

    /// Flips bits of all files of a kind: every `step`th one, or so many drawn from a seed.
    fn flip_some(&mut self, kind: &str, places: Places) -> Outcomes {
        self.outcomes = Outcomes::default();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let files = named(&self.whole(), |name| name.contains(kind));
        assert!(!files.is_empty(), "there is a file {kind}");
        for file in &files {
            let bits = 8 * fs::metadata(file).unwrap().len() as usize;
            let chosen: Vec<usize> = match places {
                Places::Every(step) => (0..bits).step_by(step).collect(),
                Places::Drawn(_) if bits == 0 => Vec::new(),
                Places::Drawn(count) => (0..count)
                    .map(|_| {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        (random >> 33) as usize % bits
                    })
                    .collect(),
            };
            chosen.into_iter().for_each(|bit| self.flip(file, bit / 8, (bit % 8) as u32));
        }
        println!("{kind}: {:?}", self.outcomes);
        std::mem::take(&mut self.outcomes)
    }
}

#[derive(Clone, Copy)]
enum Places {
    Every(usize),
    Drawn(usize),
}

/// So many flips: of `CURRENT` and the MANIFEST every nth bit, of the log and of each other file so many drawn.
fn flips(step: usize, log: usize, others: usize) {
    let mut patient = Patient::new();
    let current = patient.flip_some("CURRENT", Places::Every(step.min(3)));
    assert_eq!((current.right, current.read_refused), (0, 0), "every bit of CURRENT matters");
    let manifest = patient.flip_some("MANIFEST", Places::Every(step));
    assert_eq!((manifest.right, manifest.read_refused), (0, 0), "every bit of the MANIFEST matters");
    let logs = patient.flip_some(".log", Places::Drawn(log));
    assert_eq!((logs.refused, logs.right), (log as u64, 0), "every flipped bit of synced writes is found");
    let floor = patient.flip_some("FLOOR", Places::Drawn(others));
    assert_eq!((floor.refused, floor.read_refused), (0, 0), "each part of the floor stands in for the other");
    patient.flip_some(".sst", Places::Drawn(others));
    for kind in ["OPTIONS", "IDENTITY"] {
        let outcomes = patient.flip_some(kind, Places::Drawn(others));
        assert_eq!((outcomes.refused, outcomes.read_refused), (0, 0), "{kind} does not matter");
    }
    patient.flip_some("ASOFDB", Places::Drawn(others));
}

#[test]
fn flipped_bits_are_found_or_do_not_matter() {
    flips(41, 60, 6);
}

#[test]
#[ignore = "long: make torture"]
fn torture_every_bit_of_the_manifest_and_thousands_of_places_elsewhere() {
    flips(1, 2_000, 250);
}

#[test]
fn logs_that_are_deleted_cut_or_zeroed_are_missed() {
    let mut patient = Patient::new();
    let log = named(&patient.whole(), |name| name.ends_with(".log")).pop().unwrap();
    let name = log.file_name().unwrap().to_owned();
    let length = fs::metadata(&log).unwrap().len();
    assert!(length > 1_000, "the log has the last writes: {length} bytes");
    patient.suffer("the log is deleted", |path| fs::remove_file(path.join(&name)).unwrap());
    for cut in [0, 1, length / 3, length / 2, length - 20] {
        let file = |path: &Path| fs::OpenOptions::new().write(true).open(path.join(&name)).unwrap();
        patient.suffer(&format!("the log is cut at {cut}"), |path| file(path).set_len(cut).unwrap());
        patient.suffer(&format!("the log is zeros from {cut}"), |path| {
            file(path).set_len(cut).unwrap();
            file(path).set_len(length).unwrap();
        });
    }
    assert_eq!(patient.outcomes.refused, 11, "{:?}", patient.outcomes);
}

#[test]
fn other_files_that_are_deleted_or_cut_are_missed_too() {
    let mut patient = Patient::new();
    let files = named(&patient.whole(), |name| {
        name.starts_with("MANIFEST") || name == "CURRENT" || name.ends_with(".sst") || name == "ASOFDB"
    });
    for file in &files {
        let name = file.file_name().unwrap();
        let length = fs::metadata(file).unwrap().len();
        patient.suffer(&format!("{name:?} is deleted"), |path| fs::remove_file(path.join(name)).unwrap());
        for cut in [0, length / 2, length - 1] {
            patient.suffer(&format!("{name:?} is cut at {cut}"), |path| {
                fs::OpenOptions::new().write(true).open(path.join(name)).unwrap().set_len(cut).unwrap();
            });
        }
    }
    assert_eq!(patient.outcomes.right, 1, "the newline of ASOFDB alone does not matter: {:?}", patient.outcomes);
}

#[test]
fn an_older_manifest_is_not_taken_for_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(open(&path).unwrap());
    let early = named(&path, |name| name.starts_with("MANIFEST")).pop().unwrap();
    let (name, bytes) = (early.file_name().unwrap().to_owned(), fs::read(&early).unwrap());
    let store = open(&path).unwrap();
    define(&store);
    commit(&store, &mut Rows::new(), 0..3, 0, Durability::Sync);
    drop(store);
    fs::write(path.join(&name), bytes).unwrap();
    fs::write(path.join("CURRENT"), format!("{}\n", name.to_str().unwrap())).unwrap();
    let error = open(&path).err().unwrap();
    assert!(error.to_string().contains("and the store had come to MANIFEST-"), "{error:#}");
}

/// The files of a store as a killed process leaves them: after `synced` batches that were synced and `written` that were
/// handed to the operating system. Returns what was synced, all rows, the log, and its length when it was synced.
fn killed(directory: &Path, synced: i64, written: i64) -> (PathBuf, Rows, Rows, PathBuf, u64) {
    let store = open(&directory.join("live")).unwrap();
    define(&store);
    let mut rows = Rows::new();
    (0..synced).for_each(|event| commit(&store, &mut rows, 0..20, event, Durability::Sync));
    let log = |path: &Path| named(path, |name| name.ends_with(".log")).pop().unwrap();
    let durable = fs::metadata(log(&directory.join("live"))).unwrap().len();
    let on_disk = rows.clone();
    (synced..synced + written).for_each(|event| commit(&store, &mut rows, 0..20, event, Durability::Os));
    let path = directory.join("killed");
    copy(&directory.join("live"), &path);
    drop(store);
    let log = log(&path);
    (path, on_disk, rows, log, durable)
}

fn is_prefix(rows: &Rows, of: &Rows) -> bool {
    let events = rows.keys().map(|(_, event)| *event).max().unwrap_or(-1);
    let prefix: Rows =
        of.iter().filter(|((_, event), _)| *event <= events).map(|(key, value)| (*key, *value)).collect();
    *rows == prefix
}

#[test]
fn after_a_kill_everything_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _, rows, ..) = killed(directory.path(), 5, 5);
    let (read, notices) = open_and_read(&path).unwrap();
    assert_eq!((read, notices), (rows, Vec::new()));
}

#[test]
fn a_torn_tail_of_writes_that_were_not_synced_is_cut_off_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let (path, on_disk, rows, log, durable) = killed(directory.path(), 3, 4);
    let bytes = fs::read(&log).unwrap();
    let length = bytes.len();
    let image = directory.path().join("image");
    let cuts = [durable as usize, durable as usize + 1, durable as usize + 200, length - 300, length - 1];
    type Tear = fn(&mut Vec<u8>, usize);
    let tears: [(&str, Tear); 4] = [
        ("cut short", |bytes, cut| bytes.truncate(cut)),
        ("zeros to the end", |bytes, cut| bytes[cut..].fill(0)),
        ("a page of zeros", |bytes, cut| {
            let end = bytes.len().min(cut + 150);
            bytes[cut..end].fill(0);
        }),
        ("other bytes", |bytes, cut| {
            let end = bytes.len().min(cut + 150);
            bytes[cut..end].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7));
        }),
    ];
    for (tear, apply) in tears {
        for cut in cuts {
            copy(&path, &image);
            let mut torn = bytes.clone();
            apply(&mut torn, cut);
            fs::write(image.join(log.file_name().unwrap()), &torn).unwrap();
            let (read, notices) = open_and_read(&image).unwrap_or_else(|error| panic!("{tear} at {cut}: {error:#}"));
            assert!(on_disk.iter().all(|(key, value)| read.get(key) == Some(value)), "{tear} at {cut}: synced rows");
            assert!(is_prefix(&read, &rows), "{tear} at {cut}: a prefix in the order of commits");
            let said = notices.iter().any(|notice| notice.contains("the last writes were never finished"));
            assert!(said || torn == bytes || torn.len() as u64 == durable, "{tear} at {cut}: {notices:?}");
        }
    }
}

#[test]
fn a_flipped_bit_of_writes_that_were_not_synced_is_no_torn_write() {
    let directory = tempfile::tempdir().unwrap();
    let (path, .., log, durable) = killed(directory.path(), 3, 4);
    let mut bytes = fs::read(&log).unwrap();
    for place in (durable as usize..bytes.len()).step_by(37) {
        bytes[place] ^= 4;
        fs::write(&log, &bytes).unwrap();
        let error = open(&path).err().expect("a flipped bit is found");
        assert!(error.to_string().contains(&format!("bit 2 of byte {place} is flipped")), "{error:#}");
        bytes[place] ^= 4;
    }
}

fn without_floor(path: &Path) {
    named(path, |name| name.starts_with("FLOOR")).iter().for_each(|file| fs::remove_file(file).unwrap());
}

#[test]
fn a_store_without_a_floor_is_read_as_a_whole_and_given_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let rows = store(&path);
    without_floor(&path);
    let (read, notices) = open_and_read(&path).unwrap();
    assert_eq!(read, rows);
    assert!(notices[0].starts_with("the store had no floor"), "{notices:?}");
    let (_, notices) = open_and_read(&path).unwrap();
    assert_eq!(notices, Vec::<String>::new());
}

#[test]
fn a_damaged_store_without_a_floor_gets_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let rows = store(&path);
    let store = open(&path).unwrap();
    store.compact().unwrap();
    assert_eq!(read(&store).unwrap(), rows);
    drop(store);
    without_floor(&path);
    for file in named(&path, |name| name.ends_with(".sst")) {
        let mut bytes = fs::read(&file).unwrap();
        bytes[20] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let error = open(&path).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
    assert!(named(&path, |name| name.starts_with("FLOOR")).is_empty());
}

#[test]
fn checkpoints_have_a_floor_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let rows = store(&path);
    let copied = directory.path().join("copy");
    open(&path).unwrap().checkpoint(&copied, asofdb_storage::CheckpointFiles::Shared).unwrap();
    let restored = directory.path().join("restored");
    asofdb_storage::restore(&copied, &restored).unwrap();
    let (read, notices) = open_and_read(&restored).unwrap();
    assert_eq!((read, notices), (rows, Vec::new()));
}

/// A power cut may tear the part that is being written. If the other were written over first, the next one could leave
/// none.
#[test]
fn opening_makes_a_torn_part_of_the_floor_whole_and_leaves_the_other() {
    for torn in ["FLOOR-A", "FLOOR-B"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let rows = store(&path);
        let bytes = fs::read(path.join(torn)).unwrap();
        fs::write(path.join(torn), &bytes[..bytes.len() / 2]).unwrap();
        let store = open(&path).unwrap();
        assert_eq!(store.notices().len(), 1, "{:?}", store.notices());
        assert!(store.notices()[0].contains(torn), "{:?}", store.notices());
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new(), "{torn} was torn");
        assert_eq!(read(&store).unwrap(), rows);
    }
}

#[test]
fn verify_finds_damage_of_an_open_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    store(&path);
    let store = open(&path).unwrap();
    commit(&store, &mut Rows::new(), 0..20, 50, Durability::Sync);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    let damage = |kind: &str| {
        let file = named(&path, |name| name.contains(kind)).pop().unwrap();
        let bytes = fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[30] ^= 1;
        fs::write(&file, flipped).unwrap();
        let problems = store.verify().unwrap().problems;
        fs::write(&file, bytes).unwrap();
        problems
    };
    for (kind, expected) in [(".log", "can be read to byte"), ("MANIFEST", "is damaged"), ("FLOOR-B", "was damaged")] {
        let problems = damage(kind);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{kind}: {problems:?}");
    }
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn errors_say_the_place_and_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    store(&path);
    let log = named(&path, |name| name.ends_with(".log")).pop().unwrap();
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 10).unwrap();
    let error: Error = open(&path).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("ends within the record at byte"), "{text}");
    assert!(text.contains("that were on disk"), "{text}");
    assert!(text.contains("restore a checkpoint of it, or let `asof repair`"), "{text}");
}

fn mended(path: &Path) -> Repaired {
    let clock = ManualClock::new(Timestamp::from_micros(START + 86_400_000_000));
    repair(path, Options { memory_budget_bytes: 16 << 20, ..Options::default() }, clock).unwrap()
}

/// The rows of a repaired store, which is sound.
fn repaired(path: &Path) -> Rows {
    let store = open(path).unwrap();
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    read(&store).unwrap()
}

#[test]
fn repair_puts_a_flipped_bit_right_and_loses_nothing() {
    let mut patient = Patient::new();
    let path = patient.path();
    for kind in [".log", "MANIFEST", "CURRENT"] {
        let file = named(&path, |name| name.contains(kind)).pop().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1 << 5;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(examine(&path).unwrap().len(), 1);
        let done = mended(&path);
        assert_eq!((done.mended.len(), done.lost.len()), (1, 0), "{kind}: {done:?}");
        let kept = done.aside.unwrap().join(file.file_name().unwrap());
        assert_eq!(fs::read(kept).unwrap(), bytes, "the damaged file is kept");
        assert_eq!(repaired(&path), patient.rows, "{kind}");
        patient.suffer("nothing", |_| ());
    }
}

#[test]
fn repair_of_a_log_loses_what_is_damaged_and_no_more() {
    let patient = Patient::new();
    let path = patient.path();
    let log = named(&path, |name| name.ends_with(".log")).pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let place = bytes.len() / 2;
    bytes[place..place + 20].fill(0xa5);
    fs::write(&log, &bytes).unwrap();
    let done = mended(&path);
    assert!(done.lost[0].contains("is not what was written"), "{done:?}");
    let rows = repaired(&path);
    assert!(rows.iter().all(|(key, value)| patient.rows.get(key) == Some(value)), "no row is another");
    assert!(patient.rows.iter().filter(|((_, event), _)| *event <= 10).all(|(key, _)| rows.contains_key(key)));
    assert!(rows.len() < patient.rows.len(), "the damaged batch is gone");
}

#[test]
fn repair_opens_a_store_without_a_file_or_a_manifest_with_what_is_left() {
    for kind in [".sst", "MANIFEST", ".log"] {
        let patient = Patient::new();
        let path = patient.path();
        for file in named(&path, |name| name.contains(kind)).iter().take(1) {
            fs::remove_file(file).unwrap();
        }
        let done = mended(&path);
        assert!(done.lost[0].contains("is missing"), "{kind}: {done:?}");
        let rows = repaired(&path);
        assert!(rows.iter().all(|(key, value)| patient.rows.get(key) == Some(value)), "{kind}: no row is another");
        if kind == "MANIFEST" {
            let committed = patient.rows.iter().filter(|((user, _), _)| *user < 100);
            assert!(committed.into_iter().all(|(key, _)| rows.contains_key(key)), "all that was committed is there");
            assert!(done.lost.iter().any(|lost| lost.starts_with("RocksDB could not take over")), "{done:?}");
        }
    }
}

#[test]
fn repair_leaves_a_sound_store_alone() {
    let patient = Patient::new();
    let before = contents(&patient.path());
    assert_eq!(mended(&patient.path()), Repaired::default());
    assert_eq!(contents(&patient.path()), before);
    assert_eq!(examine(patient.directory.path().join("nowhere")).unwrap_err().kind(), ErrorKind::NotFound);
}
