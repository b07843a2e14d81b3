//! Gauges and counters of alerts, and of their delivery.

use std::fmt;

use asofdb_protocol::{ALERT_KINDS, AlertTargetReport, AlertsReport};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A count of a target.
type Count = fn(&AlertTargetReport) -> u64;

/// Writes all of them; none where nobody is told.
///
/// # Errors
/// As writing does.
pub(crate) fn alerts(report: &AlertsReport, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if report.targets.is_empty() {
        return Ok(());
    }
    let help = "Alerts that are open, by kind and severity";
    let mut family = encoder.encode_descriptor("alerts_open", help, None, MetricType::Gauge)?;
    for kind in ALERT_KINDS {
        for severity in ["critical", "warning"] {
            let open = report.alerts.iter().filter(|alert| alert.kind == kind && alert.severity == severity).count();
            let labels = [("kind", kind), ("severity", severity)];
            ConstGauge::new(open as u64).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "Notices that wait for delivery";
    let mut family = encoder.encode_descriptor("alert_notices_waiting", help, None, MetricType::Gauge)?;
    for target in &report.targets {
        ConstGauge::new(target.waiting).encode(family.encode_family(&[("target", target.target.as_str())])?)?;
    }
    let counters: [(&str, &str, Count); 3] = [
        ("alert_notices_delivered", "Notices that were delivered", |target| target.delivered),
        ("alert_notices_dropped", "Notices that were given up, because too many waited", |target| target.dropped),
        ("alert_delivery_failures", "Deliveries that failed", |target| target.failures),
    ];
    for (name, help, count) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for target in &report.targets {
            ConstCounter::new(count(target)).encode(family.encode_family(&[("target", target.target.as_str())])?)?;
        }
    }
    Ok(())
}
