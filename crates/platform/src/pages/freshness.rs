//! The freshness board: which views are fed as they promise.

use asofdb::{FreshnessStatus, ViewAges};
use maud::{Markup, html};

use super::figures::{about, badge, count, percent, time};
use super::frame::Page;
use super::freshness_history::{FreshnessPoint, small};

/// How fresh views are, those first that break their promise. `history` gives the last day of a view.
pub fn freshness(views: &[ViewAges], history: impl Fn(&str) -> Vec<FreshnessPoint>) -> Page {
    let mut sorted: Vec<_> = views.iter().collect();
    sorted.sort_by_key(|view| (urgency(view), view.view.as_str()));
    let main = html! {
        h1 { "Freshness" }
        @if views.is_empty() { p { "No view has rows or events of its own yet." } } @else {
            p {
                @for status in FreshnessStatus::ALL {
                    @let number = views.iter().filter(|view| view.status == status).count();
                    @if number > 0 { (number) " " (badge(status.as_str())) " " }
                }
                " as of " (time(views[0].now))
            }
            (table(&sorted, &history))
            p.hint {
                "Known from the writes, over all entities of a view; an age may be too great by its piece of time, and "
                "is never too small. Rows are read by " code { "asof freshness --exact" } " alone."
            }
        }
    };
    Page { title: "Freshness".to_owned(), place: "/freshness", main }
}

/// The place of a view among the others: broken promises before late ones, and these before the rest.
fn urgency(view: &ViewAges) -> u8 {
    match view.status {
        _ if view.is_broken() => 0,
        FreshnessStatus::Warn => 1,
        FreshnessStatus::Rebuilding => 2,
        FreshnessStatus::NoData => 3,
        FreshnessStatus::Stale | FreshnessStatus::Fresh => 4,
    }
}

fn table(views: &[&ViewAges], history: &dyn Fn(&str) -> Vec<FreshnessPoint>) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "view" } th scope="col" { "status" } th scope="col" { "last day" } th scope="col" { "newest event" }
                th scope="col" { "promised within" } th scope="col" { "stale entities" } th scope="col" { "half within" }
                th scope="col" { "95 % within" } th scope="col" { "all within" } th scope="col" { "entities" }
                th scope="col" { "in the future" }
            } }
            tbody { @for view in views { tr id=(view.view) {
                th scope="row" { a href={ "/views/" (view.view) } { (view.view) } }
                td { (badge(view.status.as_str())) }
                td { (small(&history(&view.view), view.now)) }
                td { @if let Some(age) = view.age() { (about(age)) " ago" } }
                td { @if let Some(promise) = view.objective { (about(promise.stale)) } }
                td {
                    @if let Some(share) = view.ages.and_then(|ages| ages.over_stale) { (percent(share)) }
                    @if let Some(most) = view.objective.and_then(|promise| promise.stale_share_max) {
                        " " small { "of at most " (percent(most)) }
                    }
                }
                @let ages = view.ages.map(|ages| [ages.p50, ages.p95, ages.max]);
                @for age in ages.map_or([None; 3], |ages| ages.map(Some)) {
                    td { @if let Some(age) = age { (about(age)) } }
                }
                td { @if let Some(entities) = view.entities { (count(entities)) } }
                td { @if let Some(ahead) = view.ahead.filter(|ahead| *ahead > 0) { (count(ahead)) } }
            } } }
        }
    }
}
