//! Verdicts on features, and sources of feeds, in definition files.

use std::collections::{BTreeMap, BTreeSet};

use asofdb_storage::{FeedSource, Result, Schedule, Verdicts};

use super::document::{Field, Table};

const SOURCE_KEYS: [&str; 2] = ["path", "schedule"];

/// Reads what people have said of features that look like others.
pub(super) fn verdicts(table: &Table) -> Result<Verdicts> {
    let mut verdicts = Verdicts::default();
    for field in entries(table.field("same_as"))? {
        let others = field.items()?.map(|other| other.text().map(str::to_owned)).collect::<Result<BTreeSet<_>>>()?;
        verdicts.same_as.insert(field.name().to_owned(), others);
    }
    for field in entries(table.field("not_same_as"))? {
        let others = field.entries()?.map(|other| Ok((other.name().to_owned(), other.text()?.to_owned())));
        verdicts.not_same_as.insert(field.name().to_owned(), others.collect::<Result<BTreeMap<_, _>>>()?);
    }
    Ok(verdicts)
}

fn entries<'a>(field: Option<Field<'a>>) -> Result<Vec<Field<'a>>> {
    field.map_or(Ok(Vec::new()), |field| Ok(field.entries()?.collect()))
}

/// Reads the files that a view is fed from.
pub(super) fn source(table: &Table) -> Result<Option<FeedSource>> {
    let Some(table) = &table.table("source", "source", &SOURCE_KEYS)? else { return Ok(None) };
    let schedule = table.field("schedule").map(|field| schedule(&field)).transpose()?;
    Ok(Some(FeedSource { path: table.required_text("path")?, schedule }))
}

fn schedule(field: &Field<'_>) -> Result<Schedule> {
    let text = field.text()?;
    match text.strip_prefix("every ") {
        Some(every) => Ok(Schedule { every: field.span_of(every.trim())? }),
        None => Err(field.invalid(format!("schedule is \"every\" and a duration, such as \"every 1h\": {text:?}"))),
    }
}
