//! The typed calls: which message asks, under which kind, what answers, and whether it may be asked twice.

use crate::codec::{Decode, Encode, Message};
use crate::frame::Kind;
use crate::message::{
    AgesRequest, AlertsMessage, AlertsRequest, AnswerRowMessage, AnswersRequest, ApplyRequest, ApproveRequest,
    AuditRequest, AuditsRequest, CatalogMessage, ChangeMessage, CheckpointRequest, ClockMessage, ClockRepairMessage,
    ClockRequest, CommittedMessage, ConsumerFigures, ConsumersRequest, ErasedMessage, FeedMessage, FeedsRequest,
    FreshnessMessage, FreshnessRequest, HandleMessage, Hello, LimitsMessage, LimitsRequest, LogRequest,
    MaterializeRequest, ModelRowMessage, ModelsRequest, NoteAnswer, NoteRequest, PolicyRequest, Pong, PrepareRequest,
    ProfileRequest, ReleaseRequest, RemoveEntity, ReportRequest, SampleMessage, SampleRequest, ShareRequest,
    SharedMessage, StatisticsMessage, StatisticsRequest, StatsMessage, UsageRequest, UsageRowMessage, VerifiedMessage,
    ViewAgesMessage, ViewRunMessage, Welcome, WriteRequest,
};

/// A request that is one message and is answered by one message.
pub trait Call: Message {
    /// The kind of its frame.
    const KIND: Kind;

    /// True if it may be sent again when the connection broke under it: it is idempotent.
    const IS_IDEMPOTENT: bool;

    /// The message that answers it.
    type Answer: Message;
}

macro_rules! calls {
    ($($request:ty => $kind:ident, $idempotent:literal, $answer:ty;)*) => {
        $(impl Call for $request {
            const KIND: Kind = Kind::$kind;
            const IS_IDEMPOTENT: bool = $idempotent;
            type Answer = $answer;
        })*
    };
}

/// Asks for the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PingRequest;

/// Asks for the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CatalogRequest;

/// Asks for figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct StatsRequest;

/// Asks to read and check everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct VerifyRequest;

/// Asks to compact everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CompactRequest;

/// Asks to repair what a wrong clock has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RepairClockRequest;

/// Deletes an entity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteRequest(pub RemoveEntity);

/// Erases an entity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EraseRequest(pub RemoveEntity);

/// Makes a plan known: definitions as they would be applied, whose permissions mean nothing.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ProposeRequest(pub ApplyRequest);

/// Makes a change of the policy known: the policy as it would be applied.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProposePolicyRequest(pub PolicyRequest);

/// Copies the store without sharing its files.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CopyRequest(pub CheckpointRequest);

calls! {
    Hello => Hello, true, Welcome;
    PrepareRequest => Prepare, true, HandleMessage;
    ReleaseRequest => Release, true, ();
    PingRequest => Ping, true, Pong;
    CatalogRequest => Catalog, true, CatalogMessage;
    StatsRequest => Stats, true, StatsMessage;
    ConsumersRequest => Consumers, true, Vec<ConsumerFigures>;
    LimitsRequest => Limits, true, LimitsMessage;
    NoteRequest => Note, true, NoteAnswer;
    FreshnessRequest => Freshness, true, FreshnessMessage;
    UsageRequest => Usage, true, Vec<UsageRowMessage>;
    SampleRequest => Sample, true, SampleMessage;
    AgesRequest => Ages, true, Vec<ViewAgesMessage>;
    AnswersRequest => Answers, true, Vec<AnswerRowMessage>;
    ModelsRequest => Models, true, Vec<ModelRowMessage>;
    FeedsRequest => Feeds, true, Vec<FeedMessage>;
    MaterializeRequest => Materialize, true, Vec<ViewRunMessage>;
    StatisticsRequest => Statistics, true, StatisticsMessage;
    ProfileRequest => Profile, true, StatisticsMessage;
    AlertsRequest => Alerts, true, AlertsMessage;
    AuditRequest => Audit, false, u64;
    AuditsRequest => Audits, true, String;
    ShareRequest => Share, true, SharedMessage;
    ReportRequest => Report, false, ();
    VerifyRequest => Verify, true, VerifiedMessage;
    CompactRequest => Compact, true, ();
    ClockRequest => Clock, true, ClockMessage;
    RepairClockRequest => RepairClock, true, ClockRepairMessage;
    LogRequest => Log, true, Vec<ChangeMessage>;
    ApproveRequest => Approve, true, ();
    WriteRequest => Write, false, CommittedMessage;
    ApplyRequest => Apply, false, u64;
    ProposeRequest => Propose, true, String;
    ProposePolicyRequest => ProposePolicy, true, String;
    PolicyRequest => Policy, false, u64;
    DeleteRequest => Delete, false, CommittedMessage;
    EraseRequest => Erase, false, Vec<ErasedMessage>;
    CheckpointRequest => Checkpoint, false, ();
    CopyRequest => Copy, false, ();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encoded_message;

    #[test]
    fn requests_without_content_are_empty_and_wrapped_ones_are_what_they_wrap() {
        let empty = [
            encoded_message(&PingRequest),
            encoded_message(&CatalogRequest),
            encoded_message(&StatsRequest),
            encoded_message(&VerifyRequest),
            encoded_message(&CompactRequest),
            encoded_message(&RepairClockRequest),
        ];
        assert!(empty.into_iter().all(|bytes| bytes.unwrap().is_empty()));
        let remove = RemoveEntity {
            views: vec!["v".into()],
            entity: Vec::new(),
            at: asofdb::Timestamp::from_micros(1_717_200_000_000_000).into(),
        };
        let plain = encoded_message(&remove).unwrap();
        assert_eq!(encoded_message(&DeleteRequest(remove.clone())).unwrap(), plain);
        assert_eq!(encoded_message(&EraseRequest(remove)).unwrap(), plain);
        let policy = PolicyRequest { policy: "p".to_owned(), message: "m".to_owned() };
        let plain = encoded_message(&policy).unwrap();
        assert_eq!(encoded_message(&ProposePolicyRequest(policy)).unwrap(), plain);
    }
}
