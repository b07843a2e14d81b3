//! Alerts: what is wrong, since when, and how those are told who should know.

use asofdb::Timestamp;
use maud::{Markup, html};

use super::figures::{about, badge, count, time};
use super::frame::Page;

/// Most alerts that a page shows.
const LINES_MAX: usize = 500;

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// The kind: `freshness`, `clock` and so on.
    pub kind: String,
    /// The view; empty for what is about the whole store.
    pub subject: String,
    /// The state that was told last.
    pub state: String,
    /// `critical` or `warning`.
    pub severity: String,
    /// The sentence that says what is wrong.
    pub message: String,
    /// The time when it began.
    pub since: Timestamp,
    /// The time of the last notice about it.
    pub told: Timestamp,
    /// The notices about it so far.
    pub notices: u64,
    /// True if it was well at the last look, and not yet for as long as it has to be.
    pub is_recovering: bool,
}

/// One who is told, and how that goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertTarget {
    /// The name.
    pub name: String,
    /// The kind: `json`, `slack` or `command`.
    pub kind: String,
    /// Notices that wait.
    pub waiting: u64,
    /// Notices that were delivered.
    pub delivered: u64,
    /// Deliveries that failed.
    pub failures: u64,
    /// Notices that were given up.
    pub dropped: u64,
    /// The time of the last delivery.
    pub last_delivered: Option<Timestamp>,
    /// The time of the last one that failed, and why.
    pub last_failed: Option<(Timestamp, String)>,
}

/// The page of alerts: those that are open, the critical ones first, and who is told.
pub fn alerts(open: &[OpenAlert], targets: &[AlertTarget], now: Timestamp) -> Page {
    let mut sorted: Vec<_> = open.iter().collect();
    sorted.sort_by_key(|alert| (alert.severity != "critical", alert.since, alert.subject.as_str()));
    let main = html! {
        h1 { "Alerts" }
        @if targets.is_empty() {
            p { "This sidecar tells nobody what is wrong: start it with " code { "--alerts FILE" } "." }
        } @else {
            @if sorted.is_empty() { p role="status" { "Nothing is wrong." } } @else { (table(&sorted, now)) }
            h2 { "Who is told" }
            (told(targets))
            p.hint { "Deliveries are counted since the sidecar was started." }
        }
    };
    Page { title: "Alerts".to_owned(), place: "/alerts", main }
}

fn table(alerts: &[&OpenAlert], now: Timestamp) -> Markup {
    let left_out = alerts.len().saturating_sub(LINES_MAX);
    html! {
        table {
            thead { tr {
                th scope="col" { "severity" } th scope="col" { "about" } th scope="col" { "kind" }
                th scope="col" { "state" } th scope="col" { "what is wrong" } th scope="col" { "for" }
                th scope="col" { "since" } th scope="col" { "told last" } th scope="col" { "notices" }
            } }
            tbody { @for alert in alerts.iter().take(LINES_MAX) { tr {
                td { (badge(&alert.severity)) }
                th scope="row" { @match alert.subject.as_str() {
                    "" => "the store",
                    view => a href={ "/views/" (view) } { (view) },
                } }
                td { (alert.kind.replace('_', " ")) }
                td { (badge(&alert.state)) @if alert.is_recovering { " " small { "recovering" } } }
                td { (alert.message) }
                td { (about(now.since(alert.since))) }
                td { (time(alert.since)) }
                td { (time(alert.told)) }
                td { (count(alert.notices)) }
            } } }
        }
        @if left_out > 0 { p { (left_out) " more: " code { "/v1/alerts" } " has all." } }
    }
}

fn told(targets: &[AlertTarget]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "target" } th scope="col" { "kind" } th scope="col" { "waiting" }
                th scope="col" { "delivered" } th scope="col" { "failures" } th scope="col" { "given up" }
                th scope="col" { "last delivery" } th scope="col" { "last failure" }
            } }
            tbody { @for target in targets { tr {
                th scope="row" { (target.name) }
                td { (target.kind) }
                td { (count(target.waiting)) } td { (count(target.delivered)) }
                td { (count(target.failures)) } td { (count(target.dropped)) }
                td { @if let Some(at) = target.last_delivered { (time(at)) } }
                td { @if let Some((at, why)) = &target.last_failed { (time(*at)) ": " (why) } }
            } } }
        }
    }
}
