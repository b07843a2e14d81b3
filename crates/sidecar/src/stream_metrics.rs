//! Counters and gauges of streams.

use std::fmt;
use std::sync::Arc;

use asofdb_streams::{StreamFigures, StreamState, StreamStatus};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Writes the counters and gauges of all streams.
///
/// # Errors
/// As writing does.
pub(crate) fn streams(streams: &[Arc<StreamStatus>], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if streams.is_empty() {
        return Ok(());
    }
    let all: Vec<_> = streams.iter().map(|stream| (&**stream, stream.figures())).collect();
    counter("stream_rows", "Records of a stream that became rows, since it was first begun", &all, encoder, |f| {
        f.rows
    })?;
    let help = "Records of a stream that were set aside, since it was first begun";
    counter("stream_rejected", help, &all, encoder, |figures| figures.rejected)?;
    let help = "1 while a stream reads or waits for more; 0 when it has failed and is tried again";
    let is_running = |figures: &StreamFigures| Some(f64::from(u8::from(figures.state == StreamState::Running)));
    gauge("stream_running", help, &all, encoder, is_running)?;
    let help = "What the source of a stream has and the store has not yet: bytes of a file";
    gauge("stream_behind", help, &all, encoder, |figures| figures.behind.map(|behind| behind as f64))?;
    let help = "Time of the last batch of a stream that was written since the start";
    let seconds = |figures: &StreamFigures| figures.last_commit.map(|time| time.as_micros() as f64 / 1e6);
    gauge("stream_last_commit_timestamp_seconds", help, &all, encoder, seconds)
}

/// A stream with its figures at one time.
type Figured<'s> = (&'s StreamStatus, StreamFigures);

fn counter(
    name: &str,
    help: &str,
    all: &[Figured<'_>],
    encoder: &mut DescriptorEncoder<'_>,
    value: impl Fn(&StreamFigures) -> u64,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (stream, figures) in all {
        ConstCounter::new(value(figures)).encode(family.encode_family(&labels(stream))?)?;
    }
    Ok(())
}

fn gauge(
    name: &str,
    help: &str,
    all: &[Figured<'_>],
    encoder: &mut DescriptorEncoder<'_>,
    value: impl Fn(&StreamFigures) -> Option<f64>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (stream, figures) in all {
        if let Some(value) = value(figures) {
            ConstGauge::new(value).encode(family.encode_family(&labels(stream))?)?;
        }
    }
    Ok(())
}

fn labels(stream: &StreamStatus) -> [(&str, &str); 2] {
    [("stream", stream.name()), ("view", stream.view())]
}
