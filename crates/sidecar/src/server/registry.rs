//! The open connections: how many there are, and how to end them from outside.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Every open connection.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The connections that said hello, by number, which is the order in which they came.
    greeted: BTreeMap<u64, Arc<UnixStream>>,
    silent: BTreeMap<u64, Arc<UnixStream>>,
    draining: bool,
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

impl Registry {
    /// Takes a connection that has not said hello. Too many silent ones: the oldest of them is ended.
    pub(super) fn add(&self, stream: &Arc<UnixStream>, connections_max: usize, silent_max: usize) -> Admitted {
        let mut state = self.state.lock();
        if state.draining {
            return Admitted::Draining;
        }
        if state.greeted.len() >= connections_max {
            return Admitted::Full;
        }
        if state.silent.len() >= silent_max
            && let Some((_, oldest)) = state.silent.pop_first()
        {
            // Its thread finds the end and goes.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        let number = state.next;
        state.next += 1;
        state.silent.insert(number, stream.clone());
        Admitted::Yes(number)
    }

    /// The connection has said hello. False when there is no room for it among those that have.
    pub(super) fn greet(&self, number: u64, greeted_max: usize) -> bool {
        let mut state = self.state.lock();
        if state.greeted.len() >= greeted_max {
            return false;
        }
        if let Some(stream) = state.silent.remove(&number) {
            if state.draining {
                let _ = stream.shutdown(Shutdown::Read);
            }
            state.greeted.insert(number, stream);
        }
        true
    }

    /// The connection is gone.
    pub(super) fn remove(&self, number: u64) {
        let mut state = self.state.lock();
        state.silent.remove(&number);
        state.greeted.remove(&number);
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

impl State {
    fn len(&self) -> usize {
        self.greeted.len() + self.silent.len()
    }

    fn each(&self, end: impl Fn(&UnixStream) -> std::io::Result<()>) {
        for stream in self.greeted.values().chain(self.silent.values()) {
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

    #[test]
    fn the_oldest_silent_connection_makes_room_and_those_that_spoke_stay() {
        let registry = Registry::default();
        let pairs: Vec<_> = (0..5).map(|_| pair()).collect();
        let numbers: Vec<u64> = pairs[..4]
            .iter()
            .map(|(stream, _)| match registry.add(stream, 8, 2) {
                Admitted::Yes(number) => {
                    assert!(number > 0 || registry.greet(number, 8));
                    number
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let mut byte = [0];
        assert_eq!((&pairs[1].1).read(&mut byte).unwrap(), 0, "the second was the oldest of the silent ones");
        pairs[0].1.set_nonblocking(true).unwrap();
        assert!((&pairs[0].1).read(&mut byte).is_err(), "the first had said hello");
        numbers.iter().for_each(|number| registry.remove(*number));
        assert!(registry.wait(Duration::ZERO));
        registry.stop_reading();
        assert!(matches!(registry.add(&pairs[4].0, 8, 2), Admitted::Draining));
    }

    #[test]
    fn when_all_places_are_taken_by_those_that_spoke_others_are_refused() {
        let registry = Registry::default();
        let pairs: Vec<_> = (0..3).map(|_| pair()).collect();
        for (stream, _) in &pairs[..2] {
            let Admitted::Yes(number) = registry.add(stream, 2, 1) else { panic!("full too early") };
            assert!(registry.greet(number, 2));
        }
        assert!(matches!(registry.add(&pairs[2].0, 2, 1), Admitted::Full));
    }
}
