//! Policies from TOML.

use asofdb_storage::{Catalog, Error, Result};

use super::pattern::Pattern;
use super::restriction::Restricted;
use super::rulebook::Policy;
use super::rules::{Rules, SpanRule};
use super::team::Team;
use crate::definitions::document::{Field, Table, TomlText};
use crate::definitions::field_type::value_type;

/// Longest policy file in bytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

const KEYS: [&str; 8] = ["entity", "view", "feature", "service", "restricted", "team", "approvals_min", "synonyms"];
const ENTITY_KEYS: [&str; 3] = ["name", "description_min", "tags"];
const VIEW_KEYS: [&str; 9] =
    ["name", "description_min", "owner", "team", "tags", "ttl", "retention", "freshness_required", "width_max"];
const FEATURE_KEYS: [&str; 4] = ["name", "description_min", "tags", "types"];
const SERVICE_KEYS: [&str; 5] = ["name", "description_min", "owner", "tags", "width_max"];
const SPAN_KEYS: [&str; 3] = ["required", "min", "max"];
const RESTRICTED_KEYS: [&str; 2] = ["tags", "consumers"];
const TEAM_KEYS: [&str; 3] = ["name", "members", "owners"];

/// Longest description in characters that a policy may ask for.
const DESCRIPTION_MIN_MAX: u32 = 10_000;

/// Most features of a view that a policy may allow.
const WIDTH_MAX_MAX: u32 = 65_535;

/// Most approvals that a policy may ask for.
const APPROVALS_MIN_MAX: u32 = 16;

const OF_VIEW: &[&str] = &["{n}", "{team}", "{entity}"];
const OF_FEATURE: &[&str] = &["{n}", "{team}", "{entity}", "{view}"];
const NUMBER: &[&str] = &["{n}"];

impl Policy {
    /// Reads a policy from TOML; `origin` is the name of the text in errors, mostly a file name.
    ///
    /// # Errors
    /// `Invalid`, beginning with `origin:line:column:`, for what is no policy.
    pub fn parse(text: &str, origin: &str) -> Result<Policy> {
        parse(text, origin)
    }

    /// The policy of a catalog; `None` where there is none.
    ///
    /// # Errors
    /// `Invalid` when it cannot be read, such as where a newer asofdb has written it.
    pub fn of(catalog: &Catalog) -> Result<Option<Policy>> {
        catalog.policy().map(|text| Policy::parse(text, "the store's policy")).transpose()
    }
}

/// Reads a policy.
fn parse(text: &str, origin: &str) -> Result<Policy> {
    let source = TomlText { origin, text };
    if text.len() > POLICY_BYTES_MAX {
        return Err(source.invalid(0, format!("a policy has at most {POLICY_BYTES_MAX} bytes")));
    }
    let document = source.parse()?;
    let root = Table::document(source, &document, "a policy", &KEYS)?;
    let rules = |name, what, keys: &[&str], placeholders| match root.table(name, what, keys)? {
        None => Ok(Rules::default()),
        Some(table) => rules_of(&table, placeholders),
    };
    let restricted = root.tables("restricted", "what is restricted", &RESTRICTED_KEYS)?;
    let teams = root.tables("team", "a team", &TEAM_KEYS)?;
    Ok(Policy {
        entity: rules("entity", "the rules of entities", &ENTITY_KEYS, NUMBER)?,
        view: rules("view", "the rules of views", &VIEW_KEYS, OF_VIEW)?,
        feature: rules("feature", "the rules of features", &FEATURE_KEYS, OF_FEATURE)?,
        service: rules("service", "the rules of services", &SERVICE_KEYS, NUMBER)?,
        restricted: restricted.iter().map(restriction).collect::<Result<_>>()?,
        teams: teams.iter().map(team).collect::<Result<_>>()?,
        approvals_min: root.whole_number("approvals_min", 0..=APPROVALS_MIN_MAX)?.unwrap_or(0),
        synonyms: synonyms(&root)?,
    })
}

fn rules_of<'a>(table: &Table<'a>, placeholders: &[&str]) -> Result<Rules> {
    let types = match table.field("types") {
        None => Vec::new(),
        Some(field) => field.items()?.map(|item| value_type(&item)).collect::<Result<_>>()?,
    };
    Ok(Rules {
        names: patterns(table, "name", placeholders)?,
        description_min: table.whole_number("description_min", 0..=DESCRIPTION_MIN_MAX)?.unwrap_or(0),
        owners: patterns(table, "owner", placeholders)?,
        teams: patterns(table, "team", &[])?,
        tags: texts(table, "tags")?,
        ttl: span_rule(table, "ttl")?,
        retention: span_rule(table, "retention")?,
        is_freshness_required: table.flag("freshness_required")?.unwrap_or(false),
        width_max: table.whole_number("width_max", 1..=WIDTH_MAX_MAX)?,
        types,
    })
}

fn span_rule<'a>(table: &Table<'a>, name: &'static str) -> Result<SpanRule> {
    let Some(table) = table.table(name, "the bounds of a duration", &SPAN_KEYS)? else {
        return Ok(SpanRule::default());
    };
    let (min, max) = (table.span("min")?, table.span("max")?);
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(table.invalid(format!("the min of {name} is above its max")));
    }
    Ok(SpanRule { is_required: table.flag("required")?.unwrap_or(false), min, max })
}

/// One text, or a list of them, each with its place.
fn items<'a>(table: &Table<'a>, name: &'a str) -> Result<Vec<Field<'a>>> {
    match table.field(name) {
        None => Ok(Vec::new()),
        Some(field) if field.text().is_ok() => Ok(vec![field]),
        Some(field) => Ok(field.items()?.collect()),
    }
}

fn texts<'a>(table: &Table<'a>, name: &'a str) -> Result<Vec<String>> {
    items(table, name)?.iter().map(|item| item.text().map(str::to_owned)).collect()
}

fn patterns<'a>(table: &Table<'a>, name: &'a str, placeholders: &[&str]) -> Result<Vec<Pattern>> {
    let pattern = |item: &Field<'a>| Pattern::parse(item.text()?, placeholders).map_err(|rule| item.invalid(rule));
    items(table, name)?.iter().map(pattern).collect()
}

fn restriction(table: &Table<'_>) -> Result<Restricted> {
    let (tags, consumers) = (table.tags("tags")?, patterns(table, "consumers", &[])?);
    if tags.is_empty() {
        return Err(table.missing("tags"));
    }
    table.required("consumers")?;
    Ok(Restricted { tags, consumers })
}

fn team(table: &Table<'_>) -> Result<Team> {
    Ok(Team {
        name: table.required_text("name")?,
        members: texts(table, "members")?,
        owners: patterns(table, "owners", &[])?,
    })
}

fn synonyms(root: &Table<'_>) -> Result<Vec<Vec<String>>> {
    let groups = root.lists_of_texts("synonyms")?;
    let is_word =
        |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match groups.iter().flatten().find(|word| !is_word(word)) {
        None => Ok(groups),
        Some(word) => {
            let rule = "a synonym is one word of small letters and digits, as names are split";
            Err(root
                .field("synonyms")
                .map_or_else(|| Error::invalid(rule), |field| field.invalid(format!("{rule}: {word:?}"))))
        }
    }
}
