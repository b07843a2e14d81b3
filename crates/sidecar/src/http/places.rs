//! Places for connections: so many a pool, and when all are taken, the connection that has been idle longest makes room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Connections beyond the most of a pool that are taken all the same: they are told that it is full, and whether the
/// sidecar lives.
const SPARE_PLACES: usize = 16;

/// Most connections that were asked to go and have not gone yet. They have no place any more, only a descriptor.
const LEAVING_MAX: usize = 16;

/// A pool of places. TCP and Unix sockets have one each.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    state: Mutex<State>,
    /// Told when a place may be had that could not before.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Connections that were asked to go.
    leaving: usize,
    /// The time of the last change, in changes.
    tick: u64,
    /// The connections without a request, by when that began.
    idle: BTreeMap<u64, Arc<Seat>>,
}

/// The part of a connection that others see.
#[derive(Debug, Default)]
struct Seat {
    is_spare: bool,
    /// True if it was asked to go, and its place is another's.
    is_leaving: AtomicBool,
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
    /// True if somebody was asked to go for it.
    pub(super) has_evicted: bool,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Places { most, state: Mutex::default(), freed: Notify::new() }
    }

    /// Takes a place, which is idle at first. When all are taken, the connection that has been idle longest is asked to
    /// go, and its place is taken at once. When none is idle, the place is a spare one, for which an idle one of those
    /// goes. Waits while all are busy, which spare ones are for a moment only: a flood of connections waits in the socket,
    /// where it costs nobody anything.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            match self.try_take() {
                Some(place) => return place,
                None => freed.await,
            }
        }
    }

    /// Takes a place as [`Places::take`] does; `None` while all are busy.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state.lock();
        let (is_spare, has_evicted) = if state.taken < self.most {
            (false, false)
        } else if state.evict(false) {
            (false, true)
        } else if state.taken < self.most + SPARE_PLACES {
            (true, false)
        } else if state.evict(true) {
            (true, true)
        } else {
            return None;
        };
        state.taken += 1;
        drop(state);
        let seat = Arc::new(Seat { is_spare, ..Seat::default() });
        let place = Place { places: self.clone(), seat, idle_since: AtomicU64::new(0), has_evicted };
        place.idle();
        Some(place)
    }
}

impl State {
    /// Asks the connection that has been idle longest to go, of those with spare places or of the others, and takes its
    /// place from it. False when none is idle, or too many of those that were asked have not gone yet.
    fn evict(&mut self, spare: bool) -> bool {
        if self.leaving >= LEAVING_MAX {
            return false;
        }
        let may_go = |seat: &Seat| seat.is_spare == spare && !seat.unflushed.load(Ordering::Acquire);
        let oldest = self.idle.iter().find(|(_, seat)| may_go(seat));
        let Some((tick, seat)) = oldest.map(|(tick, seat)| (*tick, seat.clone())) else { return false };
        self.idle.remove(&tick);
        self.taken -= 1;
        self.leaving += 1;
        seat.is_leaving.store(true, Ordering::Relaxed);
        seat.evicted.notify_one();
        true
    }
}

impl Place {
    /// Returns whether the pool was full: the connection may only ask for health.
    pub(super) fn is_spare(&self) -> bool {
        self.seat.is_spare
    }

    /// The connection has no request from now on.
    pub(super) fn idle(&self) {
        let mut state = self.places.state.lock();
        state.tick += 1;
        let tick = state.tick;
        state.idle.insert(tick, self.seat.clone());
        self.idle_since.store(tick, Ordering::Relaxed);
        drop(state);
        self.places.freed.notify_one();
    }

    /// The connection has a request. If it was asked to go and had not yet, it has a place again.
    pub(super) fn busy(&self) {
        let tick = self.idle_since.swap(0, Ordering::Relaxed);
        let mut state = self.places.state.lock();
        state.idle.remove(&tick);
        if self.seat.is_leaving.swap(false, Ordering::Relaxed) {
            state.leaving -= 1;
            state.taken += 1;
        }
    }

    /// Returns whether the connection has no request.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since.load(Ordering::Relaxed) != 0
    }

    /// Says whether some of an answer is not with the kernel yet: such a connection is not idle.
    pub(super) fn set_unflushed(&self, unflushed: bool) {
        self.seat.unflushed.store(unflushed, Ordering::Release);
        if !unflushed && self.is_idle() {
            self.places.freed.notify_one();
        }
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
        self.places.freed.notify_one();
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
        let [a, b, c] = [(); 3].map(|()| places.try_take().unwrap());
        a.busy();
        b.busy();
        b.idle();
        let d = places.try_take().unwrap();
        assert!(!d.is_spare());
        assert_eq!([&a, &b, &c, &d].map(is_evicted), [false, false, true, false]);
    }

    #[test]
    fn when_nobody_is_idle_there_are_spare_places_and_then_none() {
        let places = Arc::new(Places::new(2));
        let busy = [(); 2].map(|()| places.try_take().unwrap());
        busy.iter().for_each(Place::busy);
        busy[0].idle();
        busy[0].set_unflushed(true);
        let spare: Vec<_> = (0..SPARE_PLACES).map(|_| places.try_take().unwrap()).inspect(Place::busy).collect();
        assert!(spare.iter().all(Place::is_spare));
        assert!(places.try_take().is_none());
        drop(busy);
        assert!(places.try_take().is_some());
    }

    #[test]
    fn a_connection_that_waits_for_a_place_costs_nobody_one() {
        let places = Arc::new(Places::new(2));
        let taken: Vec<_> = (0..SPARE_PLACES + 2).map(|_| places.try_take().unwrap()).inspect(Place::busy).collect();
        assert!((0..100).all(|_| places.try_take().is_none()));
        assert!(!taken.iter().any(is_evicted));
    }

    #[test]
    fn connections_without_a_request_keep_nobody_out_though_they_have_not_gone_yet() {
        let places = Arc::new(Places::new(2));
        let busy: Vec<_> = (0..2).map(|_| places.try_take().unwrap()).inspect(Place::busy).collect();
        let headless: Vec<_> = (0..SPARE_PLACES).map(|_| places.try_take().unwrap()).collect();
        // Nobody has looked at those that were asked to go.
        let probe = places.try_take().expect("a spare place");
        assert!(probe.is_spare() && probe.has_evicted);
        assert_eq!(headless.iter().filter(|place| is_evicted(place)).count(), 1);
        assert!(!busy.iter().any(is_evicted));
        // One that was asked to go and has a request after all counts again.
        headless[0].busy();
        drop((probe, headless, busy));
        let state = places.state.lock();
        assert_eq!((state.taken, state.leaving), (0, 0));
    }

    #[test]
    fn whoever_waits_for_a_place_has_it_as_soon_as_one_is_free_or_idle() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let end_it: [fn(Vec<Place>) -> Vec<Place>; 2] = [
            |mut busy| {
                busy.pop();
                busy
            },
            |busy| {
                busy[0].idle();
                busy
            },
        ];
        for end_it in end_it {
            let places = Arc::new(Places::new(1));
            let busy: Vec<_> = (0..SPARE_PLACES + 1).map(|_| places.try_take().unwrap()).inspect(Place::busy).collect();
            let (_busy, place) = runtime.block_on(async {
                let waiting = tokio::spawn({
                    let places = places.clone();
                    async move { places.take().await }
                });
                tokio::task::yield_now().await;
                assert!(!waiting.is_finished());
                (end_it(busy), waiting.await.unwrap())
            });
            drop(place);
        }
    }

    #[test]
    fn a_flood_waits_for_those_that_were_asked_to_go() {
        let places = Arc::new(Places::new(LEAVING_MAX + 1));
        let came: Vec<_> = (0..2 * LEAVING_MAX + 1 + SPARE_PLACES).map(|_| places.try_take().unwrap()).collect();
        assert_eq!(came.iter().filter(|place| is_evicted(place)).count(), LEAVING_MAX);
        assert!(places.try_take().is_none());
        drop(came);
        assert!(places.try_take().is_some());
    }
}
