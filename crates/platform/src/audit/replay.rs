//! Asking the same again.

use std::collections::HashMap;
use std::sync::Arc;

use asofdb::{Answer, ErrorKind, NamedValue, Prepared, Question, Result, ServedFeature, ServedRow, Session, Value};

use super::AuditAgainst;

/// Requests that are kept.
const REQUESTS_MAX: usize = 1_024;

/// Asks the questions of a log again.
pub(super) struct Replay<'s, S: ?Sized> {
    session: &'s S,
    /// By the features that are there; `None` where they cannot be read any more.
    requests: HashMap<Vec<String>, Option<Arc<Prepared>>>,
}

/// The values of rows, feature by feature as they were served; `None` where one cannot be asked for any more.
pub(super) type Values = Vec<Vec<Option<ServedFeature>>>;

impl<'s, S: Session + ?Sized> Replay<'s, S> {
    pub(super) fn new(session: &'s S) -> Self {
        Replay { session, requests: HashMap::new() }
    }

    /// Asks for the features of an answer's rows again.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub(super) fn ask(&mut self, rows: &[ServedRow], against: AuditAgainst) -> Result<Values> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let catalog = self.session.known_catalog();
        let is_there = |reference: &String| {
            let parts = reference.split_once(':');
            parts.is_some_and(|(view, name)| catalog.view(view).is_some_and(|view| view.feature(name).is_some()))
        };
        let wanted: Vec<String> = first.features.iter().map(|feature| feature.reference.clone()).collect();
        let there: Vec<String> = wanted.iter().filter(|name| is_there(name)).cloned().collect();
        let nothing = || rows.iter().map(|row| vec![None; row.features.len()]).collect();
        let Some(request) = self.request(there.clone())? else { return Ok(nothing()) };
        let known_at = match (against, first.question) {
            (AuditAgainst::Then, _) => Some(first.known_at),
            (AuditAgainst::Now, Question::AsOf { known_at, .. }) => known_at,
            (AuditAgainst::Now, Question::Latest) => None,
        };
        let question = Question::AsOf { at: first.at, known_at };
        let Some(answer) = self.answer(&request, rows, question)? else { return Ok(nothing()) };
        let place = |name: &String| there.iter().position(|one| one == name);
        let places: Vec<Option<usize>> = wanted.iter().map(place).collect();
        let cell = |row: usize, feature: usize| places[feature].map(|place| value_of(&answer, row, place)).transpose();
        (0..rows.len()).map(|row| (0..wanted.len()).map(|feature| cell(row, feature)).collect()).collect()
    }

    fn request(&mut self, features: Vec<String>) -> Result<Option<Arc<Prepared>>> {
        if features.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.requests.get(&features) {
            return Ok(known.clone());
        }
        if self.requests.len() >= REQUESTS_MAX {
            self.requests.clear();
        }
        let made = match Prepared::new(&self.session.known_catalog(), features.clone()) {
            Ok(prepared) => Some(Arc::new(prepared)),
            Err(error) => none_if_changed(error)?,
        };
        self.requests.insert(features, made.clone());
        Ok(made)
    }

    /// The answer; `None` where the rows are none of the request any more.
    fn answer(&self, request: &Prepared, rows: &[ServedRow], question: Question) -> Result<Option<Answer>> {
        let mut entities = request.entity_rows();
        let (keys, values) = (request.join_keys(), request.request_values());
        let by_name = |named: &[NamedValue], name: &str| -> Option<Value> {
            named.iter().find(|one| one.name == name).and_then(|one| one.value.clone())
        };
        for row in rows {
            let entity: Vec<_> = keys.iter().map(|key| by_name(&row.entity, &key.name)).collect();
            let given: Vec<_> = values.iter().map(|value| by_name(&row.request, &value.name)).collect();
            if let Err(error) = entities.push_with(&entity, &given) {
                return none_if_changed(error);
            }
        }
        match self.session.read(request, &entities, question) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => none_if_changed(error),
        }
    }
}

/// Nothing, where an error says that the definitions are others now.
fn none_if_changed<T>(error: asofdb::Error) -> Result<Option<T>> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Conflict => Ok(None),
        _ => Err(error),
    }
}

fn value_of(answer: &Answer, row: usize, place: usize) -> Result<ServedFeature> {
    let value = answer.value(row, place)?;
    let resolved = answer.resolved().nth(place);
    let bytes = value.as_ref().map(|value| {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    });
    Ok(ServedFeature {
        reference: resolved.map(asofdb::ResolvedFeature::reference).unwrap_or_default(),
        ty: resolved.map(|one| one.feature.ty).ok_or_else(|| super::internal("an answer lacks a feature"))?,
        bytes,
        status: answer.status(row, place),
        defaulted: answer.is_defaulted(row, place),
        event: answer.event_timestamp(row, place),
        meaning: "".into(),
    })
}

/// Returns whether a value is what was served, bit for bit, for the same reason and of the same event.
pub(super) fn same(served: &ServedFeature, again: Option<&ServedFeature>) -> bool {
    again.is_some_and(|again| {
        (served.ty, &served.bytes, served.status) == (again.ty, &again.bytes, again.status)
            && (served.defaulted, served.event) == (again.defaulted, again.event)
    })
}
