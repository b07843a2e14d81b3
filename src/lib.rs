//! asofdb: an embedded feature store.

mod definitions;
mod suggest;

pub use asofdb_storage::{
    Change, ChangeKind, Definitions, EntityDefinition, FeatureDefinition, ObjectKind, Plan, ServiceDefinition,
    ViewDefinition,
};
pub use definitions::{DEFINITIONS_BYTES_MAX, parse_definitions, read_definitions};
