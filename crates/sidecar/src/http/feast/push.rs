//! `POST /push` and `POST /write-to-online-store`: rows as a data frame, by column.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Field;
use asofdb::parts::{did_you_mean, find_stored_view, request_batch, source_schema};
use asofdb::storage::EVENT_COLUMN_DEFAULT;
use asofdb::{Catalog, ColumnRole, Error, FeatureView, timestamp_type};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::json_columns::JsonColumns;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::columns::typed_column;
use crate::admission::{Admission, Caller};
use crate::operation::Operation;

/// The tag by which a view says which push source feeds it.
const PUSH_SOURCE_TAG: &str = "push_source";

/// The column in which Feast's client sends created timestamps, whatever the view calls them.
const CREATED_COLUMN: &str = "created";

/// The values that `to` may have. There is one store: each of them writes the rows.
const DESTINATIONS: [&str; 3] = ["online", "offline", "online_and_offline"];

#[derive(Deserialize)]
struct Pushed<'a> {
    push_source_name: String,
    #[serde(borrow)]
    df: JsonColumns<'a>,
    #[serde(default)]
    to: Option<String>,
}

#[derive(Deserialize)]
struct Written<'a> {
    feature_view_name: String,
    #[serde(borrow)]
    df: JsonColumns<'a>,
}

/// Writes rows of every view that a push source feeds, in one step.
pub(in super::super) async fn push(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<StatusCode, Failure> {
    door.run(caller, Operation::Write, move |door, admission| {
        let pushed: Pushed<'_> = payload.json()?;
        if let Some(to) = pushed.to.filter(|to| !DESTINATIONS.contains(&to.as_str())) {
            return Err(Failure::invalid(format!("`to` is one of {}: {to:?}", DESTINATIONS.join(", "))));
        }
        let views = fed_views(&door.service.store.catalog(), &pushed.push_source_name)?;
        write(door, admission, &views, &pushed.df)
    })
    .await?;
    Ok(StatusCode::OK)
}

/// Writes rows of one view.
pub(in super::super) async fn write_to_online_store(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Write, move |door, admission| {
        let written: Written<'_> = payload.json()?;
        let view = find_stored_view(&door.service.store.catalog(), &written.feature_view_name)?.clone();
        write(door, admission, &[view], &written.df)
    })
    .await?;
    Ok(JsonReply::null())
}

/// The views that name a push source in their tags, and the one that has its name; those that are computed take no rows.
fn fed_views(catalog: &Catalog, source: &str) -> Result<Vec<Arc<FeatureView>>, Failure> {
    let fed =
        |view: &FeatureView| view.name == source || view.tags.get(PUSH_SOURCE_TAG).is_some_and(|tag| tag == source);
    let views: Vec<_> = catalog.views().filter(|view| view.is_stored() && fed(view)).cloned().collect();
    if !views.is_empty() {
        return Ok(views);
    }
    let tags = catalog.views().filter_map(|view| view.tags.get(PUSH_SOURCE_TAG).map(String::as_str));
    let hint = did_you_mean(source, tags.chain(catalog.views().map(|view| view.name.as_str())));
    let message = "no view has this name or names this push source in its tag `push_source`";
    let failure = Failure::from(Error::not_found(format!("{message}: {source:?}{hint}")));
    Err(failure.for_feast(StatusCode::UNPROCESSABLE_ENTITY, "PushSourceNotFoundException"))
}

fn write(
    door: &Door,
    admission: &mut Admission<'_>,
    views: &[Arc<FeatureView>],
    df: &JsonColumns<'_>,
) -> Result<(), Failure> {
    let batches = views.iter().map(|view| rows_of(view, df)).collect::<Result<Vec<_>, Failure>>()?;
    let rows = batches.first().map_or(0, RecordBatch::num_rows);
    admission.admit(views.iter().map(|view| view.name.as_str()), rows)?;
    admission.charge_written(batches.iter().map(RecordBatch::get_array_memory_size).sum());
    let rows: Vec<_> = views.iter().zip(&batches).map(|(view, batch)| (view.name.as_str(), batch)).collect();
    let store = &door.service.store;
    store.write_all(&rows, store.durability())?;
    Ok(())
}

/// The columns of a view in a data frame; what it has besides is for other views, or for nobody.
fn rows_of(view: &FeatureView, df: &JsonColumns<'_>) -> Result<RecordBatch, Failure> {
    let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
    for field in source_schema(view).fields() {
        let name = field.name();
        let is_created = view.created_column.as_ref() == Some(name);
        let values = match df.get(name) {
            Some(values) => values,
            None if *name == view.event_column => match alias(view, df, EVENT_COLUMN_DEFAULT) {
                Some(values) => values,
                None => return Err(lacking(view, df, name)),
            },
            // The client's own column for it is looked for below.
            None if is_created => continue,
            None => return Err(lacking(view, df, name)),
        };
        columns.push(column(view, Field::clone(field), values)?);
    }
    let has_created = view.created_column.as_ref().is_some_and(|name| df.get(name).is_some());
    if let Some(values) = alias(view, df, CREATED_COLUMN).filter(|_| !has_created) {
        let mut field = Field::new(CREATED_COLUMN, timestamp_type(), true);
        ColumnRole::CreatedTimestamp.mark(&mut field);
        columns.push(column(view, field, values)?);
    }
    Ok(request_batch(columns)?)
}

fn column(view: &FeatureView, field: Field, values: &[&RawValue]) -> Result<(Field, ArrayRef), Failure> {
    let column = typed_column(&field, values);
    let column = column.map_err(|error| Error::invalid(format!("view {:?}, {}", view.name, error.message())))?;
    // A null where none may be is refused by the store, which names the row.
    Ok((field.with_nullable(true), column))
}

/// A column by the name that Feast's client gives it, unless the view has another column of that name.
fn alias<'d, 'a>(view: &FeatureView, df: &'d JsonColumns<'a>, name: &str) -> Option<&'d [&'a RawValue]> {
    let is_own = view.feature(name).is_some() || view.join_keys.iter().any(|key| key.name == name);
    df.get(name).filter(|_| !is_own)
}

fn lacking(view: &FeatureView, df: &JsonColumns<'_>, name: &str) -> Failure {
    let hint = did_you_mean(name, df.names());
    let message = "is missing in `df`; a row is written whole, with null where there is no value";
    Failure::invalid(format!("view {:?}: column {name:?} {message}{hint}", view.name))
}
