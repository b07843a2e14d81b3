//! Window views and derived views in a definitions file.

use asofdb_storage::{
    Aggregate, Computed, Error, Expressions, FeatureDefinition, RequestValue, Result, ScalarType, Span, ValueType,
    ViewDefinition, Window, WindowAggregate, WindowFeature, Windows,
};

use super::life::life_cycle;
use super::verdicts::verdicts;
use crate::definitions::document::{Field, Table};
use crate::definitions::field_type::value_type;
use crate::definitions::literal;
use crate::definitions::suggest::did_you_mean;

pub(super) const WINDOW_VIEW_KEYS: [&str; 17] = [
    "name",
    "from",
    "entities",
    "where",
    "windows",
    "every",
    "offset",
    "owner",
    "team",
    "description",
    "tags",
    "status",
    "replaced_by",
    "drop_after",
    "same_as",
    "not_same_as",
    "feature",
];
const WINDOW_FEATURE_KEYS: [&str; 17] = [
    "name",
    "aggregate",
    "of",
    "where",
    "windows",
    "default",
    "description",
    "tags",
    "population",
    "k",
    "distinct",
    "cap",
    "values",
    "top",
    "precision",
    "q",
    "error",
];
pub(super) const DERIVED_VIEW_KEYS: [&str; 12] = [
    "name",
    "request",
    "feature",
    "owner",
    "team",
    "description",
    "tags",
    "status",
    "replaced_by",
    "drop_after",
    "same_as",
    "not_same_as",
];
const REQUEST_KEYS: [&str; 4] = ["name", "type", "required", "description"];
const DERIVED_FEATURE_KEYS: [&str; 6] = ["name", "type", "expression", "description", "default", "tags"];

/// The names of aggregates in a file, with the settings that each takes.
const AGGREGATES: [(&str, &[&str]); 15] = [
    ("count", &[]),
    ("sum", &[]),
    ("min", &[]),
    ("max", &[]),
    ("mean", &[]),
    ("variance", &["population"]),
    ("stddev", &["population"]),
    ("first", &[]),
    ("last", &[]),
    ("first_k", &["k", "distinct"]),
    ("last_k", &["k", "distinct"]),
    ("distinct", &["cap"]),
    ("count_by", &["values", "top"]),
    ("approx_distinct", &["precision"]),
    ("quantile", &["q", "error"]),
];

/// Every setting of an aggregate.
const SETTINGS: [&str; 9] = ["population", "k", "distinct", "cap", "values", "top", "precision", "q", "error"];

/// The number of different values that an exact count counts to where a definition does not say.
const CAP_DEFAULT: u32 = 10_000;
/// The precision of an approximate count where a definition does not say: 1.6 % of standard error.
const PRECISION_DEFAULT: u32 = 12;
/// The relative error of a quantile where a definition does not say.
const ERROR_DEFAULT: f64 = 0.01;

/// Reads a window view, whose event view is among `event_views`.
pub(super) fn window_view(table: &Table, event_views: &[ViewDefinition]) -> Result<ViewDefinition> {
    let from = table.required_text("from")?;
    let events = event_views.iter().find(|view| view.name == from);
    let windows = windows(table)?;
    let features = table.tables("feature", "a window feature", &WINDOW_FEATURE_KEYS)?;
    let features = features.iter().map(|feature| window_feature(feature, events, windows.as_deref()));
    let computed = Windows {
        from,
        condition: table.optional_text("where")?,
        every: table.span("every")?,
        offset: table.span("offset")?.unwrap_or(Span::ZERO),
        features: features.collect::<Result<_>>()?,
    };
    let entities = match table.field("entities") {
        Some(_) => table.required_texts("entities")?,
        None => events.map(|events| events.entities.clone()).unwrap_or_default(),
    };
    Ok(ViewDefinition { entities, computed: Some(Computed::Windows(computed)), ..described(table)? })
}

/// Reads a derived view.
pub(super) fn derived_view(table: &Table) -> Result<ViewDefinition> {
    let request = table.tables("request", "a request value", &REQUEST_KEYS)?;
    let mut expressions =
        Expressions { request: request.iter().map(request_value).collect::<Result<_>>()?, ..Expressions::default() };
    let mut features = Vec::new();
    for feature in table.tables("feature", "a derived feature", &DERIVED_FEATURE_KEYS)? {
        let ty = value_type(&feature.required("type")?)?;
        let name = feature.required_text("name")?;
        expressions.of.insert(name.clone(), feature.required_text("expression")?);
        features.push(FeatureDefinition {
            name,
            ty,
            description: feature.text("description")?,
            default: feature.field("default").map(|field| literal::read(&field, ty)).transpose()?,
            tags: feature.tags("tags")?,
        });
    }
    Ok(ViewDefinition { features, computed: Some(Computed::Expressions(expressions)), ..described(table)? })
}

/// Reads what computed views of both kinds have.
fn described(table: &Table) -> Result<ViewDefinition> {
    Ok(ViewDefinition {
        name: table.required_text("name")?,
        owner: table.text("owner")?,
        team: table.text("team")?,
        description: table.text("description")?,
        tags: table.tags("tags")?,
        life: life_cycle(table)?,
        verdicts: verdicts(table)?,
        ..ViewDefinition::default()
    })
}

fn request_value(table: &Table) -> Result<RequestValue> {
    Ok(RequestValue {
        name: table.required_text("name")?,
        ty: value_type(&table.required("type")?)?,
        required: table.flag("required")?.unwrap_or(true),
        description: table.text("description")?,
    })
}

fn windows(table: &Table) -> Result<Option<Vec<Window>>> {
    let Some(field) = table.field("windows") else { return Ok(None) };
    let window = |item: Field| item.text()?.parse().map_err(|error: Error| item.invalid(error.message()));
    field.items()?.map(window).collect::<Result<_>>().map(Some)
}

fn window_feature(table: &Table, events: Option<&ViewDefinition>, of_view: Option<&[Window]>) -> Result<WindowFeature> {
    let name = table.required_text("name")?;
    let of = table.optional_text("of")?;
    let column = of
        .as_ref()
        .zip(events)
        .and_then(|(of, events)| events.features.iter().find(|column| column.name == *of).map(|column| column.ty));
    let aggregate = aggregate(table, column)?;
    let default = match (table.field("default"), type_of(&aggregate, column)) {
        (Some(field), Some(ty)) => Some(literal::read(&field, ty)?),
        // What is wrong with its aggregate or its column is told by the rules of definitions.
        (Some(_), None) | (None, _) => None,
    };
    let windows = windows(table)?.or_else(|| of_view.map(<[_]>::to_vec));
    Ok(WindowFeature {
        windows: windows.ok_or_else(|| table.missing("windows"))?,
        condition: table.optional_text("where")?,
        description: table.text("description")?,
        tags: table.tags("tags")?,
        name,
        aggregate,
        of,
        default,
    })
}

/// The type of the values of an aggregate, where all have one.
fn type_of(aggregate: &WindowAggregate, of: Option<ValueType>) -> Option<ValueType> {
    match aggregate {
        WindowAggregate::One(aggregate) => aggregate.value_type(of).ok(),
        WindowAggregate::CountBy(_) => Some(ValueType::Scalar(ScalarType::Int64)),
        WindowAggregate::Top { .. } => None,
    }
}

fn aggregate(table: &Table, of: Option<ValueType>) -> Result<WindowAggregate> {
    let field = table.required("aggregate")?;
    let name = field.text()?;
    let Some((_, settings)) = AGGREGATES.iter().find(|(known, _)| *known == name) else {
        let names = AGGREGATES.map(|(name, _)| name);
        let all = names.join(", ");
        let hint = did_you_mean(name, names);
        return Err(field.invalid(format!("there is no aggregate {name:?}{hint}; known are {all}")));
    };
    if let Some(field) = SETTINGS.iter().filter(|name| !settings.contains(name)).find_map(|name| table.field(name)) {
        return Err(field.invalid(format!("{name} takes no {:?}", field.name())));
    }
    let whole = |name: &'static str| table.whole_number(name, 1..=u32::MAX);
    let k = || whole("k")?.ok_or_else(|| table.missing("k"));
    let distinct = || Ok::<_, Error>(table.flag("distinct")?.unwrap_or(false));
    let population = || Ok::<_, Error>(table.flag("population")?.unwrap_or(false));
    Ok(WindowAggregate::One(match name {
        "sum" => Aggregate::Sum,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "mean" => Aggregate::Mean,
        "variance" => Aggregate::Variance { population: population()? },
        "stddev" => Aggregate::Stddev { population: population()? },
        "first" => Aggregate::First,
        "last" => Aggregate::Last,
        "first_k" => Aggregate::FirstK { k: k()?, distinct: distinct()? },
        "last_k" => Aggregate::LastK { k: k()?, distinct: distinct()? },
        "distinct" => Aggregate::Distinct { cap: whole("cap")?.unwrap_or(CAP_DEFAULT) },
        "approx_distinct" => {
            let precision = table.whole_number("precision", 0..=255)?.unwrap_or(PRECISION_DEFAULT);
            Aggregate::ApproxDistinct { precision: precision as u8 }
        }
        "quantile" => Aggregate::Quantile {
            q: literal::float_setting(table, "q")?.ok_or_else(|| table.missing("q"))?,
            error: literal::float_setting(table, "error")?.unwrap_or(ERROR_DEFAULT),
        },
        "count_by" => return count_by(table, of),
        _ => Aggregate::Count,
    }))
}

fn count_by(table: &Table, of: Option<ValueType>) -> Result<WindowAggregate> {
    match (table.field("values"), table.whole_number("top", 1..=u32::MAX)?) {
        (Some(values), None) => {
            // A column that is not there is told by the rules of definitions; until then its values are texts.
            let ty = of.unwrap_or(ValueType::Scalar(ScalarType::String));
            let values = values.items()?.map(|value| literal::read(&value, ty));
            values.collect::<Result<_>>().map(WindowAggregate::CountBy)
        }
        (None, Some(k)) => Ok(WindowAggregate::Top { k }),
        _ => Err(table.invalid("count_by needs either values = [...] to count, or top = the number of values")),
    }
}
