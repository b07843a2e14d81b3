//! Control messages: everything but keys and answers of reads. docs/protocol.md has each of them byte by byte.
//!
//! Messages are structs of their own: what the engine has in memory can change without them. No message holds itself,
//! so that decoding never recurses: values travel as their type and their stored bytes.

mod ages;
mod alerts;
mod answers;
mod apply;
mod audits;
mod bulk;
mod clock;
mod consumers;
mod definitions;
mod feeds;
mod gather;
#[cfg(test)]
mod golden;
mod governance;
mod handle;
mod hello;
mod life_cycle;
mod limits;
mod models;
mod reports;
mod shared;
mod statistics;
mod stats;
mod usage;
mod value;
mod view_notes;

use asofdb::{Error, ErrorKind, Result, Value, ValueType};

use crate::codec::{Decode, Encode};
use crate::report::ConsumerReport;

pub use self::ages::{AgesRequest, ViewAgesMessage};
pub use self::alerts::{AlertsMessage, AlertsRequest};
pub use self::answers::{AnswerRowMessage, AnswersRequest};
pub use self::apply::ApplyRequest;
pub use self::audits::{AuditRequest, AuditsRequest};
pub use self::bulk::{
    ColumnsMessage, JoinEnd, JoinRequest, KnownAtMessage, LoadRequest, NoteAnswer, NoteMessage, NoteRequest, ScanBegin,
    ScanEnd, ScanRequest, ScanRows,
};
pub use self::clock::{ClockMessage, ClockRepairMessage, ClockRequest};
pub use self::consumers::{ConsumerFigures, ConsumersRequest};
pub use self::definitions::{DefinitionsMessage, JoinKeyMessage};
pub use self::feeds::{FeedMessage, FeedsRequest, MaterializeRequest, ViewRunMessage};
pub use self::gather::{GatherAnswer, GatherRequest, LoadProgress};
pub use self::governance::{ApproveRequest, ChangeMessage, LogRequest, PolicyRequest};
pub use self::handle::{HandleFeature, HandleMessage, HandleRequestValue, HandleView};
pub use self::hello::Hello;
pub use self::limits::{LimitsMessage, LimitsRequest};
pub use self::models::{ModelRowMessage, ModelsRequest};
pub use self::reports::{CommittedMessage, ErasedMessage, FreshnessMessage, StoreStatsMessage, VerifiedMessage};
pub use self::shared::{ReadsMessage, ReportRequest, ShareRequest, SharedMessage};
pub use self::statistics::{ProfileRequest, StatisticsMessage, StatisticsRequest};
pub use self::stats::StatsMessage;
pub use self::usage::{UsageRequest, UsageRowMessage};
pub use self::value::{ScalarTypeMessage, TimeMessage, ValueTypeMessage};

/// First bytes of a hello.
pub const MAGIC: [u8; 4] = *b"ASOF";

/// The version of the protocol that this build speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// Answers a [`Hello`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The version that is spoken from here on.
    pub version: u16,
    /// The version of the server's software.
    pub server: String,
    /// The name that the server knows the client by.
    pub consumer: String,
    /// The client's role: 0 read, 1 write, 2 operate.
    pub role: u8,
    /// The revision of the catalog.
    pub catalog_revision: u64,
    /// Longest body of a request.
    pub body_bytes_max: u64,
    /// Most rows of a read.
    pub rows_max: u64,
    /// Most bytes of keys and rows of a load.
    pub load_bytes_max: u64,
}

/// The form in which a prepared request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub enum Form {
    /// Records, one a row and view.
    Rows,
    /// A matrix of `f32`.
    Matrix {
        /// True if it is followed by the statuses.
        statuses: bool,
        /// The number that stands where there is neither a value nor a default.
        fill: f32,
    },
    /// Records, and behind them the id that the answer has in the log of served features.
    Identified,
}

/// Asks for a handle.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct PrepareRequest {
    /// The references that are asked for, in the order of the answer.
    pub references: Vec<String>,
    /// The form of the answer.
    pub form: Form,
}

/// Forgets a handle.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReleaseRequest {
    /// Number of the handle.
    pub handle: u32,
}

/// Writes rows in one step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WriteRequest {
    /// True if it is on disk when it is answered; `None`: as the sidecar is set up.
    pub sync: Option<bool>,
    /// The rows, view by view.
    pub views: Vec<WriteView>,
}

/// Rows of one view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WriteView {
    /// Name of the view.
    pub view: String,
    /// An Arrow IPC stream.
    pub rows: Vec<u8>,
}

/// Answers a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Pong {
    /// The present by the store's clock.
    pub now: TimeMessage,
    /// The revision of the catalog.
    pub catalog_revision: u64,
}

/// Answers a request for the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CatalogMessage {
    /// The revision of the catalog.
    pub revision: u64,
    /// The records of the store's family `catalog`: key and value.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The report of one consumer and one view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsumerMessage {
    /// Name of the consumer.
    pub consumer: String,
    /// Name of the operation.
    pub operation: String,
    /// Name of the view; empty for what is about no view.
    pub view: String,
    /// Requests, those that failed included.
    pub requests: u64,
    /// Rows asked for or written.
    pub rows: u64,
    /// Requests that failed, by kind.
    pub errors: Vec<(String, u64)>,
    /// The latency that half of the requests stayed within, in microseconds.
    pub p50_us: u64,
    /// The latency that 99 in 100 requests stayed within, in microseconds.
    pub p99_us: u64,
}

impl From<ConsumerReport> for ConsumerMessage {
    fn from(report: ConsumerReport) -> Self {
        ConsumerMessage {
            consumer: report.consumer,
            operation: report.operation,
            view: report.view,
            requests: report.requests,
            rows: report.rows,
            errors: report.errors.into_iter().map(|(kind, count)| (kind.as_str().to_owned(), count)).collect(),
            p50_us: report.p50.as_micros() as u64,
            p99_us: report.p99.as_micros() as u64,
        }
    }
}

/// Asks how fresh a view is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FreshnessRequest {
    /// Name of the view.
    pub view: String,
}

/// Asks for entities of a view, chosen by a hash of their keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SampleRequest {
    /// Name of the view.
    pub view: String,
    /// Most entities.
    pub count: u32,
}

/// Entities of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SampleMessage {
    /// Their encoded keys.
    pub keys: Vec<Vec<u8>>,
}

/// Deletes or erases an entity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RemoveEntity {
    /// Names of the views.
    pub views: Vec<String>,
    /// The values of the join keys.
    pub entity: Vec<NamedValue>,
    /// The time of the deletion; not used by an erase.
    pub at: TimeMessage,
}

/// Copies the store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CheckpointRequest {
    /// A path that the sidecar can write, absolute.
    pub directory: String,
}

/// A value of a join key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NamedValue {
    /// Name of the join key.
    pub name: String,
    /// Type.
    pub ty: ScalarTypeMessage,
    /// The bytes as a row stores them.
    pub bytes: Vec<u8>,
}

impl NamedValue {
    /// The values of an entity given by name.
    ///
    /// # Errors
    /// `Invalid` for a list, which no join key is.
    pub fn from_entity(entity: &[(&str, Value)]) -> Result<Vec<Self>> {
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

    /// The entity, by name.
    ///
    /// # Errors
    /// `Invalid`, naming the join key whose bytes cannot be read.
    pub fn to_entity(named: &[Self]) -> Result<Vec<(&str, Value)>> {
        let value = |named: &'_ NamedValue| {
            Value::decode(ValueType::Scalar(named.ty.0), &named.bytes)
                .map_err(|error| Error::invalid(format!("join key {:?}: {}", named.name, error.message())))
        };
        named.iter().map(|named| Ok((named.name.as_str(), value(named)?))).collect()
    }
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ErrorMessage {
    /// The name of the kind; [`STALE`] for a handle that must be prepared again.
    pub kind: String,
    /// One line for people.
    pub message: String,
}

/// The kind of error that says: the catalog has changed so that the handle's answers would have another shape.
pub const STALE: &str = "stale";

impl ErrorMessage {
    /// The message of an error.
    pub fn new(error: &Error) -> Self {
        ErrorMessage { kind: error.kind().as_str().to_owned(), message: format!("{error:#}") }
    }

    /// The message of a stale handle.
    pub fn stale() -> Self {
        ErrorMessage {
            kind: STALE.to_owned(),
            message: "the catalog has changed; prepare the request again".to_owned(),
        }
    }

    /// Returns whether the handle must be prepared again.
    pub fn is_stale(&self) -> bool {
        self.kind == STALE
    }

    /// The error as the engine would have given it.
    pub fn into_error(self) -> Error {
        let kind = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind);
        let kind = kind.unwrap_or(if self.is_stale() { ErrorKind::Conflict } else { ErrorKind::Internal });
        Error::new(kind, self.message)
    }
}
