//! The entity explorer: what is known of one entity now, at other moments, and all of its versions.

mod asked;
mod keys;
mod timeline;
mod values;
mod versions;

use std::sync::Arc;

use asofdb::{Answer, FeatureView, HistoryRow, Result, Timestamp};
use maud::{Markup, html};

pub use self::asked::Asked;
pub use self::keys::KeySet;
use self::timeline::timeline;
use self::values::values;
use self::versions::versions;
use super::figures::time;
use super::frame::Page;

/// What was found of an entity.
#[derive(Debug)]
pub struct Explored {
    /// The present by the store's clock.
    pub now: Timestamp,
    /// The moments that were asked about, one or two.
    pub moments: Vec<Moment>,
    /// The newest versions of the entity in each view that has rows or events of it, newest first.
    pub histories: Vec<(Arc<FeatureView>, Vec<HistoryRow>)>,
    /// Views whose features cannot be read here, and why.
    pub left_out: Vec<(String, String)>,
}

/// A moment, and the features of the entity as of it.
#[derive(Debug)]
pub struct Moment {
    /// The time as of which they are.
    pub at: Timestamp,
    /// The time up to which something is known; `None`: everything is.
    pub known_at: Option<Timestamp>,
    /// The features, of one row; `None` where there are only events.
    pub answer: Option<Answer>,
}

impl Moment {
    /// Returns whether a version was there, and known.
    fn sees(&self, row: &HistoryRow) -> bool {
        row.version.event <= self.at && self.known_at.is_none_or(|known_at| row.version.created <= known_at)
    }

    /// What it is called in a page: "as of T", with what was known at S.
    fn title(&self) -> Markup {
        html! {
            "as of " (time(self.at))
            @if let Some(known_at) = self.known_at { ", known at " (time(known_at)) }
        }
    }
}

/// The page: the form, and what was found, if something was asked.
pub fn explore(sets: &[KeySet], asked: &Asked, explored: Option<&Result<Explored>>) -> Page {
    let chosen = asked.chosen(sets);
    let main = html! {
        h1 { "Explore an entity" }
        @if chosen.is_none() || sets.len() > 1 { (choice(sets, chosen)) }
        @if let Some(set) = chosen { (form(set, asked)) }
        @match explored {
            Some(Ok(explored)) => (found(asked, explored)),
            Some(Err(error)) => p.refusal role="alert" { (error.message()) },
            None => {}
        }
    };
    Page { title: "Explore an entity".to_owned(), place: "/explore", main }
}

/// The join keys by which there are views.
fn choice(sets: &[KeySet], chosen: Option<&KeySet>) -> Markup {
    html! {
        nav.choice aria-label="Join keys" {
            @if sets.is_empty() { p { "No view with an entity is defined yet." } }
            @for set in sets {
                a href=(set.address(None)) aria-current=[chosen.is_some_and(|one| one == set).then_some("true")] {
                    (set.name())
                }
                " "
            }
        }
    }
}

fn form(set: &KeySet, asked: &Asked) -> Markup {
    let field = |name: &str, label: &str, value: &str, is_key: bool| {
        html! {
            label {
                span { (label) }
                input name=(name) value=(value) autocomplete="off" spellcheck="false" required[is_key]
                    placeholder=[(!is_key).then_some("now, or 2024-06-01T12:00:00Z")];
            }
        }
    };
    html! {
        form.explore action="/explore" {
            input type="hidden" name="by" value=(set.name());
            @for key in &set.keys {
                (field(&Asked::key_parameter(&key.name), &format!("{} ({})", key.name, key.ty), asked.key(&key.name), true))
            }
            label {
                span { "views" }
                select name="view" {
                    option value="" { "all" }
                    @for view in &set.views { option value=(view) selected[*view == asked.view] { (view) } }
                }
            }
            (field("at", "as of", &asked.at, false))
            (field("known_at", "known at", &asked.known_at, false))
            (field("then", "beside it: as of", &asked.then, false))
            (field("then_known_at", "beside it: known at", &asked.then_known_at, false))
            button { "Show" }
        }
    }
}

fn found(asked: &Asked, explored: &Explored) -> Markup {
    html! {
        p.hint { "Now it is " (time(explored.now)) ". A look at this page is no read of a consumer." }
        @for (view, reason) in &explored.left_out { p { a href={ "/views/" (view) } { (view) } ": " (reason) } }
        (values(&explored.moments))
        @if explored.histories.iter().any(|(_, rows)| !rows.is_empty()) {
            h2 { "Versions by event and created time" }
            (timeline(explored))
            (versions(asked, explored))
        } @else if !explored.histories.is_empty() {
            p { "No view has a row or an event of this entity." }
        }
    }
}
