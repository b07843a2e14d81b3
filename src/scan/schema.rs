//! The columns of an export and what their metadata say.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use asofdb_storage::{Feature, FeatureView, JoinKey, ScalarType, Timestamp, ValueType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::choice::ExportRows;
use crate::read::columns::status_type;
use crate::rows::roles::ColumnRole;
use crate::rows::types::{arrow_type, feature_field, timestamp_type};

/// The format of exports that this code writes: of the manifest, and of the columns and metadata of the files.
pub const EXPORT_FORMAT: u32 = 1;

/// A column of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestColumn {
    /// Name.
    pub name: String,
    /// Type, as in definitions.
    #[serde(rename = "type")]
    pub ty: String,
    /// The column's role.
    pub role: ColumnRole,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

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
#[derive(Debug, Clone)]
pub struct ExportSchema {
    /// The schema in Arrow.
    pub arrow: SchemaRef,
    pub(crate) lines: Vec<ManifestColumn>,
    /// Position of the event timestamp.
    pub(crate) event: usize,
    /// The first columns, by which rows are sorted: ascending before the event timestamp, then descending.
    pub(crate) sorted: usize,
}

impl ExportSchema {
    /// The columns of some rows of a view, of the state at `snapshot`.
    pub fn new(view: &FeatureView, rows: &ExportRows, snapshot: Timestamp) -> Self {
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
        ExportSchema { arrow, lines, event: view.join_keys.len(), sorted: view.join_keys.len() + 2 }
    }

    /// The columns of what is computed, as of a time: join keys and that time, then each feature and its status. They
    /// are those of `joined`.
    pub(crate) fn of_computed(
        view: &FeatureView,
        keys: &[JoinKey],
        joined: &Schema,
        rows: &ExportRows,
        snapshot: Timestamp,
    ) -> Self {
        let event = keys.len();
        let column = |(position, field): (usize, &Arc<Field>)| match view.feature(field.name()) {
            _ if position < event => Column::join_key(&keys[position]),
            _ if position == event => {
                Column::timestamp(field.name(), ColumnRole::EventTimestamp, "The time that was asked about")
            }
            Some(feature) => Column::feature(feature),
            None => {
                let description = "present, null, or missing: nothing was known that it is computed from";
                Column::new(Field::clone(field), ScalarType::String.name(), ColumnRole::Status, description)
            }
        };
        let columns = joined.fields().iter().enumerate().map(column);
        let (fields, lines): (Vec<_>, Vec<_>) = columns.map(|column| (column.field, column.line)).unzip();
        let arrow = Arc::new(Schema::new_with_metadata(fields, metadata(view, rows, snapshot)));
        ExportSchema { arrow, lines, event, sorted: event + 1 }
    }
}

/// The names that the view's definition gives.
pub(crate) fn own_names(view: &FeatureView) -> impl Iterator<Item = &str> {
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

/// Makes the metadata of the files as a whole.
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
