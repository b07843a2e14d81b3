//! `GET /freshness`, `/feeds`, `/consumers` and `/answers`: figures of all views and consumers.

use std::sync::Arc;

use asofdb::parts::find_view;
use asofdb::{AnswerRow, UsagePeriod};
use asofdb_platform::pages::{self, Activity, Allowance, Over};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::html::{HtmlReply, Visitor};
use crate::admission::Caller;
use crate::consumers::Terms;
use crate::operation::Operation;
use crate::service::Service;

/// Days over which reads are told.
const USAGE_DAYS: u32 = 30;

/// How fresh every view is. Reads no rows.
pub(super) async fn freshness(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Ages, move |door, admission| {
        admission.admit([], 0)?;
        let views = door.service.store.ages::<&str>(&[])?;
        let history = |view: &str| door.service.freshness.of(view);
        HtmlReply::of(door, visitor, &pages::freshness(&views, history))
    })
    .await
}

/// How views are fed. Reads no rows.
pub(super) async fn feeds(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Feeds, move |door, admission| {
        admission.admit([], 0)?;
        let feeds = door.service.store.feeds(&[])?;
        HtmlReply::of(door, visitor, &pages::feeds(&feeds))
    })
    .await
}

/// What consumers did since the start, and what they may do.
pub(super) async fn consumers(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Stats, move |door, _| {
        let service = &door.service;
        let seconds = service.store.now().since(service.started()).as_micros() as f64 / 1e6;
        HtmlReply::of(door, visitor, &pages::consumers(&activities(service), &allowances(service), seconds))
    })
    .await
}

fn activities(service: &Service) -> Vec<Activity> {
    let of = |one: asofdb_protocol::ConsumerReport| Activity {
        consumer: one.consumer,
        operation: one.operation,
        view: one.view,
        requests: one.requests,
        errors: one.errors,
        rows: one.rows,
        p50: one.p50,
        p99: one.p99,
        p999: one.p999,
        missed: one.over_consumer.max(one.over_view),
    };
    service.report().into_iter().map(of).collect()
}

fn allowances(service: &Service) -> Vec<Allowance> {
    let of = |(consumer, terms): (Option<String>, Terms)| {
        let [requests, rows, answered, written] = [terms.requests, terms.rows, terms.answered, terms.written]
            .map(|rate| rate.map(|rate| (rate.per_second.get(), rate.burst.get())));
        let in_flight = terms.in_flight.map(Into::into);
        Allowance { consumer, requests, rows, answered, written, in_flight, latency_p99: terms.latency_p99 }
    };
    service.consumers.terms().into_iter().map(of).collect()
}

/// What consumers have read in the last days.
pub(super) async fn consumers_usage(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
) -> Result<HtmlReply, Failure> {
    door.run(caller, Operation::Usage, move |door, _| {
        let rows = door.service.store.usage(UsagePeriod { last_days: USAGE_DAYS, by_day: false })?;
        HtmlReply::of(door, visitor, &pages::consumers_usage(USAGE_DAYS, &rows, &door.service.store.models()?))
    })
    .await
}

/// Parameters of the address of the answers.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    over: Option<String>,
    view: Option<String>,
}

/// What consumers got, by status. Reads no rows.
pub(super) async fn answers(
    State(door): State<Arc<Door>>,
    caller: Caller,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<HtmlReply, Failure> {
    let Query(asked) = asked.map_err(|_| Failure::malformed("the address may have `over` and `view`"))?;
    let over = asked.over.as_deref().map_or(Some(Over::default()), Over::of);
    let over = over.ok_or_else(|| Failure::invalid("`over` is 5m, 1h or 1d"))?;
    door.run(caller, Operation::Answers, move |door, admission| {
        admission.admit([], 0)?;
        let store = &door.service.store;
        if let Some(view) = &asked.view {
            find_view(&store.catalog(), view)?;
        }
        let mut rows = store.answers();
        rows.retain(|row: &AnswerRow| asked.view.as_ref().is_none_or(|view| row.view == *view));
        HtmlReply::of(door, visitor, &pages::answers(&rows, over, asked.view.as_deref()))
    })
    .await
}
