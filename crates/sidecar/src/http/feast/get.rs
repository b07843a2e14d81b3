//! `POST /get-online-features`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Field;
use asofdb::parts::{did_you_mean, request_batch};
use asofdb::{Catalog, JoinKey, Prepared, RequestValue, ResolvedFeature, ScalarType, ValueType, arrow_type};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::door::Door;
use super::super::failure::Failure;
use super::super::json_columns::JsonColumns;
use super::super::payload::Payload;
use super::super::reply::JsonReply;
use super::columns::typed_column;
use super::vector::{Metadata, Reply, Vector, ViewMetadata, feature_vectors};
use crate::admission::{Admission, Caller};
use crate::operation::Operation;

/// Feast's servers ignore what they do not know, and so do we here.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    entities: JsonColumns<'a>,
    #[serde(default)]
    features: Option<Vec<String>>,
    #[serde(default)]
    feature_service: Option<String>,
    #[serde(default)]
    full_feature_names: bool,
    #[serde(default)]
    include_feature_view_version_metadata: bool,
}

/// Latest features of entities, given and answered by column.
pub(in super::super) async fn get_online_features(
    State(door): State<Arc<Door>>,
    caller: Caller,
    payload: Payload,
) -> Result<JsonReply, Failure> {
    door.run(caller, Operation::Latest, move |door, admission| {
        let asked: Asked<'_> = payload.json()?;
        answer(door, admission, &asked)
    })
    .await
}

fn answer(door: &Door, admission: &mut Admission<'_>, asked: &Asked<'_>) -> Result<JsonReply, Failure> {
    let store = &admission.store()?;
    let prepared = store.prepare(&references(&store.catalog(), asked)?)?;
    let features = prepared.features();
    let names = names(&prepared, asked.full_feature_names)?;
    let (keys, values) = (prepared.join_keys(), prepared.request_values());
    let entities = entities(&keys, &values, &asked.entities)?;
    door.check_answer_size(entities.num_rows(), features.len())?;
    admission.admit(features.iter().map(|feature| feature.view.name.as_str()), entities.num_rows())?;
    let answer = store.latest(&prepared, &prepared.entity_rows_from(&entities)?)?;
    // Values of the request are not answered, as by Feast's own server.
    let asked_with = asked.entities.names().zip(entities.columns());
    let keys: Vec<_> = asked_with.filter_map(|(name, column)| Some((name, key_type(&keys, name)?, column))).collect();
    let vectors =
        keys.iter().map(|(_, ty, column)| Vector::Key(*ty, column)).chain(feature_vectors(&features, &answer));
    let reply = JsonReply::of(
        door,
        &Reply {
            results: vectors.collect(),
            metadata: Metadata {
                feature_names: keys.iter().map(|(name, ..)| (*name).to_owned()).chain(names).collect(),
                feature_view_metadata: asked.include_feature_view_version_metadata.then(|| views(&features)),
            },
        },
    )?;
    Ok(reply.with_warnings(&prepared.warnings()).with_answer_id(answer.id()))
}

fn references(catalog: &Catalog, asked: &Asked<'_>) -> Result<Vec<String>, Failure> {
    match (&asked.feature_service, &asked.features) {
        (Some(service), _) if catalog.service(service).is_some() => Ok(vec![service.clone()]),
        (Some(service), _) => {
            let hint = did_you_mean(service, catalog.services().map(|service| service.name.as_str()));
            let message = format!("no feature service is named {service:?}{hint}");
            let failure = Failure::from(asofdb::storage::Error::not_found(message));
            Err(failure.for_feast(StatusCode::NOT_FOUND, "FeatureServiceNotFoundException"))
        }
        (None, Some(features)) => Ok(features.clone()),
        (None, None) => Err(Failure::invalid("a request names `features` or a `feature_service`")),
    }
}

/// The names of the features in the answer. Where two would have one name, the request must ask for full ones.
fn names(prepared: &Prepared, full: bool) -> Result<Vec<String>, Failure> {
    let features = prepared.features();
    if full {
        let name = |one: &ResolvedFeature| format!("{}__{}", one.view.name, one.feature.name);
        return Ok(features.iter().map(name).collect());
    }
    let mut seen = std::collections::BTreeSet::new();
    match features.iter().find(|one| !seen.insert(one.feature.name.as_str())) {
        None => Ok(features.iter().map(|one| one.feature.name.clone()).collect()),
        Some(twice) => {
            let message = format!("two features have one name; set full_feature_names: {:?}", twice.feature.name);
            Err(Failure::invalid(message).for_feast(StatusCode::UNPROCESSABLE_ENTITY, "FeatureNameCollisionError"))
        }
    }
}

/// The columns of the request, each of the type of its join key, or of the value of the request that has its name.
fn entities(keys: &[JoinKey], values: &[RequestValue], given: &JsonColumns<'_>) -> Result<RecordBatch, Failure> {
    if let Some(lacking) = keys.iter().find(|key| given.get(&key.name).is_none()) {
        let message = format!("`entities` has no column for join key {:?} ({})", lacking.name, lacking.ty);
        return Err(Failure::invalid(message));
    }
    if let Some(lacking) = values.iter().find(|value| value.required && given.get(&value.name).is_none()) {
        let message = format!("`entities` has no column for the request value {:?} ({})", lacking.name, lacking.ty);
        let class = "RequestDataNotFoundInEntityRowsException";
        return Err(Failure::invalid(message).for_feast(StatusCode::UNPROCESSABLE_ENTITY, class));
    }
    let column = |(name, cells)| {
        let of_value = || values.iter().find(|value| value.name == name).map(|value| value.ty);
        let ty = key_type(keys, name).map(ValueType::Scalar).or_else(of_value);
        let field = Field::new(name, arrow_type(ty.ok_or_else(|| unknown_column(keys, values, name))?), true);
        let column = typed_column(&field, cells)?;
        Ok((field, column))
    };
    let columns = given.iter().map(column).collect::<Result<Vec<(Field, ArrayRef)>, Failure>>()?;
    Ok(request_batch(columns)?)
}

fn unknown_column(keys: &[JoinKey], values: &[RequestValue], name: &str) -> Failure {
    let keys = keys.iter().map(|key| key.name.as_str());
    let hint = did_you_mean(name, keys.chain(values.iter().map(|value| value.name.as_str())));
    let what = if values.is_empty() { "no join key" } else { "no join key and no request value" };
    Failure::invalid(format!("`entities` has a column that is {what} of the features asked for: {name:?}{hint}"))
}

fn key_type(keys: &[JoinKey], name: &str) -> Option<ScalarType> {
    keys.iter().find(|key| key.name == name).map(|key| key.ty)
}

fn views(features: &[ResolvedFeature]) -> Vec<ViewMetadata> {
    let mut seen = std::collections::HashSet::new();
    let first = features.iter().filter(|feature| seen.insert(feature.view.id));
    first.map(|feature| ViewMetadata { name: feature.view.name.clone() }).collect()
}
