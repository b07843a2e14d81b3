//! Requests whose rows travel as streams, and what begins and ends the answers.

use asofdb::{AnswerColumns, ExportRows, FeatureCounts, JoinReport, KnownAt};

use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, impl_borrow_decode};
use crate::message::{NamedValue, TimeMessage};

/// Asks for rows of a view, as a stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ScanRequest {
    /// Name of the view.
    pub view: String,
    /// The rows to scan.
    pub rows: ScanRows,
    /// The only entity whose rows are wanted; `None`: all.
    pub entity: Option<Vec<NamedValue>>,
    /// Most rows; `None`: all.
    pub limit: Option<u64>,
}

/// A choice of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ScanRows {
    /// Every version with an event in a window, deletions included.
    Versions {
        /// The first event, inclusive.
        from: Option<TimeMessage>,
        /// The first event after them.
        to: Option<TimeMessage>,
    },
    /// The version of each entity that a read as of this time finds.
    AsOf(TimeMessage),
    /// The newest version of each entity, as of now.
    Latest,
}

impl From<ExportRows> for ScanRows {
    fn from(rows: ExportRows) -> Self {
        match rows {
            ExportRows::Versions { from, to } => {
                ScanRows::Versions { from: from.map(Into::into), to: to.map(Into::into) }
            }
            ExportRows::AsOf(at) => ScanRows::AsOf(at.into()),
            ExportRows::Latest => ScanRows::Latest,
        }
    }
}

impl From<ScanRows> for ExportRows {
    fn from(rows: ScanRows) -> Self {
        match rows {
            ScanRows::Versions { from, to } => {
                ExportRows::Versions { from: from.map(Into::into), to: to.map(Into::into) }
            }
            ScanRows::AsOf(at) => ExportRows::AsOf(at.into()),
            ScanRows::Latest => ExportRows::Latest,
        }
    }
}

/// Begins the answer to a [`ScanRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ScanBegin {
    /// The time of the state that is read.
    pub snapshot: TimeMessage,
    /// About how many versions the view has.
    pub versions_estimate: u64,
}

/// Ends the answer to a [`ScanRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ScanEnd {
    /// Rows that were sent.
    pub rows: u64,
}

/// Joins features to the rows of a spine, which follows as a stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinRequest {
    /// The features that are asked for, for each row of the spine.
    pub references: Vec<String>,
    /// The spine's column of times.
    pub event_timestamp: String,
    /// The time by which versions must have been known.
    pub known_at: KnownAtMessage,
    /// The columns of the result.
    pub columns: ColumnsMessage,
    /// Memory for a part of the spine with its answers, in bytes; the sidecar may use less.
    pub memory_bytes: u64,
}

/// The time by which versions must have been known. Its first byte is that of an optional time, and 2 for each row's
/// own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAtMessage(pub KnownAt);

impl KnownAtMessage {
    const EVER: u8 = 0;
    const AT: u8 = 1;
    const OWN_TIME: u8 = 2;
}

impl Encode for KnownAtMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self.0 {
            KnownAt::Ever => Self::EVER.encode(encoder),
            KnownAt::At(known_at) => (Self::AT, TimeMessage::from(known_at)).encode(encoder),
            KnownAt::OwnTime => Self::OWN_TIME.encode(encoder),
        }
    }
}

impl<C> Decode<C> for KnownAtMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            Self::EVER => Ok(KnownAtMessage(KnownAt::Ever)),
            Self::AT => Ok(KnownAtMessage(KnownAt::At(TimeMessage::decode(decoder)?.into()))),
            Self::OWN_TIME => Ok(KnownAtMessage(KnownAt::OwnTime)),
            other => {
                Err(DecodeError::OtherString(format!("{other} does not say by when versions must have been known")))
            }
        }
    }
}

impl_borrow_decode!(KnownAtMessage);

/// The columns that the result has beside the spine's and the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ColumnsMessage {
    /// True if every feature is named `view__feature`.
    pub full_names: bool,
    /// True if each feature has a column of statuses.
    pub statuses: bool,
    /// True if each view has a column of event timestamps.
    pub event_timestamps: bool,
}

impl From<AnswerColumns> for ColumnsMessage {
    fn from(columns: AnswerColumns) -> Self {
        let AnswerColumns { full_names, statuses, event_timestamps } = columns;
        ColumnsMessage { full_names, statuses, event_timestamps }
    }
}

impl From<ColumnsMessage> for AnswerColumns {
    fn from(columns: ColumnsMessage) -> Self {
        let ColumnsMessage { full_names, statuses, event_timestamps } = columns;
        AnswerColumns { full_names, statuses, event_timestamps }
    }
}

/// Ends the answer to a [`JoinRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinEnd {
    /// Rows of the spine.
    pub rows: u64,
    /// Rows whose time or a join key was null.
    pub null_rows: u64,
    /// The counts of each status, feature by feature in the order asked.
    pub features: Vec<CountsMessage>,
}

/// The counts of each status of one feature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CountsMessage {
    /// `view:feature`.
    pub reference: String,
    /// Present, null, missing, expired.
    pub by_status: [u64; 4],
}

impl From<&JoinReport> for JoinEnd {
    fn from(report: &JoinReport) -> Self {
        let counts =
            |counts: &FeatureCounts| CountsMessage { reference: counts.reference.clone(), by_status: counts.by_status };
        JoinEnd {
            rows: report.rows,
            null_rows: report.null_rows,
            features: report.features.iter().map(counts).collect(),
        }
    }
}

impl From<JoinEnd> for JoinReport {
    fn from(end: JoinEnd) -> Self {
        let counts = |CountsMessage { reference, by_status }| FeatureCounts { reference, by_status };
        JoinReport {
            rows: end.rows,
            null_rows: end.null_rows,
            features: end.features.into_iter().map(counts).collect(),
        }
    }
}

/// Writes encoded rows of a view, which follow as a stream, with notes in one step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoadRequest {
    /// Name of the view.
    pub view: String,
    /// The view and the schema version that the rows are encoded for.
    pub view_id: u32,
    /// The schema version that the rows are encoded with.
    pub schema_version: u16,
    /// The number of rows that follow.
    pub rows: u64,
    /// Bytes of their keys and rows.
    pub bytes: u64,
    /// Notes that are written with the rows.
    pub notes: Vec<NoteMessage>,
}

/// A note about a file that is being ingested.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NoteMessage {
    /// Name of the note.
    pub name: Vec<u8>,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Asks for a note.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NoteRequest {
    /// Name of the note.
    pub name: Vec<u8>,
}

/// Answers a [`NoteRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NoteAnswer {
    /// `None` where there is no such note.
    pub value: Option<Vec<u8>>,
}
