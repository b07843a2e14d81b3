//! Sinks: the destinations of rows that are read through a plan.

use crate::error::Result;
use crate::row_plan::{PlannedRow, RowPlan};
use crate::time::Timestamp;

/// The place of one row's answer. A plan compiles for each kind of sink how rows of every schema version get there:
/// [`RecordMut`](crate::RecordMut) takes the values as they are stored, [`Floats`](crate::Floats) as numbers.
pub trait Sink {
    /// Takes that the row has no version at the time asked, or that it is a deletion.
    fn missing(&mut self, plan: &RowPlan);

    /// Takes that the row's version, of this event timestamp, is too old to be served.
    fn expired(&mut self, plan: &RowPlan, event: Timestamp);

    /// Takes the values of the row's version, of this event timestamp.
    ///
    /// # Errors
    /// `Corrupt` when a value cannot be read; whatever else keeps the sink from holding it.
    fn present(&mut self, row: &PlannedRow<'_, '_>, event: Timestamp) -> Result<()>;
}
