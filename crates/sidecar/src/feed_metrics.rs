//! Gauges of feeds.

use std::fmt;

use asofdb::Feed;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Writes the gauges of all feeds.
///
/// # Errors
/// As writing does.
pub(crate) fn feeds(feeds: &[Feed], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if feeds.is_empty() {
        return Ok(());
    }
    let seconds = |feed: &Feed| feed.succeeded.map_or(f64::NAN, |time| time.as_micros() as f64 / 1e6);
    let help = "Time of the last run of a feed that did not fail; NaN where there was none";
    write("feed_last_success_timestamp_seconds", help, feeds, encoder, seconds)?;
    let help = "Runs of a feed that have failed since the last that did not";
    write("feed_failures", help, feeds, encoder, |feed| feed.failures as f64)?;
    let help = "1 where no run of a feed has succeeded within twice the time of its schedule";
    write("feed_late", help, feeds, encoder, |feed| f64::from(u8::from(feed.is_late())))
}

fn write(
    name: &str,
    help: &str,
    feeds: &[Feed],
    encoder: &mut DescriptorEncoder<'_>,
    value: impl Fn(&Feed) -> f64,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for feed in feeds {
        ConstGauge::new(value(feed)).encode(family.encode_family(&[("view", feed.view.as_str())])?)?;
    }
    Ok(())
}
