//! Counts of what models read, within bounds.

use std::collections::BTreeMap;

use asofdb_storage::{Backend, ErrorKind, ModelKey, ModelReads, ModelRow, Result, Span, Timestamp, WriteBatch};

use crate::usage::meter::{Part, Taken};

/// Rows that are kept; of more, those that were read longest ago are forgotten.
const ROWS_MAX: usize = 4_096;

/// The time after its last read for which a row is kept: as long as days of usage are.
const KEPT: Span = Span::from_secs(400 * 86_400);

/// The note that has the reads of all models.
const NOTE: &[u8] = b"usage/models";

/// Rows by model, thing and consumer.
#[derive(Debug, Clone, Default)]
pub(super) struct Models {
    rows: BTreeMap<ModelKey, ModelRow>,
}

impl Models {
    /// Adds what a meter has counted of a thing for a model.
    pub(super) fn count(&mut self, model: &str, now: Timestamp, part: &Part, taken: &Taken) {
        let (of, name, consumer) = (part.key.of, part.key.name.clone(), part.key.consumer.clone());
        let key = ModelKey { model: model.to_owned(), of, name, consumer };
        let Taken { serving, training, exports, .. } = *taken;
        self.add(ModelRow { key, serving, training, exports, last: now });
    }

    fn add(&mut self, row: ModelRow) {
        match self.rows.get_mut(&row.key) {
            Some(sum) => sum.add(&row),
            None => drop(self.rows.insert(row.key.clone(), row)),
        }
        // One over is made room for at once, so that what is made up by a client takes no memory.
        if self.rows.len() > ROWS_MAX {
            let oldest = self.rows.values().min_by_key(|row| row.last).map(|row| row.key.clone());
            oldest.map(|key| self.rows.remove(&key));
        }
    }

    /// Puts what was counted into a batch, with what is stored. A note that cannot be read is written anew.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Conflict` when a newer asofdb has written the note.
    pub(super) fn put(&self, backend: &dyn Backend, batch: &mut WriteBatch) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut all = match stored(backend) {
            Err(error) if error.kind() == ErrorKind::Corrupt => Models::default(),
            stored => stored?,
        };
        all.merge(self);
        // What a wrong clock shows may not delete anything.
        let first = backend.believed().minus(KEPT);
        all.rows.retain(|_, row| row.last >= first);
        batch.note(NOTE, Some(ModelReads { rows: all.rows.into_values().collect() }.encode()?));
        Ok(())
    }

    /// The rows that are stored, with these.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note cannot be.
    pub(super) fn with_stored(&self, backend: &dyn Backend) -> Result<Vec<ModelRow>> {
        let mut all = stored(backend)?;
        all.merge(self);
        Ok(all.rows.into_values().collect())
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    fn merge(&mut self, other: &Models) {
        other.rows.values().for_each(|row| self.add(row.clone()));
    }
}

fn stored(backend: &dyn Backend) -> Result<Models> {
    let note = backend.note(NOTE)?;
    let reads = note.map(|note| ModelReads::decode(&note)).transpose()?.unwrap_or_default();
    Ok(Models { rows: reads.rows.into_iter().map(|row| (row.key.clone(), row)).collect() })
}

#[cfg(test)]
mod tests {
    use asofdb_storage::{UsageCounts, UsageOf};

    use super::*;

    #[test]
    fn of_more_models_than_are_kept_those_that_were_read_longest_ago_are_forgotten() {
        let mut models = Models::default();
        let counts = UsageCounts { calls: 1, rows: 2 };
        for version in 0..ROWS_MAX as i64 + 10 {
            let (model, name) = (format!("m/{version}"), "v".to_owned());
            let key = ModelKey { model, of: UsageOf::View, name, consumer: "c".to_owned() };
            let last = Timestamp::from_micros(version);
            models.add(ModelRow { key, serving: counts, training: counts, exports: counts, last });
        }
        assert_eq!(models.rows.len(), ROWS_MAX);
        assert!(models.rows.values().all(|row| row.last >= Timestamp::from_micros(10)));
    }
}
