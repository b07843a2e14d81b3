//! Facets: the filters that what was found can be narrowed by.

use std::borrow::Cow;
use std::collections::HashMap;

use asofdb::Stage;

use super::entry::Entry;

/// Most values of a facet, those that most has.
const VALUES_MAX: usize = 8;

/// A filter of a query, with values that some of what was found has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The name of the filter: `team`.
    pub filter: &'static str,
    /// Values and how much has each, what most has first; at most eight.
    pub values: Vec<(String, usize)>,
}

/// The facets of entries, those without values left out.
pub(super) fn facets<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<Facet> {
    let mut counts: [(&'static str, HashMap<Cow<'e, str>, usize>); 7] =
        ["kind", "status", "team", "owner", "tag", "entity", "type"].map(|filter| (filter, HashMap::new()));
    for entry in entries {
        for (filter, values) in &mut counts {
            for value in values_of(entry, filter) {
                *values.entry(value).or_default() += 1;
            }
        }
    }
    let facet = |(filter, values): (&'static str, HashMap<Cow<'e, str>, usize>)| {
        let mut values: Vec<_> = values.into_iter().map(|(value, count)| (value.into_owned(), count)).collect();
        values.sort_by(|(one, count), (other, other_count)| other_count.cmp(count).then_with(|| one.cmp(other)));
        values.truncate(VALUES_MAX);
        Facet { filter, values }
    };
    counts.into_iter().map(facet).filter(|facet| !facet.values.is_empty()).collect()
}

/// The values of an entry that a filter compares, as it takes them.
fn values_of<'e>(entry: &'e Entry, filter: &str) -> Vec<Cow<'e, str>> {
    let one = |value: &'e str| if value.is_empty() { Vec::new() } else { vec![Cow::Borrowed(value)] };
    match filter {
        "kind" => one(entry.kind),
        "status" => one(entry.stage.map_or("", Stage::as_str)),
        "team" => one(&entry.team),
        "owner" => one(&entry.owner),
        "tag" => entry.tags.iter().map(|(name, value)| format!("{name}={value}").into()).collect(),
        "entity" => entry.entities.iter().map(|name| Cow::Borrowed(name.as_str())).collect(),
        _ => one(&entry.ty),
    }
}

/// A query with a filter added, or without it where it has it; `None` for a value that a query cannot say.
pub(crate) fn toggled(query: &str, filter: &str, value: &str) -> Option<String> {
    let wanted = written(filter, value)?;
    let mut parts = raw_parts(query);
    match parts.iter().position(|part| *part == wanted) {
        Some(at) => drop(parts.remove(at)),
        None => parts.push(&wanted),
    }
    Some(parts.join(" "))
}

/// Returns whether a query has a filter as a facet writes it.
pub(crate) fn has(query: &str, filter: &str, value: &str) -> bool {
    written(filter, value).is_some_and(|wanted| raw_parts(query).contains(&wanted.as_str()))
}

fn written(filter: &str, value: &str) -> Option<String> {
    match value {
        value if value.contains('"') => None,
        value if value.contains(char::is_whitespace) => Some(format!("{filter}:\"{value}\"")),
        value => Some(format!("{filter}:{value}")),
    }
}

/// The parts of a query between spaces that stand in no quotes.
fn raw_parts(query: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let parts = query.split(|letter: char| {
        is_quoted ^= letter == '"';
        letter.is_whitespace() && !is_quoted
    });
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_added_to_a_query_once_and_taken_out_again() {
        let with = toggled("mean delay", "team", "Growth Team").unwrap();
        assert_eq!(with, "mean delay team:\"Growth Team\"");
        assert!(has(&with, "team", "Growth Team") && !has(&with, "team", "Growth"));
        assert_eq!(toggled(&with, "team", "Growth Team").unwrap(), "mean delay");
        assert_eq!(toggled("", "tag", "pii=true").unwrap(), "tag:pii=true");
        assert_eq!(toggled("a", "owner", "x\"y"), None, "a query cannot say it");
    }
}
