//! The columns of an export and what their metadata say.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use asofdb_storage::{Error, Feature, FeatureView, JoinKey, Result, ScalarType, Timestamp, ValueType};
use serde_json::json;

use super::manifest::{EXPORT_FORMAT, ManifestColumn};
use super::options::{ExportRows, PartitionBy};
use crate::arrow_types::{arrow_type, feature_field, timestamp_type};
use crate::columns::status_type;
use crate::role::ColumnRole;

/// The created timestamp's column where the view does not name one.
const CREATED_COLUMN: &str = "created_timestamp";
const DELETED_COLUMN: &str = "deleted";
const STATUS_COLUMN: &str = "status";

/// One column: its Arrow field and its line in the manifest.
struct Column {
    field: Field,
    line: ManifestColumn,
}

impl Column {
    fn new(mut field: Field, ty: &str, role: ColumnRole, description: &str) -> Self {
        let (name, description) = (field.name().clone(), description.to_owned());
        role.mark(&mut field);
        if !description.is_empty() {
            let mut metadata = field.metadata().clone();
            metadata.insert("description".to_owned(), description.clone());
            field.set_metadata(metadata);
        }
        Column { field, line: ManifestColumn { name, ty: ty.to_owned(), role, description } }
    }

    fn join_key(key: &JoinKey) -> Self {
        let field = Field::new(&key.name, arrow_type(ValueType::Scalar(key.ty)), false);
        Column::new(field, key.ty.name(), ColumnRole::JoinKey, "")
    }

    fn timestamp(name: &str, role: ColumnRole, description: &str) -> Self {
        Column::new(Field::new(name, timestamp_type(), false), ScalarType::Timestamp.name(), role, description)
    }

    fn feature(feature: &Feature) -> Self {
        let mut field = feature_field(feature, &feature.name);
        if let Some(default) = &feature.default {
            let mut metadata = field.metadata().clone();
            metadata.insert("asofdb.default".to_owned(), default.to_string());
            field.set_metadata(metadata);
        }
        Column::new(field, &feature.ty.to_string(), ColumnRole::Feature, &feature.description)
    }
}

/// The columns of an export: join keys, event and created timestamp, deletion mark or status, features.
pub(crate) struct ExportSchema {
    pub(crate) arrow: SchemaRef,
    pub(super) lines: Vec<ManifestColumn>,
    /// Position of the event timestamp.
    pub(super) event: usize,
}

impl ExportSchema {
    pub(crate) fn new(view: &FeatureView, rows: &ExportRows, snapshot: Timestamp) -> Self {
        let taken: Vec<&str> = own_names(view).collect();
        let created = view.created_column.clone().unwrap_or_else(|| free_name(CREATED_COLUMN, &taken));
        let mut columns: Vec<Column> = view.join_keys.iter().map(Column::join_key).collect();
        columns.push(Column::timestamp(&view.event_column, ColumnRole::EventTimestamp, "When the fact was true"));
        columns.push(Column::timestamp(&created, ColumnRole::CreatedTimestamp, "When the fact became known"));
        columns.push(match rows {
            ExportRows::Versions { .. } => deleted_column(&taken),
            ExportRows::AsOf(_) | ExportRows::Latest => status_column(&taken),
        });
        columns.extend(view.features.iter().map(Column::feature));
        let (fields, lines): (Vec<_>, Vec<_>) = columns.into_iter().map(|column| (column.field, column.line)).unzip();
        let arrow = Arc::new(Schema::new_with_metadata(fields, metadata(view, rows, snapshot)));
        ExportSchema { arrow, lines, event: view.join_keys.len() }
    }
}

/// Refuses partitions whose column has the name of a column of the view.
///
/// # Errors
/// `Conflict`, naming the column.
pub(crate) fn check_partitions(view: &FeatureView, partition_by: Option<PartitionBy>) -> Result<()> {
    match partition_by.map(PartitionBy::column).filter(|column| own_names(view).any(|name| name == *column)) {
        None => Ok(()),
        Some(column) => Err(Error::conflict(format!(
            "view {:?} has a column of the partition's name; export it without partitions: {column:?}",
            view.name
        ))),
    }
}

/// The names that the view's definition gives.
fn own_names(view: &FeatureView) -> impl Iterator<Item = &str> {
    let keys = view.join_keys.iter().map(|key| key.name.as_str());
    let features = view.features.iter().map(|feature| feature.name.as_str());
    keys.chain([view.event_column.as_str()]).chain(view.created_column.as_deref()).chain(features)
}

/// `wanted`, with as many underscores behind it as it takes to differ from every name of the view.
fn free_name(wanted: &str, taken: &[&str]) -> String {
    let mut name = wanted.to_owned();
    while taken.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn deleted_column(taken: &[&str]) -> Column {
    let field = Field::new(free_name(DELETED_COLUMN, taken), DataType::Boolean, false);
    let description = "Whether this version deletes the entity: from its event on the entity is missing";
    Column::new(field, ScalarType::Bool.name(), ColumnRole::Deleted, description)
}

fn status_column(taken: &[&str]) -> Column {
    let field = Field::new(free_name(STATUS_COLUMN, taken), status_type(), false);
    let description = "present, or expired: the version is older than the view's ttl at the time asked";
    Column::new(field, ScalarType::String.name(), ColumnRole::Status, description)
}

/// What the files say about themselves as a whole.
fn metadata(view: &FeatureView, rows: &ExportRows, snapshot: Timestamp) -> HashMap<String, String> {
    let statuses = match rows {
        ExportRows::Versions { .. } => json!({
            "null": "a null feature was stored as null, or its row was written before the feature was added; \
                     every feature of a deletion is null",
        }),
        ExportRows::AsOf(_) | ExportRows::Latest => json!({
            "present": "the entity's version at the time asked is within the view's ttl",
            "expired": "it is older than the ttl: the features are null, or their default where they have one",
            "missing": "entities without a version, or whose version is a deletion, have no row",
            "null": "a feature that was stored as null is null, or its default where it has one",
        }),
    };
    let mut metadata = HashMap::from([
        ("asofdb.format".to_owned(), EXPORT_FORMAT.to_string()),
        ("asofdb.view".to_owned(), view.name.clone()),
        ("asofdb.rows".to_owned(), json!(rows).to_string()),
        ("asofdb.snapshot".to_owned(), snapshot.to_string()),
        ("asofdb.statuses".to_owned(), statuses.to_string()),
    ]);
    metadata.extend(view.ttl.map(|ttl| ("asofdb.ttl".to_owned(), ttl.to_string())));
    if !view.description.is_empty() {
        metadata.insert("description".to_owned(), view.description.clone());
    }
    metadata
}
