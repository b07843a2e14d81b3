//! The store in this process: what the same read costs without a socket.

use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::{EntityRows, F32Matrix, FeatureView, Prepared, Store, Value};
use tempfile::TempDir;

use crate::contender::{Contender, Reader, ReadyWrite, WrittenRow};
use crate::support::{Sizes, WIDE, all, arrow_batch, open, two_views};

/// Rows of one read while warming up.
const WARM_ROWS: usize = 1_000;

/// A copy of the bench's store, which is not to be written to.
pub fn copy(sizes: Sizes) -> TempDir {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    open(&two_views(sizes)).checkpoint(&directory.path().join("store")).expect("a copy of the store");
    directory
}

/// Reads every row once, so that it is in the block cache.
pub fn warm(reader: &mut dyn Reader, sizes: Sizes) {
    let entities: Vec<usize> = (0..sizes.entities).collect();
    entities.chunks(WARM_ROWS).for_each(|entities| reader.read(entities));
}

/// Fills `rows` with entities.
pub fn fill(rows: &mut EntityRows, entities: &[usize]) {
    rows.clear();
    entities.iter().for_each(|entity| rows.push(&[Some(Value::Int64(*entity as i64))]).expect("a good key"));
}

/// The rows as they are given to a store.
pub fn to_batches(view: &FeatureView, batches: &[Vec<WrittenRow>]) -> Vec<RecordBatch> {
    let batch = |rows: &Vec<WrittenRow>| {
        let rows: Vec<_> = rows.iter().map(|row| (row.entity, row.version)).collect();
        arrow_batch(view, &rows)
    };
    batches.iter().map(batch).collect()
}

/// An open store.
pub struct Embedded {
    store: Store,
    request: Prepared,
    view: Arc<FeatureView>,
    _directory: TempDir,
}

impl Embedded {
    pub fn open(sizes: Sizes) -> Self {
        let directory = copy(sizes);
        let store = open(&directory.path().join("store"));
        let request = store.prepare(&all("wide")).expect("a request");
        let view = store.catalog().view("wide").expect("the view").clone();
        let embedded = Embedded { store, request, view, _directory: directory };
        warm(&mut *embedded.reader(), sizes);
        embedded
    }
}

impl Contender for Embedded {
    fn name(&self) -> &'static str {
        "embedded: latest_f32"
    }

    fn server(&self) -> Option<u32> {
        None
    }

    fn reader(&self) -> Box<dyn Reader + Send + '_> {
        Box::new(EmbeddedReader { embedded: self, rows: self.request.entity_rows(), out: Vec::new() })
    }

    fn pipeline(&self) -> Option<Box<dyn Reader + Send + '_>> {
        None
    }

    fn writes(&self, batches: &[Vec<WrittenRow>]) -> Vec<ReadyWrite<'_>> {
        let write = |batch: RecordBatch| -> ReadyWrite<'_> {
            Box::new(move || {
                self.store.write("wide", &batch).expect("a write");
            })
        };
        to_batches(&self.view, batches).into_iter().map(write).collect()
    }
}

struct EmbeddedReader<'e> {
    embedded: &'e Embedded,
    rows: EntityRows,
    out: Vec<f32>,
}

impl Reader for EmbeddedReader<'_> {
    fn read(&mut self, entities: &[usize]) {
        fill(&mut self.rows, entities);
        self.out.resize(entities.len() * WIDE, 0.0);
        let matrix = F32Matrix { values: &mut self.out, statuses: None, fill: f32::NAN };
        self.embedded.store.latest_f32(&self.embedded.request, &self.rows, matrix).expect("a read");
    }

    fn value(&self, row: usize, feature: usize) -> f32 {
        self.out[row * WIDE + feature]
    }
}
