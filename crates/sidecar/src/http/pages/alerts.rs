//! `GET /alerts`: what is wrong, and who was told.

use std::sync::Arc;

use asofdb_platform::pages::{self, AlertTarget, OpenAlert};
use asofdb_protocol::{AlertReport, AlertTargetReport};
use axum::extract::State;

use super::super::door::Door;
use super::super::failure::Failure;
use super::html::{HtmlReply, Visitor};
use crate::admission::Caller;
use crate::operation::Operation;

/// The open alerts, and how their delivery goes. Reads no rows.
pub(super) async fn alerts(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Alerts, move |door, admission| {
        admission.admit([], 0)?;
        let report = door.service.alerts();
        let open: Vec<_> = report.alerts.into_iter().map(open).collect();
        let targets: Vec<_> = report.targets.into_iter().map(target).collect();
        // As the times of alerts are: by the clock of the host, whatever is believed of it.
        let now = door.service.store.clock().system;
        HtmlReply::of(door, visitor, &pages::alerts(&open, &targets, now))
    })
    .await
}

fn open(alert: AlertReport) -> OpenAlert {
    let AlertReport { kind, subject, state, severity, message, since, told, notices, is_recovering } = alert;
    OpenAlert { kind, subject, state, severity, message, since, told, notices, is_recovering }
}

fn target(report: AlertTargetReport) -> AlertTarget {
    AlertTarget {
        name: report.target,
        kind: report.kind,
        waiting: report.waiting,
        delivered: report.delivered,
        failures: report.failures,
        dropped: report.dropped,
        last_delivered: report.last_delivered,
        last_failed: report.last_failed.map(|at| (at, report.last_error.unwrap_or_default())),
    }
}
