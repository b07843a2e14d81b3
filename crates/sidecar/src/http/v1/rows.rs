//! Rows in the body of a request: a list of objects, or one object a line.

use arrow::array::RecordBatch;
use asofdb::parts::{RequestRows, source_schema};
use asofdb::{Durability, FeatureView};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::super::failure::Failure;
use super::super::payload::Payload;

/// Content types of one object a line.
const NDJSON_TYPES: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Parameters {
    #[serde(default)]
    durability: Option<String>,
}

/// The form of the rows, and how they are to be written.
pub(super) struct RowForm {
    is_ndjson: bool,
    /// The durability that the request asks for; `None`: that of the store.
    pub(super) durability: Option<Durability>,
}

impl RowForm {
    /// The form that a request says.
    ///
    /// # Errors
    /// A failure for parameters that the route does not take.
    pub(super) fn of(
        parameters: Result<Query<Parameters>, QueryRejection>,
        headers: &HeaderMap,
    ) -> Result<Self, Failure> {
        let Query(parameters) = parameters.map_err(|error| Failure::malformed(error.body_text()))?;
        Ok(RowForm { durability: durability(parameters.durability.as_deref())?, is_ndjson: is_ndjson(headers) })
    }

    /// The rows of a body. The created timestamp may be left out, and so may columns that `is_optional`.
    ///
    /// # Errors
    /// `Invalid`, naming the row, the column and the rule.
    pub(super) fn rows(
        &self,
        view: &FeatureView,
        payload: &Payload,
        is_optional: impl Fn(&str) -> bool,
    ) -> Result<RecordBatch, Failure> {
        let mut rows = RequestRows::new(&source_schema(view), "row");
        for name in view.features.iter().map(|feature| feature.name.as_str()).filter(|name| is_optional(name)) {
            rows = rows.optional(name);
        }
        if let Some(created) = &view.created_column {
            rows = rows.optional(created);
        }
        if self.is_ndjson {
            let lines = payload.bytes().split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            lines.into_iter().try_for_each(|line| rows.push(line))?;
        } else {
            payload.each_item(|object| rows.push(object.get().as_bytes()))?;
        }
        Ok(rows.finish()?)
    }
}

fn durability(text: Option<&str>) -> Result<Option<Durability>, Failure> {
    match text {
        None => Ok(None),
        Some("sync") => Ok(Some(Durability::Sync)),
        Some("os") => Ok(Some(Durability::Os)),
        Some(other) => Err(Failure::invalid(format!("`durability` is sync or os: {other:?}"))),
    }
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    NDJSON_TYPES.iter().any(|known| known.eq_ignore_ascii_case(name))
}
