//! Reads by models: which version of a model reads which views and services.

use crate::error::Result;
use crate::records;
use crate::time::Timestamp;
use crate::usage::{UsageCounts, UsageOf};

/// A version of a model, the thing that it reads, and the consumer by which it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey {
    /// The model and its version: `fraud/3`.
    pub model: String,
    /// The kind of the thing.
    pub of: UsageOf,
    /// Its name.
    pub name: String,
    /// The consumer.
    pub consumer: String,
}

/// The reads of one thing by one version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRow {
    /// The model, the thing and the consumer.
    pub key: ModelKey,
    /// Reads of the latest values and of those as of a time.
    pub serving: UsageCounts,
    /// Training sets.
    pub training: UsageCounts,
    /// Exports.
    pub exports: UsageCounts,
    /// The time of the last read, to a minute: when it was counted.
    pub last: Timestamp,
}

impl ModelRow {
    /// Adds the counts of another row, and keeps the later time.
    pub fn add(&mut self, other: &ModelRow) {
        self.serving.add(other.serving);
        self.training.add(other.training);
        self.exports.add(other.exports);
        self.last = self.last.max(other.last);
    }
}

/// The reads of all models, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelReads {
    /// The rows, by model.
    pub rows: Vec<ModelRow>,
}

impl ModelReads {
    /// The record.
    ///
    /// # Errors
    /// `Invalid` when it is longer than 16 MiB.
    pub fn encode(&self) -> Result<Vec<u8>> {
        records::encode(self)
    }

    /// Reads the record.
    ///
    /// # Errors
    /// `Corrupt` when it is none; `Conflict` for one that only a newer asofdb reads.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        records::decode(&[], bytes)
    }
}
