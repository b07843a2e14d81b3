//! Counters of the log of served features.

use std::fmt;

use asofdb::ServedLogStatus;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// Writes the counters of a log.
///
/// # Errors
/// As writing does.
pub(crate) fn served(log: &ServedLogStatus, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let counters = [
        ("served_log_reads", "Reads that were taken into the log of served features", log.reads),
        ("served_log_reads_dropped", "Reads that were left out of it under pressure", log.reads_dropped),
        ("served_log_rows", "Rows of it that stand in files", log.rows_written),
        ("served_log_rows_lost", "Rows of it that could not be written", log.rows_lost),
    ];
    for (name, help, count) in counters {
        let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(count).encode(family)?;
    }
    Ok(())
}
