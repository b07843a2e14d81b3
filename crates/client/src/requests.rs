//! Requests and answers, as both clients make them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb::parts::ReadPlan;
use asofdb::{Answer, ApplyOptions, Catalog, Definitions, Durability, EntityKey, Error, F32Matrix, Result, Timestamp};
use asofdb_protocol::{
    ApplyRequest, CatalogMessage, CheckpointRequest, Form, NamedValue, RemoveEntity, WriteRequest, WriteView,
    decode_matrix, decode_records, split_answer_id, write_stream,
};

use crate::handles::KnownHandle;

pub(crate) fn answer_of(handle: &KnownHandle, body: &[u8], rows: usize) -> Result<Answer> {
    let (records, id) = match handle.form {
        Form::Identified => split_answer_id(body)?,
        Form::Rows | Form::Matrix { .. } => (body, None),
    };
    let answer = Answer::new(handle.plan.clone(), decode_records(&handle.plan, records, rows)?, rows);
    Ok(match id {
        Some(id) => answer.with_id(id.to_owned()),
        None => answer,
    })
}

pub(crate) fn form_of(matrix: &F32Matrix<'_>) -> Form {
    Form::Matrix { statuses: matrix.statuses.is_some(), fill: matrix.fill }
}

pub(crate) fn matrix_of(plan: &ReadPlan, body: &[u8], rows: usize, matrix: &mut F32Matrix<'_>) -> Result<()> {
    let F32Matrix { values, statuses, .. } = matrix;
    plan.output.check_matrix(rows, values.len(), statuses.as_ref().map(|statuses| statuses.len()))?;
    decode_matrix(body, rows, plan.output.columns.len(), values, statuses.as_deref_mut())
}

pub(crate) fn catalog_of(message: CatalogMessage) -> Result<Arc<Catalog>> {
    Catalog::from_records(message.records).map(Arc::new)
}

pub(crate) fn apply_request(
    definitions: &Definitions,
    options: &ApplyOptions,
    catalog: &Catalog,
) -> Result<ApplyRequest> {
    let (definitions, message) = (definitions.clone().try_into()?, options.message.clone());
    Ok(ApplyRequest { definitions, allow: options.allow, catalog_revision: catalog.revision(), message })
}

pub(crate) fn write_request(rows: &[(&str, &RecordBatch)], durability: Option<Durability>) -> Result<WriteRequest> {
    let view =
        |(view, rows): &(&str, &RecordBatch)| Ok(WriteView { view: (*view).to_owned(), rows: write_stream(rows)? });
    let sync = durability.map(|durability| durability == Durability::Sync);
    Ok(WriteRequest { sync, views: rows.iter().map(view).collect::<Result<_>>()? })
}

pub(crate) fn remove_entity(views: &[&str], entity: &EntityKey<'_>, at: Timestamp) -> Result<RemoveEntity> {
    let views = views.iter().map(|view| (*view).to_owned()).collect();
    Ok(RemoveEntity { views, entity: NamedValue::from_entity(entity)?, at: at.into() })
}

/// The path is absolute, as the sidecar may have another working directory; it refuses others.
pub(crate) fn checkpoint_request(to: &Path) -> Result<CheckpointRequest> {
    let directory = to.to_str().ok_or_else(|| Error::invalid(format!("a path is not UTF-8: {}", to.display())))?;
    Ok(CheckpointRequest { directory: directory.to_owned() })
}
