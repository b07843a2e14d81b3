//! Gauges of how fresh views are: what is known from the writes, so that no view is read for them.

use std::fmt;

use asofdb::{EntityAges, FreshnessStatus, Span, ViewAges};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// A figure of a view, where it has one.
type Figure = fn(&ViewAges) -> Option<f64>;

fn seconds(span: Span) -> f64 {
    span.as_micros() as f64 / 1e6
}

fn of_ages(view: &ViewAges, figure: fn(&EntityAges) -> Option<f64>) -> Option<f64> {
    view.ages.as_ref().and_then(figure)
}

/// Writes the gauges of all views.
///
/// # Errors
/// As writing does.
pub(crate) fn freshness(views: &[ViewAges], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let seconds_of: [(&str, &str, Figure); 6] = [
        ("view_newest_event_age", "Age of a view's newest event", |view| view.age().map(seconds)),
        ("view_age_p50", "Age that half of a view's entities do not exceed", |view| {
            of_ages(view, |ages| Some(seconds(ages.p50)))
        }),
        ("view_age_p95", "Age that 95 of 100 entities of a view do not exceed", |view| {
            of_ages(view, |ages| Some(seconds(ages.p95)))
        }),
        ("view_age_max", "Age that no entity of a view exceeds", |view| of_ages(view, |ages| Some(seconds(ages.max)))),
        ("view_warn_after", "Age over which a view is late, by its objective or its ttl", |view| {
            view.objective.map(|objective| seconds(objective.warn))
        }),
        ("view_stale_after", "Age over which a view is stale, by its objective or its ttl", |view| {
            view.objective.map(|objective| seconds(objective.stale))
        }),
    ];
    for (name, help, figure) in seconds_of {
        gauge(encoder, name, help, Some(&Unit::Seconds), views, figure)?;
    }
    let plain: [(&str, &str, Figure); 5] = [
        ("view_entities", "Entities with an event up to now", |view| view.entities.map(|count| count as f64)),
        ("view_entities_ahead", "Entities whose newest event lies in the future", |view| {
            view.ahead.map(|count| count as f64)
        }),
        ("view_late_share", "Share of entities older than the objective's warn", |view| {
            of_ages(view, |ages| ages.over_warn)
        }),
        ("view_stale_share", "Share of entities older than the objective's stale", |view| {
            of_ages(view, |ages| ages.over_stale)
        }),
        ("view_stale_share_max", "The greatest share of stale entities that a view promises", |view| {
            view.objective.and_then(|objective| objective.stale_share_max)
        }),
    ];
    for (name, help, figure) in plain {
        gauge(encoder, name, help, None, views, figure)?;
    }
    statuses(views, encoder)
}

/// Writes one gauge, of the views that have it.
fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    views: &[ViewAges],
    figure: Figure,
) -> Result<(), fmt::Error> {
    let figures: Vec<_> = views.iter().filter_map(|view| Some((view, figure(view)?))).collect();
    if figures.is_empty() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (view, figure) in figures {
        ConstGauge::new(figure).encode(family.encode_family(&[("view", view.view.as_str())])?)?;
    }
    Ok(())
}

/// Writes for each view and status whether it has that.
fn statuses(views: &[ViewAges], encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    if views.is_empty() {
        return Ok(());
    }
    let help = "1 for the status that a view has";
    let mut family = encoder.encode_descriptor("view_freshness", help, None, MetricType::Gauge)?;
    for view in views {
        for status in FreshnessStatus::ALL {
            let labels = [("view", view.view.as_str()), ("status", status.as_str())];
            ConstGauge::new(u64::from(status == view.status)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
