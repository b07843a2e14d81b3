//! Reports of the store about itself, within messages.

use asofdb::storage::FamilyStats;
use asofdb::{Committed, Erased, Freshness, Stats, Verified};

use super::value::{SpanMessage, TimeMessage};
use crate::codec::{Decode, Encode};

/// Answers whatever commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CommittedMessage {
    /// The created timestamp given to rows that had none.
    created: TimeMessage,
}

impl From<Committed> for CommittedMessage {
    fn from(committed: Committed) -> Self {
        CommittedMessage { created: committed.created.into() }
    }
}

impl From<CommittedMessage> for Committed {
    fn from(message: CommittedMessage) -> Self {
        Committed { created: message.created.into() }
    }
}

/// The receipt of an erasure in one view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ErasedMessage {
    view: String,
    versions: u64,
    bytes: u64,
}

impl From<Erased> for ErasedMessage {
    fn from(erased: Erased) -> Self {
        let Erased { view, versions, bytes } = erased;
        ErasedMessage { view, versions, bytes }
    }
}

impl From<ErasedMessage> for Erased {
    fn from(message: ErasedMessage) -> Self {
        let ErasedMessage { view, versions, bytes } = message;
        Erased { view, versions, bytes }
    }
}

/// Figures about the store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StoreStatsMessage {
    disk_bytes: u64,
    memory_bytes: u64,
    memory_budget_bytes: u64,
    families: Vec<FamilyStatsMessage>,
    batches: u64,
    rows: u64,
    stalls: u64,
    background_error: Option<String>,
}

impl From<Stats> for StoreStatsMessage {
    fn from(stats: Stats) -> Self {
        StoreStatsMessage {
            disk_bytes: stats.disk_bytes,
            memory_bytes: stats.memory_bytes,
            memory_budget_bytes: stats.memory_budget_bytes,
            families: stats.families.into_iter().map(FamilyStatsMessage::from).collect(),
            batches: stats.batches,
            rows: stats.rows,
            stalls: stats.stalls,
            background_error: stats.background_error,
        }
    }
}

impl From<StoreStatsMessage> for Stats {
    fn from(message: StoreStatsMessage) -> Self {
        Stats {
            disk_bytes: message.disk_bytes,
            memory_bytes: message.memory_bytes,
            memory_budget_bytes: message.memory_budget_bytes,
            families: message.families.into_iter().map(FamilyStats::from).collect(),
            batches: message.batches,
            rows: message.rows,
            stalls: message.stalls,
            background_error: message.background_error,
            hot: None,
        }
    }
}

/// Figures about one column family.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct FamilyStatsMessage {
    name: String,
    rows_estimate: u64,
    disk_bytes: u64,
}

impl From<FamilyStats> for FamilyStatsMessage {
    fn from(stats: FamilyStats) -> Self {
        let FamilyStats { name, rows_estimate, disk_bytes } = stats;
        FamilyStatsMessage { name, rows_estimate, disk_bytes }
    }
}

impl From<FamilyStatsMessage> for FamilyStats {
    fn from(message: FamilyStatsMessage) -> Self {
        let FamilyStatsMessage { name, rows_estimate, disk_bytes } = message;
        FamilyStats { name, rows_estimate, disk_bytes }
    }
}

/// The findings of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct VerifiedMessage {
    versions: u64,
    entities: u64,
    problems: Vec<String>,
}

impl From<Verified> for VerifiedMessage {
    fn from(verified: Verified) -> Self {
        let Verified { versions, entities, problems } = verified;
        VerifiedMessage { versions, entities, problems }
    }
}

impl From<VerifiedMessage> for Verified {
    fn from(message: VerifiedMessage) -> Self {
        let VerifiedMessage { versions, entities, problems } = message;
        Verified { versions, entities, problems }
    }
}

/// The freshness of the rows of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FreshnessMessage {
    view: String,
    now: TimeMessage,
    newest: Option<TimeMessage>,
    ttl: Option<SpanMessage>,
    entities: u64,
    expired: u64,
}

impl From<Freshness> for FreshnessMessage {
    fn from(freshness: Freshness) -> Self {
        let Freshness { view, now, newest, ttl, entities, expired } = freshness;
        FreshnessMessage {
            view,
            now: now.into(),
            newest: newest.map(TimeMessage::from),
            ttl: ttl.map(SpanMessage::from),
            entities,
            expired,
        }
    }
}

impl From<FreshnessMessage> for Freshness {
    fn from(message: FreshnessMessage) -> Self {
        let FreshnessMessage { view, now, newest, ttl, entities, expired } = message;
        Freshness { view, now: now.into(), newest: newest.map(Into::into), ttl: ttl.map(Into::into), entities, expired }
    }
}
