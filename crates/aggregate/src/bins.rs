//! Counts by number.

use asofdb_storage::Result;

use crate::wire::{corrupt, read_varint, unzigzag, write_varint, zigzag};

/// A count of each of some numbers, in ascending order; none of them is 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bins {
    bins: Vec<(i32, u64)>,
}

impl Bins {
    /// The numbers and their counts, ascending.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> + '_ {
        self.bins.iter().copied()
    }

    /// Counts a number once more.
    pub(crate) fn add(&mut self, number: i32) {
        match self.bins.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => self.bins[at].1 = self.bins[at].1.saturating_add(1),
            Err(at) => self.bins.insert(at, (number, 1)),
        }
    }

    /// Adds the counts of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut left = self.bins.len();
        self.bins.resize(left + self.missing(other), (0, 0));
        let mut to = self.bins.len();
        // From the end, so that what is not yet merged is not yet overwritten.
        for &(number, count) in other.bins.iter().rev() {
            while left > 0 && self.bins[left - 1].0 > number {
                (left, to) = (left - 1, to - 1);
                self.bins[to] = self.bins[left];
            }
            let own = left.checked_sub(1).map(|at| self.bins[at]).filter(|(own, _)| *own == number);
            let own_count = own.map_or(0, |(_, count)| count);
            left -= usize::from(own.is_some());
            to -= 1;
            self.bins[to] = (number, own_count.saturating_add(count));
        }
    }

    /// Returns the number of the numbers of `other` that are not there.
    fn missing(&self, other: &Self) -> usize {
        let mut rest = self.bins.as_slice();
        let is_missing = |number: i32| {
            while let [(first, _), after @ ..] = rest {
                if *first >= number {
                    return *first > number;
                }
                rest = after;
            }
            true
        };
        other.bins.iter().map(|(number, _)| *number).map(is_missing).filter(|missing| *missing).count()
    }

    /// Forgets the counts, and keeps memory.
    pub(crate) fn clear(&mut self) {
        self.bins.clear();
    }

    /// Returns whether nothing is counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// Becomes what `other` is, and keeps memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.bins.clone_from(&other.bins);
    }

    /// Appends how many numbers there are, and for each the distance from the one before and its count.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.bins.len() as u64, out);
        let mut before = 0;
        for &(number, count) in &self.bins {
            write_varint(zigzag(i64::from(number) - before), out);
            write_varint(count, out);
            before = i64::from(number);
        }
    }

    /// Reads back what [`Bins::encode`] wrote; the numbers are in `range`.
    pub(crate) fn decode(&mut self, range: std::ops::RangeInclusive<i32>, bytes: &mut &[u8]) -> Result<()> {
        self.bins.clear();
        let mut before = 0i64;
        for at in 0..read_varint(bytes)? {
            let step = unzigzag(read_varint(bytes)?);
            let number = before.checked_add(step).and_then(|number| i32::try_from(number).ok());
            let number = number.filter(|number| range.contains(number) && (at == 0 || step > 0));
            let count = read_varint(bytes)?;
            let Some(number) = number.filter(|_| count > 0) else {
                return Err(corrupt("has counts out of order"));
            };
            self.bins.push((number, count));
            before = i64::from(number);
        }
        Ok(())
    }

    /// Returns the bytes that it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bins.capacity() * size_of::<(i32, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_counts_are_those_of_all() {
        for (left, right) in [
            (&[][..], &[][..]),
            (&[], &[1, 2]),
            (&[5], &[]),
            (&[1, 3, 5], &[2, 4, 6]),
            (&[1, 3, 5], &[-1, 3, 5, 9]),
            (&[7, 8, 7], &[1, 7]),
            (&[7, 8, 7], &[7, 8, 8]),
            (&[1, 7, 7], &[7]),
        ] {
            let of = |numbers: &[i32]| {
                let mut bins = Bins::default();
                numbers.iter().for_each(|number| bins.add(*number));
                bins
            };
            let mut merged = of(left);
            merged.merge(&of(right));
            assert_eq!(merged.bins, of(&[left, right].concat()).bins);
        }
    }
}
