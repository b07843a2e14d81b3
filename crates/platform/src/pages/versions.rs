//! The versions of a view side by side, and the changes of its definition.

use std::sync::Arc;

use asofdb::{AsJson, Catalog, CatalogChange, Feature, FeatureView};
use maud::{Markup, html};

use super::figures::time;
use crate::relatives::versions_of;

/// The versions of a view side by side; nothing where there is one.
pub(super) fn versions(catalog: &Catalog, view: &FeatureView) -> Markup {
    let versions = versions_of(catalog, view);
    if versions.len() < 2 {
        return html! {};
    }
    let mut names: Vec<&str> = Vec::new();
    for feature in versions.iter().flat_map(|one| &one.features) {
        if !names.contains(&feature.name.as_str()) {
            names.push(&feature.name);
        }
    }
    let of = |one: &Arc<FeatureView>, name: &str| one.feature(name).map(typed).unwrap_or_default();
    let stage = |one: &Arc<FeatureView>| one.life.status.map_or_else(String::new, |stage| stage.to_string());
    html! {
        h2 #the-versions { "Versions" }
        table {
            thead { tr {
                th scope="col" { "version" }
                @for one in &versions { th scope="col" {
                    @if one.id == view.id { (one.name) } @else { a href={ "/views/" (one.name) } { (one.name) } }
                } }
            } }
            tbody {
                (row("stage", versions.iter().map(|one| stage(one)).collect()))
                (row("ttl", versions.iter().map(|one| one.ttl.map_or_else(String::new, |ttl| ttl.to_string())).collect()))
                @for name in names { (row(name, versions.iter().map(|one| of(one, name)).collect())) }
            }
        }
    }
}

fn row(name: &str, cells: Vec<String>) -> Markup {
    let is_changed = cells.windows(2).any(|pair| pair[0] != pair[1]);
    html! {
        tr class=[is_changed.then_some("changed")] {
            th scope="row" { (name) }
            @for cell in cells { td { @if cell.is_empty() { "–" } @else { (cell) } } }
        }
    }
}

fn typed(feature: &Feature) -> String {
    let default = feature.default.as_ref().and_then(|default| AsJson(default).to_tree().ok());
    default.map_or_else(|| feature.ty.to_string(), |default| format!("{}, else {default}", feature.ty))
}

/// The changes of a definition, newest first.
pub(super) fn changes(name: &str, changes: &[CatalogChange]) -> Markup {
    if changes.is_empty() {
        return html! {};
    }
    let is_it = |of: &str| of.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    html! {
        h2 #the-changes { "Changes of its definition" }
        table {
            thead { tr {
                th scope="col" { "at" } th scope="col" { "by" } th scope="col" { "change" } th scope="col" { "reason" }
            } }
            tbody { @for change in changes { tr {
                td { (time(change.at)) } td { (change.cause.who) }
                td { @for line in change.cause.changes.iter().filter(|line| is_it(&line.name)) { (line) br; } }
                td { (change.cause.message) }
            } } }
        }
    }
}
