//! The versions of an entity in tables, a view each.

use asofdb::{FeatureView, HistoryRow};
use maud::{Markup, html};

use super::super::figures::{badge, time};
use super::values::shown;
use super::{Asked, Explored};

/// A table a view. A click on an event time asks as of it.
pub(super) fn versions(asked: &Asked, explored: &Explored) -> Markup {
    let is_only = explored.histories.len() == 1;
    html! {
        @for (view, rows) in explored.histories.iter().filter(|(_, rows)| !rows.is_empty()) {
            details open[is_only] {
                summary { (view.name) ": " (rows.len()) @if rows.len() == 1 { " version" } @else { " versions" } }
                table {
                    thead { tr {
                        th scope="col" { "event time" } th scope="col" { "created" }
                        @for feature in &view.features { th scope="col" { (feature.name) } }
                    } }
                    tbody { @for row in rows { (version(asked, view, row)) } }
                }
            }
        }
    }
}

fn version(asked: &Asked, view: &FeatureView, row: &HistoryRow) -> Markup {
    html! {
        tr {
            td { a href=(asked.address_at(&row.version.event.to_string())) { (time(row.version.event)) } }
            td { (time(row.version.created)) }
            @if row.deleted {
                td colspan=(view.features.len()) { (badge("deleted")) }
            } @else {
                @for value in &row.values { td.value { (shown(value.as_ref())) } }
            }
        }
    }
}
