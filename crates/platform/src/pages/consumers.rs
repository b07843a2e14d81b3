//! Consumers: who reads what, how fast, with what errors, and within which limits.

use std::time::Duration;

use asofdb::{ErrorKind, ModelRow, UsageOf, UsageRow};
use maud::{Markup, html};

use super::figures::{count, time};
use super::frame::Page;
use super::models;

/// Most lines of a table.
const LINES_MAX: usize = 500;

/// The requests of one consumer, operation and view since a sidecar's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The name of the consumer.
    pub consumer: String,
    /// The name of the operation.
    pub operation: String,
    /// The name of the view; empty for what is about none.
    pub view: String,
    /// Requests, those that failed included.
    pub requests: u64,
    /// Requests that failed, by kind.
    pub errors: Vec<(ErrorKind, u64)>,
    /// Rows of requests that succeeded.
    pub rows: u64,
    /// The latency that half of the requests stayed within.
    pub p50: Duration,
    /// The latency that 99 in 100 requests stayed within.
    pub p99: Duration,
    /// The latency that 999 in 1,000 requests stayed within.
    pub p999: Duration,
    /// Reads that took longer than the latency objective of the consumer, or of the view.
    pub missed: u64,
}

/// The limits of a consumer: so many a second, and so many at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The name of the consumer; `None`: of each that is not listed.
    pub consumer: Option<String>,
    /// Of requests.
    pub requests: Option<(u64, u64)>,
    /// Of rows.
    pub rows: Option<(u64, u64)>,
    /// Of bytes of answers.
    pub answered: Option<(u64, u64)>,
    /// Of bytes that are written.
    pub written: Option<(u64, u64)>,
    /// Most requests at a time.
    pub in_flight: Option<u64>,
    /// The latency that 99 in 100 reads shall stay within.
    pub latency_p99: Option<Duration>,
}

/// What consumers did since the start, which was `seconds` ago, and what they may do.
pub fn consumers(activities: &[Activity], allowances: &[Allowance], seconds: f64) -> Page {
    let mut sorted: Vec<_> = activities.iter().collect();
    sorted.sort_by_key(|one| (one.consumer.as_str(), std::cmp::Reverse(one.requests)));
    let main = html! {
        h1 { "Consumers" }
        h2 { "Read in the last days" }
        div data-from="/consumers/usage" { p { a href="/consumers/usage" { "What each has read in the last 30 days" } } }
        h2 { "Limits" }
        (limits(allowances))
        h2 { "Since the sidecar was started" }
        (table(&sorted, seconds))
    };
    Page { title: "Consumers".to_owned(), place: "/consumers", main }
}

fn limits(allowances: &[Allowance]) -> Markup {
    let rate = |rate: Option<(u64, u64)>| {
        html! { @match rate {
            Some((per_second, burst)) => { (count(per_second)) " a second, " (count(burst)) " at once" }
            None => "no limit",
        } }
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "consumer" } th scope="col" { "requests" } th scope="col" { "rows" }
                th scope="col" { "bytes answered" } th scope="col" { "bytes written" }
                th scope="col" { "requests at a time" } th scope="col" { "99 % of reads within" }
            } }
            tbody { @for one in allowances { tr {
                th scope="row" { @match &one.consumer { Some(name) => (name), None => em { "any other" } } }
                td { (rate(one.requests)) } td { (rate(one.rows)) } td { (rate(one.answered)) } td { (rate(one.written)) }
                td { (one.in_flight.map_or("no limit".to_owned(), count)) }
                td { @if let Some(latency) = one.latency_p99 { (format!("{latency:.1?}")) } }
            } } }
        }
    }
}

fn table(activities: &[&Activity], seconds: f64) -> Markup {
    let left_out = activities.len().saturating_sub(LINES_MAX);
    html! {
        table {
            thead { tr {
                th scope="col" { "consumer" } th scope="col" { "operation" } th scope="col" { "view" }
                th scope="col" { "requests" } th scope="col" { "a second" } th scope="col" { "rows" }
                th scope="col" { "errors" } th scope="col" { "half within" } th scope="col" { "99 % within" }
                th scope="col" { "99.9 % within" } th scope="col" { "over the objective" }
            } }
            tbody { @for one in activities.iter().take(LINES_MAX) { tr {
                th scope="row" { (one.consumer) } td { (one.operation) }
                td { @if !one.view.is_empty() { a href={ "/views/" (one.view) } { (one.view) } } }
                td { (count(one.requests)) } td { (format!("{:.2}", one.requests as f64 / seconds.max(1.0))) }
                td { (count(one.rows)) } td { (errors(&one.errors)) }
                td { (format!("{:.1?}", one.p50)) } td { (format!("{:.1?}", one.p99)) }
                td { (format!("{:.1?}", one.p999)) } td { @if one.missed > 0 { (count(one.missed)) } }
            } } }
        }
        @if left_out > 0 { p { (left_out) " more: " code { "/metrics" } " has all." } }
        p.hint { "A request over several views counts in the line of each; the look at this page counts, too." }
    }
}

fn errors(errors: &[(ErrorKind, u64)]) -> String {
    errors.iter().map(|(kind, number)| format!("{number} {}", kind.as_str())).collect::<Vec<_>>().join(", ")
}

/// What consumers have read in the last `days`, and models.
pub fn consumers_usage(days: u32, rows: &[UsageRow], models: &[ModelRow]) -> Page {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_by_key(|row| (row.key.consumer.as_str(), std::cmp::Reverse(row.serving.rows), row.key.name.as_str()));
    let left_out = sorted.len().saturating_sub(LINES_MAX);
    let main = html! {
        h1 { "What consumers have read" }
        div #part {
            @if rows.is_empty() { p { "Nobody has read anything in the last " (days) " days." } } @else {
                table {
                    thead { tr {
                        th scope="col" { "consumer" } th scope="col" { "has read" } th scope="col" { "calls of serving" }
                        th scope="col" { "rows" } th scope="col" { "training sets" } th scope="col" { "exports" }
                        th scope="col" { "last read" }
                    } }
                    tbody { @for row in sorted.iter().take(LINES_MAX) { (read(row)) } }
                }
                @if left_out > 0 { p { (left_out) " more: " code { "asof usage" } " has all." } }
                p.hint { "The last " (days) " days. A view is counted where it is named, or is in a service that is." }
            }
            (models::all(models))
        }
    };
    Page { title: "What consumers have read".to_owned(), place: "/consumers", main }
}

fn read(row: &UsageRow) -> Markup {
    let folder = match row.key.of {
        UsageOf::View => "views",
        UsageOf::Service => "services",
    };
    html! { tr {
        th scope="row" { (row.key.consumer) }
        td { a href={ "/" (folder) "/" (row.key.name) } { (row.key.name) } " " small { (row.key.of.as_str()) } }
        td { (count(row.serving.calls)) } td { (count(row.serving.rows)) }
        td { (count(row.training.calls)) } td { (count(row.exports.calls)) }
        td { (time(row.last)) }
    } }
}
