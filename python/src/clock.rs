//! The clock of a store, as JSON.

use asofdb::{ClockRepair, ClockStatus, Span, Timestamp};
use serde_json::json;

/// The state of a store's clock.
pub(crate) fn clock_json(status: &ClockStatus) -> String {
    let apart = status.apart.iter().map(|run| json!([text(run.first), text(run.last)]));
    json!({
        "system": text(status.system),
        "store": text(status.now),
        "believed": status.believed.map(text),
        "ahead_seconds": status.claim.and_then(|claim| claim.ahead).map(seconds),
        "stamped_ahead": apart.collect::<Vec<_>>(),
        "warning": status.warning(),
    })
    .to_string()
}

/// The outcome of a repair of a store's time.
pub(crate) fn clock_repair_json(repair: &ClockRepair) -> String {
    json!({
        "back_from": repair.back_from.map(text),
        "reclaimed": repair.reclaimed,
        "restamped": repair.restamped,
    })
    .to_string()
}

fn text(time: Timestamp) -> String {
    time.to_string()
}

fn seconds(span: Span) -> f64 {
    span.as_micros() as f64 / 1e6
}
