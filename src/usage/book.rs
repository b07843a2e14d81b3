//! The counts that are kept: what was not written yet, and the notes of the days.

use std::collections::BTreeMap;

use asofdb_storage::{Backend, Date, Durability, Error, Result, Span, Timestamp, UsageDay, UsageRow, WriteBatch};

use crate::usage::meter::{Part, Taken};
use crate::usage::tally::Tally;

/// Days that are kept.
pub const USAGE_DAYS_MAX: u32 = 400;

/// The note that names the days of which there are notes: each as `i32`, little-endian.
const DAYS_NOTE: &[u8] = b"usage/days";

const DAY: Span = Span::from_secs(86_400);

/// The counts of a store. Whoever has it may read and write notes; nobody who serves waits for it.
#[derive(Default)]
pub(super) struct Book {
    /// By day, what was not written yet.
    pending: BTreeMap<Date, Tally>,
}

impl Book {
    /// Adds what a meter has counted of a thing until now.
    pub(super) fn count(&mut self, now: Timestamp, part: &Part, taken: &Taken) {
        let day = day_of(now);
        self.pending.entry(day).or_default().count(day, now, part, taken);
    }

    /// Writes what was not written yet. Where that fails, it waits for the next time.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be written; `Corrupt` when a note cannot be read.
    pub(super) fn write(&mut self, backend: &dyn Backend) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut batch = WriteBatch::new();
        let mut days = days(backend)?;
        for (day, tally) in &self.pending {
            let rows = merged(stored(backend, *day)?, tally.clone());
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
        backend.commit(batch, Durability::Os)?;
        self.pending.clear();
        Ok(())
    }

    /// The rows of the last days, today's among them: by day, then by thing and consumer.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when a note cannot be.
    pub(super) fn rows(&self, backend: &dyn Backend, last_days: u32) -> Result<Vec<UsageRow>> {
        let today = day_of(backend.now()).as_days();
        let first = today.saturating_sub(i32::try_from(last_days).unwrap_or(i32::MAX));
        let mut all = days(backend)?;
        all.extend(self.pending.keys());
        all.sort_unstable();
        all.dedup();
        let mut rows = Vec::new();
        for day in all.into_iter().filter(|day| day.as_days() > first) {
            let pending = self.pending.get(&day).cloned().unwrap_or_default();
            rows.extend(merged(stored(backend, day)?, pending));
        }
        Ok(rows)
    }
}

fn merged(stored: Tally, pending: Tally) -> Vec<UsageRow> {
    let mut sum = stored;
    pending.into_rows().into_iter().for_each(|row| sum.add(row));
    sum.into_rows()
}

fn stored(backend: &dyn Backend, day: Date) -> Result<Tally> {
    let note = backend.note(&day_note(day))?;
    Ok(note.map(|note| UsageDay::decode(&note)).transpose()?.map(Tally::of).unwrap_or_default())
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
