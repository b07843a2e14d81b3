//! Features of an entity as of one moment, or as of two side by side.

use asofdb::{Answer, AsJson, Value};
use maud::{Markup, html};
use serde_json::Value as Json;

use super::super::figures::{about, badge, time};
use super::Moment;
use crate::docs::html::Links;

/// Most characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 120;

/// A table of the features of all moments.
pub(super) fn values(moments: &[Moment]) -> Markup {
    let answers: Vec<(&Moment, &Answer)> =
        moments.iter().filter_map(|moment| Some((moment, moment.answer.as_ref()?))).collect();
    let Some((_, first)) = answers.first() else { return html! {} };
    let is_compared = answers.len() > 1;
    html! {
        h2 { "Features" }
        table #values {
            thead {
                tr {
                    th rowspan="2" scope="col" { "feature" }
                    @if is_compared { th rowspan="2" scope="col" { "the two" } }
                    @for (moment, _) in &answers { th colspan="3" scope="colgroup" { (moment.title()) } }
                }
                tr { @for _ in &answers {
                    th scope="col" { "value" } th scope="col" { "status" } th scope="col" { "event time" }
                } }
            }
            tbody { @for (feature, reference) in first.references().iter().enumerate() {
                @let differs = is_compared && answers.iter().any(|(_, answer)| differ(first, answer, feature));
                tr.changed[differs] {
                    th scope="row" { a href=(Links::Served.of("feature", reference)) { (reference) } }
                    @if is_compared { td { @if differs { strong { "differ" } } @else { "same" } } }
                    @for (moment, answer) in &answers { (cells(moment, answer, feature)) }
                }
            } }
        }
    }
}

fn cells(moment: &Moment, answer: &Answer, feature: usize) -> Markup {
    html! {
        td.value {
            @match answer.value(0, feature) {
                Ok(value) => {
                    (shown(value.as_ref()))
                    @if answer.is_defaulted(0, feature) { " " small { "the default" } }
                }
                Err(error) => span.refusal { (error.message()) },
            }
        }
        td { (badge(answer.status(0, feature).as_str())) }
        td {
            @if let Some(event) = answer.event_timestamp(0, feature) {
                (time(event)) " " small { (about(moment.at.since(event))) " old" }
            }
        }
    }
}

/// Returns whether a feature has another value, or another reason for it.
fn differ(one: &Answer, other: &Answer, feature: usize) -> bool {
    let is_same_value = match (one.value(0, feature), other.value(0, feature)) {
        // As it is shown: a NaN is no other than a NaN.
        (Ok(one), Ok(other)) => text(one.as_ref()) == text(other.as_ref()),
        _ => false,
    };
    !is_same_value || one.status(0, feature) != other.status(0, feature)
}

/// A value, cut where it is long.
pub(super) fn shown(value: Option<&Value>) -> Markup {
    let text = text(value);
    let length = text.chars().count();
    html! {
        @if value.is_none() { small { "no value" } }
        @else if length > VALUE_CHARS_MAX {
            (text.chars().take(VALUE_CHARS_MAX).collect::<String>()) "… " small { "of " (length) " characters" }
        } @else { (text) }
    }
}

/// A value as it is in JSON, without the quotes of text, times and bytes.
fn text(value: Option<&Value>) -> String {
    let Some(value) = value else { return String::new() };
    match AsJson(value).to_tree() {
        Ok(Json::String(text)) => text,
        Ok(json) => json.to_string(),
        Err(error) => error.message().to_owned(),
    }
}
