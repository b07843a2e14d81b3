//! The features of window views over lists of deliveries, as simple as can be.

use asofdb_storage::{Catalog, FeatureView, ScalarType, Timestamp, Value, ValueType, WindowedFeature};

use crate::aggregates::{Expected, expected};
use crate::deliveries::{Delivery, counting, days};

/// The question about the windows of one entity.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The time asked about.
    pub at: Timestamp,
    /// Only what was known by then; `None`: all.
    pub known_at: Option<Timestamp>,
    /// The present, by which the retention goes.
    pub now: Timestamp,
}

/// The value that a window is expected to give.
#[derive(Debug)]
pub struct WindowValue {
    /// The feature, without its view.
    pub feature: String,
    /// The value and the event timestamp; `None`: the feature is missing.
    pub found: Option<(Expected, Timestamp)>,
}

/// The values of all features of a window view, in the order of the view. `deliveries` are of one entity, their cells in
/// the order of the columns; `holds` tries a condition of the definition on an event.
///
/// # Panics
/// If there is no such window view.
pub fn window_values(
    catalog: &Catalog,
    view: &str,
    deliveries: &[Delivery],
    asked: Asked,
    holds: fn(&str, &Delivery) -> bool,
) -> Vec<WindowValue> {
    let view = catalog.view(view).expect("the window view");
    let windows = view.windows().expect("the view has windows");
    let from = catalog.view(&windows.from).expect("the event view");
    let cutoff = from.cutoff(asked.now);
    let end = asked.at.minus(windows.offset).as_micros();
    let end = Timestamp::from_micros(windows.every.map_or(end, |every| end - end.rem_euclid(every.as_micros())));
    let kept: Vec<Delivery> = deliveries.iter().filter(|one| one.event >= cutoff).cloned().collect();
    let events = counting(&kept, end, asked.known_at);
    let value = |feature: WindowedFeature<'_>| {
        let start = end.minus(feature.window.length());
        let conditions = [windows.condition.as_deref(), feature.of.condition.as_deref()];
        let is_in =
            |event: &Delivery| event.event > start && conditions.iter().flatten().all(|text| holds(text, event));
        let inside: Vec<&Delivery> = events.iter().copied().filter(|event| is_in(event)).collect();
        let is_whole = start.as_micros() >= cutoff.as_micros().saturating_sub(1);
        let newest = events.first().map(|event| event.event).filter(|_| is_whole);
        WindowValue { found: newest.map(|newest| (value(from, &feature, &inside), newest)), feature: feature.name }
    };
    let column = |name: &str| from.feature(name).map(|column| column.ty);
    windows.features(column).expect("a view that was applied").into_iter().map(value).collect()
}

/// The value of a feature over the events in its window.
fn value(from: &FeatureView, feature: &WindowedFeature<'_>, inside: &[&Delivery]) -> Expected {
    let column = feature.of.of.as_ref().map(|name| {
        let at = from.features.iter().position(|column| column.name == *name);
        at.expect("the column of an aggregate")
    });
    let ty = column.map_or(ValueType::Scalar(ScalarType::Bool), |column| from.features[column].ty);
    let cell = |event: &Delivery| column.map_or(Some(Value::Bool(true)), |column| event.cells[column].clone());
    expected(&feature.aggregate, ty, &days(inside.iter().map(|event| (event.event, cell(event)))))
}
