//! Counters of the values that consumers got, by view and status.

use std::fmt;

use asofdb::AnswerCounts;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// Writes the counters of all views.
///
/// # Errors
/// As writing does.
pub(crate) fn answers(views: &[(String, AnswerCounts)], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if views.is_empty() {
        return Ok(());
    }
    let help = "Values that consumers got, by view and status";
    let mut family = encoder.encode_descriptor("answered_values", help, None, MetricType::Counter)?;
    for (view, counts) in views {
        let by_status = [
            ("present", counts.present()),
            ("null", counts.null),
            ("missing", counts.missing),
            ("expired", counts.expired),
        ];
        for (status, count) in by_status {
            let labels = [("view", view.as_str()), ("status", status)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "Values that consumers got that are the default of their feature";
    let mut family = encoder.encode_descriptor("answered_defaults", help, None, MetricType::Counter)?;
    for (view, counts) in views {
        ConstCounter::new(counts.defaulted).encode(family.encode_family(&[("view", view.as_str())])?)?;
    }
    Ok(())
}
