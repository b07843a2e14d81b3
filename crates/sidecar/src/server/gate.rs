//! A gate that lets so many in at a time; the others wait in line.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A room with so many places.
#[derive(Debug)]
pub(super) struct Gate {
    places: Mutex<usize>,
    freed: Condvar,
}

/// A place in the room.
#[derive(Debug)]
pub(super) struct Place<'g>(&'g Gate);

impl Gate {
    pub(super) fn new(places: usize) -> Self {
        Gate { places: Mutex::new(places), freed: Condvar::new() }
    }

    /// Waits for a place, at most so long.
    pub(super) fn enter(&self, patience: Duration) -> Option<Place<'_>> {
        let mut places = self.places.lock();
        self.freed.wait_while_for(&mut places, |places| *places == 0, patience);
        *places = places.checked_sub(1)?;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.places.lock() += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_whoever_had_it_goes() {
        let gate = Gate::new(1);
        let place = gate.enter(Duration::ZERO).expect("an empty room");
        assert!(gate.enter(Duration::from_millis(1)).is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter(Duration::from_secs(60)).is_some());
            drop(place);
            assert!(waiting.join().expect("no panic"));
        });
    }
}
