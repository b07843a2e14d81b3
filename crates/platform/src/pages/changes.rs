//! Changes of the catalog: who made each, when and why, who has approved it, and what differs between two moments.

use asofdb::{Catalog, CatalogChange, Change, ChangeKind, ObjectKind, Result, Timestamp};
use form_urlencoded::Serializer;
use maud::{Markup, html};

use super::figures::{badge, count, time};
use super::frame::Page;
use crate::docs::html::Links;

/// Most changes that a page shows.
pub const CHANGES_MAX: usize = 20;

/// Lines of one change that are shown; of two moments compared.
const LINES_MAX: usize = 50;
const COMPARED_LINES_MAX: usize = 1_000;

/// Two moments, and what changed from the one to the other.
#[derive(Debug)]
pub struct Compared {
    /// The earlier moment.
    pub from: Timestamp,
    /// The later one.
    pub to: Timestamp,
    /// What changed.
    pub changes: Vec<Change>,
}

/// The page of changes, newest first: of everything, or of the thing that `name` names, with what differs between two
/// moments where `compared` has it. `moments` are the texts of the form. The log goes on where `has_more`.
pub fn changes(
    catalog: &Catalog,
    name: &str,
    log: &[CatalogChange],
    has_more: bool,
    moments: [&str; 2],
    compared: Option<&Result<Compared>>,
) -> Page {
    let main = html! {
        h1 { "Changes" }
        (form(name, moments))
        @if let Some(compared) = compared { (comparison(catalog, compared)) }
        @if compared.is_some() { h2 { "All changes" } }
        div #part {
            @if log.is_empty() { p { "No change is in the log." } }
            ol.changes { @for change in log { (made(catalog, change)) } }
            @if let Some(last) = log.last().filter(|_| has_more) {
                p { a href=(older(name, last.revision)) { "Older changes" } }
            }
        }
    };
    Page { title: "Changes".to_owned(), place: "/changes", main }
}

fn form(name: &str, moments: [&str; 2]) -> Markup {
    let field = |label: &str, name: &str, value: &str, hint: &str| {
        html! {
            div {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) placeholder=(hint) autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        form.explore method="get" action="/changes" {
            (field("of", "name", name, "a view, feature, service, entity, or policy"))
            (field("compare: from", "from", moments[0], "2026-11-01T12:00:00Z"))
            (field("to", "to", moments[1], "now"))
            button { "Show" }
        }
    }
}

fn older(name: &str, before: u64) -> String {
    let mut query = Serializer::new(String::new());
    if !name.is_empty() {
        query.append_pair("name", name);
    }
    format!("/changes?{}", query.append_pair("before", &before.to_string()).finish())
}

fn comparison(catalog: &Catalog, compared: &Result<Compared>) -> Markup {
    html! {
        section #compared {
            @match compared {
                Err(error) => p.refusal role="alert" { (error.message()) },
                Ok(Compared { from, to, changes }) => {
                    h2 { "From " (time(*from)) " to " (time(*to)) }
                    @match changes.len() {
                        0 => p { "Nothing differs." },
                        _ => (lines(catalog, changes, changes.len().saturating_sub(COMPARED_LINES_MAX) as u64)),
                    }
                }
            }
        }
    }
}

/// A change that was made, with its cause.
fn made(catalog: &Catalog, change: &CatalogChange) -> Markup {
    let cause = &change.cause;
    let hidden = cause.changes.len().saturating_sub(LINES_MAX) as u64 + cause.left_out;
    html! {
        li id={ "r" (change.revision) } {
            p.kind {
                (time(change.at)) " by " strong { @if cause.who.is_empty() { "nobody who is known" } @else { (cause.who) } }
                ", revision " (change.revision)
                @for approval in &cause.approved_by { ", approved by " (approval.who) " at " (time(approval.at)) }
            }
            @if !cause.message.is_empty() { p.message { (cause.message) } }
            (lines(catalog, &cause.changes[..cause.changes.len().min(LINES_MAX)], hidden))
        }
    }
}

/// Lines of a plan, of a change that was made or of a difference; `hidden` more are not shown.
pub(super) fn lines(catalog: &Catalog, changes: &[Change], hidden: u64) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "change" } th scope="col" { "what" } th scope="col" { "name" } th scope="col" { "details" }
            } }
            tbody { @for change in changes.iter().take(COMPARED_LINES_MAX) { tr {
                td { (badge(change.kind.as_str())) }
                td { (change.what.as_str().replace('_', " ")) }
                th scope="row" { (named(catalog, change)) }
                td { @for (place, detail) in change.details.iter().enumerate() {
                    @if place > 0 { br; }
                    (difference(change.kind, detail))
                } }
            } } }
        }
        @if hidden > 0 { p.hint { (count(hidden)) " more" } }
    }
}

/// The name, which leads to the thing where it is still there.
fn named(catalog: &Catalog, change: &Change) -> Markup {
    let view = change.name.split(':').next().unwrap_or_default();
    let is_there = match change.what {
        ObjectKind::Entity => catalog.entity(&change.name).is_some(),
        ObjectKind::FeatureService => catalog.service(&change.name).is_some(),
        ObjectKind::Policy => false,
        _ => catalog.view(view).is_some(),
    };
    html! {
        @if is_there { a href=(Links::Served.of(change.what.as_str(), &change.name)) { (change.name) } }
        @else { (change.name) }
    }
}

/// What a property was and is, apart from each other where the line says both.
fn difference(kind: ChangeKind, detail: &str) -> Markup {
    let sides = match kind {
        ChangeKind::Change | ChangeKind::Redefine => detail.split_once(" -> "),
        ChangeKind::Create | ChangeKind::Drop => None,
    };
    let parts = sides.and_then(|(left, new)| left.split_once(' ').map(|(what, old)| (what, old, new)));
    html! {
        @match parts {
            Some((what, old, new)) => { (what) " " del { (old) } " → " ins { (new) } },
            None => (detail),
        }
    }
}
