//! The counts that are kept: what was not written yet, and the notes of the days.

use std::collections::BTreeMap;

use asofdb_storage::{
    Backend, Date, Durability, Error, ErrorKind, ModelRow, Result, Span, Timestamp, UsageDay, UsagePeriod, UsageRow,
    WriteBatch,
};

use crate::usage::meter::{Part, Taken};
use crate::usage::models::Models;
use crate::usage::tally::Tally;

/// Days that are kept.
pub const USAGE_DAYS_MAX: u32 = 400;

/// Bytes of rows that are told day by day, about.
const BY_DAY_BYTES_MAX: usize = 64 << 20;

/// The note that names the days of which there are notes: each as `i32`, little-endian.
const DAYS_NOTE: &[u8] = b"usage/days";

const DAY: Span = Span::from_secs(86_400);

/// The counts of a store. Whoever has it may read and write notes; nobody who serves waits for it.
#[derive(Default)]
pub(super) struct Book {
    /// By day, what was not written yet.
    pending: BTreeMap<Date, Tally>,
    /// What models have read and was not written yet.
    models: Models,
}

impl Book {
    /// Adds what a meter has counted of a thing, for a model or none, until now.
    pub(super) fn count(&mut self, now: Timestamp, model: Option<&str>, part: &Part, taken: &Taken) {
        let day = day_of(now);
        if let Some(model) = model {
            self.models.count(model, now, part, taken);
        }
        self.pending.entry(day).or_insert_with(Tally::of_day).count(day, now, part, taken);
    }

    /// Writes what was not written yet. Where that fails, it waits for the next time.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be written; `Conflict` when a newer asofdb has written a note.
    pub(super) fn write(&mut self, backend: &dyn Backend) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut batch = WriteBatch::new();
        // A note that cannot be read is written anew: counting goes on, without what was in it.
        let mut days = unless_corrupt(days(backend), Vec::new())?;
        for (day, tally) in &self.pending {
            let stored = unless_corrupt(stored(backend, *day), Tally::of_day())?;
            let rows = merged(stored, Some(tally)).into_rows();
            batch.note(day_note(*day), Some(UsageDay { rows }.encode()?));
            if let Err(place) = days.binary_search(day) {
                days.insert(place, *day);
            }
        }
        // What a wrong clock shows may not delete anything.
        let believed = day_of(backend.believed()).as_days();
        let is_old = |day: &Date| day.as_days() < believed.saturating_sub(USAGE_DAYS_MAX as i32);
        days.iter().filter(|day| is_old(day)).for_each(|day| batch.note(day_note(*day), None));
        days.retain(|day| !is_old(day));
        batch.note(DAYS_NOTE, Some(days.iter().flat_map(|day| day.as_days().to_le_bytes()).collect()));
        self.models.put(backend, &mut batch)?;
        backend.commit(batch, Durability::Os)?;
        self.pending.clear();
        self.models.clear();
        Ok(())
    }

    /// The rows of the last days: by day if asked, then by thing and consumer.
    ///
    /// # Errors
    /// `Invalid` when there are more of them day by day than can be told at once; `Unavailable` when the store cannot
    /// be read; `Corrupt` when a note cannot be.
    pub(super) fn rows(&self, backend: &dyn Backend, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        let (mut total, mut by_day, mut bytes) = (Tally::of_days(), Vec::new(), 0);
        for day in self.days_of(backend, period.last_days)? {
            let tally = merged(stored(backend, day)?, self.pending.get(&day));
            bytes += tally.bytes();
            match period.by_day {
                false => tally.into_rows().into_iter().for_each(|row| total.add(row)),
                true if bytes > BY_DAY_BYTES_MAX => return Err(too_many_days(period.last_days)),
                true => by_day.extend(tally.into_rows()),
            }
        }
        Ok(if period.by_day { by_day } else { total.into_rows() })
    }

    /// The reads of models.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note cannot be.
    pub(super) fn models(&self, backend: &dyn Backend) -> Result<Vec<ModelRow>> {
        self.models.with_stored(backend)
    }

    /// The last days of which there is anything.
    fn days_of(&self, backend: &dyn Backend, last_days: u32) -> Result<Vec<Date>> {
        let today = day_of(present(backend)).as_days();
        let first = today.saturating_sub(i32::try_from(last_days).unwrap_or(i32::MAX));
        let mut all = days(backend)?;
        all.extend(self.pending.keys());
        all.sort_unstable();
        all.dedup();
        all.retain(|day| day.as_days() > first);
        Ok(all)
    }
}

#[cold]
fn too_many_days(days: u32) -> Error {
    Error::invalid(format!(
        "the usage of {days} days, day by day, is too much at once: ask for fewer days, or for sums"
    ))
}

fn unless_corrupt<T>(read: Result<T>, instead: T) -> Result<T> {
    match read {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(instead),
        read => read,
    }
}

/// The present from which days are counted back. A clock that has jumped ahead may not make what was read yesterday look
/// long unused, by which it may be dropped.
fn present(backend: &dyn Backend) -> Timestamp {
    let (now, believed) = (backend.now(), backend.believed());
    let is_ahead = believed > Timestamp::MIN && now > believed.plus(DAY);
    if is_ahead { believed } else { now }
}

fn merged(mut stored: Tally, pending: Option<&Tally>) -> Tally {
    pending.cloned().into_iter().flat_map(Tally::into_rows).for_each(|row| stored.add(row));
    stored
}

fn stored(backend: &dyn Backend, day: Date) -> Result<Tally> {
    let note = backend.note(&day_note(day))?;
    Ok(note.map(|note| UsageDay::decode(&note)).transpose()?.map_or_else(Tally::of_day, Tally::stored))
}

/// The days of which there are notes.
fn days(backend: &dyn Backend) -> Result<Vec<Date>> {
    let note = backend.note(DAYS_NOTE)?.unwrap_or_default();
    let (days, rest) = note.as_chunks::<4>();
    let day = |bytes: &[u8; 4]| Date::from_days(i32::from_le_bytes(*bytes));
    match days.iter().map(day).collect::<Option<Vec<_>>>() {
        Some(days) if rest.is_empty() => Ok(days),
        _ => Err(Error::corrupt("the note of the days with usage cannot be read")),
    }
}

fn day_note(day: Date) -> Vec<u8> {
    format!("usage/{day}").into_bytes()
}

/// The day of a time, in UTC; of times that no calendar has the first or the last one.
fn day_of(time: Timestamp) -> Date {
    let days = time.as_micros().div_euclid(DAY.as_micros());
    let least = if days < 0 { Date::MIN } else { Date::MAX };
    i32::try_from(days).ok().and_then(Date::from_days).unwrap_or(least)
}
