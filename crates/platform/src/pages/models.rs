//! Models that read views and services.

use asofdb::{ModelRow, UsageOf};
use maud::{Markup, html};

use super::figures::{count, time};

/// Most lines of a table.
const LINES_MAX: usize = 500;

/// The versions of models that have read a view or a service; nothing where there is none.
pub(super) fn readers(rows: &[ModelRow]) -> Markup {
    html! { @if !rows.is_empty() { h3 { "Models that read it" } (table(rows, false)) } }
}

/// What each version of a model has read; nothing where there is none.
pub(super) fn all(rows: &[ModelRow]) -> Markup {
    html! { @if !rows.is_empty() { h3 { "By models" } (table(rows, true)) } }
}

fn table(rows: &[ModelRow], names_things: bool) -> Markup {
    let left_out = rows.len().saturating_sub(LINES_MAX);
    html! {
        table {
            thead { tr {
                th scope="col" { "model" } @if names_things { th scope="col" { "has read" } }
                th scope="col" { "consumer" } th scope="col" { "calls of serving" } th scope="col" { "rows" }
                th scope="col" { "training sets" } th scope="col" { "exports" } th scope="col" { "last read" }
            } }
            tbody { @for row in rows.iter().take(LINES_MAX) { tr {
                th scope="row" { (row.key.model) }
                @if names_things { td { (thing(row)) } }
                td { (row.key.consumer) }
                td { (count(row.serving.calls)) } td { (count(row.serving.rows)) }
                td { (count(row.training.calls)) } td { (count(row.exports.calls)) }
                td { (time(row.last)) }
            } } }
        }
        @if left_out > 0 { p { (left_out) " more: " code { "asof usage --models" } " has all." } }
        p.hint { "Since they were first read; a model that has read nothing for 400 days is forgotten." }
    }
}

fn thing(row: &ModelRow) -> Markup {
    let folder = match row.key.of {
        UsageOf::View => "views",
        UsageOf::Service => "services",
    };
    html! { a href={ "/" (folder) "/" (row.key.name) } { (row.key.name) } " " small { (row.key.of.as_str()) } }
}
