//! A digest of a column, so that all of its values can be compared with a few bytes.

use std::fmt;

use asofdb::Status;

/// The digest of the values and statuses that were added, in their order.
///
/// It is a sum over all rows, in which each row has its number: two values that changed places give another one.
/// `expected_windows.json` says how it is computed.
#[derive(Debug, Default)]
pub(super) struct Digest {
    rows: u64,
    sum: u64,
}

impl Digest {
    /// Adds the value of the next row, which is 0 where there is none.
    pub(super) fn add(&mut self, value: f64, status: Status) {
        let place = mix(4 * self.rows + status as u64);
        self.sum = self.sum.wrapping_add(mix(value.to_bits() ^ place));
        self.rows += 1;
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.sum)
    }
}

/// The finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(cells: &[(f64, Status)]) -> String {
        let mut digest = Digest::default();
        cells.iter().for_each(|(value, status)| digest.add(*value, *status));
        digest.to_string()
    }

    #[test]
    fn a_digest_is_that_of_the_script_and_tells_places_values_and_statuses_apart() {
        let cells = [(1.5, Status::Present), (0.0, Status::Null), (0.0, Status::Missing), (-2.0, Status::Present)];
        let whole = digest(&cells);
        assert_eq!(whole, "779b1099dd4b24c9", "as expected_windows.py computes it");
        let mut other = cells;
        other.swap(0, 3);
        assert_ne!(digest(&other), whole);
        other = cells;
        other[1].1 = Status::Missing;
        assert_ne!(digest(&other), whole);
        assert_ne!(digest(&cells[..3]), whole);
    }
}
