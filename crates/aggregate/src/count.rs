//! The number of events.

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::accumulate::Accumulate;
use crate::rows::Rows;
use crate::wire::{read_varint, write_varint};

/// A number of events.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    events: u64,
}

impl Count {
    /// The number as an int64; none beyond it.
    pub(crate) fn value(self) -> Option<i64> {
        i64::try_from(self.events).ok()
    }
}

impl Accumulate for Count {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let mut events = 0;
        match values {
            Values::Float32(values) => rows.visit(values, |value| events += u64::from(!value.is_nan())),
            Values::Float64(values) => rows.visit(values, |value| events += u64::from(!value.is_nan())),
            _ => events = rows.count(),
        }
        self.events = self.events.saturating_add(events);
    }

    fn merge(&mut self, older: &Self) {
        self.events = self.events.saturating_add(older.events);
    }

    fn clear(&mut self) {
        self.events = 0;
    }

    fn is_empty(&self) -> bool {
        self.events == 0
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.events, out);
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.events = read_varint(bytes)?;
        Ok(())
    }

    fn fold_column(&mut self, values: Option<&Values<'_>>, rows: &Rows<'_>) {
        match values {
            Some(values) => self.fold(values, rows),
            None => self.events = self.events.saturating_add(rows.count()),
        }
    }
}
