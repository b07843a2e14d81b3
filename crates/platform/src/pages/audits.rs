//! Audits of what was served: those that were made, and what one has found.

use asofdb::Timestamp;
use maud::{Markup, html};

use super::figures::{about, badge, count, percent, time};
use super::frame::Page;
use crate::audit::Audit;
use crate::audit::html::findings;

/// An audit in short.
#[derive(Debug, Clone)]
pub struct AuditLine {
    /// The number.
    pub number: u64,
    /// The word for what has become of it: `running`, `done` or `failed`.
    pub state: &'static str,
    /// The one who wanted it.
    pub who: String,
    /// The state of knowledge that answers were compared with: `now` or `then`.
    pub known: &'static str,
    /// The consumer whose answers alone it is of.
    pub consumer: Option<String>,
    /// The service whose answers alone it is of.
    pub service: Option<String>,
    /// The time when it began.
    pub began: Timestamp,
    /// The time when it ended.
    pub ended: Option<Timestamp>,
    /// Rows that were compared.
    pub rows: u64,
    /// Values that were compared, and those that differ; `None` where it was not made.
    pub values: Option<(u64, u64)>,
    /// The reason why it was not.
    pub error: Option<String>,
}

/// The page of all audits that are kept, the newest first.
pub fn audits(lines: &[AuditLine], is_logging: bool) -> Page {
    let main = html! {
        h1 { "Audits" }
        p { "What was served, asked again: an audit says whether training would see the same, and why not." }
        @if !is_logging {
            p { "This sidecar logs nothing of what it serves: start it with " code { "--log-served DIR" } "." }
        } @else if lines.is_empty() {
            p { "None was made yet: " code { "POST /v1/audit" } " begins one, for operators." }
        }
        @if !lines.is_empty() { (table(lines)) }
        p.hint { "The last eight, also of the time before the last restart. Differences in full go with the answers in the log." }
    };
    Page { title: "Audits".to_owned(), place: "/audits", main }
}

fn table(lines: &[AuditLine]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "audit" } th scope="col" { "state" } th scope="col" { "began" }
                th scope="col" { "took" } th scope="col" { "by" } th scope="col" { "of" }
                th scope="col" { "compared with what" } th scope="col" { "rows" } th scope="col" { "values" }
                th scope="col" { "differ" }
            } }
            tbody { @for line in lines { tr {
                th scope="row" { a href={ "/audits/" (line.number) } { "number " (line.number) } }
                td { (badge(line.state)) }
                td { (time(line.began)) }
                td { @if let Some(ended) = line.ended { (about(ended.since(line.began))) } }
                td { (line.who) }
                td { (of(line)) }
                td { (known(line)) }
                td { (count(line.rows)) }
                @match line.values {
                    Some((values, differing)) => { td { (count(values)) } td { (count(differing)) " " (differ(line)) } },
                    None => { td {} td { @if let Some(error) = &line.error { (error) } } },
                }
            } } }
        }
    }
}

fn of(line: &AuditLine) -> Markup {
    html! {
        @match &line.consumer { Some(consumer) => { "consumer " (consumer) }, None => "all consumers" }
        @if let Some(service) = &line.service { ", service " (service) }
    }
}

fn known(line: &AuditLine) -> &'static str {
    if line.known == "then" { "was known then" } else { "is known now" }
}

/// The share of values that differ, where any do.
fn differ(line: &AuditLine) -> Markup {
    let share = line.values.filter(|(values, differing)| *values > 0 && *differing > 0);
    html! { @if let Some((values, differing)) = share { small { (percent(differing as f64 / values as f64)) } } }
}

/// The page of one audit, with what it has found.
pub fn audit(line: &AuditLine, found: Option<&Audit>) -> Page {
    let title = format!("Audit {}", line.number);
    let main = html! {
        p { a href="/audits" { "Audits" } }
        h1 { (title) }
        p.kind {
            (badge(line.state)) " by " (line.who) " at " (time(line.began)) ", of " (of(line)) ", compared with what "
            (known(line))
        }
        @if let Some(error) = &line.error { p.refusal { (error) } }
        @match found {
            Some(found) => { div.audit { (findings(found, None)) } },
            None if line.error.is_none() => { p role="status" { (count(line.rows)) " rows so far." } },
            None => {},
        }
    };
    Page { title, place: "/audits", main }
}
