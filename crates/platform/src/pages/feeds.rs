//! The board of feeds: how views are fed, and what came of the last runs.

use asofdb::{Feed, FeedRun};
use maud::{Markup, html};

use super::figures::{about, badge, count, time};
use super::frame::Page;

/// Runs of a view that are shown.
const RUNS_MAX: usize = 20;

/// The feeds of all views that have a source, those first that are late or fail.
pub fn feeds(feeds: &[Feed]) -> Page {
    let mut sorted: Vec<_> = feeds.iter().collect();
    sorted.sort_by_key(|feed| (urgency(feed), feed.view.as_str()));
    let main = html! {
        h1 { "Feeds" }
        @if feeds.is_empty() {
            p { "No view says where it is fed from: give it a " code { "source" } " in its definition." }
        } @else {
            (table(&sorted))
            @for feed in &sorted { @if !feed.runs.is_empty() { (runs(feed)) } }
        }
    };
    Page { title: "Feeds".to_owned(), place: "/feeds", main }
}

/// The place of a feed among the others: what is late before what fails, and that before the rest.
fn urgency(feed: &Feed) -> u8 {
    match (feed.is_late(), feed.is_failing()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

fn table(feeds: &[&Feed]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "view" } th scope="col" { "status" } th scope="col" { "source" }
                th scope="col" { "schedule" } th scope="col" { "last success" } th scope="col" { "failures since" }
            } }
            tbody { @for feed in feeds { tr id=(feed.view) {
                th scope="row" { a href={ "/views/" (feed.view) } { (feed.view) } }
                td {
                    (badge(feed.status()))
                    // A feed whose last run failed may be late as well.
                    @if feed.is_failing() && feed.is_late() { " " (badge("late")) }
                }
                td { code { (feed.source.path) } }
                td { @if let Some(schedule) = feed.source.schedule { (schedule) } @else { "when somebody asks" } }
                td { @if let Some(succeeded) = feed.succeeded { (about(feed.now.since(succeeded))) " ago" } }
                td { @if feed.is_failing() { (count(feed.failures)) } }
            } } }
        }
    }
}

/// The last runs of a feed, the newest first.
fn runs(feed: &Feed) -> Markup {
    html! {
        details {
            summary { (feed.view) ": " (count(feed.runs.len() as u64)) @if feed.runs.len() == 1 { " run" } @else { " runs" } }
            table {
                thead { tr {
                    th scope="col" { "began" } th scope="col" { "took" } th scope="col" { "new files" }
                    th scope="col" { "rows read" } th scope="col" { "written" } th scope="col" { "rejected" }
                    th scope="col" { "error" }
                } }
                tbody { @for one in feed.runs.iter().rev().take(RUNS_MAX) { (run(one)) } }
            }
            @if feed.runs.len() > RUNS_MAX {
                p.hint { "The last " (RUNS_MAX) "; all that are kept: " code { "asof runs " (feed.view) } }
            }
        }
    }
}

fn run(run: &FeedRun) -> Markup {
    html! {
        tr {
            th scope="row" { (time(run.began)) }
            td { (about(run.ended.since(run.began))) }
            td { (count(run.files)) }
            td { (count(run.rows_read)) }
            td { (count(run.rows_written)) }
            td { (count(run.rows_rejected)) }
            td { @if let Some(error) = &run.error { (error) } }
        }
    }
}
