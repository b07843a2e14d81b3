//! Writers of batches of many views, which remember what was acknowledged.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use asofdb_storage::{
    Catalogs, Definitions, Durability, EntityDefinition, FeatureDefinition, FeatureView, History, JoinKey,
    RocksBackend, ScalarType, Timestamp, Value, ValueType, ViewDefinition, WriteBatch, key, row,
};
/// Views of a batch.
pub(super) const VIEWS: [&str; 3] = ["a", "b", "c"];

/// Threads that write.
pub(super) const WRITERS: u8 = 2;

/// Rows of a bulk load, of which a writer makes one now and then.
const LOAD_ROWS: i64 = 200;

/// Batches from one bulk load to the next. Each load is some files more to restore.
const LOAD_EVERY: i64 = 200;

/// The pause of a writer between two batches: each round reads all that was written before, and a store that outruns
/// its backups would be a test of the disk.
const PAUSE: Duration = Duration::from_millis(20);

/// Numbers of one writer: those of another are beyond.
const WRITER_KEYS: i64 = 1 << 32;

/// The created timestamp of rows that name one, and up to a thousand microseconds more: 2024-01-01T00:00:00Z.
const CREATED: i64 = 1_704_067_200_000_000;

/// A batch that was acknowledged: its stamp, and the number of its keys.
pub(super) type Batch = (Timestamp, i64);

/// The place that each writer has come to: its next key.
pub(super) type Places = [i64; WRITERS as usize];

/// The work that the writers have done.
#[derive(Debug, Default, Clone)]
pub(super) struct Written {
    /// The batches that were acknowledged, by their first key.
    pub(super) batches: BTreeMap<i64, Batch>,
    /// Everything before these was acknowledged.
    pub(super) done: Places,
    /// Everything before these was begun.
    pub(super) begun: Places,
}

/// Returns the writer of a key.
pub(super) fn writer(key: i64) -> usize {
    (key / WRITER_KEYS) as usize
}

/// Writers at work.
pub(super) struct Writers {
    ends: Arc<AtomicBool>,
    written: Arc<Mutex<Written>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    pub(super) fn start(store: &Arc<RocksBackend>) -> Self {
        let places: Places = std::array::from_fn(|writer| writer as i64 * WRITER_KEYS);
        let written = Written { batches: BTreeMap::new(), done: places, begun: places };
        let (ends, written) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(written)));
        let start = |writer: usize| {
            let (store, ends, written) = (store.clone(), ends.clone(), written.clone());
            std::thread::spawn(move || write(&store, writer, &ends, &written))
        };
        let threads = (0..WRITERS as usize).map(start).collect();
        Writers { ends, written, threads }
    }

    /// Returns what they have done by now.
    pub(super) fn written(&self) -> Written {
        self.written.lock().expect("no writer has panicked").clone()
    }

    /// Lets them finish.
    pub(super) fn end(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("no writer has panicked");
        }
    }
}

fn write(store: &RocksBackend, writer: usize, ends: &AtomicBool, written: &Mutex<Written>) {
    let views = VIEWS.map(|name| store.catalog().view(name).expect("the view is defined").clone());
    let written = || written.lock().expect("no writer has panicked");
    for number in 1.. {
        if ends.load(Ordering::Relaxed) {
            return;
        }
        let is_load = number % LOAD_EVERY == 0;
        let rows = if is_load { LOAD_ROWS } else { 1 + number % 5 };
        let key = written().done[writer];
        written().begun[writer] = key + rows;
        let batch = batch(store, &views, key..key + rows, is_load);
        let committed = if is_load { store.bulk_load(batch) } else { store.commit(batch, Durability::Os) };
        let stamp = committed.expect("the store writes").created;
        let mut written = written();
        written.batches.insert(key, (stamp, rows));
        written.done[writer] = key + rows;
        drop(written);
        sleep(PAUSE);
    }
}

/// A batch of the same keys in every view.
fn batch(store: &RocksBackend, views: &[Arc<FeatureView>], keys: Range<i64>, is_load: bool) -> WriteBatch {
    let (mut batch, now) = (if is_load { WriteBatch::bulk() } else { WriteBatch::new() }, store.now());
    for view in views {
        for number in keys.clone() {
            let (mut entity, mut bytes) = (Vec::new(), Vec::new());
            key::encode_value(&Value::Int64(number), &mut entity).expect("a number is a key");
            row::encode(&view.current_layout(), &[Some(Value::Int64(number))], &mut bytes);
            // Of rows that name their created timestamp a log has to say which commit wrote them.
            let created = (number % 3 == 0).then_some(Timestamp::from_micros(CREATED + number % 1_000));
            batch.put(view, &entity, now, created, &bytes, now).expect("the row is valid");
        }
    }
    batch
}

/// The definitions of the views.
pub(super) fn definitions() -> Definitions {
    let entity = EntityDefinition {
        name: "thing".to_owned(),
        join_keys: vec![JoinKey { name: "thing".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    };
    let view = |name: &str| ViewDefinition {
        name: name.to_owned(),
        entities: vec!["thing".to_owned()],
        features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    };
    Definitions { entities: vec![entity], views: VIEWS.map(view).into(), services: Vec::new() }
}
