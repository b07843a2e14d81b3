//! The file of audits, beside the log that they are of: what was found is there after a restart, and values of it no
//! longer than the log would have them.

use std::path::Path;
use std::sync::Arc;

use asofdb::{Error, Result, Span, Timestamp};
use asofdb_platform::{Audit, AuditAgainst, AuditOptions, AuditRecord};
use serde::{Deserialize, Serialize};

use super::report::{AuditReport, AuditState};
use super::run::AuditWanted;
use crate::kept_file::{Form, KeptFile};

/// The name of the file in the directory of the log.
const NAME: &str = "AUDITS";

const FORM: Form = Form { name: NAME, version: 1, what: "the file of audits", bytes_max: 256 << 20 };

/// The file, and how long it may have values.
#[derive(Debug)]
pub(super) struct Kept {
    file: KeptFile,
    /// The age of an answer from which on no difference of it is told in full.
    age_max: Span,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Content {
    /// The number of the last audit.
    last: u64,
    /// The oldest first.
    reports: Vec<ReportRecord>,
}

/// An audit that has ended. Times are microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct ReportRecord {
    number: u64,
    who: String,
    known_then: bool,
    examples: usize,
    consumer: Option<String>,
    service: Option<String>,
    began: i64,
    ended: Option<i64>,
    error: Option<String>,
    found: Option<AuditRecord>,
}

impl Kept {
    /// Reads the file in the directory of a log; gives the number of the last audit, and those that are kept.
    pub(super) fn open(log: &Path, age_max: Span) -> (Self, u64, Vec<AuditReport>) {
        let (file, body) = KeptFile::open(&log.join(NAME), FORM);
        let read = body.map_or(Ok((0, Vec::new())), |body| reports_of(&body));
        let (last, reports) = read.unwrap_or_else(|error| {
            file.refuse(&format!("{error:#}"));
            (0, Vec::new())
        });
        (Kept { file, age_max }, last, reports)
    }

    /// Writes the audits that have ended.
    pub(super) fn save<'r>(&mut self, last: u64, reports: impl Iterator<Item = &'r AuditReport>) {
        let reports = reports.filter(|report| !report.is_running()).map(ReportRecord::from).collect();
        match serde_json::to_vec(&Content { last, reports }) {
            Ok(body) => self.file.save(&body),
            Err(error) => tracing::error!(%error, "audits cannot be written as JSON, which is a bug"),
        }
    }

    /// Takes the differences in full out of reports whose answers the log may not have any more. Returns whether there
    /// were any.
    pub(super) fn forget_old<'r>(&self, reports: impl Iterator<Item = &'r mut AuditReport>, now: Timestamp) -> bool {
        let before = now.minus(self.age_max);
        let mut has_forgotten = false;
        for report in reports {
            let AuditState::Done(audit) = &mut report.state else { continue };
            if audit.examples.iter().any(|example| example.served_at < before) {
                Arc::make_mut(audit).examples.retain(|example| example.served_at >= before);
                has_forgotten = true;
            }
        }
        has_forgotten
    }
}

fn reports_of(body: &[u8]) -> Result<(u64, Vec<AuditReport>)> {
    let unreadable = |error| Error::corrupt("its JSON is not that of audits").with_source(error);
    let Content { last, reports } = serde_json::from_slice(body).map_err(unreadable)?;
    let reports: Vec<_> = reports.into_iter().map(AuditReport::try_from).collect::<Result<_>>()?;
    Ok((reports.iter().fold(last, |last, report| last.max(report.number)), reports))
}

impl From<&AuditReport> for ReportRecord {
    fn from(report: &AuditReport) -> Self {
        let AuditWanted { options, consumer, service } = &report.wanted;
        ReportRecord {
            number: report.number,
            who: report.who.clone(),
            known_then: options.against == AuditAgainst::Then,
            examples: options.examples,
            consumer: consumer.clone(),
            service: service.clone(),
            began: report.began.as_micros(),
            ended: report.ended.map(Timestamp::as_micros),
            error: report.error().map(str::to_owned),
            found: report.found().map(AuditRecord::from),
        }
    }
}

impl TryFrom<ReportRecord> for AuditReport {
    type Error = Error;

    fn try_from(record: ReportRecord) -> Result<Self> {
        let against = if record.known_then { AuditAgainst::Then } else { AuditAgainst::Now };
        let state = match (record.found, record.error) {
            (Some(found), None) => AuditState::Done(Arc::new(Audit::try_from(found)?)),
            (None, Some(error)) => AuditState::Failed(error),
            _ => return Err(Error::corrupt("an audit was made, or has failed")),
        };
        let options = AuditOptions { against, examples: record.examples };
        Ok(AuditReport {
            number: record.number,
            who: record.who,
            wanted: AuditWanted { options, consumer: record.consumer, service: record.service },
            began: Timestamp::from_micros(record.began),
            ended: record.ended.map(Timestamp::from_micros),
            state,
        })
    }
}
