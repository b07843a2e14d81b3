//! Audits of what was served: each answer of a log is asked again, and each difference explained.

pub(crate) mod against;
pub(crate) mod difference;
pub(crate) mod drift;
mod explain;
pub(crate) mod html;
pub(crate) mod reason;
pub(crate) mod record;
mod replay;

use std::collections::BTreeMap;

use asofdb::{Error, Result, ServedRow, Session, Timestamp};
use serde_json::{Map, Value as Json, json};

use self::difference::Difference;
use self::explain::Explainer;
use self::reason::Reason;
use self::replay::{Replay, same};

/// Differences of one feature and one reason that are told in full, unless told otherwise.
pub const AUDIT_EXAMPLES_DEFAULT: usize = 5;

/// Rows of one answer that are asked about together.
const ANSWER_ROWS_MAX: usize = 10_000;

/// Differences of all features and reasons that are told in full.
const EXAMPLES_MAX: usize = 10_000;

/// Features that are told apart; others count as `(others)`.
const FEATURES_MAX: usize = 65_536;

/// Hours that are told apart.
const HOURS_MAX: usize = 10_000;

const HOUR_MICROS: i64 = 3_600_000_000;

/// The state of knowledge that an answer is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditAgainst {
    /// The answer as of the time it was about, with what is known now: what a training set would say.
    #[default]
    Now,
    /// The answer as of that time with what was known when it was served: nothing that came later makes a difference.
    Then,
}

/// Options of an audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The state of knowledge that answers are compared with.
    pub against: AuditAgainst,
    /// Differences of one feature and one reason that are told in full, 10,000 of all together.
    pub examples: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        AuditOptions { against: AuditAgainst::Now, examples: AUDIT_EXAMPLES_DEFAULT }
    }
}

/// The findings of an audit.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// Rows that were compared.
    pub rows: u64,
    /// Answers that they were of.
    pub answers: u64,
    /// The first and the last time of serving.
    pub served: Option<(Timestamp, Timestamp)>,
    /// Values of each hour of serving that were compared, and those that differ; of the first 10,000 hours.
    pub hours: BTreeMap<Timestamp, (u64, u64)>,
    /// The features, by reference.
    pub features: BTreeMap<String, AuditedFeature>,
    /// Differences in full, some of each feature and reason.
    pub examples: Vec<Difference>,
}

/// The findings for one feature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditedFeature {
    /// Values that were compared.
    pub values: u64,
    /// Differences, by their reason.
    pub differences: BTreeMap<Reason, u64>,
}

impl AuditedFeature {
    /// The number of values that differ.
    pub fn differing(&self) -> u64 {
        self.differences.values().sum()
    }
}

impl Audit {
    /// The number of values that were compared.
    pub fn values(&self) -> u64 {
        self.features.values().map(|feature| feature.values).sum()
    }

    /// The number of values that differ.
    pub fn differing(&self) -> u64 {
        self.features.values().map(AuditedFeature::differing).sum()
    }

    /// Makes JSON of it.
    ///
    /// # Errors
    /// `Internal` where a value cannot be written.
    pub fn to_json(&self) -> Result<Json> {
        let mut features = Map::new();
        for (reference, feature) in &self.features {
            let of = |reason: &Reason| feature.differences.get(reason).copied().unwrap_or(0);
            let differences: Map<_, _> =
                Reason::ALL.iter().map(|reason| (reason.as_str().to_owned(), of(reason).into())).collect();
            features.insert(reference.clone(), json!({"values": feature.values, "differences": differences}));
        }
        let hour = |(hour, (values, differing)): (&Timestamp, &(u64, u64))| {
            let hour = hour.to_string();
            json!({"hour": hour, "values": values, "differing": differing})
        };
        Ok(json!({
            "rows": self.rows,
            "answers": self.answers,
            "values": self.values(),
            "differing": self.differing(),
            "served": self.served.map(|(from, to)| json!({"from": from.to_string(), "to": to.to_string()})),
            "features": features,
            "hours": self.hours.iter().map(hour).collect::<Vec<_>>(),
            "examples": self.examples.iter().map(Difference::to_json).collect::<Result<Vec<_>>>()?,
        }))
    }

    /// The number of values that differ for a reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.features.values().filter_map(|feature| feature.differences.get(&reason)).sum()
    }
}

/// Asks each answer of a log again and compares the values bit for bit, with their statuses and event timestamps. Rows
/// of one answer come one after the other. `progress` hears of the rows so far.
///
/// # Errors
/// Those of the rows; `Unavailable` when the store cannot be read.
pub fn audit<S: Session + ?Sized>(
    session: &S,
    rows: impl Iterator<Item = Result<ServedRow>>,
    options: &AuditOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Audit> {
    let mut auditor = Auditor {
        replay: Replay::new(session),
        explainer: Explainer::new(session)?,
        options: options.clone(),
        audit: Audit::default(),
    };
    let mut answer: Vec<ServedRow> = Vec::new();
    for row in rows {
        let row = row?;
        let is_same = answer.last().is_none_or(|last| is_one_answer(last, &row));
        if !is_same || answer.len() >= ANSWER_ROWS_MAX {
            auditor.take(&answer)?;
            answer.clear();
            progress(auditor.audit.rows);
        }
        answer.push(row);
    }
    auditor.take(&answer)?;
    progress(auditor.audit.rows);
    Ok(auditor.audit)
}

fn is_one_answer(one: &ServedRow, next: &ServedRow) -> bool {
    let features = |row: &ServedRow| row.features.iter().map(|of| of.reference.clone()).collect::<Vec<_>>();
    one.id == next.id && one.at == next.at && one.known_at == next.known_at && features(one) == features(next)
}

struct Auditor<'s, S: ?Sized> {
    replay: Replay<'s, S>,
    explainer: Explainer<'s, S>,
    options: AuditOptions,
    audit: Audit,
}

impl<S: Session + ?Sized> Auditor<'_, S> {
    /// Compares the rows of one answer.
    fn take(&mut self, rows: &[ServedRow]) -> Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        self.audit.answers += u64::from(first.row == 0 || self.audit.answers == 0);
        self.audit.rows += rows.len() as u64;
        for row in rows {
            let (from, to) = self.audit.served.unwrap_or((row.served_at, row.served_at));
            self.audit.served = Some((from.min(row.served_at), to.max(row.served_at)));
        }
        let again = self.replay.ask(rows, self.options.against)?;
        let differs = |row: usize, place: usize| !same(&rows[row].features[place], again[row][place].as_ref());
        let places = 0..first.features.len();
        let is_any = (0..rows.len()).any(|row| places.clone().any(|place| differs(row, place)));
        let then = match (is_any, self.options.against) {
            (true, AuditAgainst::Now) => self.replay.ask(rows, AuditAgainst::Then)?,
            _ => again.clone(),
        };
        let now = match (is_any, self.options.against) {
            (true, AuditAgainst::Then) => self.replay.ask(rows, AuditAgainst::Now)?,
            _ => again.clone(),
        };
        for (row, served) in rows.iter().enumerate() {
            for (place, feature) in served.features.iter().enumerate() {
                self.count(&feature.reference).values += 1;
                self.count_hour(served.served_at, differs(row, place));
                if differs(row, place) {
                    let (now, then) = (now[row][place].as_ref(), then[row][place].as_ref());
                    let (reason, detail) = self.explainer.explain(served, feature, now, then)?;
                    self.note(served, place, again[row][place].as_ref(), (reason, detail));
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, reference: &str) -> &mut AuditedFeature {
        let features = &mut self.audit.features;
        let is_known = features.contains_key(reference) || features.len() < FEATURES_MAX;
        features.entry(if is_known { reference.to_owned() } else { "(others)".to_owned() }).or_default()
    }

    fn count_hour(&mut self, time: Timestamp, differs: bool) {
        let hour = Timestamp::from_micros(time.as_micros().div_euclid(HOUR_MICROS).saturating_mul(HOUR_MICROS));
        let hours = &mut self.audit.hours;
        if hours.len() < HOURS_MAX || hours.contains_key(&hour) {
            let (values, differing) = hours.entry(hour).or_default();
            (*values, *differing) = (*values + 1, *differing + u64::from(differs));
        }
    }

    fn note(
        &mut self,
        row: &ServedRow,
        place: usize,
        again: Option<&asofdb::ServedFeature>,
        (reason, detail): (Reason, String),
    ) {
        let feature = &row.features[place];
        let count = self.count(&feature.reference).differences.entry(reason).or_default();
        *count += 1;
        if *count <= self.options.examples as u64 && self.audit.examples.len() < EXAMPLES_MAX {
            self.audit.examples.push(Difference::new(row, place, again, reason, detail));
        }
    }
}

#[cold]
fn internal(message: &str) -> Error {
    Error::internal(message.to_owned())
}
