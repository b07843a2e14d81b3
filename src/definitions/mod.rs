//! Definitions from TOML.
//!
//! Every error begins with `file:line:column:` and is one line, but for one in an expression, which shows it below. The
//! rules that definitions must keep are those of [`Definitions::check`]; this module adds the places and what only a
//! file can get wrong.

pub(crate) mod check;
mod computed;
pub(crate) mod document;
pub(crate) mod field_type;
mod life;
pub(crate) mod literal;
pub(crate) mod reference;
pub(crate) mod suggest;
mod verdicts;

use std::path::Path;

use asofdb_storage::{
    Catalog, Definitions, EVENT_COLUMN_DEFAULT, EntityDefinition, Error, FeatureDefinition, FreshnessObjective,
    HotPolicy, JoinKey, MAX_FUTURE_SKEW_DEFAULT, Problem, Result, ServiceDefinition, Step, Timestamp, ValueType,
    ViewDefinition,
};
use toml::Spanned;
use toml::de::DeTable;

use crate::definitions::computed::{DERIVED_VIEW_KEYS, WINDOW_VIEW_KEYS, derived_view, window_view};
use crate::definitions::document::{Table, TomlText, offset_of, read_text};
use crate::definitions::field_type::value_type;
use crate::definitions::life::life_cycle;
use crate::definitions::suggest::did_you_mean;
use crate::definitions::verdicts::{source, verdicts};
use crate::misdefined::check_view;

/// Longest definitions file in bytes; a file over it is data given by mistake.
pub const DEFINITIONS_BYTES_MAX: usize = 16 << 20;

const DOCUMENT_KEYS: [&str; 6] =
    ["entity", "feature_view", "event_view", "window_view", "derived_view", "feature_service"];
const ENTITY_KEYS: [&str; 4] = ["name", "join_keys", "description", "tags"];
const JOIN_KEY_KEYS: [&str; 2] = ["name", "type"];
const VIEW_KEYS: [&str; 22] = [
    "name",
    "entities",
    "ttl",
    "retention",
    "keep_newest",
    "max_future_skew",
    "event_timestamp",
    "created_timestamp",
    "owner",
    "team",
    "description",
    "tags",
    "check",
    "freshness",
    "status",
    "replaced_by",
    "drop_after",
    "same_as",
    "not_same_as",
    "source",
    "hot",
    "feature",
];
const EVENT_VIEW_KEYS: [&str; 21] = [
    "name",
    "entities",
    "also_by",
    "event_id",
    "retention",
    "max_future_skew",
    "event_timestamp",
    "created_timestamp",
    "owner",
    "team",
    "description",
    "tags",
    "check",
    "freshness",
    "status",
    "replaced_by",
    "drop_after",
    "same_as",
    "not_same_as",
    "source",
    "columns",
];
const FRESHNESS_KEYS: [&str; 3] = ["warn", "stale", "stale_share_max"];
const COLUMN_KEYS: [&str; 4] = ["name", "type", "description", "tags"];
const FEATURE_KEYS: [&str; 5] = ["name", "type", "description", "default", "tags"];
const SERVICE_KEYS: [&str; 8] =
    ["name", "owner", "description", "tags", "features", "status", "replaced_by", "drop_after"];

/// Reads a definitions file.
///
/// # Errors
/// `NotFound` when there is no such file, `Unavailable` when it cannot be read, otherwise as
/// [`parse_definitions`].
pub fn read_definitions(path: impl AsRef<Path>) -> Result<Definitions> {
    let text = read_text(path.as_ref(), "definitions file", DEFINITIONS_BYTES_MAX)?;
    parse_definitions(&text, &path.as_ref().display().to_string())
}

/// Reads definitions from TOML; `origin` is the name of the text in errors, mostly a file name.
///
/// # Errors
/// `Invalid` or `NotFound`, beginning with `origin:line:column:`, when the text is not TOML, has keys,
/// types or values that definitions do not have, or breaks a rule of [`Definitions::check`].
pub fn parse_definitions(text: &str, origin: &str) -> Result<Definitions> {
    let source = TomlText { origin, text };
    if text.len() > DEFINITIONS_BYTES_MAX {
        return Err(source.invalid(0, format!("a definitions file has at most {DEFINITIONS_BYTES_MAX} bytes")));
    }
    let document = source.parse()?;
    let root = Table::document(source, &document, "a definitions file", &DOCUMENT_KEYS)?;
    let entities = root.tables("entity", "an entity", &ENTITY_KEYS)?;
    let views = root.tables("feature_view", "a feature view", &VIEW_KEYS)?;
    let event_views = root.tables("event_view", "an event view", &EVENT_VIEW_KEYS)?;
    let window_views = root.tables("window_view", "a window view", &WINDOW_VIEW_KEYS)?;
    let derived_views = root.tables("derived_view", "a derived view", &DERIVED_VIEW_KEYS)?;
    let services = root.tables("feature_service", "a feature service", &SERVICE_KEYS)?;
    let events = event_views.iter().map(event_view).collect::<Result<Vec<_>>>()?;
    let windows = window_views.iter().map(|table| window_view(table, &events)).collect::<Result<Vec<_>>>()?;
    let mut all = views.iter().map(view).collect::<Result<Vec<_>>>()?;
    all.extend(events.iter().cloned().chain(windows));
    all.extend(derived_views.iter().map(derived_view).collect::<Result<Vec<_>>>()?);
    let definitions = Definitions {
        entities: entities.iter().map(entity).collect::<Result<_>>()?,
        views: all,
        services: services.iter().map(service).collect::<Result<_>>()?,
    };
    if let Err(problem) = definitions.check() {
        return Err(located(source, offset_of(&document, &problem.path), &problem));
    }
    check_conditions(source, &document, &definitions)?;
    Ok(definitions)
}

/// Refuses conditions and expressions that cannot be evaluated. Below the line with the place stands the expression,
/// with the place in it.
fn check_conditions(source: TomlText, document: &Spanned<DeTable>, definitions: &Definitions) -> Result<()> {
    let catalog = Catalog::default().plan(definitions, Timestamp::MIN)?.into_catalog();
    for (kind, view) in definitions.views.iter().map(|view| (view.kind(), view)) {
        let Some(planned) = catalog.view(&view.name) else { continue };
        if let Err(misdefined) = check_view(&catalog, planned) {
            let number = definitions.views.iter().filter(|other| other.kind() == kind);
            let number = number.take_while(|other| other.name != view.name).count();
            let path = [Step::Field(kind), Step::Item(number)].into_iter().chain(misdefined.path);
            let at = offset_of(document, &path.collect::<Vec<_>>());
            return Err(source.error(misdefined.error.kind(), at, misdefined.error.message()));
        }
    }
    Ok(())
}

fn located(source: TomlText, at: usize, problem: &Problem) -> Error {
    let known = problem.unknown.as_ref();
    let question = known.map(|unknown| did_you_mean(&unknown.name, unknown.known.iter().map(String::as_str)));
    let message = format!("{}{}", problem.error.message(), question.unwrap_or_default());
    source.error(problem.error.kind(), at, message)
}

fn entity(table: &Table) -> Result<EntityDefinition> {
    table.required("join_keys")?;
    let keys = table.tables("join_keys", "a join key", &JOIN_KEY_KEYS)?;
    Ok(EntityDefinition {
        name: table.required_text("name")?,
        join_keys: keys.iter().map(join_key).collect::<Result<_>>()?,
        description: table.text("description")?,
        tags: table.tags("tags")?,
    })
}

fn join_key(table: &Table) -> Result<JoinKey> {
    let name = table.required_text("name")?;
    let field = table.required("type")?;
    match value_type(&field)? {
        ValueType::Scalar(ty) => Ok(JoinKey { name, ty }),
        ValueType::List(item) => Err(field.invalid(format!("a join key is one value, not a list: write {item}"))),
    }
}

fn view(table: &Table) -> Result<ViewDefinition> {
    let features = table.tables("feature", "a feature", &FEATURE_KEYS)?;
    Ok(ViewDefinition {
        ttl: table.span("ttl")?,
        keep_newest: table.flag("keep_newest")?.unwrap_or(true),
        hot: hot(table)?,
        features: features.iter().map(feature).collect::<Result<_>>()?,
        ..any_view(table)?
    })
}

fn event_view(table: &Table) -> Result<ViewDefinition> {
    table.required("columns")?;
    let columns = table.tables("columns", "a column", &COLUMN_KEYS)?;
    let event_id = match table.field("event_id") {
        None => Vec::new(),
        Some(field) => match table.required_texts("event_id")? {
            none if none.is_empty() => {
                return Err(field.invalid("event_id names at least one column; leave it out for all of them together"));
            }
            names => names,
        },
    };
    Ok(ViewDefinition {
        keep_newest: false,
        event_id: Some(event_id),
        also_by: table.lists_of_texts("also_by")?,
        features: columns.iter().map(feature).collect::<Result<_>>()?,
        ..any_view(table)?
    })
}

/// Reads what views of all kinds have.
fn any_view(table: &Table) -> Result<ViewDefinition> {
    Ok(ViewDefinition {
        name: table.required_text("name")?,
        entities: table.required_texts("entities")?,
        retention: table.span("retention")?,
        max_future_skew: table.span("max_future_skew")?.unwrap_or(MAX_FUTURE_SKEW_DEFAULT),
        event_column: table.optional_text("event_timestamp")?.unwrap_or_else(|| EVENT_COLUMN_DEFAULT.to_owned()),
        created_column: table.optional_text("created_timestamp")?,
        owner: table.text("owner")?,
        team: table.text("team")?,
        description: table.text("description")?,
        tags: table.tags("tags")?,
        check: table.optional_text("check")?,
        freshness: freshness(table)?,
        life: life_cycle(table)?,
        verdicts: verdicts(table)?,
        source: source(table)?,
        ..ViewDefinition::default()
    })
}

/// Reads the place of a view's rows in the hot table.
fn hot(table: &Table) -> Result<HotPolicy> {
    let Some(field) = table.field("hot") else { return Ok(HotPolicy::default()) };
    field.text()?.parse().map_err(|error: Error| field.invalid(error.message()))
}

/// Reads the freshness that a view promises. Without `warn` it warns of nothing before it is stale.
fn freshness(table: &Table) -> Result<Option<FreshnessObjective>> {
    let Some(table) = &table.table("freshness", "freshness", &FRESHNESS_KEYS)? else { return Ok(None) };
    let stale = table.required_span("stale")?;
    let warn = table.span("warn")?.unwrap_or(stale);
    Ok(Some(FreshnessObjective { warn, stale, stale_share_max: literal::float_setting(table, "stale_share_max")? }))
}

fn feature(table: &Table) -> Result<FeatureDefinition> {
    let ty = value_type(&table.required("type")?)?;
    Ok(FeatureDefinition {
        name: table.required_text("name")?,
        ty,
        description: table.text("description")?,
        default: table.field("default").map(|field| literal::read(&field, ty)).transpose()?,
        tags: table.tags("tags")?,
    })
}

fn service(table: &Table) -> Result<ServiceDefinition> {
    Ok(ServiceDefinition {
        name: table.required_text("name")?,
        owner: table.text("owner")?,
        description: table.text("description")?,
        tags: table.tags("tags")?,
        features: table.required_texts("features")?,
        life: life_cycle(table)?,
    })
}
