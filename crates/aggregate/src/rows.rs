//! The rows of a batch that are folded.

use std::ops::Range;

use asofdb_expression::{Bools, Column};
use asofdb_storage::Status;

/// Rows of a batch: a range of them, without those whose value is null or which a condition leaves out.
#[derive(Debug, Clone)]
pub(crate) struct Rows<'a> {
    range: Range<usize>,
    valid: Valid<'a>,
    keep: Option<&'a [bool]>,
}

#[derive(Debug, Clone, Copy)]
enum Valid<'a> {
    All,
    Bools(Bools<'a>),
    Statuses(&'a [Status]),
}

impl<'a> Rows<'a> {
    /// The rows of a range; `column` says which values are null, `keep` where the condition holds.
    pub(crate) fn new(column: Option<&Column<'a>>, range: Range<usize>, keep: Option<&'a [bool]>) -> Self {
        let valid = match column.map(|column| (column.valid, column.statuses)) {
            None | Some((None, None)) => Valid::All,
            Some((Some(valid), _)) => Valid::Bools(valid),
            Some((None, Some(statuses))) => Valid::Statuses(statuses),
        };
        Rows { range, valid, keep }
    }

    /// Returns the rows, newest first.
    pub(crate) fn live(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.range.clone().filter(|row| self.is_live(*row))
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> u64 {
        match (self.flags(), self.keep()) {
            (Flags::All, None) => self.range.len() as u64,
            (Flags::Bytes(flags), None) | (Flags::All, Some(flags)) => count(flags.iter().copied()),
            (Flags::Bytes(valid), Some(keep)) => count(valid.iter().zip(keep).map(|(valid, keep)| valid & keep)),
            (Flags::Other, _) => self.live().count() as u64,
        }
    }

    /// Gives the values of the rows, out of those of the batch, to `take`, newest first.
    #[inline(always)]
    pub(crate) fn visit<V: Copy>(&self, values: &[V], mut take: impl FnMut(V)) {
        let values = &values[self.range.clone()];
        match (self.flags(), self.keep()) {
            (Flags::All, None) => values.iter().for_each(|value| take(*value)),
            (Flags::Bytes(flags), None) | (Flags::All, Some(flags)) => {
                values.iter().zip(flags).filter(|(_, live)| **live).for_each(|(value, _)| take(*value));
            }
            (Flags::Bytes(valid), Some(keep)) => {
                let live = valid.iter().zip(keep).map(|(valid, keep)| valid & keep);
                values.iter().zip(live).filter(|(_, live)| *live).for_each(|(value, _)| take(*value));
            }
            (Flags::Other, _) => {
                let rows = self.range.clone();
                values.iter().zip(rows).filter(|(_, row)| self.is_live(*row)).for_each(|(value, _)| take(*value));
            }
        }
    }

    /// The flags of the range.
    fn flags(&self) -> Flags<'a> {
        match self.valid {
            Valid::All => Flags::All,
            Valid::Bools(Bools::Bytes(valid)) => Flags::Bytes(&valid[self.range.clone()]),
            Valid::Bools(Bools::Bits { .. }) | Valid::Statuses(_) => Flags::Other,
        }
    }

    /// The condition over the range.
    fn keep(&self) -> Option<&'a [bool]> {
        self.keep.map(|keep| &keep[self.range.clone()])
    }

    #[inline]
    fn is_live(&self, row: usize) -> bool {
        let is_valid = match self.valid {
            Valid::All => true,
            Valid::Bools(valid) => valid.get(row),
            Valid::Statuses(statuses) => statuses[row] == Status::Present,
        };
        is_valid && self.keep.is_none_or(|keep| keep[row])
    }
}

/// Validity as the fast loops take it.
enum Flags<'a> {
    All,
    Bytes(&'a [bool]),
    Other,
}

fn count(flags: impl Iterator<Item = bool>) -> u64 {
    flags.map(u64::from).sum()
}
