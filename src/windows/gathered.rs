//! Events that were gathered to be folded together.

use asofdb_expression::Column;
use asofdb_storage::{Result, Timestamp};

use crate::rows::columns::RowColumns;
use crate::windows::conditions::Filters;
use crate::windows::plan::FoldPlan;

/// Events that are folded at once at most: few enough to stay in the cache. The first are fewer, as they may be enough.
const EVENTS_AT_A_TIME: usize = 1_024;
const EVENTS_AT_FIRST: usize = 64;

/// Bytes of rows that are folded at once, however few rows they are.
const BYTES_AT_A_TIME: usize = 4 << 20;

/// Some events of one entity, newest first.
pub(super) struct Gathered {
    columns: RowColumns,
    times: Vec<i64>,
    /// Events that are folded at once now.
    at_once: usize,
    /// Bytes of their rows.
    bytes: usize,
    /// The most that these bytes have been.
    bytes_most: usize,
    filters: Filters,
}

impl Gathered {
    /// No events, of a plan.
    ///
    /// # Errors
    /// `NotFound` when the event view lacks a column of the plan.
    pub(super) fn new(plan: &FoldPlan) -> Result<Self> {
        Ok(Gathered {
            columns: RowColumns::new(&plan.from, plan.columns.iter().map(String::as_str))?,
            times: Vec::new(),
            at_once: EVENTS_AT_FIRST,
            bytes: 0,
            bytes_most: 0,
            filters: Filters::new(plan),
        })
    }

    /// Goes on to another question.
    pub(super) fn begin(&mut self) {
        self.clear();
        self.at_once = EVENTS_AT_FIRST;
    }

    /// Adds an event; a deletion is none.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no row of the view.
    pub(super) fn push(&mut self, key: &[u8], event: Timestamp, row: &[u8]) -> Result<()> {
        if self.columns.push(key, event, row)? {
            self.times.push(event.as_micros());
            self.bytes += row.len();
            self.bytes_most = self.bytes_most.max(self.bytes);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Returns whether it is time to fold; the next time it is later.
    pub(super) fn is_full(&mut self) -> bool {
        let is_full = self.times.len() >= self.at_once || self.bytes >= BYTES_AT_A_TIME;
        if is_full {
            self.at_once = (2 * self.at_once).min(EVENTS_AT_A_TIME);
        }
        is_full
    }

    /// Tries the conditions of the plan.
    ///
    /// # Errors
    /// `Internal` when the columns are not those of the plan.
    pub(super) fn try_filters(&mut self, plan: &FoldPlan) -> Result<()> {
        self.filters.try_events(plan, &self.times, &self.columns.columns())
    }

    /// The times of the events.
    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    /// The columns of the plan.
    pub(super) fn columns(&self) -> Vec<Column<'_>> {
        self.columns.columns()
    }

    /// The events that passed a filter; `None` for no filter.
    pub(super) fn kept(&self, filter: Option<usize>) -> Option<&[bool]> {
        self.filters.kept(filter)
    }

    pub(super) fn clear(&mut self) {
        self.columns.clear();
        self.times.clear();
        self.bytes = 0;
    }

    /// The bytes that it keeps, about.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes_most
    }
}
