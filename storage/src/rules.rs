//! The rules that definitions must keep before anything is compared with the catalog.
//!
//! They are written once, here, for definitions from a file and for those made in code. A broken rule says
//! where it is broken, so that whoever read the definitions from a file can point at the line.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::JoinKey;
use crate::computed::Computed;
use crate::computed_rules::{check_expressions, check_unwritten, check_windows};
use crate::definition::{Definitions, EntityDefinition, FeatureDefinition, ServiceDefinition, ViewDefinition};
use crate::error::ErrorKind;
use crate::hot_policy::check_hot;
use crate::index_rules::check_also_by;
use crate::name::{NAME_BYTES_MAX, check_name, shortened};
use crate::problem::{At, Checked, Problem};
use crate::schema::FEATURES_MAX;
use crate::time::Span;
use crate::value::Value;
use crate::value_type::ValueType;

/// Column names that results use beside features, so that neither features nor join keys may have them.
const RESERVED_COLUMNS: [&str; 2] = ["event_timestamp", "created_timestamp"];

impl Definitions {
    /// Checks every rule that can be checked without a catalog.
    ///
    /// # Errors
    /// The first rule that is broken: `Invalid`, or `NotFound` where a name refers to nothing.
    pub fn check(&self) -> Result<(), Box<Problem>> {
        let at = At::top("entity");
        let mut entities = BTreeMap::new();
        for (index, entity) in self.entities.iter().enumerate() {
            check_entity(&at.item(index), entity)?;
            if entities.insert(entity.name.as_str(), entity).is_some() {
                return at.item(index).field("name").invalid(format!("entity is defined twice: {:?}", entity.name));
            }
        }
        let mut views = BTreeMap::new();
        // Each kind has a list of its own in a file.
        let mut counts = BTreeMap::new();
        for view in &self.views {
            let index = counts.entry(view.kind()).or_insert(0);
            let at = At::top(view.kind());
            let at = at.item(*index);
            *index += 1;
            check_view(&at, view, &entities)?;
            if views.insert(view.name.as_str(), view).is_some() {
                return at.field("name").invalid(format!("{} is defined twice: {:?}", noun(view), view.name));
            }
        }
        self.check_computed(&views)?;
        self.check_lives(&views)?;
        self.check_verdicts()?;
        check_services(&self.services, &views)
    }
}

impl Definitions {
    /// Checks the life cycles of views, which may name each other.
    fn check_lives(&self, views: &BTreeMap<&str, &ViewDefinition>) -> Checked {
        let mut counts = BTreeMap::new();
        for view in &self.views {
            let index = counts.entry(view.kind()).or_insert(0);
            let at = At::top(view.kind());
            view.life.check(&at.item(*index), &subject(view), &view.name, views.keys().copied())?;
            *index += 1;
        }
        Ok(())
    }

    /// Checks what is said of features that look alike, which may be of any view, and where views are fed from.
    fn check_verdicts(&self) -> Checked {
        let names = |view: &ViewDefinition| view.feature_names().into_iter().map(Cow::into_owned).collect();
        let is_needed = self.views.iter().any(|view| !view.verdicts.is_empty());
        let views = if is_needed { self.views.as_slice() } else { &[] };
        let features = views.iter().map(|view| (view.name.as_str(), names(view))).collect();
        let mut counts = BTreeMap::new();
        for view in &self.views {
            let index = counts.entry(view.kind()).or_insert(0);
            let at = At::top(view.kind());
            let at = at.item(*index);
            *index += 1;
            view.verdicts.check(&at, &subject(view), &view.name, &features)?;
            match &view.source {
                Some(_) if view.computed.is_some() => {
                    let rule = "only a stored view is fed from files, and this one is computed";
                    return at.field("source").invalid(format!("{}: {rule}", subject(view)));
                }
                Some(source) => source.check(&at, &subject(view))?,
                None => {}
            }
        }
        Ok(())
    }

    /// Checks the views that are computed from others.
    fn check_computed(&self, views: &BTreeMap<&str, &ViewDefinition>) -> Checked {
        let mut counts = BTreeMap::new();
        for view in &self.views {
            let Some(computed) = &view.computed else { continue };
            let index = counts.entry(view.kind()).or_insert(0);
            let at = At::top(view.kind());
            let at = at.item(*index);
            *index += 1;
            match computed {
                Computed::Windows(windows) => check_windows(&at, view, windows, views)?,
                Computed::Expressions(expressions) => check_expressions(&at, view, expressions)?,
            }
        }
        Ok(())
    }
}

fn check_services(services: &[ServiceDefinition], views: &BTreeMap<&str, &ViewDefinition>) -> Checked {
    let at = At::top("feature_service");
    let mut names = BTreeSet::new();
    for (index, service) in services.iter().enumerate() {
        let at = at.item(index);
        check_service(&at, service, views)?;
        let others = services.iter().map(|other| other.name.as_str());
        service.life.check(&at, &format!("feature service {:?}", service.name), &service.name, others)?;
        let name = at.field("name");
        if views.contains_key(service.name.as_str()) {
            let message = format!("a feature service cannot have the name of a feature view: {:?}", service.name);
            return name.invalid(message);
        }
        if !names.insert(service.name.as_str()) {
            return name.invalid(format!("feature service is defined twice: {:?}", service.name));
        }
    }
    Ok(())
}

fn check_entity(at: &At, entity: &EntityDefinition) -> Checked {
    check_name(&at.field("name"), "an entity", &entity.name)?;
    let keys = at.field("join_keys");
    if entity.join_keys.is_empty() {
        return keys.invalid(format!("entity {:?} has no join keys: give at least one", entity.name));
    }
    let mut seen = BTreeSet::new();
    for (index, JoinKey { name, .. }) in entity.join_keys.iter().enumerate() {
        let key = keys.item(index);
        let key = key.field("name");
        check_name(&key, &format!("a join key of entity {:?}", entity.name), name)?;
        if RESERVED_COLUMNS.contains(&name.as_str()) {
            return key.invalid(format!("entity {:?}: results use this name for a timestamp: {name:?}", entity.name));
        }
        if !seen.insert(name) {
            return key.invalid(format!("entity {:?} has a join key twice: {name:?}", entity.name));
        }
    }
    Ok(())
}

fn check_view(at: &At, view: &ViewDefinition, entities: &BTreeMap<&str, &EntityDefinition>) -> Checked {
    check_name(&at.field("name"), &format!("a {}", noun(view)), &view.name)?;
    let mut columns = BTreeMap::new();
    match &view.computed {
        None => {
            check_timestamp_columns(at, view, &mut columns)?;
            check_entities_of_view(at, view, entities, &mut columns)?;
            check_also_by(at, view, entities)?;
        }
        // Its entities are those of its events or of its inputs.
        Some(_) => check_unwritten(at, view)?,
    }
    check_times(at, view)?;
    if let Some(objective) = &view.freshness {
        objective.check(at, &subject(view), view.event_id.is_some())?;
    }
    match &view.computed {
        // Its features are those of its windows.
        Some(Computed::Windows(_)) => {}
        _ => check_features(at, view, &columns)?,
    }
    check_hot(at, view, &subject(view))?;
    view.event_id.as_ref().map_or(Ok(()), |event_id| check_events(at, view, event_id))
}

/// The word for a view in errors.
fn noun(view: &ViewDefinition) -> &'static str {
    match view.kind() {
        "event_view" => "event view",
        "window_view" => "window view",
        "derived_view" => "derived view",
        _ => "feature view",
    }
}

/// A view in errors.
fn subject(view: &ViewDefinition) -> String {
    format!("{} {:?}", noun(view), view.name)
}

/// The list of a view's features or columns in a definitions file, and the word for one of them.
fn part(view: &ViewDefinition) -> (&'static str, &'static str) {
    if view.event_id.is_some() { ("columns", "column") } else { ("feature", "feature") }
}

/// Events do not expire or outlive their retention, and have no defaults; their id is of columns that have one value.
fn check_events(at: &At, view: &ViewDefinition, event_id: &[String]) -> Checked {
    let name = &view.name;
    if view.ttl.is_some() {
        return at
            .field("ttl")
            .invalid(format!("event view {name:?}: events have no ttl; windows say how far they count"));
    }
    if view.keep_newest {
        return at.field("keep_newest").invalid(format!("event view {name:?}: no event outlives the retention"));
    }
    let columns = at.field("columns");
    if let Some(index) = view.features.iter().position(|column| column.default.is_some()) {
        return columns.item(index).field("default").invalid(format!("event view {name:?}: columns have no default"));
    }
    let (at, mut seen) = (at.field("event_id"), BTreeSet::new());
    for (index, column) in event_id.iter().enumerate() {
        let at = at.item(index);
        match view.features.iter().find(|feature| feature.name == *column).map(|feature| feature.ty) {
            None => {
                let message = format!("event view {name:?}: its event id is of an unknown column: {column:?}");
                return Err(at.unknown(message, column, view.features.iter().map(|feature| feature.name.as_str())));
            }
            Some(ValueType::List(_)) => {
                return at
                    .invalid(format!("event view {name:?}: an event id is of single values, not a list: {column:?}"));
            }
            Some(ValueType::Scalar(_)) if !seen.insert(column) => {
                return at.invalid(format!("event view {name:?} lists a column of its event id twice: {column:?}"));
            }
            Some(ValueType::Scalar(_)) => {}
        }
    }
    Ok(())
}

/// The columns of a view's sources, by name, and what each is.
type Columns<'a> = BTreeMap<&'a str, &'static str>;

fn check_timestamp_columns<'a>(at: &At, view: &'a ViewDefinition, columns: &mut Columns<'a>) -> Checked {
    let given = [
        ("event_timestamp", Some(&view.event_column), "the event timestamp"),
        ("created_timestamp", view.created_column.as_ref(), "the created timestamp"),
    ];
    for (field, column, what) in given {
        let Some(column) = column else { continue };
        let at = at.field(field);
        if column.is_empty() || column.len() > NAME_BYTES_MAX {
            let message = format!("{}: a column name has 1 to {NAME_BYTES_MAX} bytes", subject(view));
            return at.invalid(format!("{message}: {:?}", shortened(column)));
        }
        if columns.insert(column, what).is_some() {
            let message = format!("{}: one column cannot be both timestamps: {column:?}", subject(view));
            return at.invalid(message);
        }
    }
    Ok(())
}

fn check_entities_of_view<'a>(
    at: &At,
    view: &'a ViewDefinition,
    entities: &BTreeMap<&str, &'a EntityDefinition>,
    columns: &mut Columns<'a>,
) -> Checked {
    let at = at.field("entities");
    if view.entities.is_empty() {
        return at.invalid(format!("{} has no entities: give at least one", subject(view)));
    }
    let mut seen = BTreeSet::new();
    for (index, name) in view.entities.iter().enumerate() {
        let at = at.item(index);
        let Some(entity) = entities.get(name.as_str()) else {
            let message = format!("{} is over an unknown entity: {name:?}", subject(view));
            return Err(at.unknown(message, name, entities.keys().copied()));
        };
        if !seen.insert(name) {
            return at.invalid(format!("{} lists an entity twice: {name:?}", subject(view)));
        }
        for key in &entity.join_keys {
            if let Some(other) = columns.insert(&key.name, "a join key") {
                let subject = subject(view);
                let message = format!("{subject}: a join key of entity {:?} is also {other}", entity.name);
                return at.invalid(format!("{message}: {:?}", key.name));
            }
        }
    }
    Ok(())
}

fn check_times(at: &At, view: &ViewDefinition) -> Checked {
    let positive = |field: &'static str, span: Option<Span>| match span {
        Some(Span::ZERO) => {
            let message = format!("{}: {field} is above zero; leave it out for no limit", subject(view));
            at.field(field).invalid(message)
        }
        _ => Ok(()),
    };
    positive("ttl", view.ttl)?;
    positive("retention", view.retention)?;
    match (view.ttl, view.retention) {
        (Some(ttl), Some(retention)) if retention < ttl => {
            let rule = "retention is at least the ttl, or it would reclaim what is still served";
            let message = format!("{}: {rule}: {retention} < {ttl}", subject(view));
            at.field("retention").invalid(message)
        }
        _ => Ok(()),
    }
}

fn check_features(at: &At, view: &ViewDefinition, columns: &Columns) -> Checked {
    let (field, part) = part(view);
    let at = at.field(field);
    let count = view.features.len();
    if count == 0 {
        return at.invalid(format!("{} has no {part}s: give at least one", subject(view)));
    }
    if count > FEATURES_MAX {
        let message = format!("{} has more than {FEATURES_MAX} {part}s: split it", subject(view));
        return at.item(FEATURES_MAX).invalid(format!("{message}: {count}"));
    }
    let mut seen = BTreeSet::new();
    for (index, feature) in view.features.iter().enumerate() {
        let at = at.item(index);
        check_feature(&at, view, feature, columns)?;
        if !seen.insert(&feature.name) {
            let message = format!("{} has a {part} twice: {:?}", subject(view), feature.name);
            return at.field("name").invalid(message);
        }
    }
    Ok(())
}

fn check_feature(at: &At, view: &ViewDefinition, feature: &FeatureDefinition, columns: &Columns) -> Checked {
    let (subject, (_, part)) = (subject(view), part(view));
    let (view, name) = (&view.name, &feature.name);
    check_name(&at.field("name"), &format!("a {part} of view {view:?}"), name)?;
    if let Some(other) = columns.get(name.as_str()) {
        return at.field("name").invalid(format!("{subject}: a {part} is also {other}: {name:?}"));
    }
    if RESERVED_COLUMNS.contains(&name.as_str()) {
        let message = format!("{subject}: results use this name for a timestamp: {name:?}");
        return at.field("name").invalid(message);
    }
    let Some(default) = &feature.default else { return Ok(()) };
    let at = at.field("default");
    if default.value_type() != feature.ty || !items_fit(default) {
        let message = format!("the default of feature {view}:{name} is of another type than the feature");
        return at.invalid(format!("{message}: {} is not {}", default.value_type(), feature.ty));
    }
    if default.has_nan() {
        return at.invalid(format!("the default of feature {view}:{name} cannot be NaN: leave it out for none"));
    }
    Ok(())
}

/// Returns whether every item of a list is of the list's own item type.
fn items_fit(value: &Value) -> bool {
    match value {
        Value::List(item, values) => values.iter().all(|value| value.value_type() == ValueType::Scalar(*item)),
        _ => true,
    }
}

fn check_service(at: &At, service: &ServiceDefinition, views: &BTreeMap<&str, &ViewDefinition>) -> Checked {
    check_name(&at.field("name"), "a feature service", &service.name)?;
    let at = at.field("features");
    if service.features.is_empty() {
        return at.invalid(format!("feature service {:?} has no features: give at least one", service.name));
    }
    let mut seen = BTreeSet::new();
    for (index, reference) in service.features.iter().enumerate() {
        let at = at.item(index);
        let (view, feature) = check_reference(&at, &service.name, reference, views)?;
        let named = view.feature_names().into_iter().filter(|known| feature == "*" || known == feature);
        for known in named {
            if !seen.insert((view.name.as_str(), known.clone())) {
                let message = format!("feature service {:?} lists a feature twice", service.name);
                return at.invalid(format!("{message}: {}:{known}", view.name));
            }
        }
    }
    Ok(())
}

/// Splits a reference of a service and finds its view; the feature part is a known feature or `*`.
fn check_reference<'a, 'r>(
    at: &At,
    service: &str,
    reference: &'r str,
    views: &BTreeMap<&str, &'a ViewDefinition>,
) -> Result<(&'a ViewDefinition, &'r str), Box<Problem>> {
    let malformed = || format!("feature service {service:?}: a reference is view:feature or view:*: {reference:?}");
    let parts = reference.split_once(':').filter(|(view, feature)| !view.is_empty() && !feature.is_empty());
    let (view, feature) = parts.ok_or_else(|| at.problem(ErrorKind::Invalid, malformed()))?;
    if feature.contains(':') {
        return Err(at.problem(ErrorKind::Invalid, malformed()));
    }
    let Some(found) = views.get(view) else {
        let message = format!("feature service {service:?} refers to an unknown feature view: {reference:?}");
        return Err(at.unknown(message, view, views.keys().copied()));
    };
    if found.event_id.is_some() {
        let message = format!("feature service {service:?}: {view:?} is an event view, which has no features");
        return Err(at.problem(ErrorKind::Invalid, format!("{message}: {reference:?}")));
    }
    let names = found.feature_names();
    if feature != "*" && !names.iter().any(|known| known == feature) {
        let message = format!("feature service {service:?} refers to an unknown feature: {reference:?}");
        return Err(at.unknown(message, feature, names.iter().map(|known| &**known)));
    }
    Ok((found, feature))
}
