//! `POST /v1/latest` and `POST /v1/as_of`.

use std::sync::Arc;

use asofdb::{Answer, AnswerRows, AsJson, EntityRows, Prepared, Store};
use axum::extract::State;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::json_columns::JsonColumns;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::time::GivenTime;
use super::{entity, request};
use crate::admission::{Admission, Caller};
use crate::operation::Operation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latest<'a> {
    features: Vec<String>,
    #[serde(borrow)]
    entities: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    request: JsonColumns<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AsOf<'a> {
    features: Vec<String>,
    #[serde(borrow)]
    entities: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    request: JsonColumns<'a>,
    #[serde(default)]
    at: Option<GivenTime>,
    #[serde(default)]
    known_at: Option<GivenTime>,
}

/// Features of entities now.
pub(in super::super) async fn latest(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Latest, move |door, admission| {
        let asked: Latest<'_> = payload.json()?;
        let given = Given { entities: &asked.entities, request: &asked.request };
        read(door, admission, &asked.features, &given, Store::latest)
    })
    .await
}

/// Features of entities as of a time, perhaps with what was known at another.
pub(in super::super) async fn as_of(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::AsOf, move |door, admission| {
        let asked: AsOf<'_> = payload.json()?;
        let now = door.service.store.now();
        let at = asked.at.map_or(Ok(now), |at| at.resolve("at", now))?;
        let known_at = asked.known_at.map(|known_at| known_at.resolve("known_at", now)).transpose()?;
        let given = Given { entities: &asked.entities, request: &asked.request };
        read(door, admission, &asked.features, &given, |store, prepared, rows| {
            store.as_of(prepared, rows, at, known_at)
        })
    })
    .await
}

/// The rows that are asked about.
struct Given<'a> {
    /// The entities, an object each.
    entities: &'a [&'a RawValue],
    /// The values that come with the question, a column each.
    request: &'a JsonColumns<'a>,
}

fn read(
    door: &Door,
    admission: &mut Admission<'_>,
    references: &[String],
    given: &Given<'_>,
    ask: impl FnOnce(&Store, &Prepared, &EntityRows) -> asofdb::storage::Result<Answer>,
) -> Result<JsonReply, Failure> {
    let store = &admission.store()?;
    let prepared = store.prepare(references)?;
    let features = prepared.features();
    let keys = prepared.join_keys();
    let batch = entity::columns(&keys, given.entities)?;
    let values = request::columns(&prepared.request_values(), given.request, batch.num_rows())?;
    door.check_answer_size(batch.num_rows(), features.len())?;
    admission.admit(features.iter().map(|feature| feature.view.name.as_str()), batch.num_rows())?;
    let answer = ask(store, &prepared, &prepared.entity_rows_with(&batch, &values)?)?;
    let entities: Vec<_> = (0..batch.num_rows()).map(|row| entity::row(&keys, &batch, row)).collect();
    let reply = JsonReply::of(door, &AsJson(&AnswerRows { answer: &answer, entities: &entities }))?;
    Ok(reply.with_warnings(&prepared.warnings()).with_answer_id(answer.id()))
}
