//! The protocol between an asofdb sidecar and its clients, the same code at both ends.
//!
//! docs/protocol.md describes every byte. A request and its answer are frames ([`Header`]); a frame carries a
//! control message (bincode), the keys of a read ([`PointHeader`]), an answer as it lies in memory, encoded rows
//! ([`write_row`]) or a piece of an Arrow IPC stream ([`StreamPieces`]).
//!
//! It is no client and no server: those are the crates `asofdb-client` and `asofdb-sidecar`.

mod alerts;
mod call;
mod codec;
mod frame;
mod ipc;
mod message;
mod point;
mod report;
mod role;
mod rows;
mod shape;

pub use self::alerts::{ALERT_KINDS, AlertReport, AlertTargetReport, AlertsReport};
pub use self::call::{
    Call, CatalogRequest, CompactRequest, CopyRequest, DeleteRequest, EraseRequest, PingRequest, ProposePolicyRequest,
    ProposeRequest, RepairClockRequest, StatsRequest, VerifyRequest,
};
pub use self::codec::{Message, decode_message, encode_message, encoded_message};
pub use self::frame::{ANSWER_BYTES_MAX, BUFFER_BYTES, HEADER_BYTES, Header, Input, Kind, put_frame};
pub use self::ipc::{PIECE_BYTES, StreamPieces, StreamReader, parts, read_stream, write_stream};
pub use self::message::{
    AgesRequest, AlertsMessage, AlertsRequest, AnswerRowMessage, AnswersRequest, ApplyRequest, ApproveRequest,
    AuditRequest, AuditsRequest, CatalogMessage, ChangeMessage, CheckpointRequest, ClockMessage, ClockRepairMessage,
    ClockRequest, ColumnsMessage, CommittedMessage, ConsumerFigures, ConsumerMessage, ConsumersRequest,
    DefinitionsMessage, ErasedMessage, ErrorMessage, FeedMessage, FeedsRequest, Form, FreshnessMessage,
    FreshnessRequest, GatherAnswer, GatherRequest, HandleFeature, HandleMessage, HandleRequestValue, HandleView, Hello,
    JoinEnd, JoinKeyMessage, JoinRequest, KnownAtMessage, LimitsMessage, LimitsRequest, LoadProgress, LoadRequest,
    LogRequest, MAGIC, MaterializeRequest, ModelRowMessage, ModelsRequest, NamedValue, NoteAnswer, NoteMessage,
    NoteRequest, PROTOCOL_VERSION, PolicyRequest, Pong, PrepareRequest, ProfileRequest, ReadsMessage, ReleaseRequest,
    RemoveEntity, ReportRequest, STALE, SampleMessage, SampleRequest, ScanBegin, ScanEnd, ScanRequest, ScanRows,
    ShareRequest, SharedMessage, StatisticsMessage, StatisticsRequest, StatsMessage, StoreStatsMessage, TimeMessage,
    UsageRequest, UsageRowMessage, ValueTypeMessage, VerifiedMessage, ViewAgesMessage, ViewRunMessage, Welcome,
    WriteRequest, WriteView,
};
pub use self::point::{
    NO_ANSWER_ID, PointHeader, answer_head, answer_id, decode_matrix, decode_records, split_answer_id, variable_lengths,
};
pub use self::report::{ConsumerReport, LimitsReport};
pub use self::role::Role;
pub use self::rows::{WireRow, read_row, write_row};
pub use self::shape::{describe, is_same_shape};
