//! `GET /views/{name}`, `/services/{name}`, `/entities/{name}` and the parts of them that take longer.

use std::sync::Arc;

use asofdb::parts::{did_you_mean, find_view};
use asofdb::{Catalog, CatalogChange, Error, Store, UsageOf, UsagePeriod};
use asofdb_platform::pages::ViewFigures;
use asofdb_platform::{find_duplicates, pages};
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::html::{HtmlReply, Visitor};
use crate::admission::Caller;
use crate::operation::Operation;

/// Days over which readers are told.
const USAGE_DAYS: u32 = 30;

/// Changes of the catalog that are read for a page, and most of them on it.
const CHANGES_READ_MAX: usize = 256;
const CHANGES_MAX: usize = 10;

/// Most pairs of likely duplicates on a page.
const PAIRS_MAX: usize = 100;

/// A view: what it says, and how fresh it is.
pub(super) async fn view(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Ages, move |door, admission| {
        let store = &door.service.store;
        let catalog = store.catalog();
        let view = find_view(&catalog, &name)?;
        admission.admit([view.name.as_str()], 0)?;
        let has_events = view.is_stored() || view.windows().is_some();
        let ages = if has_events { store.ages(&[&view.name])? } else { Vec::new() };
        let statistics = admission.store()?.statistics(&view.name)?;
        let changes = changes_of(&catalog, store, &view.name)?;
        let ages = ages.first();
        let history = ages.map_or_else(Vec::new, |ages| door.service.freshness.of(&ages.view));
        let figures = ViewFigures { ages, history: &history, statistics: Some(&statistics), changes: &changes };
        let page = pages::view(&catalog, &view.name, figures)?.ok_or_else(|| unknown("view", &name, []))?;
        HtmlReply::of(door, visitor, &page)
    })
    .await
}

/// The changes of a view among the last ones of the catalog. A page does not read the whole log.
fn changes_of(catalog: &Catalog, store: &Store, name: &str) -> asofdb::Result<Vec<CatalogChange>> {
    let is_it = |of: &str| of.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    let mut changes = store.backend().catalog_changes(catalog.revision().saturating_add(1), CHANGES_READ_MAX)?;
    changes.retain(|change| change.cause.changes.iter().any(|line| is_it(&line.name)));
    changes.truncate(CHANGES_MAX);
    Ok(changes)
}

/// A service.
pub(super) async fn service(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Catalog, move |door, _| {
        let catalog = door.service.store.catalog();
        let known = || catalog.services().map(|service| service.name.as_str()).collect::<Vec<_>>();
        let page = pages::service(&catalog, &name).ok_or_else(|| unknown("feature service", &name, known()))?;
        HtmlReply::of(door, visitor, &page)
    })
    .await
}

/// An entity.
pub(super) async fn entity(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Catalog, move |door, _| {
        let catalog = door.service.store.catalog();
        let known = || catalog.entities().map(|entity| entity.name.as_str()).collect::<Vec<_>>();
        let page = pages::entity(&catalog, &name).ok_or_else(|| unknown("entity", &name, known()))?;
        HtmlReply::of(door, visitor, &page)
    })
    .await
}

fn unknown<'n>(kind: &str, name: &str, known: impl IntoIterator<Item = &'n str>) -> Error {
    Error::not_found(format!("no {kind} is named {name:?}{}", did_you_mean(name, known)))
}

/// The readers of a view.
pub(super) async fn view_usage(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    usage(door, caller, visitor, UsageOf::View, name).await
}

/// The readers of a service.
pub(super) async fn service_usage(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    usage(door, caller, visitor, UsageOf::Service, name).await
}

async fn usage(
    door: Arc<Door>,
    caller: Caller,
    visitor: Visitor,
    of: UsageOf,
    name: String,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Usage, move |door, _| {
        let store = &door.service.store;
        let catalog = store.catalog();
        let (is_known, path) = match of {
            UsageOf::View => (catalog.view(&name).is_some(), format!("views/{name}")),
            UsageOf::Service => (catalog.service(&name).is_some(), format!("services/{name}")),
        };
        if !is_known {
            return Err(unknown(of.as_str(), &name, []).into());
        }
        let mut rows = store.usage(UsagePeriod { last_days: USAGE_DAYS, by_day: false })?;
        rows.retain(|row| row.key.of == of && row.key.name == name);
        let mut models = store.models()?;
        models.retain(|row| row.key.of == of && row.key.name == name);
        HtmlReply::of(door, visitor, &pages::usage((&path, &name), USAGE_DAYS, &rows, &models))
    })
    .await
}

/// Features that are likely the same as those of a view. Reads some hundred entities of every view.
pub(super) async fn duplicates(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(name): PathName,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Duplicates, move |door, admission| {
        let store = &door.service.store;
        let name = find_view(&store.catalog(), &name)?.name.clone();
        admission.admit([name.as_str()], 0)?;
        let stop = admission.stop().clone();
        let mut pairs = find_duplicates(store, &[&name], None, &|| stop.check())?;
        pairs.truncate(PAIRS_MAX);
        HtmlReply::of(door, visitor, &pages::duplicates(&name, &pairs))
    })
    .await
}
