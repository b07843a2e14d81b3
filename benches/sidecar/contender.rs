//! The contenders: things that answer with the features of entities.

use crate::support::{Sizes, WIDE, mix, value};

/// Different requests before the first comes again.
const PICKS: usize = 1 << 19;
/// The largest request.
const ROWS_MAX: usize = 1_000;
/// Entities whose values are checked.
const CHECKED: usize = 200;

/// One of those that are compared.
pub trait Contender: Sync {
    fn name(&self) -> &'static str;

    /// The process that answers, where it is another one.
    fn server(&self) -> Option<u32>;

    /// A connection of its own that has one request in flight.
    fn reader(&self) -> Box<dyn Reader + Send + '_>;

    /// A connection that sends a request for each entity before it takes the first answer.
    fn pipeline(&self) -> Option<Box<dyn Reader + Send + '_>>;

    /// Writes of the rows, ready to be done one after the other; none where nothing can be written.
    fn writes(&self, batches: &[Vec<WrittenRow>]) -> Vec<ReadyWrite<'_>>;
}

/// A write that is ready to be done.
pub type ReadyWrite<'c> = Box<dyn FnOnce() + Send + 'c>;

/// A connection.
pub trait Reader {
    /// Reads all features of entities and keeps them.
    fn read(&mut self, entities: &[usize]);

    /// A value of the last answer.
    fn value(&self, row: usize, feature: usize) -> f32;
}

/// An entity and the version of it that is written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenRow {
    pub entity: usize,
    pub version: usize,
}

impl WrittenRow {
    pub fn value(self, feature: usize) -> f32 {
        value(self.entity, self.version, feature + 1)
    }
}

/// Entities in no order.
#[derive(Debug)]
pub struct Picks {
    entities: Vec<usize>,
    newest_version: usize,
}

impl Picks {
    pub fn new(sizes: Sizes) -> Self {
        let entities = (0..(PICKS + ROWS_MAX) as u64).map(|n| mix(n) as usize % sizes.entities).collect();
        Picks { entities, newest_version: sizes.versions - 1 }
    }

    /// Requests for so many rows each.
    pub fn requests(&self, rows: usize) -> Requests<'_> {
        Requests { picks: &self.entities, rows, next: 0 }
    }

    /// Batches for a turn of the writer, of so many rows each, newer than those of the turns before.
    pub fn batches(&self, turn: usize, batches: usize, rows: usize) -> Vec<Vec<WrittenRow>> {
        let version = self.newest_version + 1 + turn;
        let batch = |number: usize| {
            let first = number * rows % PICKS;
            self.entities[first..first + rows].iter().map(|entity| WrittenRow { entity: *entity, version }).collect()
        };
        (turn * batches..(turn + 1) * batches).map(batch).collect()
    }
}

/// One request after the other.
#[derive(Debug)]
pub struct Requests<'p> {
    picks: &'p [usize],
    rows: usize,
    next: usize,
}

impl<'p> Requests<'p> {
    pub fn next_request(&mut self) -> &'p [usize] {
        let first = self.next;
        self.next = (first + self.rows) % PICKS;
        &self.picks[first..first + self.rows]
    }

    /// Begins at another place than other clients.
    pub fn skip(mut self, requests: usize) -> Self {
        self.next = requests * self.rows % PICKS;
        self
    }
}

/// Compares a contender's answers with the generator: single rows, the largest batch, and pipelined.
pub fn check(contender: &dyn Contender, sizes: Sizes) {
    let sample: Vec<usize> = (0..CHECKED).map(|n| mix(n as u64) as usize % sizes.entities).collect();
    let many: Vec<usize> = (0..ROWS_MAX).map(|n| mix(n as u64) as usize % sizes.entities).collect();
    let mut reader = contender.reader();
    let compare = |reader: &mut dyn Reader, entities: &[usize]| {
        reader.read(entities);
        for (row, entity) in entities.iter().enumerate() {
            for feature in 0..WIDE {
                let (found, expected) = (reader.value(row, feature), value(*entity, sizes.versions - 1, feature + 1));
                assert_eq!(found, expected, "{}: entity {entity}, feature {feature}", contender.name());
            }
        }
    };
    sample.chunks(1).chain([many.as_slice()]).for_each(|entities| compare(&mut *reader, entities));
    if let Some(mut pipeline) = contender.pipeline() {
        sample.chunks(16).for_each(|entities| compare(&mut *pipeline, entities));
    }
}
