//! Answers: how many of the values that consumers got were present, and why the others were not.

use asofdb::{AnswerCounts, AnswerRow, Status};
use form_urlencoded::Serializer;
use maud::{Markup, html};

use super::figures::{count, percent};
use super::frame::Page;
use crate::docs::html::Links;

/// Most lines of the table.
const LINES_MAX: usize = 1_000;

/// The width of a bar.
const BAR: f64 = 160.0;

/// The periods, with the names that addresses give to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Over {
    /// The last five minutes.
    Minutes,
    /// The last hour.
    #[default]
    Hour,
    /// The last day.
    Day,
}

impl Over {
    const ALL: [Over; 3] = [Over::Minutes, Over::Hour, Over::Day];

    /// A period by its name in an address; `None` where there is none of the name.
    pub fn of(name: &str) -> Option<Over> {
        Over::ALL.into_iter().find(|over| over.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Over::Minutes => "5m",
            Over::Hour => "1h",
            Over::Day => "1d",
        }
    }

    fn counts(self, row: &AnswerRow) -> AnswerCounts {
        match self {
            Over::Minutes => row.last_5m,
            Over::Hour => row.last_1h,
            Over::Day => row.last_1d,
        }
    }
}

/// What consumers got, over a period, of all views or of one; first where the most was not present.
pub fn answers(rows: &[AnswerRow], over: Over, view: Option<&str>) -> Page {
    let mut lines: Vec<_> = rows.iter().map(|row| (row, over.counts(row))).filter(|(_, all)| all.values > 0).collect();
    let absent = |all: &AnswerCounts| all.values.saturating_sub(all.present()) as f64 / all.values as f64;
    lines.sort_by(|(_, one), (_, other)| absent(other).total_cmp(&absent(one)));
    let main = html! {
        h1 { "What consumers got" }
        @if let Some(view) = view {
            p { "Of " a href={ "/views/" (view) } { (view) } ". " a href=(address(over, None)) { "Of all views" } }
        }
        nav.choice aria-label="Period" {
            "Over the last "
            @for one in Over::ALL {
                a href=(address(one, view)) aria-current=[(one == over).then_some("true")] { (one.name()) }
                " "
            }
        }
        @if lines.is_empty() { p { "Nobody has read anything in this period." } } @else { (table(&lines)) }
        p.hint { "Values of reads by consumers, by status; training sets and exports are not among them." }
    };
    Page { title: "What consumers got".to_owned(), place: "/answers", main }
}

fn address(over: Over, view: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("over", over.name());
    if let Some(view) = view {
        query.append_pair("view", view);
    }
    format!("/answers?{}", query.finish())
}

fn table(lines: &[(&AnswerRow, AnswerCounts)]) -> Markup {
    let left_out = lines.len().saturating_sub(LINES_MAX);
    html! {
        table {
            thead { tr {
                th scope="col" { "feature" } th scope="col" { "consumer" } th scope="col" { "values" }
                @for status in Status::ALL { th scope="col" { (status.as_str()) } }
                th scope="col" { "defaults" } th scope="col" { "in one bar" }
            } }
            tbody { @for (row, all) in lines.iter().take(LINES_MAX) { (line(row, all)) } }
        }
        @if left_out > 0 { p { (left_out) " more: " code { "/v1/answers" } " has all." } }
    }
}

fn line(row: &AnswerRow, all: &AnswerCounts) -> Markup {
    let reference = format!("{}:{}", row.view, row.feature);
    let parts = [all.present(), all.null, all.missing, all.expired];
    let share = |part: u64| all.share(part).unwrap_or_default();
    let begins = |number: usize| parts[..number].iter().map(|part| share(*part)).sum::<f64>() * BAR;
    html! { tr {
        th scope="row" { a href=(Links::Served.of("feature", &reference)) { (reference) } }
        td { (row.consumer) } td { (count(all.values)) }
        @for part in parts { td { (percent(share(part))) } }
        td { (percent(share(all.defaulted))) }
        td {
            svg.bar viewBox={ "0 0 " (BAR) " 12" } width=(BAR) height="12" aria-hidden="true" {
                @for (number, (status, part)) in Status::ALL.iter().zip(parts).enumerate() {
                    rect class=(status.as_str()) x=(begins(number)) y="0" width=(share(part) * BAR) height="12" {}
                }
            }
        }
    } }
}
