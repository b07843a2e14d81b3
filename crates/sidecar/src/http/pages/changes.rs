//! `GET /changes?name=user_stats_v1&from=TIME&to=TIME`: the log of the catalog, and two moments compared.

use std::sync::Arc;

use asofdb::{Session, Store};
use asofdb_platform::pages::{self, CHANGES_MAX, Compared};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::html::{HtmlReply, Visitor, in_page, moment};
use crate::admission::{Admission, Caller};
use crate::operation::Operation;

/// Parameters of the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    name: String,
    before: Option<u64>,
    from: String,
    to: String,
}

/// The newest changes, and what differs between two moments where they are given.
pub(super) async fn changes(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<HtmlReply, Failure> {
    let rule = "the address may have `name`, `from`, `to`, and `before`, a revision";
    let Query(asked) = asked.map_err(|_| Failure::malformed(rule))?;
    let moments = asked.clone();
    let compared = match (asked.from.is_empty(), asked.to.is_empty()) {
        (true, true) => None,
        _ => {
            let work = move |door: &Door, _: &mut Admission<'_>| in_page(compared(&door.service.store, &moments));
            Some(door.clone().run(caller.clone(), Operation::Diff, work).await?)
        }
    };
    door.run(caller, Operation::Log, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        let name = Some(asked.name.trim()).filter(|name| !name.is_empty());
        let mut log = store.catalog_log_before(asked.before.unwrap_or(u64::MAX), name, CHANGES_MAX + 1)?;
        let has_more = log.len() > CHANGES_MAX;
        log.truncate(CHANGES_MAX);
        let (catalog, times) = (store.catalog(), [asked.from.as_str(), asked.to.as_str()]);
        let page = pages::changes(&catalog, name.unwrap_or_default(), &log, has_more, times, compared.as_ref());
        HtmlReply::of(door, visitor, &page)
    })
    .await
}

fn compared(store: &Store, asked: &Asked) -> asofdb::Result<Compared> {
    let now = store.now();
    let (from, to) = (moment("from", &asked.from, now)?, moment("to", &asked.to, now)?);
    let changes = store.catalog_at(from)?.changes_to(&store.catalog_at(to)?);
    Ok(Compared { from, to, changes })
}
