//! Making tiles in the background, for what reads had to fold.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::JoinHandle;

use asofdb_storage::tile::{UNITS, place_of, unit_of, unit_start};
use asofdb_storage::{Backend, Result, Span, Stop, Timestamp};
use parking_lot::{Condvar, Mutex};

use crate::windows::plan::FoldPlan;
use crate::windows::seal::{Kind, Seal};
use crate::windows::tiling::Tiling;

/// The time after which a slot is taken for finished: events that come later than this make its tiles anew.
const GRACE: Span = Span::from_secs(120);

/// Entities that wait; a read of more of them gives up its wish, and the next one has it again.
const WAITING_MAX: usize = 1_024;

/// The time for which no tiles of an entity are made again, so that those which are worth none cost no more than that.
const PAUSE: Span = Span::from_secs(60);

/// Entities of which it is known when their tiles were made last.
const RECENT_MAX: usize = 4_096;

/// A wish for tiles: of the events of an entity in `span`, for a window view.
struct Wish {
    windows: u32,
    key: Vec<u8>,
    span: RangeInclusive<Timestamp>,
}

/// Makes tiles in a thread of its own, which begins with the first wish.
pub(crate) struct Sealer {
    backend: Arc<dyn Backend>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Told of wishes, of the end, and of every wish that is done.
    changed: Condvar,
    stop: Stop,
}

/// Tiles that were made.
struct Recent {
    at: Timestamp,
    span: RangeInclusive<Timestamp>,
}

impl Recent {
    /// Returns whether a wish for tiles of `span` at `now` has them.
    fn has(&self, span: &RangeInclusive<Timestamp>, now: Timestamp) -> bool {
        let is_now = now >= self.at && now < self.at.plus(PAUSE);
        is_now && *span.start() >= self.span.start().minus(PAUSE) && *span.end() <= self.span.end().plus(PAUSE)
    }
}

#[derive(Default)]
struct Waiting {
    wishes: VecDeque<Wish>,
    /// Wishes that were taken and are not done.
    underway: usize,
    /// The last making of an entity's tiles.
    recent: HashMap<(u32, Vec<u8>), Recent>,
}

impl Sealer {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        let shared = Shared { waiting: Mutex::default(), changed: Condvar::new(), stop: Stop::new() };
        Sealer { backend, shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// Wishes for tiles of the events of an entity in `span`, for a window view. Does not wait.
    pub(crate) fn wish(&self, windows: u32, key: &[u8], span: RangeInclusive<Timestamp>) {
        let mut waiting = self.shared.waiting.lock();
        let is_there = |wish: &Wish| wish.windows == windows && wish.key == key;
        if waiting.wishes.len() == WAITING_MAX || waiting.wishes.iter().any(is_there) {
            return;
        }
        waiting.wishes.push_back(Wish { windows, key: key.to_vec(), span });
        drop(waiting);
        self.shared.changed.notify_all();
        self.begin();
    }

    /// Starts the thread, where there is none. Without one the wishes wait for [`Sealer::finish`].
    fn begin(&self) {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let (shared, backend) = (self.shared.clone(), self.backend.clone());
            let started =
                std::thread::Builder::new().name("asofdb-tiles".into()).spawn(move || run(&shared, &*backend));
            *thread = started.ok();
        }
    }

    /// Makes the tiles that are wished for, and returns when all are made.
    ///
    /// # Errors
    /// `Unavailable` when it was stopped.
    pub(crate) fn finish(&self, stop: &Stop) -> Result<()> {
        stop.check()?;
        while let Some(wish) = self.shared.take() {
            self.shared.grant(&*self.backend, &wish);
            stop.check()?;
        }
        let mut waiting = self.shared.waiting.lock();
        while waiting.underway > 0 {
            self.shared.changed.wait(&mut waiting);
        }
        Ok(())
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Whoever looked before the stop waits by now, or looks again.
        drop(self.shared.waiting.lock());
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // It panicked only where a bug made it; what it made is a cache.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, backend: &dyn Backend) {
    while let Some(wish) = shared.wait() {
        shared.grant(backend, &wish);
    }
}

impl Shared {
    /// Waits for a wish; `None` at the end.
    fn wait(&self) -> Option<Wish> {
        let mut waiting = self.waiting.lock();
        loop {
            if self.stop.is_stopped() {
                return None;
            }
            if let Some(wish) = waiting.take() {
                return Some(wish);
            }
            self.changed.wait(&mut waiting);
        }
    }

    fn take(&self) -> Option<Wish> {
        self.waiting.lock().take()
    }

    /// Makes the tiles of a wish that was taken. Where that fails, reads go on without them and wish again.
    fn grant(&self, backend: &dyn Backend, wish: &Wish) {
        let _underway = Underway(self);
        let now = backend.now();
        if self.waiting.lock().begins(wish, now) {
            let _ = seal(backend, wish, now.minus(GRACE), &self.stop);
        }
    }
}

/// A wish under way. It ends with this also where a bug ends its thread, so that nobody waits for it for ever.
struct Underway<'s>(&'s Shared);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().underway -= 1;
        self.0.changed.notify_all();
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Wish> {
        let wish = self.wishes.pop_front()?;
        self.underway += 1;
        Some(wish)
    }

    /// Returns whether tiles are to be made now, and takes that as done.
    fn begins(&mut self, wish: &Wish, now: Timestamp) -> bool {
        let entity = (wish.windows, wish.key.clone());
        if self.recent.get(&entity).is_some_and(|recent| recent.has(&wish.span, now)) {
            return false;
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.clear();
        }
        self.recent.insert(entity, Recent { at: now, span: wish.span.clone() });
        true
    }
}

/// Makes the tiles of a wish, some days at a time, the newest first.
fn seal(backend: &dyn Backend, wish: &Wish, until: Timestamp, stop: &Stop) -> Result<()> {
    let catalog = backend.catalog();
    let Some(view) = catalog.view_by_id(wish.windows) else { return Ok(()) };
    let plan = FoldPlan::of_tiles(&catalog, view)?;
    let tiling = Tiling::of_all(view, &plan)?;
    let kind = Kind { plan: &plan, tiling: &tiling };
    for span in pieces(&wish.span).rev() {
        stop.check()?;
        let Some(making) = backend.make_tiles(until)? else { return Ok(()) };
        if backend.catalog().revision() != catalog.revision() {
            return Ok(());
        }
        let tiles = Seal::new(making.state(), &kind, &wish.key, &span, until)?.make()?;
        if !tiles.is_empty() {
            making.keep(tiles)?;
        }
    }
    Ok(())
}

/// The parts of a span whose days are in one tile each.
fn pieces(span: &RangeInclusive<Timestamp>) -> impl DoubleEndedIterator<Item = RangeInclusive<Timestamp>> {
    let (start, end) = (*span.start(), *span.end());
    let tile = |at: Timestamp| place_of(2, unit_of(2, at.as_micros())).0;
    let first = move |tile: i64| Timestamp::from_micros(unit_start(2, tile * UNITS[2]));
    (tile(start)..=tile(end)).map(move |tile| start.max(first(tile))..=end.min(first(tile + 1)))
}
