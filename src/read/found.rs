//! The meaning of a version that was found, for the question that was asked: the one place where ttl counts.

use asofdb_storage::{FeatureView, Found, Result, RowPlan, Sink, Timestamp};

/// Writes the answer for one row, what was found as of `at`, to a sink.
///
/// # Errors
/// `Corrupt` when the row cannot be read.
#[inline]
pub(crate) fn write_found(
    view: &FeatureView,
    plan: &RowPlan,
    at: Timestamp,
    found: Option<Found<'_>>,
    sink: &mut impl Sink,
) -> Result<()> {
    let Some(found) = found else {
        sink.missing(plan);
        return Ok(());
    };
    let event = found.version.event;
    match plan.open(found.row)? {
        None => sink.missing(plan),
        Some(_) if view.is_expired(event, at) => sink.expired(plan, event),
        Some(row) => sink.present(&row, event)?,
    }
    Ok(())
}
