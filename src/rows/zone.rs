//! The Arrow type of our times.

use arrow::datatypes::{DataType, TimeUnit};

/// The time zone of every timestamp we write.
pub(crate) const UTC: &str = "UTC";

/// Microseconds, UTC.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}
