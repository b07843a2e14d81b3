//! The rules that computed views must keep: those of windows and of expressions.

use std::collections::{BTreeMap, BTreeSet};

use crate::computed::{Expressions, WindowAggregate, WindowFeature, Windows};
use crate::definition::ViewDefinition;
use crate::error::ErrorKind;
use crate::index_rules::found_by;
use crate::name::check_name;
use crate::problem::{At, Checked};
use crate::schema::FEATURES_MAX;
use crate::time::Span;
use crate::value_type::ValueType;

/// Most values that a request has for one view.
const REQUEST_VALUES_MAX: usize = 256;

/// Most values that a `count_by` counts.
const COUNTED_VALUES_MAX: usize = 256;

/// Refuses settings of a computed view that say how rows are written and kept, since it has none.
pub(crate) fn check_unwritten(at: &At, view: &ViewDefinition) -> Checked {
    let plain = ViewDefinition::default();
    let set = [
        ("ttl", view.ttl != plain.ttl),
        ("retention", view.retention != plain.retention),
        ("keep_newest", view.keep_newest != plain.keep_newest),
        ("max_future_skew", view.max_future_skew != plain.max_future_skew),
        ("event_timestamp", view.event_column != plain.event_column),
        ("created_timestamp", view.created_column != plain.created_column),
        ("event_id", view.event_id != plain.event_id),
        ("also_by", view.also_by != plain.also_by),
        ("check", view.check != plain.check),
        ("freshness", view.freshness != plain.freshness),
    ];
    match set.iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((field, _)) => {
            let name = &view.name;
            at.field(field).invalid(format!("{name:?} is computed, and nothing is written to it: leave {field} out"))
        }
    }
}

/// Checks the windows of a view, where `views` are all that are defined, by name.
pub(crate) fn check_windows(
    at: &At,
    view: &ViewDefinition,
    windows: &Windows,
    views: &BTreeMap<&str, &ViewDefinition>,
) -> Checked {
    let name = &view.name;
    let events = || views.values().filter(|view| view.event_id.is_some()).map(|view| view.name.as_str());
    let from_at = at.field("from");
    let Some(from) = views.get(windows.from.as_str()).filter(|view| view.event_id.is_some()) else {
        let message = format!("window view {name:?} is over an unknown event view: {:?}", windows.from);
        return Err(from_at.unknown(message, &windows.from, events()));
    };
    if view.entities != from.entities && !from.also_by.contains(&view.entities) {
        let message = format!("window view {name:?} has entities of its event view {:?}", from.name);
        return at.field("entities").invalid(format!("{message}: {}, not {:?}", found_by(from), view.entities));
    }
    if windows.every == Some(Span::ZERO) {
        let message =
            format!("window view {name:?}: every is above zero; leave it out for windows that end at any time");
        return at.field("every").invalid(message);
    }
    if !view.features.is_empty() {
        return at.field("feature").invalid(format!("window view {name:?}: its windows say which features it has"));
    }
    check_window_features(at, view, windows, from)?;
    match from.retention.filter(|retention| *retention < windows.reach()) {
        None => Ok(()),
        Some(retention) => {
            let (from, reach) = (&from.name, windows.reach());
            let rule = "a retention is at least the longest window with its offset and its step";
            from_at.invalid(format!("window view {name:?}: {rule}: event view {from:?} has {retention} < {reach}"))
        }
    }
}

fn check_window_features(at: &At, view: &ViewDefinition, windows: &Windows, from: &ViewDefinition) -> Checked {
    let (at, name) = (at.field("feature"), &view.name);
    if windows.features.is_empty() {
        return at.invalid(format!("window view {name:?} has no features: give at least one"));
    }
    let mut seen = BTreeSet::new();
    for (index, feature) in windows.features.iter().enumerate() {
        let at = at.item(index);
        check_window_feature(&at, view, feature, from)?;
        for (feature, _, _) in feature.names() {
            check_name(&at.field("name"), &format!("a feature of view {name:?}"), &feature)?;
            if !seen.insert(feature.clone()) {
                return at.field("name").invalid(format!("window view {name:?} has a feature twice: {feature:?}"));
            }
        }
        if seen.len() > FEATURES_MAX {
            return at.invalid(format!("window view {name:?} has more than {FEATURES_MAX} features: split it"));
        }
    }
    Ok(())
}

fn check_window_feature(at: &At, view: &ViewDefinition, feature: &WindowFeature, from: &ViewDefinition) -> Checked {
    let subject = format!("feature {}:{}", view.name, feature.name);
    check_name(&at.field("name"), &format!("a feature of view {:?}", view.name), &feature.name)?;
    let mut lengths = BTreeSet::new();
    if feature.windows.is_empty() {
        return at.field("windows").invalid(format!("{subject} has no windows: give at least one"));
    }
    if let Some(twice) = feature.windows.iter().find(|window| !lengths.insert(window.length())) {
        return at.field("windows").invalid(format!("{subject} has a window twice: {twice}"));
    }
    if let WindowAggregate::CountBy(values) = &feature.aggregate
        && !(1..=COUNTED_VALUES_MAX).contains(&values.len())
    {
        let message = format!("{subject} counts 1 to {COUNTED_VALUES_MAX} values: {}", values.len());
        return at.field("values").invalid(message);
    }
    let column = |name: &str| from.features.iter().find(|column| column.name == name).map(|column| column.ty);
    let features = match feature.features(&from.name, column) {
        Ok(features) => features,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let of = feature.of.as_deref().unwrap_or_default();
            let columns = from.features.iter().map(|column| column.name.as_str());
            return Err(at.field("of").unknown(format!("{subject}: {}", error.message()), of, columns));
        }
        Err(error) => return at.field("aggregate").invalid(format!("{subject}: {}", error.message())),
    };
    let Some(default) = &feature.default else { return Ok(()) };
    let fits = |ty: ValueType| default.value_type() == ty && !default.has_nan();
    match features.iter().find(|windowed| !fits(windowed.ty)) {
        None => Ok(()),
        Some(other) => {
            let message = format!("the default of {subject} is of another type than the feature, or NaN");
            at.field("default").invalid(format!("{message}: {} is not {}", default.value_type(), other.ty))
        }
    }
}

/// Checks the names of the expressions of a view. Whether they can be compiled is for whoever knows the language.
pub(crate) fn check_expressions(at: &At, view: &ViewDefinition, expressions: &Expressions) -> Checked {
    let name = &view.name;
    if !view.entities.is_empty() {
        let message = format!("derived view {name:?} has the entities of its inputs: leave entities out");
        return at.field("entities").invalid(message);
    }
    let features = at.field("feature");
    for (index, feature) in view.features.iter().enumerate() {
        if !expressions.of.contains_key(&feature.name) {
            let at = features.item(index);
            return at.invalid(format!("feature {name}:{} has no expression: give one", feature.name));
        }
    }
    if let Some(of) = expressions.of.keys().find(|of| view.features.iter().all(|feature| feature.name != **of)) {
        return features.invalid(format!("derived view {name:?} has an expression of no feature: {of:?}"));
    }
    let at = at.field("request");
    if expressions.request.len() > REQUEST_VALUES_MAX {
        return at.invalid(format!("derived view {name:?} has at most {REQUEST_VALUES_MAX} values of a request"));
    }
    let mut seen = BTreeSet::new();
    for (index, value) in expressions.request.iter().enumerate() {
        let at = at.item(index);
        let at = at.field("name");
        check_name(&at, &format!("a request value of view {name:?}"), &value.name)?;
        if !seen.insert(&value.name) {
            return at.invalid(format!("derived view {name:?} has a request value twice: {:?}", value.name));
        }
        if view.features.iter().any(|feature| feature.name == value.name) {
            return at.invalid(format!("derived view {name:?}: a request value is also a feature: {:?}", value.name));
        }
    }
    Ok(())
}
