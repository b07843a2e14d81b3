//! Results, as they are kept in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one of them did in one of its turns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Round {
    /// Nanoseconds of a request: the median, and what one in a hundred and one in a thousand exceed. `None`: there were
    /// too few requests to say.
    pub p50_ns: f64,
    /// See `p50_ns`.
    pub p99_ns: Option<f64>,
    /// See `p50_ns`.
    pub p999_ns: Option<f64>,
    /// Rows answered or written a second, by the clock.
    pub rows_per_second: f64,
    /// CPU microseconds a row, of client and server together.
    pub cpu_us_per_row: f64,
}

/// One contender in one scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// The scenario, as the command line has it.
    pub scenario: String,
    /// The contender.
    pub contender: String,
    /// Its turns.
    #[serde(default)]
    pub rounds: Vec<Round>,
    /// The most memory that it held while it was measured, in bytes: the server's, where there is one.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Bytes on disk.
    #[serde(default)]
    pub disk_bytes: u64,
    /// What is to be known about it.
    #[serde(default)]
    pub note: String,
    /// Why it was not measured.
    #[serde(default)]
    pub failed: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Board {
    /// The machine, versions, sizes and loads, by name.
    pub about: BTreeMap<String, String>,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// The median and the least and greatest of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Returns the spread of figures; `None` where there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len().is_multiple_of(2) {
            f64::midpoint(figures[middle - 1], figures[middle])
        } else {
            figures[middle]
        };
        Some(Spread { median, least, most })
    }
}

impl Entry {
    /// Returns the median time of a request, in nanoseconds.
    pub fn p50(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.p50_ns))
    }

    /// Returns the time that one in a hundred exceeds; `None` unless every turn can tell: turns with few requests were the
    /// slow ones.
    pub fn p99(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.p99_ns).collect::<Option<Vec<_>>>()?)
    }

    /// Returns the time that one in a thousand exceeds; `None` as for [`Entry::p99`].
    pub fn p999(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.p999_ns).collect::<Option<Vec<_>>>()?)
    }

    /// Returns rows a second.
    pub fn rows_per_second(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.rows_per_second))
    }

    /// Returns CPU microseconds a row.
    pub fn cpu_us_per_row(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.cpu_us_per_row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_told_if_every_turn_can_tell_it() {
        let turn = |p99_ns| Round { p99_ns, ..Round::default() };
        let entry = |rounds| Entry {
            scenario: String::new(),
            contender: String::new(),
            rounds,
            memory_bytes: 0,
            disk_bytes: 0,
            note: String::new(),
            failed: None,
        };
        assert_eq!(entry(vec![turn(Some(2.0)), turn(Some(4.0))]).p99().map(|found| found.median), Some(3.0));
        assert_eq!(entry(vec![turn(Some(2.0)), turn(None)]).p99(), None);
    }

    #[test]
    fn the_spread_of_figures_is_their_median_least_and_greatest() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]), Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Spread::of([]), None);
    }
}
