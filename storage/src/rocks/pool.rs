//! Reusable iterators. Making one costs a microsecond, refreshing one next to nothing.
//!
//! The only unsafe code of the engine is [`Reader::new`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rocksdb::{DBRawIterator, ReadOptions};

use super::error::from_rocks;
use super::families::Database;
use super::walk::Walker;
use crate::error::Result;

/// Idle iterators of one kind; more readers than this at once make their own.
const IDLE_MAX: usize = 16;

/// The purpose of an iterator.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Single rows of `history`: never leaves the row it was sent to, and asks the filters first.
    Row,
    /// Many rows of `history`, in order.
    Rows,
    /// Neighbours in `latest`.
    Neighbours,
}

/// An iterator that keeps the database it reads open.
pub(super) struct Reader {
    /// Declared, and so dropped, before the database it points into.
    raw: DBRawIterator<'static>,
    /// Scratch that is kept with it.
    walker: Walker,
    _database: Arc<Database>,
}

impl Reader {
    #[allow(unsafe_code, reason = "an iterator beside its database cannot be said in safe Rust; the proof is below")]
    fn new(database: &Arc<Database>, purpose: Purpose) -> Self {
        let mut options = ReadOptions::default();
        options.set_auto_readahead_size(false);
        let family = match purpose {
            Purpose::Row => {
                options.set_prefix_same_as_start(true);
                database.history()
            }
            Purpose::Rows => {
                options.set_total_order_seek(true);
                database.history()
            }
            Purpose::Neighbours => database.latest(),
        };
        let raw = database.rocks.raw_iterator_cf_opt(family, options);
        // SAFETY: the lifetime, which the iterator holds as a marker only, says that the `DB` outlives it. The
        // `Database` lives in an `Arc` that this `Reader` shares and drops after `raw`, so it does. `raw` is
        // private and never moved out, and `DBRawIterator` hands out keys and values only for as long as it is
        // borrowed itself, so nothing of lifetime `'static` escapes.
        let raw = unsafe { std::mem::transmute::<DBRawIterator<'_>, DBRawIterator<'static>>(raw) };
        Reader { raw, walker: Walker::default(), _database: database.clone() }
    }

    /// Moves on to the present state.
    fn refresh(&mut self) -> Result<()> {
        self.walker.forget();
        self.raw.refresh().map_err(|error| from_rocks("cannot read the store", error))
    }
}

/// Idle iterators of one purpose.
struct Shelf {
    purpose: Purpose,
    idle: Mutex<Vec<Reader>>,
    /// The fewest that were idle since the last [`Pool::trim`]: as many were not needed.
    least: AtomicUsize,
}

impl Shelf {
    fn new(purpose: Purpose) -> Self {
        Shelf { purpose, idle: Mutex::default(), least: AtomicUsize::new(0) }
    }

    fn take(&self) -> Option<Reader> {
        let mut idle = self.idle.lock();
        let reader = idle.pop();
        self.least.fetch_min(idle.len(), Ordering::Relaxed);
        reader
    }

    fn put(&self, reader: Reader) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(reader);
        }
    }

    fn trim(&self) {
        let mut idle = self.idle.lock();
        let unneeded = self.least.load(Ordering::Relaxed).min(idle.len());
        let dropped: Vec<_> = idle.drain(..unneeded).collect();
        self.least.store(idle.len(), Ordering::Relaxed);
        drop(idle);
        drop(dropped);
    }
}

/// The idle iterators of a store. They hold on to files and memory that are obsolete since, so there are few
/// of them and those not needed are dropped from time to time.
pub(super) struct Pool {
    database: Arc<Database>,
    row: Shelf,
    rows: Shelf,
    neighbours: Shelf,
}

impl Pool {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Pool {
            database,
            row: Shelf::new(Purpose::Row),
            rows: Shelf::new(Purpose::Rows),
            neighbours: Shelf::new(Purpose::Neighbours),
        }
    }

    fn shelves(&self) -> [&Shelf; 3] {
        [&self.row, &self.rows, &self.neighbours]
    }

    /// Runs `read` with an iterator over the present state.
    pub(super) fn with<T>(
        &self,
        purpose: Purpose,
        read: impl FnOnce(&mut DBRawIterator<'_>, &mut Walker) -> Result<T>,
    ) -> Result<T> {
        let shelf = match purpose {
            Purpose::Row => &self.row,
            Purpose::Rows => &self.rows,
            Purpose::Neighbours => &self.neighbours,
        };
        let mut reader = match shelf.take() {
            Some(mut idle) => {
                idle.refresh()?;
                idle
            }
            None => Reader::new(&self.database, shelf.purpose),
        };
        let answer = read(&mut reader.raw, &mut reader.walker);
        shelf.put(reader);
        answer
    }

    /// Drops what was not needed since the last time.
    pub(super) fn trim(&self) {
        self.shelves().iter().for_each(|shelf| shelf.trim());
    }

    /// Drops every idle iterator, so that what it holds on to can be deleted.
    pub(super) fn clear(&self) {
        for shelf in self.shelves() {
            let dropped = std::mem::take(&mut *shelf.idle.lock());
            drop(dropped);
        }
    }
}
