//! Stale copies: features that have what another had at the time of their own rows.

use std::collections::BTreeMap;

use asofdb::{Prepared, Result, Timestamp};

use super::column::{Column, NO_CODE, NO_EVENT, Values};
use super::duplicate::Relation;
use super::numbers::is_same;
use super::pair::{COMPARED_MIN, Found, Pair, found, holds};
use super::profile::Profile;
use super::sample::{Reader, Sample};
use super::share::Share;

/// Most entities that the past is read of. Each may need a read of its own.
const PAST_ENTITIES: usize = 256;

/// Fewest entities with different values of which one is older.
const DIFFERENT_MIN: usize = 12;

/// Least share of these for which it is always the same one.
const OLDER_MIN: f64 = 0.95;

/// Least distance from chance by which the past has to explain more than the present.
const BEYOND_CHANCE_MIN: f64 = 0.85;

/// Returns which of the two features is the copy, if it could be one: wherever they differ its rows are older.
pub(super) fn older(pair: &Pair<'_>) -> Option<usize> {
    let [one, other] = pair.columns;
    let (mut different, mut older) = (0, [0, 0]);
    for entity in pair.entities.iter().map(|entity| *entity as usize) {
        let (event, other_event) = (one.events[entity], other.events[entity]);
        if is_equal(&one.values, &other.values, entity) || event == NO_EVENT || other_event == NO_EVENT {
            continue;
        }
        different += 1;
        older[0] += usize::from(event < other_event);
        older[1] += usize::from(other_event < event);
    }
    let is_older = |count: usize| different >= DIFFERENT_MIN && count as f64 >= OLDER_MIN * different as f64;
    (0..2).find(|which| is_older(older[*which]))
}

fn is_equal(one: &Values, other: &Values, entity: usize) -> bool {
    match (one, other) {
        (Values::Numbers(xs), Values::Numbers(ys)) => is_same(xs[entity], ys[entity]),
        (Values::Codes { exact: xs, .. }, Values::Codes { exact: ys, .. }) => xs[entity] == ys[entity],
        _ => false,
    }
}

/// Reads what the other feature was at the times of the copy's rows, and compares that. `profile` is of the other one.
pub(super) fn stale_copy(
    reader: &Reader<'_>,
    sample: &Sample,
    pair: &Pair<'_>,
    copy: usize,
    profile: &Profile,
) -> Result<Option<Found>> {
    let events = &pair.columns[copy].events;
    let mut at: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for entity in pair.entities.iter().take(PAST_ENTITIES) {
        at.entry(events[*entity as usize]).or_default().push(*entity);
    }
    let request = Prepared::new(reader.catalog, vec![profile.reference.clone()])?;
    let (mut order, mut past) = (Vec::new(), Column::new(profile.is_number()));
    for (event, entities) in at.iter().filter(|(event, _)| **event != NO_EVENT) {
        (reader.check)()?;
        let rows = sample.rows(&request, entities.iter().map(|entity| &sample.entities[*entity as usize]))?;
        past.extend(&reader.ask(&request, &rows, Timestamp::from_micros(*event))?, 0)?;
        order.extend_from_slice(entities);
    }
    let share = compared(&past.values, &pair.columns[copy].values, &order);
    Ok(share
        .filter(|share| holds(*share, BEYOND_CHANCE_MIN) && share.of >= COMPARED_MIN)
        .map(|share| Found { is_first_of: copy == 0, ..found(Relation::StaleCopy, share, Default::default()) }))
}

/// Compares values of the past, in the order of `entities`, with those that these have in a column.
fn compared(past: &Values, values: &Values, entities: &[u32]) -> Option<Share> {
    match (past, values) {
        (Values::Numbers(xs), Values::Numbers(ys)) => {
            let (xs, ys) = in_order(xs, ys, entities);
            Some(Share::new(&xs, &ys, |x, y| !x.is_nan() && is_same(x, y)))
        }
        (Values::Codes { exact: xs, .. }, Values::Codes { exact: ys, .. }) => {
            let (xs, ys) = in_order(xs, ys, entities);
            Some(Share::new(&xs, &ys, |x, y| x != NO_CODE && x == y))
        }
        _ => None,
    }
}

/// Both in the order of the sample, which is that of a hash; by time, neighbours would be alike.
fn in_order<T: Copy>(past: &[T], values: &[T], entities: &[u32]) -> (Vec<T>, Vec<T>) {
    let mut order: Vec<usize> = (0..entities.len()).collect();
    order.sort_unstable_by_key(|at| entities[*at]);
    order.iter().map(|at| (past[*at], values[entities[*at] as usize])).unzip()
}
