//! `GET /plans`: plans that wait for approval.

use std::sync::Arc;

use asofdb::Policy;
use asofdb_platform::pages;
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::html::{HtmlReply, Visitor};
use crate::admission::Caller;
use crate::operation::Operation;

/// The plans that wait for the catalog of now, and who has approved them. Changes nothing.
pub(super) async fn plans(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Log, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        let (catalog, proposals, approvals) = (store.catalog(), store.proposals()?, store.approvals()?);
        let needed = Policy::of(&catalog)?.map_or(0, |policy| policy.approvals_min());
        HtmlReply::of(door, visitor, &pages::plans(&catalog, &proposals.waiting, &approvals, needed))
    })
    .await
}
