//! A process is killed while it writes, fifty times over; what it was told is written must be there.
#![cfg(feature = "rocksdb")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use asofdb_storage::{
    AsOfLookup, Catalogs, Definitions, Durability, EntityDefinition, FeatureDefinition, FeatureView, Found, History,
    JoinKey, KeyRange, Lookup, Options, RocksBackend, ScalarType, SystemClock, Timestamp, Upkeep, Value, ValueType,
    Version, ViewDefinition, WriteBatch, key, row,
};

/// Tells the test binary that it is the process to be killed, and where the store is.
const CHILD: &str = "ASOFDB_CRASH_CHILD";

const KILLS: u64 = 50;
const VIEWS: [&str; 3] = ["a", "b", "c"];
const KEYS: i64 = 64;

/// Every so many batches one is loaded in bulk.
const BULK_EVERY: i64 = 8;
const BULK_ROWS: i64 = 200;

/// The note that names the last batch.
const LAST: &[u8] = b"last";

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000;

#[test]
fn what_was_acknowledged_survives_fifty_kills_and_no_batch_is_torn() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    define(&open(&path));
    let mut acknowledged = -1;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for kill in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_micros((random >> 33) % 150_000);
        acknowledged = run_and_kill(&path, delay, kill % 5 == 0).max(acknowledged);
        let store = open(&path);
        let last = check_batches(&store, acknowledged);
        check_latest(&store);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        acknowledged = last;
    }
    assert!(acknowledged > KILLS as i64, "the child hardly got to write: {acknowledged} batches");
}

/// Not a test: what the killed process runs.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = open(Path::new(&path));
    let mut say = std::io::stdout();
    writeln!(say, "\nready").unwrap();
    let first = last_note(&store) + 1;
    for number in first.. {
        write(&store, number);
        writeln!(say, "wrote {number}").unwrap();
        if number % 97 == 0 {
            store.flush().unwrap();
        }
    }
}

/// Lets a child write for `delay`, from its start or from when it has opened the store; the last batch acknowledged.
fn run_and_kill(path: &Path, delay: Duration, while_opening: bool) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if !while_opening {
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "ready"), "the store did not open");
    }
    let killer = std::thread::spawn(move || kill_after(child, delay));
    let written = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("wrote ")?.parse().ok());
    let last = written.last().unwrap_or(-1);
    killer.join().unwrap();
    last
}

fn kill_after(mut child: Child, delay: Duration) {
    std::thread::sleep(delay);
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn open(path: &Path) -> RocksBackend {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, Arc::new(SystemClock)).unwrap()
}

fn define(store: &RocksBackend) {
    let entities = vec![EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    }];
    let view = |name: &&str| ViewDefinition {
        name: (*name).to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![
            FeatureDefinition::new("batch", ValueType::Scalar(ScalarType::Int64)),
            FeatureDefinition::new("filling", ValueType::Scalar(ScalarType::String)),
        ],
        ..ViewDefinition::default()
    };
    let definitions = Definitions { entities, views: VIEWS.iter().map(view).collect(), services: Vec::new() };
    let plan = store.catalog().plan(&definitions, store.now()).unwrap();
    store.set_catalog(plan.into_catalog()).unwrap();
}

fn is_bulk(number: i64) -> bool {
    number % BULK_EVERY == BULK_EVERY - 1
}

/// Returns the number of rows that a batch writes into each view.
fn rows_of(number: i64) -> [i64; VIEWS.len()] {
    match is_bulk(number) {
        true => [0, 1, 2].map(|view| if number / BULK_EVERY % 3 == view { BULK_ROWS } else { 0 }),
        false => [2, 1, 3],
    }
}

fn write(store: &RocksBackend, number: i64) {
    let catalog = store.catalog();
    let mut batch = if is_bulk(number) { WriteBatch::bulk() } else { WriteBatch::new() };
    for (name, rows) in VIEWS.iter().zip(rows_of(number)) {
        let view = catalog.view(name).unwrap();
        for index in 0..rows {
            // Late as often as not, and no two of the same version.
            let event = START + (number * 7_919 % 10_007) * 1_000_000_000 + number * 1_000 + index;
            let event = Timestamp::from_micros(event.min(store.now().as_micros()));
            let key = entity_key((number * 31 + index * 7) % KEYS);
            batch.put(view, &key, event, None, &encoded(view, number), store.now()).unwrap();
        }
    }
    batch.note(LAST, Some(number.to_be_bytes().to_vec()));
    match is_bulk(number) {
        true => store.bulk_load(batch).unwrap(),
        false => store.commit(batch, if number % 5 == 0 { Durability::Sync } else { Durability::Os }).unwrap(),
    };
}

fn entity_key(user: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::encode_i64(user, &mut bytes);
    bytes
}

fn encoded(view: &FeatureView, number: i64) -> Vec<u8> {
    let layout = view.current_layout();
    let value = |ty| match ty {
        ValueType::Scalar(ScalarType::Int64) => Some(Value::Int64(number)),
        _ => Some(Value::String("x".repeat(200))),
    };
    let values: Vec<_> = layout.slots().iter().map(|slot| value(slot.ty)).collect();
    let mut bytes = Vec::new();
    row::encode(&layout, &values, &mut bytes);
    bytes
}

fn last_note(store: &RocksBackend) -> i64 {
    store.note(LAST).unwrap().map_or(-1, |bytes| i64::from_be_bytes(bytes.try_into().unwrap()))
}

/// Every acknowledged batch is there and every batch is whole; the last one there.
fn check_batches(store: &RocksBackend, acknowledged: i64) -> i64 {
    let mut found: BTreeMap<i64, [i64; VIEWS.len()]> = BTreeMap::new();
    let snapshot = store.snapshot();
    for (index, name) in VIEWS.iter().enumerate() {
        let view = store.catalog().view(name).unwrap().clone();
        let batch = asofdb_storage::RowPlan::new(&view, &[view.features[0].id]).unwrap();
        let mut scan = snapshot.scan(&view, &KeyRange::default()).unwrap();
        while let Some(version) = scan.next().unwrap() {
            let values = batch.open(version.row).unwrap().unwrap();
            let number = i64::from_le_bytes(values.get(0).unwrap().unwrap().try_into().unwrap());
            found.entry(number).or_default()[index] += 1;
        }
    }
    let last = found.keys().next_back().copied().unwrap_or(-1);
    assert!(last >= acknowledged, "batch {acknowledged} was acknowledged, but the last one there is {last}");
    assert!(last <= acknowledged + 1, "only one batch at a time is on its way");
    assert_eq!(found.len() as i64, last + 1, "batches are missing");
    for (number, rows) in found {
        assert_eq!(rows, rows_of(number), "batch {number} is torn");
    }
    assert_eq!(last_note(store), last, "a batch and its note are one");
    last
}

fn check_latest(store: &RocksBackend) {
    let catalog = store.catalog();
    let now = store.now();
    let keys: Vec<_> = (0..KEYS).map(entity_key).collect();
    let views: Vec<_> = VIEWS.iter().map(|name| catalog.view(name).unwrap()).collect();
    let rows = || views.iter().flat_map(|view| keys.iter().map(move |key| (view, key)));
    let lookups: Vec<_> = rows().map(|(view, key)| Lookup { view, key }).collect();
    let questions: Vec<_> = rows().map(|(view, key)| AsOfLookup { view, key, at: now }).collect();
    type Seen = Vec<Option<(Version, Vec<u8>)>>;
    let (mut latest, mut as_of): (Seen, Seen) = (vec![None; lookups.len()], vec![None; lookups.len()]);
    let keep = |seen: &mut Seen, index: usize, found: Option<Found<'_>>| {
        seen[index] = found.map(|found| (found.version, found.row.to_vec()));
        Ok(())
    };
    store.latest(&lookups, now, &mut |index, found| keep(&mut latest, index, found)).unwrap();
    store.as_of(&questions, None, &mut |index, found| keep(&mut as_of, index, found)).unwrap();
    assert!(latest == as_of, "latest is not as_of(now)");
}
