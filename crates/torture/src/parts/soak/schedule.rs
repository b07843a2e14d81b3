//! When what happens in a soak: chosen before it begins, from a seed.

use std::time::Duration;

use super::clients::PROCESSES;
use crate::Random;

/// Drains of half an hour.
const DRAINS_OF_HALF_AN_HOUR: u64 = 100;

/// Drains, to a kill of the sidecar.
const DRAINS_A_KILL: u64 = 4;

/// The time between two kills of clients.
const CLIENT_KILLED_EVERY: Duration = Duration::from_secs(10);

/// Something that is done to the sidecar, or to its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// SIGTERM to the sidecar, and a new one.
    Drain,
    /// SIGKILL to the sidecar, and a new one.
    KillSidecar,
    /// SIGKILL to a process of clients, and a new one.
    KillClients(usize),
}

/// The events of a soak of this length, in their order. In its first half the sidecar is left alone, so that what it
/// keeps can be seen; all of its ends lie in the second half.
pub(super) fn events(length: Duration, random: &mut Random) -> Vec<(Duration, Event)> {
    let half = length / 2;
    let drains = (DRAINS_OF_HALF_AN_HOUR * length.as_secs() / 1_800).max(2);
    let ends = drains + drains / DRAINS_A_KILL + 1;
    let mut events = Vec::new();
    for end in 0..ends {
        let (slot, offset) = (half / ends as u32, random.below(500));
        let at = half + slot * end as u32 + slot.mul_f64(offset as f64 / 1_000.0);
        let is_kill = end % (DRAINS_A_KILL + 1) == DRAINS_A_KILL || end + 1 == ends;
        events.push((at, if is_kill { Event::KillSidecar } else { Event::Drain }));
    }
    let every = CLIENT_KILLED_EVERY.min(length / 4);
    let kills = (length.as_millis() / every.as_millis()).max(1) as u32;
    for kill in 0..kills {
        let at = every * kill + every.mul_f64(random.below(1_000) as f64 / 1_000.0);
        events.push((at, Event::KillClients(random.below(PROCESSES as u64) as usize)));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_hour_has_a_hundred_drains_all_in_its_second_half() {
        let length = Duration::from_secs(1_800);
        let events = events(length, &mut Random::new(1));
        let of = |wanted: fn(&Event) -> bool| events.iter().filter(|(_, event)| wanted(event)).collect::<Vec<_>>();
        let drains = of(|event| *event == Event::Drain);
        assert_eq!(drains.len(), 100);
        assert!(drains.iter().all(|(at, _)| (length / 2..length).contains(at)));
        assert_eq!(of(|event| *event == Event::KillSidecar).len(), 26);
        assert_eq!(of(|event| matches!(event, Event::KillClients(_))).len(), 180);
        assert!(events.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_few_seconds_have_some_of_each() {
        let events = events(Duration::from_secs(4), &mut Random::new(1));
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|(_, event)| wanted(event)).count();
        assert_eq!(count(|event| *event == Event::Drain), 2);
        assert_eq!(count(|event| *event == Event::KillSidecar), 1);
        assert_eq!(count(|event| matches!(event, Event::KillClients(_))), 4);
    }
}
