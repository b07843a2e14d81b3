//! `POST /v1/audit`, `GET /v1/audits` and `GET /v1/audits/{number}`: audits of what this sidecar has served.

use std::sync::Arc;

use asofdb::Error;
use asofdb_platform::{AUDIT_EXAMPLES_DEFAULT, AuditAgainst, AuditOptions};
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use crate::admission::Caller;
use crate::audits::{AuditReport, AuditWanted, start};
use crate::operation::Operation;
use crate::service::Service;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ToAudit {
    known: Known,
    consumer: Option<String>,
    service: Option<String>,
    examples: Option<usize>,
}

/// The state of knowledge that is compared with.
#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Known {
    #[default]
    Now,
    Then,
}

/// Begins an audit, and answers with its number.
pub(in super::super) async fn audit(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    let who = caller.actor().name;
    door.run(caller, Operation::Audit, move |door, admission| {
        admission.admit([], 0)?;
        let asked: ToAudit = if payload.bytes().is_empty() { ToAudit::default() } else { payload.json()? };
        let against = match asked.known {
            Known::Now => AuditAgainst::Now,
            Known::Then => AuditAgainst::Then,
        };
        let options = AuditOptions { against, examples: asked.examples.unwrap_or(AUDIT_EXAMPLES_DEFAULT) };
        let wanted = AuditWanted { options, consumer: asked.consumer, service: asked.service };
        JsonReply::of(door, &json!({ "audit": start(&door.service, &who, wanted)? }))
    })
    .await
}

/// Answers with the audits that are kept, the newest first.
pub(in super::super) async fn audits(State(door): State<Arc<Door>>, caller: Caller) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Audits, move |door, admission| {
        admission.admit([], 0)?;
        JsonReply::of(door, &door.service.audits.to_json())
    })
    .await
}

/// Answers with an audit and what it has found.
pub(in super::super) async fn audited(
    State(door): State<Arc<Door>>,
    caller: Caller,
    PathName(number): PathName,
) -> Result<JsonReply, Failure> {
    let consumer = caller.consumer.clone();
    door.run(caller, Operation::Audits, move |door, admission| {
        admission.admit([], 0)?;
        let report = find_audit(&door.service, &number)?;
        JsonReply::of(door, &report.to_full_json(&door.service.store, consumer.name())?)
    })
    .await
}

/// The audit of a number.
///
/// # Errors
/// `NotFound` when it is not kept.
pub(in super::super) fn find_audit(service: &Service, number: &str) -> asofdb::Result<AuditReport> {
    match number.parse() {
        Ok(number) => service.audits.find(number),
        Err(_) => Err(Error::not_found(format!("an audit has a number: {number:?}; GET /v1/audits has all"))),
    }
}
