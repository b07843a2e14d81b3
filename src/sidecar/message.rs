//! Control messages: everything but keys and answers of reads. docs/protocol.md has each of them byte by byte.
//!
//! Messages are structs of their own: what the engine has in memory can change without them. No message holds itself, so that decoding never recurses: values travel as their type and their stored bytes.

mod bulk;
mod codec;
mod definitions;
#[cfg(test)]
mod golden;
mod reports;
mod value;

use asofdb_storage::{Error, ErrorKind, Result, Value, ValueType};

pub(crate) use self::bulk::{
    Join, JoinEnd, KnownAtMessage, Load, NoteAnswer, NoteMessage, NoteRequest, Scan, ScanBegin, ScanEnd, ScanRows,
};
pub(crate) use self::codec::{Decode, Encode, decode, encode, encoded};
pub(crate) use self::definitions::{DefinitionsMessage, JoinKeyMessage};
pub(crate) use self::reports::{CommittedMessage, ErasedMessage, FreshnessMessage, StoreStatsMessage, VerifiedMessage};
use self::value::ScalarTypeMessage;
pub(crate) use self::value::{TimeMessage, ValueTypeMessage};

/// First bytes of a hello.
pub(crate) const MAGIC: [u8; 4] = *b"ASOF";

/// The version of the protocol that this build speaks.
pub(crate) const PROTOCOL_VERSION: u16 = 1;

/// Opens a connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Hello {
    pub(crate) magic: [u8; 4],
    /// The versions of the protocol that the client speaks, from the first to the last.
    pub(crate) versions: (u16, u16),
    /// What the client calls itself.
    pub(crate) consumer: Option<String>,
}

/// Answers a [`Hello`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Welcome {
    /// The version that is spoken from here on.
    pub(crate) version: u16,
    /// The version of the server's software.
    pub(crate) server: String,
    /// What the client is called.
    pub(crate) consumer: String,
    /// What it may do: 0 read, 1 write, 2 operate.
    pub(crate) role: u8,
    pub(crate) catalog_revision: u64,
    /// Longest body of a request.
    pub(crate) body_bytes_max: u64,
    /// Most rows of a read.
    pub(crate) rows_max: u64,
    /// Most bytes of keys and rows of a load.
    pub(crate) load_bytes_max: u64,
}

/// How a prepared request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub(crate) enum Form {
    /// Records, one a row and view.
    Rows,
    /// A matrix of `f32`.
    Matrix {
        /// Whether it is followed by the statuses.
        statuses: bool,
        /// What stands where there is neither a value nor a default.
        fill: f32,
    },
}

/// Asks for a handle.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Prepare {
    pub(crate) references: Vec<String>,
    pub(crate) form: Form,
}

/// Answers a [`Prepare`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Handle {
    pub(crate) handle: u32,
    /// The catalog it was resolved with.
    pub(crate) catalog_revision: u64,
    /// The columns of an entity row.
    pub(crate) join_keys: Vec<JoinKeyMessage>,
    /// The distinct entity keys of a request, each as positions in `join_keys`.
    pub(crate) key_groups: Vec<Vec<u32>>,
    pub(crate) views: Vec<HandleView>,
    /// In the order of the answer.
    pub(crate) features: Vec<HandleFeature>,
}

/// A view of a prepared request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HandleView {
    pub(crate) name: String,
    /// Which of the entity keys is its own.
    pub(crate) key_group: u32,
    /// Bytes of one of its records.
    pub(crate) record_bytes: u32,
}

/// A feature of a prepared request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HandleFeature {
    /// Position of its view.
    pub(crate) view: u32,
    pub(crate) name: String,
    pub(crate) ty: ValueTypeMessage,
    /// Its default as a row stores it.
    pub(crate) default: Option<Vec<u8>>,
    /// Where its value is in a record.
    pub(crate) offset: u32,
    /// Which null bit is its own.
    pub(crate) null_bit: u32,
}

/// Forgets a handle.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Release {
    pub(crate) handle: u32,
}

/// Writes rows in one step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Write {
    /// Whether it is on disk when it is answered; `None`: as the sidecar is set up.
    pub(crate) sync: Option<bool>,
    pub(crate) views: Vec<WriteView>,
}

/// Rows of one view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct WriteView {
    pub(crate) view: String,
    /// An Arrow IPC stream.
    pub(crate) rows: Vec<u8>,
}

/// Answers a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Pong {
    /// The present by the store's clock.
    pub(crate) now: TimeMessage,
    pub(crate) catalog_revision: u64,
}

/// Answers a request for the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CatalogMessage {
    pub(crate) revision: u64,
    /// The records of the store's family `catalog`: key and value.
    pub(crate) records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Answers a request for figures.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StatsMessage {
    pub(crate) store: StoreStatsMessage,
    pub(crate) consumers: Vec<ConsumerMessage>,
}

/// What one consumer did with one view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ConsumerMessage {
    pub(crate) consumer: String,
    pub(crate) operation: String,
    pub(crate) view: String,
    pub(crate) requests: u64,
    pub(crate) rows: u64,
    /// Requests that failed, by kind.
    pub(crate) errors: Vec<(String, u64)>,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

/// Asks how fresh a view is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FreshnessRequest {
    pub(crate) view: String,
}

/// Makes definitions the catalog.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Apply {
    pub(crate) definitions: DefinitionsMessage,
    pub(crate) allow_drop: bool,
    /// The catalog that the client has planned with.
    pub(crate) catalog_revision: u64,
}

/// Deletes or erases an entity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RemoveEntity {
    pub(crate) views: Vec<String>,
    pub(crate) entity: Vec<NamedValue>,
    /// As of when it is deleted; not used by an erase.
    pub(crate) at: TimeMessage,
}

/// Copies the store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Checkpoint {
    /// A path that the sidecar can write, absolute.
    pub(crate) directory: String,
}

/// A value of a join key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct NamedValue {
    pub(crate) name: String,
    pub(crate) ty: ScalarTypeMessage,
    /// As a row stores it.
    pub(crate) bytes: Vec<u8>,
}

impl NamedValue {
    pub(crate) fn from_entity(entity: &[(&str, Value)]) -> Result<Vec<Self>> {
        let named = |(name, value): &(&str, Value)| {
            let ValueType::Scalar(ty) = value.value_type() else {
                return Err(Error::invalid(format!("join key {name:?} is a single value, not a list")));
            };
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            Ok(NamedValue { name: (*name).to_owned(), ty: ScalarTypeMessage(ty), bytes })
        };
        entity.iter().map(named).collect()
    }

    pub(crate) fn to_entity(named: &[Self]) -> Result<Vec<(&str, Value)>> {
        let value = |named: &'_ NamedValue| {
            Value::decode(ValueType::Scalar(named.ty.0), &named.bytes)
                .map_err(|error| Error::invalid(format!("join key {:?}: {}", named.name, error.message())))
        };
        named.iter().map(|named| Ok((named.name.as_str(), value(named)?))).collect()
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ErrorMessage {
    /// The name of the kind; [`STALE`] for a handle that must be prepared again.
    pub(crate) kind: String,
    pub(crate) message: String,
}

/// The kind of error that says: the catalog has changed so that the handle's answers would have another shape.
pub(crate) const STALE: &str = "stale";

impl ErrorMessage {
    pub(crate) fn new(error: &Error) -> Self {
        ErrorMessage { kind: error.kind().as_str().to_owned(), message: format!("{error:#}") }
    }

    pub(crate) fn stale() -> Self {
        ErrorMessage {
            kind: STALE.to_owned(),
            message: "the catalog has changed; prepare the request again".to_owned(),
        }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.kind == STALE
    }

    /// The error as the engine would have given it.
    pub(crate) fn into_error(self) -> Error {
        let kind = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind);
        let kind = kind.unwrap_or(if self.is_stale() { ErrorKind::Conflict } else { ErrorKind::Internal });
        Error::new(kind, self.message)
    }
}
