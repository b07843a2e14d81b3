//! The parts that the tests of every backend share: a store with its clock, and short ways to write and read rows.

use std::sync::Arc;

use asofdb_model::Subject;
use asofdb_storage::{
    AsOfLookup, Backend, Catalog, Committed, Cursor, Definitions, Durability, EntityDefinition, FeatureDefinition,
    FeatureView, Found, JoinKey, KeyRange, Lookup, ManualClock, Result, ScalarType, Snapshot, Span, Timestamp, Value,
    ValueType, ViewDefinition, WriteBatch, key, row,
};

/// 2024-01-01T00:00:00Z, where every test starts.
pub const START: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// `micros` after the start, or before it.
pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(START.as_micros() + micros)
}

/// A version found: event and created in microseconds after [`START`], and the value; `None` for a tombstone.
pub type Seen = Option<(i64, i64, Option<i64>)>;

/// A store that goes by a clock that stands still.
pub struct Store {
    pub clock: Arc<ManualClock>,
    subject: Subject,
    /// Removed with the store.
    _directory: Option<tempfile::TempDir>,
}

impl Store {
    pub fn in_memory() -> Self {
        let clock = ManualClock::new(START);
        Store { subject: Subject::in_memory(clock.clone()), clock, _directory: None }.confirmed()
    }

    #[cfg(feature = "rocksdb")]
    pub fn on_disk() -> Self {
        let clock = ManualClock::new(START);
        let directory = tempfile::tempdir().unwrap();
        let (path, time) = (directory.path().join("store"), clock.clone());
        let open = move || -> Result<Box<dyn Backend>> {
            let options = asofdb_storage::Options { memory_budget_bytes: 32 << 20, ..Default::default() };
            Ok(Box::new(asofdb_storage::RocksBackend::open(&path, options, time.clone())?))
        };
        Store { subject: Subject::on_disk(open).unwrap(), clock, _directory: Some(directory) }.confirmed()
    }

    /// Believes the clock as it stands, as a store does that has been in use for an hour.
    fn confirmed(self) -> Self {
        self.backend().confirm_clock().unwrap();
        self
    }

    pub fn backend(&self) -> &dyn Backend {
        self.subject.backend()
    }

    /// Closes and opens the store; one in memory stays as it is.
    pub fn reopen(&mut self) {
        self.subject.reopen().unwrap();
    }

    /// Moves the clock to `micros` after the start.
    pub fn clock_to(&self, micros: i64) {
        self.clock.set(at(micros));
    }

    /// Sets the clock to `micros` after the start, in no time.
    pub fn clock_jumps_to(&self, micros: i64) {
        self.clock.step(at(micros));
    }

    /// Makes exactly these the views.
    pub fn define(&self, views: &[ViewDefinition]) {
        self.backend().set_catalog(self.planned(views)).unwrap();
    }

    /// The catalog with exactly these views, not yet set.
    pub fn planned(&self, views: &[ViewDefinition]) -> Catalog {
        self.backend().catalog().plan(&definitions(views), self.backend().believed()).unwrap().into_catalog()
    }

    pub fn view(&self, name: &str) -> Arc<FeatureView> {
        self.backend().catalog().view(name).unwrap().clone()
    }

    pub fn batch(&self) -> Batch<'_> {
        Batch { store: self, batch: WriteBatch::new() }
    }

    /// Writes one row, known as of now.
    pub fn put(&self, view: &str, key: &str, event: i64, value: i64) -> Committed {
        self.batch().put(view, key, event, value).commit()
    }

    pub fn delete(&self, view: &str, key: &str, event: i64) -> Committed {
        self.batch().delete(view, key, event).commit()
    }

    pub fn latest(&self, view: &str, key: &str) -> Seen {
        self.latest_many(&[(view, key)]).remove(0)
    }

    pub fn latest_many(&self, rows: &[(&str, &str)]) -> Vec<Seen> {
        self.latest_at(rows, self.backend().now())
    }

    /// The newest versions at a present that was taken before.
    pub fn latest_at(&self, rows: &[(&str, &str)], now: Timestamp) -> Vec<Seen> {
        let rows: Vec<_> = rows.iter().map(|(view, key)| (self.view(view), text_key(key))).collect();
        let lookups: Vec<_> = rows.iter().map(|(view, key)| Lookup { view, key }).collect();
        let mut seen = vec![None; rows.len()];
        let visit = &mut |index: usize, found: Option<Found<'_>>| {
            seen[index] = found.map(|found| read(&rows[index].0, found));
            Ok(())
        };
        self.backend().latest(&lookups, now, visit).unwrap();
        seen
    }

    pub fn as_of(&self, view: &str, key: &str, time: i64) -> Seen {
        self.as_of_known(view, key, time, None)
    }

    /// Reads as of `time` with what was known at `known_at`, both in microseconds after the start.
    pub fn as_of_known(&self, view: &str, key: &str, time: i64, known_at: Option<i64>) -> Seen {
        let (view, key) = (self.view(view), text_key(key));
        let mut seen = None;
        let lookups = [AsOfLookup { view: &view, key: &key, at: at(time) }];
        let visit = &mut |_: usize, found: Option<Found<'_>>| {
            seen = found.map(|found| read(&view, found));
            Ok(())
        };
        self.backend().as_of(&lookups, known_at.map(at), visit).unwrap();
        seen
    }

    /// Every version of a view: the key's text, then as [`Seen`].
    pub fn scan(&self, view: &str) -> Vec<(String, i64, i64, Option<i64>)> {
        scan(&*self.backend().snapshot(), &self.view(view), &KeyRange::default())
    }

    /// Removes an entity from some views; the receipt is how many versions each had.
    pub fn erase(&self, views: &[&str], key: &str) -> Vec<(String, u64)> {
        let (views, key) = (views.iter().map(|view| self.view(view)).collect::<Vec<_>>(), text_key(key));
        let lookups: Vec<_> = views.iter().map(|view| Lookup { view, key: &key }).collect();
        let receipts = self.backend().erase(&lookups).unwrap();
        receipts.into_iter().map(|receipt| (receipt.view, receipt.versions)).collect()
    }

    /// Runs the checks at rest and again after what is in memory went to disk, was compacted and opened again.
    pub fn throughout(&mut self, check: impl Fn(&Store)) {
        check(self);
        self.backend().flush().unwrap();
        check(self);
        self.backend().compact().unwrap();
        check(self);
        self.reopen();
        check(self);
    }
}

/// Rows to be written together.
pub struct Batch<'s> {
    store: &'s Store,
    batch: WriteBatch,
}

impl Batch<'_> {
    /// Makes it a batch to be loaded in bulk.
    pub fn bulk(mut self) -> Self {
        self.batch = WriteBatch::bulk();
        self
    }

    pub fn put(self, view: &str, key: &str, event: i64, value: i64) -> Self {
        self.put_created(view, key, event, None, value)
    }

    pub fn put_created(mut self, view: &str, key: &str, event: i64, created: Option<i64>, value: i64) -> Self {
        let view = self.store.view(view);
        let (key, row) = (text_key(key), value_row(&view, value));
        self.batch.put(&view, &key, at(event), created.map(at), &row, self.store.backend().now()).unwrap();
        self
    }

    pub fn delete(mut self, view: &str, key: &str, event: i64) -> Self {
        let view = self.store.view(view);
        self.batch.delete(&view, &text_key(key), at(event), self.store.backend().now()).unwrap();
        self
    }

    pub fn note(mut self, name: &str, value: Option<&str>) -> Self {
        self.batch.note(name, value.map(|value| value.as_bytes().to_vec()));
        self
    }

    pub fn build(self) -> WriteBatch {
        self.batch
    }

    pub fn try_commit(self) -> Result<Committed> {
        self.store.backend().commit(self.batch, Durability::Os)
    }

    pub fn commit(self) -> Committed {
        self.try_commit().unwrap()
    }

    pub fn load(self) -> Committed {
        self.store.backend().bulk_load(self.batch).unwrap()
    }
}

/// Exactly these views, of users and items.
pub fn definitions(views: &[ViewDefinition]) -> Definitions {
    let entity = |name: &str| EntityDefinition {
        name: name.to_owned(),
        join_keys: vec![JoinKey { name: format!("{name}_id"), ty: ScalarType::String }],
        ..EntityDefinition::default()
    };
    Definitions { entities: vec![entity("user"), entity("item")], views: views.to_vec(), services: Vec::new() }
}

/// A view of users that keeps everything.
pub fn kept(name: &str) -> ViewDefinition {
    ViewDefinition {
        name: name.to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    }
}

/// A view of users with a retention of ten days.
pub fn aged(name: &str, keep_newest: bool) -> ViewDefinition {
    ViewDefinition { retention: Some(Span::from_micros(10 * DAY)), keep_newest, ..kept(name) }
}

pub fn text_key(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::encode_value(&Value::String(text.to_owned()), &mut bytes).unwrap();
    bytes
}

/// A row with its first feature set and every other null.
pub fn value_row(view: &FeatureView, value: i64) -> Vec<u8> {
    let layout = view.current_layout();
    let first = view.features[0].id;
    let values = layout.slots().iter().map(|slot| (slot.feature == first).then_some(Value::Int64(value)));
    let mut bytes = Vec::new();
    row::encode(&layout, &values.collect::<Vec<_>>(), &mut bytes);
    bytes
}

/// The version that [`Cursor::find`] finds.
pub fn find(cursor: &mut dyn Cursor, view: &FeatureView, key: &str, time: i64) -> Seen {
    find_known(cursor, view, key, time, None)
}

/// The version that [`Cursor::find`] finds of what was known at a time.
pub fn find_known(cursor: &mut dyn Cursor, view: &FeatureView, key: &str, time: i64, known_at: Option<i64>) -> Seen {
    cursor.find(&text_key(key), at(time), known_at.map(at)).unwrap().map(|found| read(view, found))
}

pub fn scan(snapshot: &dyn Snapshot, view: &FeatureView, range: &KeyRange) -> Vec<(String, i64, i64, Option<i64>)> {
    let mut scan = snapshot.scan(view, range).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = scan.next().unwrap() {
        let entity = key::entity_of(view.id, row.key);
        let Ok([Value::String(key)]) =
            <[Value; 1]>::try_from(key::decode_values(&[ScalarType::String], entity).unwrap())
        else {
            panic!("a key of one text")
        };
        let (event, created, value) = read(view, Found { version: row.version, row: row.row });
        rows.push((key, event, created, value));
    }
    rows
}

/// A version found, as [`Seen`] tells it.
pub fn read(view: &FeatureView, found: Found<'_>) -> (i64, i64, Option<i64>) {
    let micros = |time: Timestamp| time.as_micros() - START.as_micros();
    let plan = asofdb_storage::RowPlan::new(view, &[view.features[0].id]).unwrap();
    let value = plan.open(found.row).unwrap().map(|values| {
        let bytes = values.get(0).unwrap().expect("the first feature is never null in these tests");
        i64::from_le_bytes(bytes.try_into().unwrap())
    });
    (micros(found.version.event), micros(found.version.created), value)
}

/// Makes each function a test over every backend.
macro_rules! every_backend {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(#[test] fn $name() { super::$name(&mut crate::common::Store::in_memory()); })*
        }

        #[cfg(feature = "rocksdb")]
        mod on_disk {
            $(#[test] fn $name() { super::$name(&mut crate::common::Store::on_disk()); })*
        }
    };
}
pub(crate) use every_backend;
