//! Durations as they are written.

use std::fmt;

/// Microseconds of the units of durations, the longest first.
pub(crate) const UNITS: [(&str, u64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A duration in microseconds. It prints in the longest unit that holds it exactly, weeks left out.
pub(crate) struct Micros(pub i64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if magnitude == 0 {
            return f.write_str("0s");
        }
        let exact = UNITS.iter().skip(1).find(|(_, unit)| magnitude.is_multiple_of(*unit));
        let (name, unit) = exact.unwrap_or(&("us", 1));
        write!(f, "{}{}{name}", if self.0 < 0 { "-" } else { "" }, magnitude / unit)
    }
}
