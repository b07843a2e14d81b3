//! The rows of a selection as batches of columns.

use arrow::array::RecordBatch;
use asofdb_storage::{KeyRange, Result, Snapshot};

use super::counts::Counts;
use super::rows::Rows;
use super::selection::Selection;

impl Selection<'_> {
    /// Calls `take` with the rows of a range of keys as batches of columns, at most `limit` rows.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `take` returned.
    pub(crate) fn each_batch(
        &self,
        snapshot: &dyn Snapshot,
        range: &KeyRange,
        limit: usize,
        counts: &Counts,
        mut take: impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut rows = Rows::new(self, limit);
        let mut left = limit;
        if limit > 0 {
            self.each_row(snapshot, range, counts, |scanned| {
                rows.push(scanned)?;
                left -= 1;
                if rows.is_full() {
                    rows.take()?.map_or(Ok(()), &mut take)?;
                }
                Ok(left > 0)
            })?;
        }
        rows.take()?.map_or(Ok(()), &mut take)
    }
}
