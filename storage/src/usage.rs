//! Usage: what was read of views and services, by whom and how often.

use std::collections::BTreeMap;

use crate::date::Date;
use crate::error::Result;
use crate::records;
use crate::time::Timestamp;

/// Calls, and the rows that they asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// Calls.
    pub calls: u64,
    /// Rows: an entity as of a time, a row of a training set, a row that was exported.
    pub rows: u64,
}

impl UsageCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: UsageCounts) {
        self.calls = self.calls.saturating_add(other.calls);
        self.rows = self.rows.saturating_add(other.rows);
    }

    /// Returns whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        *self == UsageCounts::default()
    }
}

/// The kind of a thing that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageOf {
    /// A view of any kind.
    View,
    /// A feature service.
    Service,
}

impl UsageOf {
    /// The word for it: `view` or `service`.
    pub fn as_str(self) -> &'static str {
        match self {
            UsageOf::View => "view",
            UsageOf::Service => "service",
        }
    }
}

/// The thing that was read, and its reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The kind of the thing.
    pub of: UsageOf,
    /// Its name.
    pub name: String,
    /// The consumer.
    pub consumer: String,
}

/// The reads of one thing by one consumer on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The day, in UTC; of a sum over several days the last one.
    pub day: Date,
    /// The thing and its reader.
    pub key: UsageKey,
    /// Reads of the latest values and of those as of a time.
    pub serving: UsageCounts,
    /// Training sets.
    pub training: UsageCounts,
    /// Exports.
    pub exports: UsageCounts,
    /// The time of the last read, to a minute: when it was counted.
    pub last: Timestamp,
    /// By feature (of a service by `view:feature`), the values that were asked for.
    pub values: BTreeMap<String, u64>,
}

impl UsageRow {
    /// A row of which nothing was read.
    pub fn new(day: Date, key: UsageKey) -> Self {
        let zero = UsageCounts::default();
        UsageRow {
            day,
            key,
            serving: zero,
            training: zero,
            exports: zero,
            last: Timestamp::MIN,
            values: BTreeMap::new(),
        }
    }

    /// Adds the counts of another row, and keeps the later day and time.
    pub fn add(&mut self, other: &UsageRow) {
        self.day = self.day.max(other.day);
        self.serving.add(other.serving);
        self.training.add(other.training);
        self.exports.add(other.exports);
        self.last = self.last.max(other.last);
        for (feature, values) in &other.values {
            match self.values.get_mut(feature) {
                Some(sum) => *sum = sum.saturating_add(*values),
                None => drop(self.values.insert(feature.clone(), *values)),
            }
        }
    }

    /// All calls together.
    pub fn calls(&self) -> u64 {
        [self.serving, self.training, self.exports].iter().fold(0, |sum, counts| sum.saturating_add(counts.calls))
    }
}

/// The days that are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePeriod {
    /// The number of days to look back, today's among them.
    pub last_days: u32,
    /// True for a row a day; else all days are one sum.
    pub by_day: bool,
}

impl UsagePeriod {
    /// The last days, as one sum a thing and consumer.
    pub const fn total(last_days: u32) -> Self {
        UsagePeriod { last_days, by_day: false }
    }

    /// The last days, a row each.
    pub const fn by_day(last_days: u32) -> Self {
        UsagePeriod { last_days, by_day: true }
    }
}

/// The reads of one day, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The rows, all of this day.
    pub rows: Vec<UsageRow>,
}

impl UsageDay {
    /// The record of the day.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads the record of a day.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}
