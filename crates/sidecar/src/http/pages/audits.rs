//! `GET /audits` and `/audits/{number}`: what audits of what was served have found.

use std::sync::Arc;

use asofdb_platform::pages::{self, AuditLine};
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::name::PathName;
use super::super::v1::find_audit;
use super::html::{HtmlReply, Visitor};
use crate::admission::Caller;
use crate::audits::{AuditReport, readable};
use crate::operation::Operation;

/// The audits that are kept.
pub(super) async fn audits(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Audits, move |door, admission| {
        admission.admit([], 0)?;
        let lines: Vec<_> = door.service.audits.reports().iter().map(line).collect();
        let is_logging = door.service.store.served_log().is_some();
        HtmlReply::of(door, visitor, &pages::audits(&lines, is_logging))
    })
    .await
}

/// One audit, with what it has found.
pub(super) async fn audit(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    PathName(number): PathName,
) -> Result<HtmlReply, Failure> {
    let consumer = caller.consumer.clone();
    door.run(caller, Operation::Audits, move |door, admission| {
        admission.admit([], 0)?;
        let report = find_audit(&door.service, &number)?;
        let found = report.found().map(|found| readable(found, &door.service.store, consumer.name())).transpose()?;
        HtmlReply::of(door, visitor, &pages::audit(&line(&report), found.as_ref()))
    })
    .await
}

fn line(report: &AuditReport) -> AuditLine {
    AuditLine {
        number: report.number,
        state: report.word(),
        who: report.who.clone(),
        known: report.wanted.known(),
        consumer: report.wanted.consumer.clone(),
        service: report.wanted.service.clone(),
        began: report.began,
        ended: report.ended,
        rows: report.rows(),
        values: report.found().map(|found| (found.values(), found.differing())),
        error: report.error().map(str::to_owned),
    }
}
