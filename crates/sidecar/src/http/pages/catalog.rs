//! `GET /?q=WORDS`: the catalog.

use std::sync::Arc;

use asofdb_platform::pages::{self, HITS_MAX};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::searched::search_operation;
use super::html::{HtmlReply, Visitor, in_page};
use crate::admission::Caller;

/// Parameters of the address.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// All that is defined, or what a query finds of it.
pub(super) async fn catalog(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<HtmlReply, Failure> {
    let Query(asked) = asked.map_err(|_| Failure::malformed("the address may have `q`, the query"))?;
    door.run(caller, search_operation(&asked.q), move |door, _| {
        let store = &door.service.store;
        let catalog = store.catalog();
        let found = in_page(door.searcher.find(store, &catalog, &asked.q, HITS_MAX))?;
        HtmlReply::of(door, visitor, &pages::catalog(&catalog, &asked.q, &found))
    })
    .await
}
