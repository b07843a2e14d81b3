//! A row of a log: what one entity was answered with.

use std::sync::Arc;

use asofdb_storage::{Status, Timestamp, Value, ValueType};

use crate::read::question::Question;

/// A row of a log of served features: one entity of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedRow {
    /// The id of the answer, which its caller may have got as well.
    pub id: String,
    /// The row within the answer.
    pub row: u32,
    /// The present when it was served, by the store's clock.
    pub served_at: Timestamp,
    /// The time asked about; of the latest values, the present.
    pub at: Timestamp,
    /// The stamp up to which everything was known: an as-of read with it gives the same.
    pub known_at: Timestamp,
    /// The question as it was asked.
    pub question: Question,
    /// The one that asked, where it has a name.
    pub consumer: Option<String>,
    /// The service that was asked for, if one was.
    pub service: Option<String>,
    /// The references that were asked for.
    pub references: Vec<String>,
    /// The revision of the catalog that they were resolved with.
    pub catalog_revision: u64,
    /// The join keys by name; `None` where the entity was not known.
    pub entity: Vec<NamedValue>,
    /// The values that came with the request.
    pub request: Vec<NamedValue>,
    /// The features, in the order of the answer.
    pub features: Vec<ServedFeature>,
}

/// A value by name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedValue {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: ValueType,
    /// Value; `None` for null.
    pub value: Option<Value>,
}

/// A feature as it was served.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedFeature {
    /// `view:feature`.
    pub reference: String,
    /// Type.
    pub ty: ValueType,
    /// Bytes of the value as [`Value::encode`] writes them, a default included; `None`: there was none.
    pub bytes: Option<Vec<u8>>,
    /// The reason why it was there or not.
    pub status: Status,
    /// True if the feature's default stood in.
    pub defaulted: bool,
    /// The event timestamp of the version that answered.
    pub event: Option<Timestamp>,
    /// The meaning of the feature then: all that its value depends on besides rows and events.
    pub meaning: Arc<str>,
}

impl ServedFeature {
    /// The value, or the default that stood in for it.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no value of the type.
    pub fn value(&self) -> asofdb_storage::Result<Option<Value>> {
        self.bytes.as_ref().map(|bytes| Value::decode(self.ty, bytes)).transpose()
    }
}
