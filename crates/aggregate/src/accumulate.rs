//! The interface of partial results of every kind.

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::cells;
use crate::rows::Rows;

/// A partial result of one kind.
pub(crate) trait Accumulate {
    /// Adds events that are older than those that it has. `values` are of the type that it was made for.
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>);

    /// Adds the partial result of older events, which is not empty; nor is this one.
    fn merge(&mut self, older: &Self);

    /// Forgets the events, and keeps memory.
    fn clear(&mut self);

    /// Returns whether there is nothing in it.
    fn is_empty(&self) -> bool;

    /// Returns whether older events can change nothing any more.
    fn is_settled(&self) -> bool {
        false
    }

    /// Becomes what `other` is, and keeps memory.
    fn copy_from(&mut self, other: &Self);

    /// Appends its bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads back what [`Accumulate::encode`] wrote into one that is empty.
    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()>;

    /// Returns the bytes that it holds beyond its own size.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// Does what [`Accumulate::fold`] does, with the column that an aggregate of a column needs.
    fn fold_column(&mut self, values: Option<&Values<'_>>, rows: &Rows<'_>) {
        match values {
            Some(values) => self.fold(values, rows),
            None => cells::wrong_column(),
        }
    }
}
