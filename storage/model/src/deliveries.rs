//! Events as they were delivered, and those of them that count.

use std::cmp::Reverse;

use asofdb_storage::{Timestamp, Value};

use crate::aggregates::Day;

/// Microseconds of a slot, an hour and a day.
const UNITS: [i64; 3] = [86_400_000_000, 3_600_000_000, 300_000_000];

/// One version of an event of some entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The time of the event.
    pub event: Timestamp,
    /// The time at which it became known.
    pub created: Timestamp,
    /// The number that tells it from others at the same time.
    pub id: i64,
    /// True if it says that the event never happened.
    pub deleted: bool,
    /// Its other columns.
    pub cells: Vec<Option<Value>>,
}

/// The events up to a time that count, as they were known then (`None`: all that is known), newest first and by id
/// within a time. Of the deliveries of one event the greatest created counts, of equal ones the last.
pub fn counting(deliveries: &[Delivery], until: Timestamp, known_at: Option<Timestamp>) -> Vec<&Delivery> {
    let is_known = |one: &&Delivery| one.event <= until && known_at.is_none_or(|known_at| one.created <= known_at);
    let mut known: Vec<_> = deliveries.iter().filter(is_known).collect();
    known.sort_by_key(|one| (Reverse(one.event), one.id, one.created));
    let mut events: Vec<&Delivery> = Vec::new();
    for one in known {
        match events.last_mut().filter(|last| (last.event, last.id) == (one.event, one.id)) {
            Some(last) => *last = one,
            None => events.push(one),
        }
    }
    events.retain(|event| !event.deleted);
    events
}

/// Cuts values of events, newest first, into the days, hours and slots that these are in: of UTC, open on the left and
/// closed on the right.
pub fn days(values: impl IntoIterator<Item = (Timestamp, Option<Value>)>) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    let mut last = None;
    for (event, value) in values {
        let [day, hour, slot] = UNITS.map(|unit| (event.as_micros() - 1).div_euclid(unit));
        let (last_day, last_hour, last_slot) = last.unwrap_or((day - 1, hour - 1, slot - 1));
        if day != last_day {
            days.push(Vec::new());
        }
        let hours = days.last_mut().expect("one was pushed for the first value");
        if hour != last_hour {
            hours.push(Vec::new());
        }
        let slots = hours.last_mut().expect("one was pushed for the first value of the day");
        if slot != last_slot {
            slots.push(Vec::new());
        }
        slots.last_mut().expect("one was pushed for the first value of the hour").push(value);
        last = Some((day, hour, slot));
    }
    days
}
