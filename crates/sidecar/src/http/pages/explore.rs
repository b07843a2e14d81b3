//! `GET /explore?by=user_id&key.user_id=1001&at=TIME`: what is known of one entity.

use std::sync::Arc;

use asofdb::{Catalog, Error, ErrorKind, FeatureView, Prepared, Session, Store, Value, parse_join_key};
use asofdb_platform::pages::{self, Asked, Explored, KeySet, Moment};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};

use super::super::door::Door;
use super::super::failure::Failure;
use super::html::{HtmlReply, Visitor, in_page, moment};
use crate::admission::{Admission, Caller};
use crate::operation::Operation;

/// Most features that a page shows of one entity.
const FEATURES_MAX: usize = 2_000;

/// Most versions that a page shows of one view, and of all together.
const VERSIONS_MAX: usize = 100;
const ALL_VERSIONS_MAX: usize = 2_000;

/// The entity and the views that are asked for.
struct Question {
    catalog: Arc<Catalog>,
    entity: Vec<(String, Value)>,
    /// Views whose features are read.
    read: Vec<String>,
    /// Views that have rows or events of their own.
    stored: Vec<Arc<FeatureView>>,
    /// Views whose features cannot be read, and why.
    left_out: Vec<(String, String)>,
}

/// The form, and what is known of the entity, if one is given.
pub(super) async fn explore(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    parameters: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<HtmlReply, Failure> {
    let Query(parameters) = parameters.map_err(|_| Failure::malformed("the address has broken parameters"))?;
    let asked = Asked::of(parameters);
    let catalog = door.service.store.catalog();
    if !asked.has_entity() {
        return door.run(caller, Operation::Catalog, move |door, _| show(door, visitor, &catalog, &asked, None)).await;
    }
    let (values, question) = (door.clone(), asked.clone());
    let read = move |door: &Door, admission: &mut Admission<'_>| in_page(read_values(door, admission, &question));
    let (question, explored) = match values.run(caller.clone(), Operation::AsOf, read).await? {
        Ok(read) => read,
        Err(error) => {
            let work =
                move |door: &Door, _: &mut Admission<'_>| show(door, visitor, &catalog, &asked, Some(Err(error)));
            return door.run(caller, Operation::Catalog, work).await;
        }
    };
    door.run(caller, Operation::History, move |door, admission| {
        let explored = read_versions(door, admission, &question, explored)?;
        show(door, visitor, &question.catalog, &asked, Some(Ok(explored)))
    })
    .await
}

fn show(
    door: &Door,
    visitor: Visitor,
    catalog: &Catalog,
    asked: &Asked,
    explored: Option<asofdb::Result<Explored>>,
) -> Result<HtmlReply, Failure> {
    HtmlReply::of(door, visitor, &pages::explore(&KeySet::all(catalog), asked, explored.as_ref()))
}

fn read_values(door: &Door, admission: &mut Admission<'_>, asked: &Asked) -> asofdb::Result<(Question, Explored)> {
    let store = &door.service.store;
    let question = Question::new(store.catalog(), &admission.store()?, asked)?;
    let now = store.now();
    let mut moments = vec![(&asked.at, &asked.known_at)];
    if asked.has_second() {
        moments.push((&asked.then, &asked.then_known_at));
    }
    let prepared = match question.read.is_empty() {
        true => None,
        false => Some(store.prepare(&question.read)?),
    };
    if let Some(features) = prepared.as_ref().map(Prepared::width).filter(|width| *width > FEATURES_MAX) {
        let message = format!("a page shows at most {FEATURES_MAX} features of an entity; choose one of the views");
        return Err(Error::invalid(format!("{message}: {features}")));
    }
    admission.admit(question.read.iter().map(String::as_str), moments.len())?;
    let mut explored = Explored { now, moments: Vec::new(), histories: Vec::new(), left_out: Vec::new() };
    for (at, known_at) in moments {
        let known_at = if known_at.is_empty() { None } else { Some(moment("known at", known_at, now)?) };
        let at = moment("as of", at, now)?;
        let read = |request: &Prepared| {
            let mut rows = request.entity_rows();
            rows.push_named(&question.key())?;
            store.as_of(request, &rows, at, known_at)
        };
        let answer = prepared.as_ref().map(read).transpose()?;
        explored.moments.push(Moment { at, known_at, answer });
    }
    explored.left_out.clone_from(&question.left_out);
    Ok((question, explored))
}

fn read_versions(
    door: &Door,
    admission: &mut Admission<'_>,
    question: &Question,
    mut explored: Explored,
) -> asofdb::Result<Explored> {
    let limit = VERSIONS_MAX.min(ALL_VERSIONS_MAX / question.stored.len().max(1)).max(1);
    let names = question.stored.iter().map(|view| view.name.as_str());
    admission.admit(names, limit * question.stored.len())?;
    for view in &question.stored {
        let rows = door.service.store.history(&view.name, &question.key(), limit)?;
        explored.histories.push((view.clone(), rows));
    }
    Ok(explored)
}

impl Question {
    /// `reader` is the store as it reads for the visitor, who may not see all of it.
    fn new(catalog: Arc<Catalog>, reader: &Store, asked: &Asked) -> asofdb::Result<Self> {
        let sets = KeySet::all(&catalog);
        let set = asked.chosen(&sets).ok_or_else(|| {
            let names: Vec<_> = sets.iter().map(KeySet::name).collect();
            Error::not_found(format!("no view is read by {:?}; there are {}", asked.by, names.join(" and ")))
        })?;
        let value = |key: &asofdb::JoinKey| Ok((key.name.clone(), parse_join_key(key, asked.key(&key.name))?));
        let entity = set.keys.iter().map(value).collect::<asofdb::Result<_>>()?;
        let mut question = Question { catalog, entity, read: Vec::new(), stored: Vec::new(), left_out: Vec::new() };
        for name in set.views.iter().filter(|name| asked.view.is_empty() || **name == asked.view) {
            question.add(reader, name)?;
        }
        Ok(question)
    }

    fn add(&mut self, reader: &Store, name: &str) -> asofdb::Result<()> {
        let Some(view) = self.catalog.view(name).cloned() else { return Ok(()) };
        match reader.check_view_readable(name) {
            Err(error) if error.kind() == ErrorKind::Denied => {
                self.left_out.push((name.to_owned(), error.message().to_owned()));
                return Ok(());
            }
            readable => readable?,
        }
        if !view.holds_events() {
            let request = Prepared::new(&self.catalog, vec![name.to_owned()])?;
            let needed: Vec<_> = request.request_values().into_iter().filter(|value| value.required).collect();
            match needed.is_empty() {
                true => self.read.push(name.to_owned()),
                false => {
                    let names: Vec<_> = needed.into_iter().map(|value| value.name).collect();
                    self.left_out.push((name.to_owned(), format!("takes values of a request: {}", names.join(", "))));
                }
            }
        }
        if view.is_stored() {
            self.stored.push(view);
        }
        Ok(())
    }

    fn key(&self) -> Vec<(&str, Value)> {
        self.entity.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }
}
