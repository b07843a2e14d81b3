//! The explanation of a difference.
//!
//! Where the answer with what was known then is still what was served, something became known later: data that came
//! late, or another form of the version that was served. Where it is not, something was changed that was known.

use std::collections::HashMap;
use std::sync::Arc;

use asofdb::parts::{feature_meaning, meaning_difference};
use asofdb::{
    Catalog, FeatureView, HistoryRow, Lineage, Origin, Result, ServedFeature, ServedRow, Session, Span, Status,
    Timestamp, Value,
};

use super::reason::Reason;
use super::replay::same;

/// Versions of an entity that are looked at.
const HISTORY_MAX: usize = 10_000;

/// Explains differences.
pub(super) struct Explainer<'s, S: ?Sized> {
    session: &'s S,
    catalog: Arc<Catalog>,
    now: Timestamp,
    /// The stamps that a wrong clock has left.
    apart: Vec<(Timestamp, Timestamp)>,
    meanings: HashMap<String, Option<String>>,
}

/// An input that is stored: its view, and how far before the time asked about it reaches.
struct Stored {
    view: Arc<FeatureView>,
    reach: Span,
}

type Explained = (Reason, String);

impl<'s, S: Session + ?Sized> Explainer<'s, S> {
    pub(super) fn new(session: &'s S) -> Result<Self> {
        let clock = session.clock()?;
        let apart = clock.apart.iter().map(|run| (run.first, run.last)).collect();
        let (catalog, now) = (session.catalog()?, session.now()?);
        Ok(Explainer { session, catalog, now, apart, meanings: HashMap::new() })
    }

    /// Explains why a feature is another now: by the answer with all that is known now, and the one with what was known
    /// when it was served.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub(super) fn explain(
        &mut self,
        row: &ServedRow,
        served: &ServedFeature,
        now: Option<&ServedFeature>,
        then: Option<&ServedFeature>,
    ) -> Result<Explained> {
        if let Some(explained) = self.by_definition(served, then) {
            return Ok(explained);
        }
        let is_apart = self.apart.iter().any(|(first, last)| (*first..=*last).contains(&row.known_at));
        if row.served_at > self.now || is_apart {
            let detail = format!("it was served at {} by a clock that was ahead: it is {}", row.served_at, self.now);
            return Ok((Reason::Clock, detail));
        }
        let stored = self.stored(&served.reference)?;
        match same(served, then) {
            true => self.by_later(row, served, now, &stored),
            false => self.by_change(row, served, (now, then), &stored),
        }
    }

    /// The definition, where it is another, or gone.
    fn by_definition(&mut self, served: &ServedFeature, again: Option<&ServedFeature>) -> Option<Explained> {
        let catalog = &self.catalog;
        let make = || feature_meaning(catalog, &served.reference).ok();
        let meaning = self.meanings.entry(served.reference.clone()).or_insert_with(make);
        let Some(meaning) = meaning.as_ref().filter(|_| again.is_some()) else {
            return Some((Reason::Definition, "it cannot be read any more as it was asked for".to_owned()));
        };
        let (was, is) = meaning_difference(&served.meaning, meaning)?;
        Some((Reason::Definition, format!("it was \"{was}\" and is \"{is}\"")))
    }

    /// The views with rows and events that a feature is made of.
    fn stored(&self, reference: &str) -> Result<Vec<Stored>> {
        let lineage = Lineage::of(&self.catalog, &[reference])?;
        let mut stored: Vec<Stored> = Vec::new();
        for feature in lineage.features {
            let (view, reach) = match &feature.origin {
                Origin::Stored => (feature.view.clone(), Span::ZERO),
                Origin::Window(window) => {
                    let reach = feature.view.windows().map_or(Span::ZERO, asofdb::Windows::reach);
                    (window.from.clone(), reach)
                }
                Origin::Expression { .. } => continue,
            };
            if !stored.iter().any(|known| known.view.id == view.id) {
                stored.push(Stored { view, reach });
            }
        }
        Ok(stored)
    }

    /// Something became known after it was served.
    fn by_later(
        &self,
        row: &ServedRow,
        served: &ServedFeature,
        now: Option<&ServedFeature>,
        stored: &[Stored],
    ) -> Result<Explained> {
        let events = (served.event, now.and_then(|now| now.event));
        let is_row = stored.len() == 1 && !stored[0].view.holds_events();
        for input in stored {
            let history = self.history(&input.view, row)?;
            let later =
                |version: &&HistoryRow| version.version.created > row.known_at && version.version.event <= row.at;
            let mut later_ones = history.iter().filter(later);
            // Of rows it is the one that answers now.
            let answers =
                |version: &HistoryRow| !is_row || events.1.is_none() || Some(version.version.event) == events.1;
            let Some(version) = later_ones.find(|version| answers(version)) else { continue };
            let (event, created) = (version.version.event, version.version.created);
            let is_of = |old: &HistoryRow| old.version.event == event && old.version.created <= row.known_at;
            let name = &input.view.name;
            let (reason, what) = match (history.iter().any(is_of), version.deleted) {
                (true, false) => (Reason::Restated, "was restated"),
                (true, true) => (Reason::Restated, "was deleted"),
                (false, false) => (Reason::Late, "came late"),
                (false, true) => (Reason::Late, "is a deletion that came late"),
            };
            let detail = format!("the version of {name} at {event} {what}: it became known at {created}");
            return Ok((reason, detail));
        }
        let (then, is) = (text(events.0), text(events.1));
        Ok(match events.0 == events.1 && is_row {
            true => (Reason::Restated, format!("the version at {then} has another value since")),
            false => (Reason::Late, format!("data became known later: the event was {then} and is {is}")),
        })
    }

    /// The reason where what was known has changed.
    fn by_change(
        &self,
        row: &ServedRow,
        served: &ServedFeature,
        (now, then): (Option<&ServedFeature>, Option<&ServedFeature>),
        stored: &[Stored],
    ) -> Result<Explained> {
        for input in stored {
            if let Some(explained) = self.by_retention(row, served, input) {
                return Ok(explained);
            }
        }
        for input in stored {
            let history = self.history(&input.view, row)?;
            if let Some(explained) = explained_by(&input.view, &history, row, served, (now, then)) {
                return Ok(explained);
            }
        }
        Ok((Reason::Unexplained, "nothing that the store knows explains it".to_owned()))
    }

    /// The retention, where it has reached what was served.
    fn by_retention(&self, row: &ServedRow, served: &ServedFeature, input: &Stored) -> Option<Explained> {
        let view = &input.view;
        let cutoff = view.cutoff(self.now);
        let needed = match view.holds_events() {
            true => row.at.minus(input.reach),
            false => served.event?,
        };
        let detail = || format!("{} keeps nothing before {cutoff}, and this was of {needed}", view.name);
        (needed < cutoff).then(|| (Reason::Retention, detail()))
    }

    /// The versions of a row's entity in a view; none where the row has not all of its join keys.
    fn history(&self, view: &FeatureView, row: &ServedRow) -> Result<Vec<HistoryRow>> {
        // An index has the name of its event view, which is scanned by its own entities.
        let Some(view) = self.catalog.view(&view.name) else { return Ok(Vec::new()) };
        let value = |name: &str| row.entity.iter().find(|key| key.name == name).and_then(|key| key.value.clone());
        let key = view.join_keys.iter().map(|key| Some((key.name.as_str(), value(&key.name)?)));
        let Some(key) = key.collect::<Option<Vec<(&str, Value)>>>() else { return Ok(Vec::new()) };
        self.session.history(&view.name, &key, HISTORY_MAX)
    }
}

/// The explanation of a change by the versions that there are.
fn explained_by(
    view: &FeatureView,
    history: &[HistoryRow],
    row: &ServedRow,
    served: &ServedFeature,
    (now, then): (Option<&ServedFeature>, Option<&ServedFeature>),
) -> Option<Explained> {
    let name = &view.name;
    let had_something = served.event.is_some() || matches!(served.status, Status::Present | Status::Expired);
    let known = |version: &&HistoryRow| version.version.created <= row.known_at;
    if had_something && !history.iter().any(|version| known(&version)) {
        // With a repaired clock the versions are there, under later stamps.
        if same(served, now) {
            let detail = format!("the versions of {name} have later created timestamps than when they were served");
            return Some((Reason::Clock, detail));
        }
        return Some((Reason::Erased, format!("{name} has no version of the entity any more that was known then")));
    }
    let event = served.event?;
    if view.holds_events() {
        return same(served, now).then(|| {
            let detail = format!("an event of {name} has a later created timestamp than when it was served");
            (Reason::Clock, detail)
        });
    }
    Some(by_version(name, history, event, row.known_at, then.and_then(|then| then.event)))
}

/// The explanation by the version of a row that was served, of `event`, where the one of `then` answers now.
fn by_version(
    name: &str,
    history: &[HistoryRow],
    event: Timestamp,
    known_at: Timestamp,
    then: Option<Timestamp>,
) -> Explained {
    let mut of_event = history.iter().filter(|version| version.version.event == event);
    match of_event.clone().find(|version| version.version.created <= known_at) {
        Some(version) if then == Some(event) => {
            let detail =
                format!("the version of {name} at {event} was written again as of {}", version.version.created);
            (Reason::Restated, detail)
        }
        Some(_) => {
            let then = text(then);
            (Reason::Late, format!("a version of {name} at {then} says that it was known then, and came later"))
        }
        None if of_event.next().is_some() => {
            let detail =
                format!("the version of {name} at {event} has a later created timestamp than when it was served");
            (Reason::Clock, detail)
        }
        None => (Reason::Erased, format!("the version of {name} at {event} is gone")),
    }
}

fn text(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "none".to_owned(), |time| time.to_string())
}
