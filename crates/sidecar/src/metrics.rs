//! Metrics for Prometheus: everything that is counted, by consumer, operation and view.
//!
//! A request over several views counts in the series of each of them.

use std::fmt;
use std::sync::Arc;

use asofdb::storage::{HotStats, Warming};
use asofdb::{ClockStatus, Span, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::alert_metrics::alerts;
use crate::answer_metrics::answers;
use crate::consumers::{Consumer, LatencySnapshot, Series};
use crate::feed_metrics::feeds;
use crate::freshness_metrics::freshness;
use crate::gauges::{Gauges, Refusal};
use crate::limit_metrics::{by_series, settings};
use crate::served_metrics::served;
use crate::service::Service;
#[cfg(feature = "streams")]
use crate::stream_metrics::streams;

/// The series with durations: the first ones that there were. Each takes two kilobytes of text; all have counters.
const DURATIONS_MAX: usize = 256;

/// The metrics as OpenMetrics text.
///
/// # Errors
/// None of its own: writing to memory does not fail.
pub(crate) fn metrics_text(service: &Arc<Service>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("asof");
    registry.register_collector(Box::new(Everything(service.clone())));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Everything(Arc<Service>);

impl Collector for Everything {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        consumers(&self.0, &mut encoder)?;
        doors(&self.0, &mut encoder)?;
        bulk(&self.0, &mut encoder)?;
        life(&self.0, &mut encoder)?;
        settings(&self.0.settings, &mut encoder)?;
        clock(&self.0.store.clock(), &mut encoder)?;
        nulls(&self.0, &mut encoder)?;
        answers(&self.0.store.answer_totals(), &mut encoder)?;
        alerts(&self.0.alerts(), &mut encoder)?;
        if let Some(log) = self.0.store.served_log() {
            served(&log.status(), &mut encoder)?;
        }
        // Where the store cannot tell, its metrics are absent: the others must not be.
        if let Ok(views) = self.0.store.ages::<&str>(&[]) {
            freshness(&views, &mut encoder)?;
        }
        if let Ok(fed) = self.0.store.feeds(&[]) {
            feeds(&fed, &mut encoder)?;
        }
        #[cfg(feature = "streams")]
        streams(&self.0.streams(), &mut encoder)?;
        match self.0.store.stats() {
            Ok(stats) => store(&stats, &mut encoder),
            Err(_) => Ok(()),
        }
    }
}

/// A consumer's series with its counts at one time.
struct Counted {
    consumer: Arc<Consumer>,
    series: Arc<Series>,
    latencies: LatencySnapshot,
}

impl Counted {
    fn labels(&self) -> [(&str, &str); 3] {
        [("operation", self.series.operation.as_str()), ("consumer", self.consumer.name()), ("view", &self.series.view)]
    }
}

fn consumers(service: &Service, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let counted = |(consumer, series): (_, Arc<Series>)| Counted { consumer, latencies: series.latencies(), series };
    let all: Vec<Counted> = service.consumers.series().into_iter().map(counted).collect();
    if all.is_empty() {
        return Ok(());
    }
    let mut requests = family(encoder, "requests", "Requests, failed ones included", None, MetricType::Counter)?;
    for one in &all {
        ConstCounter::new(one.latencies.count()).encode(requests.encode_family(&one.labels())?)?;
    }
    let help = "Entities asked for or rows written by requests that succeeded";
    let mut rows = family(encoder, "rows", help, None, MetricType::Counter)?;
    for one in &all {
        ConstCounter::new(one.series.rows()).encode(rows.encode_family(&one.labels())?)?;
    }
    let series = all.iter().map(|one| (one.consumer.name(), &*one.series)).collect::<Vec<_>>();
    by_series(&series, encoder)?;
    errors(&all, encoder)?;
    durations(&all, encoder)
}

fn errors(all: &[Counted], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let errors = |one: &Counted| !one.series.errors().is_empty();
    if !all.iter().any(errors) {
        return Ok(());
    }
    let mut family = family(encoder, "errors", "Requests that failed, by kind", None, MetricType::Counter)?;
    for one in all {
        for (kind, count) in one.series.errors() {
            let [operation, consumer, view] = one.labels();
            let labels = [operation, consumer, view, ("kind", kind.as_str())];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn durations(all: &[Counted], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let seconds = Some(&Unit::Seconds);
    let timed: Vec<&Counted> = all.iter().filter(|one| one.series.number < DURATIONS_MAX).collect();
    let help = "Series of requests for which there is no duration, because there are too many";
    gauge(encoder, "series_without_duration", help, None, (all.len() - timed.len()) as u64)?;
    let mut histogram = family(encoder, "request_duration", "How long requests took", seconds, MetricType::Histogram)?;
    for one in &timed {
        let sum = one.latencies.sum.as_secs_f64();
        let (count, buckets) = (one.latencies.count(), one.latencies.coarse());
        histogram.encode_family(&one.labels())?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    for (name, part, help) in [
        ("request_duration_p50", 0.50, "What half of the requests took at most, since the start"),
        ("request_duration_p99", 0.99, "What 99 in 100 requests took at most, since the start"),
        ("request_duration_p999", 0.999, "What 999 in 1,000 requests took at most, since the start"),
    ] {
        let mut gauge = family(encoder, name, help, seconds, MetricType::Gauge)?;
        for one in &timed {
            let quantile = one.latencies.quantile(part).as_secs_f64();
            ConstGauge::new(quantile).encode(gauge.encode_family(&one.labels())?)?;
        }
    }
    Ok(())
}

fn family<'s>(
    encoder: &'s mut DescriptorEncoder<'_>,
    name: &'s str,
    help: &str,
    unit: Option<&'s Unit>,
    ty: MetricType,
) -> Result<MetricEncoder<'s>, fmt::Error> {
    encoder.encode_descriptor(name, help, unit, ty)
}

fn doors(service: &Service, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let doors = [("native", &service.native), ("http", &service.http)];
    type Read = fn(&Gauges) -> u64;
    let gauges: [(&str, &str, Option<&Unit>, Read); 3] = [
        ("connections", "Open connections", None, |door| door.connections.get()),
        ("requests_in_flight", "Requests read and not yet answered", None, |door| door.requests_in_flight.get()),
        ("large_frames", "Memory of large frames and bodies that are held", Some(&Unit::Bytes), |door| {
            door.large_frame_bytes.get()
        }),
    ];
    for (name, help, unit, read) in gauges {
        let mut gauge = family(encoder, name, help, unit, MetricType::Gauge)?;
        for (door, gauges) in doors {
            ConstGauge::new(read(gauges)).encode(gauge.encode_family(&[("door", door)])?)?;
        }
    }
    let mut refused = family(encoder, "refused", "Connections and requests turned away", None, MetricType::Counter)?;
    for (door, gauges) in doors {
        for refusal in Refusal::ALL {
            let labels = [("door", door), ("reason", refusal.as_str())];
            ConstCounter::new(gauges.refused(refusal)).encode(refused.encode_family(&labels)?)?;
        }
    }
    let mut panics = family(encoder, "panics", "Requests that failed by a panic", None, MetricType::Counter)?;
    for (door, gauges) in doors {
        ConstCounter::new(gauges.panics()).encode(panics.encode_family(&[("door", door)])?)?;
    }
    let [calls, rows] = service.native.shared();
    counter(encoder, "shared_reads", "Reads that clients have answered by themselves, out of shared memory", calls)?;
    counter(encoder, "shared_rows", "Entity rows of these reads", rows)?;
    Ok(())
}

fn bulk(service: &Service, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let (working, waiting) = service.bulk.lengths();
    let help = "Bulk requests at both doors, worked on and waiting in line";
    let mut requests = family(encoder, "bulk_requests", help, None, MetricType::Gauge)?;
    for (state, count) in [("working", working), ("waiting", waiting)] {
        ConstGauge::new(count as u64).encode(requests.encode_family(&[("state", state)])?)?;
    }
    let (help, seconds) = ("How long threads of bulk work have paused for point requests", Some(&Unit::Seconds));
    let paused = service.precedence.paused().as_secs_f64();
    ConstCounter::new(paused).encode(family(encoder, "bulk_paused", help, seconds, MetricType::Counter)?)
}

fn life(service: &Service, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    gauge(encoder, "ready", "1 when requests should be sent here", None, u64::from(service.is_ready()))?;
    let read_only = u64::from(service.read_only().is_some());
    gauge(encoder, "store_read_only", "1 when nothing is written since a write to disk failed", None, read_only)?;
    let uptime: Span = service.store.now().since(service.started());
    let seconds = uptime.as_micros() as f64 / 1e6;
    gauge(encoder, "uptime", "How long the sidecar has been running", Some(&Unit::Seconds), seconds)
}

fn clock(status: &ClockStatus, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let seconds = Some(&Unit::Seconds);
    let in_seconds = |span: Span| span.as_micros() as f64 / 1e6;
    let quarantined = u64::from(status.quarantined().is_some());
    gauge(encoder, "clock_quarantined", "1 when the clock has jumped and is not believed yet", None, quarantined)?;
    let ahead = status.claim.and_then(|claim| claim.ahead).map_or(0.0, in_seconds);
    gauge(encoder, "clock_ahead", "How far the clock is ahead of what is believed", seconds, ahead)?;
    let behind = status.behind().map_or(0.0, in_seconds);
    gauge(encoder, "clock_behind", "How far the clock is behind what is believed, from an hour on", seconds, behind)?;
    let apart = status.apart.len() as u64;
    gauge(encoder, "clock_stamp_runs_apart", "Ranges of created timestamps that a jump has left", None, apart)
}

fn nulls(service: &Service, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let all = service.store.expression_nulls();
    if all.is_empty() {
        return Ok(());
    }
    let help = "Values of derived features that are null by the expression itself, not by its inputs";
    let mut family = family(encoder, "expression_nulls", help, None, MetricType::Counter)?;
    for (feature, nulls) in &all {
        for (reason, count) in [("overflow", nulls.overflow), ("division", nulls.division), ("domain", nulls.domain)] {
            let labels = [("feature", feature.as_str()), ("reason", reason)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn store(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let bytes = Some(&Unit::Bytes);
    gauge(encoder, "store_disk", "Live data on disk", bytes, stats.disk_bytes)?;
    gauge(encoder, "store_memory", "Block cache, write buffers and hot table", bytes, stats.memory_bytes)?;
    gauge(
        encoder,
        "store_memory_budget",
        "What block cache, write buffers and hot table may take",
        bytes,
        stats.memory_budget_bytes,
    )?;
    let failed = u64::from(stats.background_error.is_some());
    gauge(encoder, "store_background_error", "1 when an error stopped background work", None, failed)?;
    counter(encoder, "store_batches", "Batches written since the store was opened", stats.batches)?;
    counter(encoder, "store_rows", "Rows written since the store was opened", stats.rows)?;
    counter(encoder, "store_stalls", "Writes that waited for compaction", stats.stalls)?;
    stats.hot.as_ref().map_or(Ok(()), |hot| hot_table(hot, encoder))
}

fn hot_table(hot: &HotStats, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let bytes = Some(&Unit::Bytes);
    gauge(encoder, "hot_table", "Rows of the hot table and their keys", bytes, hot.bytes)?;
    gauge(encoder, "hot_table_max", "What the hot table may take", bytes, hot.bytes_max)?;
    gauge(encoder, "hot_table_rows", "Rows that are in the hot table", None, hot.rows)?;
    gauge(encoder, "hot_table_pinned", "Rows of the hot table that are pinned", bytes, hot.pinned_bytes)?;
    gauge(encoder, "hot_table_pinned_rows", "Rows that are pinned in the hot table", None, hot.pinned_rows)?;
    let Warming { is_over, rows, rows_wanted } = hot.warming;
    gauge(
        encoder,
        "hot_table_warm",
        "1 when the hot table has what it had before the start",
        None,
        u64::from(is_over),
    )?;
    gauge(encoder, "hot_table_returned_rows", "Rows that came back after the start", None, rows)?;
    gauge(encoder, "hot_table_wanted_rows", "Rows that were to come back after the start", None, rows_wanted)?;
    counter(encoder, "hot_table_hits", "Rows of latest reads that were found in the hot table", hot.hits)?;
    counter(encoder, "hot_table_misses", "Rows of latest reads that were not", hot.misses)?;
    counter(encoder, "hot_table_fills", "Rows that were filled into the hot table", hot.fills)?;
    counter(encoder, "hot_table_evictions", "Rows that made room for others in the hot table", hot.evictions)
}

fn gauge<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: N,
) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(family(encoder, name, help, unit, MetricType::Gauge)?)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
    ConstCounter::new(value).encode(family(encoder, name, help, None, MetricType::Counter)?)
}
