//! Places for connections: so many a pool, and when all are taken, the connection that has been idle longest makes room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Connections beyond the most of a pool that are taken all the same: they are told that it is full, and whether the
/// sidecar lives.
const SPARE_PLACES: usize = 16;

/// A pool of places. TCP and Unix sockets have one each.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// The time of the last change, in changes.
    tick: u64,
    /// The connections without a request, by when that began.
    idle: BTreeMap<u64, Arc<Seat>>,
}

/// The part of a connection that others see.
#[derive(Debug, Default)]
struct Seat {
    /// True while some of an answer is not with the kernel yet.
    unflushed: AtomicBool,
    evicted: Notify,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    seat: Arc<Seat>,
    /// The tick since which the connection has no request; 0 while it has one.
    idle_since: AtomicU64,
    /// True if the pool was full: the connection may only ask for health.
    pub(super) is_spare: bool,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Places { most, state: Mutex::default() }
    }

    /// Takes a place, which is idle at first. When all are taken, the connection that has been idle longest is asked to
    /// go; when none is idle, the place is a spare one. `None` when those are taken as well.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state.lock();
        // Decided first: whoever is refused must not cost anybody a place.
        if state.taken >= self.most + SPARE_PLACES {
            return None;
        }
        let is_spare = state.taken >= self.most && !state.evict();
        state.taken += 1;
        drop(state);
        let place = Place { places: self.clone(), seat: Arc::default(), idle_since: AtomicU64::new(0), is_spare };
        place.idle();
        Some(place)
    }
}

impl State {
    /// Asks the connection that has been idle longest to go; false when there is none.
    fn evict(&mut self) -> bool {
        let oldest = self.idle.iter().find(|(_, seat)| !seat.unflushed.load(Ordering::Acquire));
        let Some((tick, seat)) = oldest.map(|(tick, seat)| (*tick, seat.clone())) else { return false };
        self.idle.remove(&tick);
        seat.evicted.notify_one();
        true
    }
}

impl Place {
    /// The connection has no request from now on.
    pub(super) fn idle(&self) {
        let mut state = self.places.state.lock();
        state.tick += 1;
        let tick = state.tick;
        state.idle.insert(tick, self.seat.clone());
        self.idle_since.store(tick, Ordering::Relaxed);
    }

    /// The connection has a request.
    pub(super) fn busy(&self) {
        let tick = self.idle_since.swap(0, Ordering::Relaxed);
        self.places.state.lock().idle.remove(&tick);
    }

    /// Returns whether the connection has no request.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since.load(Ordering::Relaxed) != 0
    }

    /// Says whether some of an answer is not with the kernel yet: such a connection is not idle.
    pub(super) fn set_unflushed(&self, unflushed: bool) {
        self.seat.unflushed.store(unflushed, Ordering::Release);
    }

    /// Waits until the connection is asked to go.
    pub(super) async fn evicted(&self) {
        self.seat.evicted.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.busy();
        self.places.state.lock().taken -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(place: &Place) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let wait = std::time::Duration::ZERO;
        runtime.block_on(async { tokio::time::timeout(wait, place.evicted()).await.is_ok() })
    }

    #[test]
    fn the_connection_that_has_been_idle_longest_makes_room() {
        let places = Arc::new(Places::new(3));
        let [a, b, c] = [(); 3].map(|()| places.take().unwrap());
        a.busy();
        b.busy();
        b.idle();
        let d = places.take().unwrap();
        assert!(!d.is_spare);
        assert_eq!([&a, &b, &c, &d].map(is_evicted), [false, false, true, false]);
    }

    #[test]
    fn when_nobody_is_idle_there_are_spare_places_and_then_none() {
        let places = Arc::new(Places::new(2));
        let busy = [(); 2].map(|()| places.take().unwrap());
        busy.iter().for_each(Place::busy);
        busy[0].idle();
        busy[0].set_unflushed(true);
        let spare: Vec<_> = (0..SPARE_PLACES).map(|_| places.take().unwrap()).inspect(Place::busy).collect();
        assert!(spare.iter().all(|place| place.is_spare));
        assert!(places.take().is_none());
        drop(busy);
        assert!(places.take().is_some());
    }

    #[test]
    fn a_connection_that_is_refused_costs_nobody_a_place() {
        let places = Arc::new(Places::new(SPARE_PLACES + 2));
        let taken: Vec<_> = (0..2 * SPARE_PLACES + 2).map(|_| places.take().unwrap()).collect();
        assert!((0..100).all(|_| places.take().is_none()));
        // Each that was taken beyond the most has evicted one, and nobody else has.
        let evicted = taken.iter().filter(|place| is_evicted(place)).count();
        assert_eq!(evicted, SPARE_PLACES);
    }
}
