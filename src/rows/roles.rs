//! Roles of an export's columns, which their metadata name, whatever the columns are called.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use serde::{Deserialize, Serialize};

/// The key of an Arrow field's metadata under which its [`ColumnRole`] stands.
const ROLE_KEY: &str = "asofdb.role";

/// The role of a column of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// A join key of the view.
    JoinKey,
    /// The time when the fact was true.
    EventTimestamp,
    /// The time when it became known.
    CreatedTimestamp,
    /// True if the version is a deletion.
    Deleted,
    /// True if the version is within the view's ttl.
    Status,
    /// A feature of the view.
    Feature,
}

impl ColumnRole {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ColumnRole::JoinKey => "join_key",
            ColumnRole::EventTimestamp => "event_timestamp",
            ColumnRole::CreatedTimestamp => "created_timestamp",
            ColumnRole::Deleted => "deleted",
            ColumnRole::Status => "status",
            ColumnRole::Feature => "feature",
        }
    }

    /// Puts the role into the metadata of a field.
    pub fn mark(self, field: &mut Field) {
        let mut metadata = field.metadata().clone();
        metadata.insert(ROLE_KEY.to_owned(), self.as_str().to_owned());
        field.set_metadata(metadata);
    }

    /// The name of the first column that has this role; columns that are not of an export have none.
    pub(crate) fn find(self, schema: &Schema) -> Option<&str> {
        let has_role = |field: &&Arc<Field>| field.metadata().get(ROLE_KEY).is_some_and(|role| role == self.as_str());
        schema.fields().iter().find(has_role).map(|field| field.name().as_str())
    }
}
