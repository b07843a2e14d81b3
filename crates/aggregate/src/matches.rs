//! The number of events that have a given value.

use asofdb_expression::Values;
use asofdb_storage::{Result, ScalarType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::order;
use crate::rows::Rows;
use crate::wire::{read_varint, write_varint};

/// The number of events whose value is a given one.
#[derive(Debug, Clone)]
pub(crate) struct Matches {
    events: u64,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Key(i64),
    Text(Box<[u8]>),
}

impl Matches {
    /// Counts none yet; `wanted` is the value as a row stores it.
    pub(crate) fn new(ty: ScalarType, wanted: &[u8]) -> Self {
        let wanted = match order::stored_key(ty, wanted) {
            Some(key) => Wanted::Key(key),
            None => Wanted::Text(wanted.into()),
        };
        Matches { events: 0, wanted }
    }

    /// The number as an int64; none beyond it.
    pub(crate) fn value(&self) -> Option<i64> {
        i64::try_from(self.events).ok()
    }
}

impl Accumulate for Matches {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let mut events = 0;
        match &self.wanted {
            Wanted::Key(wanted) => cells::each_key(values, rows, |key| events += u64::from(key == *wanted)),
            Wanted::Text(wanted) => cells::each_text(values, rows, |text| events += u64::from(text == &**wanted)),
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
        self.events = other.events;
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.events, out);
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.events = read_varint(bytes)?;
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        match &self.wanted {
            Wanted::Key(_) => 0,
            Wanted::Text(text) => text.len(),
        }
    }
}
