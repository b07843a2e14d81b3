//! Profiles: statistics of a view's values, from a sample of its entities.

use crate::error::Result;
use crate::records;
use crate::time::Timestamp;
use crate::value_type::ValueType;

/// Statistics of the values of a view's features, or of the columns of its events, as of one time.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewProfile {
    /// The time as of which the values were read.
    pub taken: Timestamp,
    /// The revision of the catalog that they were read with.
    pub revision: u64,
    /// The entities that were read.
    pub entities: u64,
    /// The entities that the view has; `None` where they were not counted.
    pub of_entities: Option<u64>,
    /// The size of the view; `None` of one that is computed, which has no rows.
    pub size: Option<ViewSize>,
    /// The events that were read of these entities, where the view has events; `None` of other views.
    pub events: Option<EventsRead>,
    /// The features, or the columns of the events, in the order of the view.
    pub features: Vec<FeatureProfile>,
}

/// The events that the statistics of an event view are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsRead {
    /// The events, of all entities that were read.
    pub count: u64,
    /// The most that were read of one entity, its newest; `None` where all were.
    pub of_entity_max: Option<u64>,
}

/// The size of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewSize {
    /// The versions of its rows.
    pub versions: u64,
    /// The bytes of their keys and rows, before they are compressed.
    pub bytes: u64,
    /// True where both were counted; else they are estimates.
    pub is_exact: bool,
}

/// Statistics of the values of one feature, one of each entity; or of one column, one of each event.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureProfile {
    /// Name of the feature.
    pub name: String,
    /// Type of the feature.
    pub ty: ValueType,
    /// A hash of all that the feature's value depends on besides rows and events: of its meaning.
    pub meaning: u128,
    /// The numbers of entities, or of events, by status.
    pub counts: StatusCounts,
    /// Present values that are not a number.
    pub nan: u64,
    /// Present values that are negative and positive infinity.
    pub infinite: [u64; 2],
    /// Statistics of numbers, of times in microseconds since 1970, and of dates in days; `None` for other types, and
    /// where no value is finite.
    pub numbers: Option<NumberProfile>,
    /// Statistics of lengths: of texts in characters, of bytes in bytes, of lists in items.
    pub lengths: Option<NumberProfile>,
    /// The number of different values, NaN and infinities left out.
    pub distinct: u64,
    /// True where that number is exact; else it is an estimate.
    pub is_distinct_exact: bool,
    /// The most frequent values, most frequent first.
    pub top: Vec<TopValue>,
    /// True where their counts are exact; else each is the least that it can be.
    pub is_top_exact: bool,
}

/// Numbers of entities, or of events, by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Entities with a value.
    pub present: u64,
    /// Entities for which a null was stored, or computed.
    pub null: u64,
    /// Entities without a version.
    pub missing: u64,
    /// Entities whose version is older than the view's ttl.
    pub expired: u64,
}

/// Statistics of finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberProfile {
    /// The numbers that there are.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The mean; `None` beyond the floats.
    pub mean: Option<f64>,
    /// The standard deviation of a sample; `None` of fewer than two numbers, and beyond the floats.
    pub stddev: Option<f64>,
    /// The numbers that quantiles and the histogram are made from: all of them, or some drawn from all.
    pub ranked: u64,
    /// The quantiles of [`NumberProfile::QUANTILES`]: of each the number of rank `floor(q * (ranked - 1))`.
    pub quantiles: [f64; 7],
    /// The histogram, ascending: buckets side by side that have all of the ranked numbers.
    pub histogram: Vec<HistogramBucket>,
}

/// A bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramBucket {
    /// The least number that is in it.
    pub from: f64,
    /// The end: numbers in it are less, but in the last bucket, which has its end.
    pub to: f64,
    /// The numbers in it.
    pub count: u64,
}

/// A frequent value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopValue {
    /// The value as JSON has it, without quotation marks around a text; of a long one the beginning.
    pub text: String,
    /// True where only the beginning is there.
    pub is_shortened: bool,
    /// The entities, or events, that have it.
    pub count: u64,
}

impl StatusCounts {
    /// Every entity.
    pub fn total(&self) -> u64 {
        self.present + self.null + self.missing + self.expired
    }

    /// The share of a count among all entities; 0 of none.
    pub fn share(&self, count: u64) -> f64 {
        share(count, self.total())
    }
}

impl FeatureProfile {
    /// The share that a value has of those that there are; 0 where there is none.
    pub fn share_of_present(&self, count: u64) -> f64 {
        share(count, self.counts.present)
    }

    /// The statistics of numbers, or else those of lengths.
    pub fn ranked(&self) -> Option<&NumberProfile> {
        self.numbers.as_ref().or(self.lengths.as_ref())
    }
}

fn share(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

impl NumberProfile {
    /// The parts that lie below the quantiles.
    pub const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

    /// The most buckets of a histogram.
    pub const BUCKETS_MAX: usize = 32;
}

impl ViewProfile {
    /// The most top values of a feature.
    pub const TOP_MAX: usize = 10;

    /// The most bytes of the text of a top value.
    pub const TEXT_BYTES_MAX: usize = 64;

    /// Returns whether every entity of the view was read.
    pub fn is_all(&self) -> bool {
        self.of_entities == Some(self.entities)
    }

    /// The statistics of a feature by its name.
    pub fn feature(&self, name: &str) -> Option<&FeatureProfile> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// The record.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}
