//! The clock under every order of the steps of two threads.

use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::time::{ManualClock, Span};

const START: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);
const YEAR: Span = Span::from_secs(365 * 86_400);

/// A clock that stands at a time, which the store believes.
fn believed_at(time: Timestamp) -> (std::sync::Arc<ManualClock>, Arc<StoreClock>) {
    let system = ManualClock::new(time);
    let clock = StoreClock::new(system.clone());
    clock.believe();
    (system, Arc::new(clock))
}

#[test]
fn the_present_never_goes_back_while_time_passes() {
    loom::model(|| {
        let (system, clock) = believed_at(START);
        let read_twice = move |clock: &StoreClock, system: &ManualClock| {
            let first = clock.now();
            // Twice this is more than is believed without judging.
            system.advance(STEP_MAX);
            let second = clock.now();
            assert!(first < second, "{first} and then {second}");
            second
        };
        let (others, other) = (system.clone(), clock.clone());
        let other = thread::spawn(move || read_twice(&other, &others));
        let here = read_twice(&clock, &system);
        let there = other.join().unwrap();
        assert!(clock.now() >= here.max(there));
        assert_eq!(clock.believed(), START.plus(STEP_MAX).plus(STEP_MAX));
    });
}

#[test]
fn a_jump_that_ends_beside_a_read_is_forgotten() {
    loom::model(|| {
        let (system, clock) = believed_at(START);
        let reader = clock.clone();
        let reader = thread::spawn(move || reader.now());
        system.step(START.plus(YEAR));
        clock.now();
        system.step(START);
        let seen = reader.join().unwrap();
        assert!([START, START.plus(YEAR)].contains(&seen), "{seen}");
        assert_eq!((clock.now(), clock.believed()), (START, START));
    });
}

#[test]
fn a_read_that_was_under_way_does_not_undo_a_repair() {
    loom::model(|| {
        let wrong = START.plus(YEAR);
        let (system, clock) = believed_at(wrong);
        system.advance(Span::from_micros(1));
        let reader = clock.clone();
        let reader = thread::spawn(move || reader.now());
        system.step(START);
        assert!(clock.set_back().unwrap(), "the clock is before what was believed");
        reader.join().unwrap();
        assert_eq!((clock.now(), clock.believed()), (START, START));
    });
}

#[test]
fn no_two_commits_get_the_same_stamp_and_none_is_before_the_present() {
    loom::model(|| {
        let (_, clock) = believed_at(START);
        let stamp = |clock: &StoreClock| {
            let now = clock.now();
            let stamp = clock.stamp();
            assert!(stamp >= now, "{stamp} at {now}");
            stamp
        };
        let other = clock.clone();
        let other = thread::spawn(move || stamp(&other));
        let here = stamp(&clock);
        assert_ne!(here, other.join().unwrap());
    });
}
