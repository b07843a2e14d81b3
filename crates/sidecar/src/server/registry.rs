//! The open connections: how many there are, and how to end them from outside.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::net::{RecvFlags, recv};

use crate::consumers::Stopwatch;

/// The time after which a connection without a request counts as idle, in microseconds.
const IDLE_MICROS_MIN: u64 = 100_000;

/// Every open connection.
#[derive(Debug)]
pub(super) struct Registry {
    born: Stopwatch,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The connections that said hello, by number, which is the order in which they came.
    greeted: BTreeMap<u64, Greeted>,
    silent: BTreeMap<u64, Silent>,
    /// The connections that were ended to make room, until their threads have gone.
    evicted: BTreeMap<u64, Arc<UnixStream>>,
    draining: bool,
}

/// The user of a connection, and the places of which it may have one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) uid: u32,
    /// True for operators, who may have any place.
    pub(super) is_operator: bool,
    /// Most connections of all: for an operator, of everybody; otherwise, of all who are no operators.
    pub(super) most: usize,
}

/// A connection that has not said hello.
#[derive(Debug)]
struct Silent {
    stream: Arc<UnixStream>,
    claim: Claim,
}

/// A connection that said hello.
#[derive(Debug)]
struct Greeted {
    stream: Arc<UnixStream>,
    is_operator: bool,
    activity: Arc<Activity>,
}

/// The activity of a connection, as others see it.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// The time since which the connection waits for a request, in microseconds of the registry's life; 0 while it has
    /// one.
    idle_since: AtomicU64,
}

/// The outcome of a new connection.
#[derive(Debug)]
pub(super) enum Admitted {
    /// It was admitted with this number; whoever serves it removes it.
    Yes(u64),
    /// There are as many as may be.
    Full,
    /// None are taken any more.
    Draining,
}

impl Default for Registry {
    fn default() -> Self {
        Registry { born: Stopwatch::start(), state: Mutex::default(), changed: Condvar::new() }
    }
}

impl Registry {
    /// The connection waits for a request from now on.
    #[inline]
    pub(super) fn idle(&self, activity: &Activity) {
        activity.idle_since.store(self.age_micros(), Ordering::Relaxed);
    }

    /// The connection has a request.
    #[inline]
    pub(super) fn busy(&self, activity: &Activity) {
        activity.idle_since.store(0, Ordering::Relaxed);
    }

    fn age_micros(&self) -> u64 {
        self.born.elapsed().as_micros() as u64 + 1
    }

    /// Takes a connection that has not said hello. Too many silent ones: of the user who has the most of them the oldest
    /// is ended, so that nobody crowds out others.
    pub(super) fn add(&self, stream: &Arc<UnixStream>, claim: Claim, silent_max: usize) -> Admitted {
        let mut state = self.state.lock();
        if state.draining {
            return Admitted::Draining;
        }
        if state.is_full(claim) && state.idlest(claim, self.age_micros()).is_none() {
            return Admitted::Full;
        }
        if state.silent.len() >= silent_max {
            state.end_silent();
        }
        let number = state.next;
        state.next += 1;
        state.silent.insert(number, Silent { stream: stream.clone(), claim });
        Admitted::Yes(number)
    }

    /// The connection has said hello. When as many have as may, the one that has been idle longest is ended: it is seen to
    /// be closed before its client asks again. `None` when nobody is idle, or it was ended itself.
    pub(super) fn greet(&self, number: u64) -> Option<Arc<Activity>> {
        let mut state = self.state.lock();
        let claim = state.silent.get(&number)?.claim;
        if state.is_full(claim) && !state.evict(claim, self.age_micros()) {
            return None;
        }
        let Silent { stream, .. } = state.silent.remove(&number)?;
        let activity = Arc::new(Activity::default());
        if state.draining {
            let _ = stream.shutdown(Shutdown::Read);
        }
        let is_operator = claim.is_operator;
        state.greeted.insert(number, Greeted { stream, is_operator, activity: activity.clone() });
        Some(activity)
    }

    /// The connection is gone.
    pub(super) fn remove(&self, number: u64) {
        let mut state = self.state.lock();
        state.silent.remove(&number);
        state.greeted.remove(&number);
        state.evicted.remove(&number);
        drop(state);
        self.changed.notify_all();
    }

    /// Reads nothing more from anybody: each connection ends when what it has asked is answered.
    pub(super) fn stop_reading(&self) {
        let mut state = self.state.lock();
        state.draining = true;
        state.each(|stream| stream.shutdown(Shutdown::Read));
    }

    /// Waits until all are gone, at most so long; tells whether they are.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        self.changed.wait_while_for(&mut state, |state| state.len() > 0, patience);
        state.len() == 0
    }

    /// Ends every connection at once.
    pub(super) fn cut(&self) {
        self.state.lock().each(|stream| stream.shutdown(Shutdown::Both));
    }
}

/// Returns whether a client has sent what was not read yet: it is not idle, though its thread does not know.
fn has_unread(stream: &UnixStream) -> bool {
    matches!(recv(stream, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((1.., _)))
}

impl Greeted {
    /// Returns whether it has one of the places that a connection may have.
    fn shares(&self, claim: Claim) -> bool {
        claim.is_operator || !self.is_operator
    }
}

impl State {
    /// Ends the oldest silent connection of the user who has the most.
    fn end_silent(&mut self) {
        let mut counts: BTreeMap<u32, (usize, u64)> = BTreeMap::new();
        // In the order in which they came: the first of each user is its oldest.
        for (number, silent) in &self.silent {
            counts.entry(silent.claim.uid).or_insert((0, *number)).0 += 1;
        }
        let oldest = counts.into_values().max_by_key(|(count, _)| *count).map(|(_, oldest)| oldest);
        if let Some(silent) = oldest.and_then(|oldest| self.silent.remove(&oldest)) {
            // Its thread finds the end and goes.
            let _ = silent.stream.shutdown(Shutdown::Both);
        }
    }

    /// Returns whether all places are taken of which a connection may have one.
    fn is_full(&self, claim: Claim) -> bool {
        self.greeted.values().filter(|greeted| greeted.shares(claim)).count() >= claim.most
    }

    /// The connection that has been idle longest, and long enough that no request of its client is on the way. Only an
    /// operator may have the place of an operator.
    fn idlest(&self, claim: Claim, age_micros: u64) -> Option<u64> {
        let sharing = self.greeted.iter().filter(|(_, greeted)| greeted.shares(claim));
        let idle = sharing.filter_map(|(number, greeted)| {
            let since = greeted.activity.idle_since.load(Ordering::Relaxed);
            (since > 0 && age_micros.saturating_sub(since) >= IDLE_MICROS_MIN).then_some((since, *number))
        });
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable();
        idle.into_iter().map(|(_, number)| number).find(|number| !has_unread(&self.greeted[number].stream))
    }

    /// Ends the connection that has been idle longest; false when nobody is idle.
    fn evict(&mut self, claim: Claim, age_micros: u64) -> bool {
        let idlest = self.idlest(claim, age_micros).and_then(|number| self.greeted.remove_entry(&number));
        let Some((number, Greeted { stream, .. })) = idlest else { return false };
        // Its thread finds the end and goes.
        let _ = stream.shutdown(Shutdown::Both);
        self.evicted.insert(number, stream);
        true
    }

    fn len(&self) -> usize {
        self.greeted.len() + self.silent.len() + self.evicted.len()
    }

    fn each(&self, end: impl Fn(&UnixStream) -> std::io::Result<()>) {
        let greeted = self.greeted.values().map(|greeted| &greeted.stream);
        let silent = self.silent.values().map(|silent| &silent.stream);
        for stream in greeted.chain(silent).chain(self.evicted.values()) {
            // One that its client has ended already is as good.
            let _ = end(stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pair() -> (Arc<UnixStream>, UnixStream) {
        let (here, there) = UnixStream::pair().unwrap();
        (Arc::new(here), there)
    }

    /// A claim of a writer to one of so many places.
    fn user(uid: u32, most: usize) -> Claim {
        Claim { uid, is_operator: false, most }
    }

    fn number(admitted: Admitted) -> u64 {
        match admitted {
            Admitted::Yes(number) => number,
            other => panic!("{other:?}"),
        }
    }

    fn is_ended(there: &UnixStream) -> bool {
        there.set_nonblocking(true).unwrap();
        matches!((&mut &*there).read(&mut [0]), Ok(0))
    }

    #[test]
    fn the_oldest_silent_connection_makes_room_and_those_that_spoke_stay() {
        let registry = Registry::default();
        let pairs: Vec<_> = (0..5).map(|_| pair()).collect();
        let numbers: Vec<u64> = pairs[..4]
            .iter()
            .map(|(stream, _)| {
                let number = number(registry.add(stream, user(1, 8), 2));
                assert!(number > 0 || registry.greet(number).is_some());
                number
            })
            .collect();
        assert!(is_ended(&pairs[1].1), "the second was the oldest of the silent ones");
        assert!(!is_ended(&pairs[0].1), "the first had said hello");
        assert!(registry.greet(numbers[1]).is_none(), "what was ended is not greeted");
        numbers.iter().for_each(|number| registry.remove(*number));
        assert!(registry.wait(Duration::ZERO));
        registry.stop_reading();
        assert!(matches!(registry.add(&pairs[4].0, user(1, 8), 2), Admitted::Draining));
    }

    #[test]
    fn a_user_with_many_silent_connections_crowds_out_nobody_else() {
        let registry = Registry::default();
        let other = pair();
        let other_number = number(registry.add(&other.0, user(2, 64), 4));
        let crowd: Vec<_> = (0..50).map(|_| pair()).collect();
        for (stream, _) in &crowd {
            number(registry.add(stream, user(1, 64), 4));
        }
        assert!(!is_ended(&other.1));
        assert!(registry.greet(other_number).is_some(), "the oldest of all, and of a user who has one");
        assert_eq!(crowd.iter().filter(|(_, there)| is_ended(there)).count(), 47);
    }

    #[test]
    fn when_all_places_are_taken_by_those_that_spoke_others_are_refused() {
        let registry = Registry::default();
        let pairs: Vec<_> = (0..4).map(|_| pair()).collect();
        for (stream, _) in &pairs[..2] {
            assert!(registry.greet(number(registry.add(stream, user(1, 2), 1))).is_some());
        }
        assert!(matches!(registry.add(&pairs[2].0, user(1, 2), 1), Admitted::Full));
        let operator = Claim { uid: 0, is_operator: true, most: 3 };
        let activity = registry.greet(number(registry.add(&pairs[3].0, operator, 1))).expect("a place of their own");
        assert!(matches!(registry.add(&pairs[2].0, operator, 1), Admitted::Full));
        // An operator who is idle makes room for operators alone: the place stays theirs.
        activity.idle_since.store(1, Ordering::Relaxed);
        while registry.age_micros() < IDLE_MICROS_MIN + 1 {
            std::thread::yield_now();
        }
        assert!(matches!(registry.add(&pairs[2].0, user(1, 2), 1), Admitted::Full));
        assert!(registry.greet(number(registry.add(&pairs[2].0, operator, 1))).is_some());
        assert!(is_ended(&pairs[3].1));
    }

    #[test]
    fn when_all_places_are_taken_the_one_that_has_been_idle_longest_makes_room() {
        let registry = Registry::default();
        let pairs: Vec<_> = (0..3).map(|_| pair()).collect();
        let greet =
            |stream: &Arc<UnixStream>| registry.greet(number(registry.add(stream, user(1, 2), 1))).expect("a place");
        let first = greet(&pairs[0].0);
        let second = greet(&pairs[1].0);
        assert!(matches!(registry.add(&pairs[2].0, user(1, 2), 1), Admitted::Full), "both are busy");
        // As if they had waited long: the second for longer.
        first.idle_since.store(2, Ordering::Relaxed);
        second.idle_since.store(1, Ordering::Relaxed);
        while registry.age_micros() < IDLE_MICROS_MIN + 2 {
            std::thread::yield_now();
        }
        greet(&pairs[2].0);
        let mut byte = [0];
        assert_eq!((&pairs[1].1).read(&mut byte).unwrap(), 0, "the second was ended");
        pairs[0].1.set_nonblocking(true).unwrap();
        assert!((&pairs[0].1).read(&mut byte).is_err(), "the first is there");
        assert!(!registry.wait(Duration::ZERO));
    }
}
