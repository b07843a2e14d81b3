//! The start of a sequence of values.

use asofdb_expression::Values;
use asofdb_storage::ScalarType;

use crate::cells;
use crate::items::Items;
use crate::value_set::ValueSet;

/// At most `k` values; if they are to be distinct, each at its first place.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// The values, where they are distinct.
    values: ValueSet,
    /// The values, where they are not.
    plain: Items,
    k: usize,
    distinct: bool,
}

impl List {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType, k: usize, distinct: bool) -> Self {
        List { values: ValueSet::new(ty), plain: Items::new(ty), k, distinct }
    }

    /// The most values.
    pub(crate) fn most(&self) -> usize {
        self.k
    }

    /// The values.
    pub(crate) fn items(&self) -> &Items {
        if self.distinct { self.values.items() } else { &self.plain }
    }

    /// Returns whether there are no values.
    pub(crate) fn is_empty(&self) -> bool {
        self.items().len() == 0
    }

    /// Returns whether there are as many values as may be.
    pub(crate) fn is_full(&self) -> bool {
        self.items().len() == self.k
    }

    /// Adds a value; returns false for one that it has and that is not to be there twice.
    pub(crate) fn push(&mut self, stored: &[u8]) -> bool {
        if self.distinct {
            return self.values.insert_new(stored);
        }
        self.plain.push(stored);
        true
    }

    /// Adds values of another list until it is full.
    pub(crate) fn extend(&mut self, other: &List) {
        for stored in other.items().iter() {
            if self.is_full() {
                return;
            }
            self.push(stored);
        }
    }

    /// Adds values of rows until it is full.
    pub(crate) fn extend_from(&mut self, values: &Values<'_>, mut rows: impl Iterator<Item = usize>) {
        while !self.is_full() {
            let Some(row) = rows.next() else { return };
            cells::with_stored(values, row, |stored| self.push(stored));
        }
    }

    /// Forgets the values, and keeps memory.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.plain.clear();
    }

    /// Becomes what `other` is, and keeps memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.values.copy_from(&other.values);
        self.plain.copy_from(&other.plain);
    }

    /// Returns the bytes that it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.heap_bytes() + self.plain.heap_bytes()
    }
}
