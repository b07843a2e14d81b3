//! Batches of rows whose outcomes are kept, to be compared with what a store has.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::{
    Definitions, EntityDefinition, Error, ErrorKind, FeatureDefinition, JoinKey, ScalarType, Session, Status,
    Timestamp, Value, ValueType, ViewDefinition,
};

use crate::Random;
use crate::check::{Checked, check};

/// 2024-01-01T00:00:00Z, the event of every row.
pub(crate) const EVENT: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

/// Batches that are read at a time.
const READ_BATCHES: usize = 16;

/// The outcome of a write, by what its answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was acknowledged: every row is there for good.
    Written,
    /// Nothing was written.
    Refused,
    /// It is unknown: all rows are there, or none.
    Unknown,
}

/// Batches of one view, each of users of its own, and the outcome of each.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    view: String,
    /// Rows of a batch.
    rows: usize,
    /// Bytes of the text of a row, which does not compress.
    text_bytes: usize,
    outcomes: Vec<Outcome>,
}

/// A view of users with a number and a text.
pub(crate) fn view(name: &str) -> ViewDefinition {
    let feature = |name: &str, ty| FeatureDefinition::new(name, ValueType::Scalar(ty));
    ViewDefinition {
        name: name.to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![feature("number", ScalarType::Int64), feature("text", ScalarType::String)],
        ..ViewDefinition::default()
    }
}

/// The definitions of views of users.
pub(crate) fn definitions(views: Vec<ViewDefinition>) -> Definitions {
    let entities = vec![EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    }];
    Definitions { entities, views, services: Vec::new() }
}

impl Ledger {
    /// A ledger of a view that has no rows.
    pub(crate) fn new(view: &str, rows: usize, text_bytes: usize) -> Self {
        Ledger { view: view.to_owned(), rows, text_bytes, outcomes: Vec::new() }
    }

    /// The batches with an outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.iter().filter(|found| **found == outcome).count() as u64
    }

    /// The rows of a batch, given by its number.
    pub(crate) fn batch(&self, number: usize) -> RecordBatch {
        let users = self.users(number);
        let times = users.clone().map(|_| Some(EVENT.as_micros())).collect::<TimestampMicrosecondArray>();
        let columns: [(&str, ArrayRef); 4] = [
            ("user_id", Arc::new(Int64Array::from_iter_values(users.clone()))),
            ("event_timestamp", Arc::new(times.with_timezone("UTC"))),
            ("number", Arc::new(Int64Array::from_iter_values(users.clone().map(number_of)))),
            ("text", Arc::new(StringArray::from_iter_values(users.map(|user| self.text_of(user))))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    fn users(&self, number: usize) -> std::ops::Range<i64> {
        let first = (number * self.rows) as i64;
        first..first + self.rows as i64
    }

    fn text_of(&self, user: i64) -> String {
        let bytes = Random::new(user as u64).bytes(self.text_bytes / 2);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes the next batch and keeps the outcome. The error is given back where it says what the outcome is.
    ///
    /// # Errors
    /// With the error of an answer that says neither, which is kept as unknown.
    pub(crate) fn write(&mut self, store: &impl Session) -> Checked<Option<Error>> {
        let written = store.write(&self.view, &self.batch(self.outcomes.len()));
        let (outcome, error) = match written {
            Ok(_) => (Outcome::Written, None),
            Err(error) => (outcome_of(&error).unwrap_or(Outcome::Unknown), Some(error)),
        };
        self.outcomes.push(outcome);
        match error {
            Some(error) if outcome_of(&error).is_none() => {
                Err(format!("a write says neither that nothing was written nor that it is unknown: {error:#}").into())
            }
            error => Ok(error),
        }
    }

    /// Writes until a write fails, or so many are written. Returns the error.
    ///
    /// # Errors
    /// As [`Ledger::write`].
    pub(crate) fn write_until_error(&mut self, store: &impl Session, most: usize) -> Checked<Option<Error>> {
        for _ in 0..most {
            if let Some(error) = self.write(store)? {
                return Ok(Some(error));
            }
        }
        Ok(None)
    }

    /// The next so many batches as CSV.
    pub(crate) fn csv(&self, batches: usize) -> String {
        let mut text = String::from("user_id,event_timestamp,number,text\n");
        for user in (self.outcomes.len()..self.outcomes.len() + batches).flat_map(|number| self.users(number)) {
            text.push_str(&format!("{user},{EVENT},{},{}\n", number_of(user), self.text_of(user)));
        }
        text
    }

    /// Keeps the outcome of so many batches that were written together.
    pub(crate) fn keep(&mut self, outcome: Outcome, batches: usize) {
        self.outcomes.extend(std::iter::repeat_n(outcome, batches));
    }

    /// Compares the store with the outcomes: what was acknowledged is there, what was refused is not, what is unknown
    /// is there whole or not at all, and every value is the one that was written.
    ///
    /// # Errors
    /// With the first batch that is wrong; or, as [`Trouble::Read`], why it could not be read.
    pub(crate) fn compare(&self, store: &impl Session) -> std::result::Result<(), Trouble> {
        let all: Vec<usize> = (0..self.outcomes.len()).collect();
        all.chunks(READ_BATCHES).try_for_each(|numbers| self.compare_some(store, numbers))
    }

    /// [`Ledger::compare`] of some batches that are drawn.
    pub(crate) fn compare_drawn(&self, store: &impl Session, random: &mut Random) -> std::result::Result<(), Trouble> {
        if self.outcomes.is_empty() {
            return Ok(());
        }
        let drawn = |_| random.below(self.outcomes.len() as u64) as usize;
        let numbers: Vec<usize> = (0..READ_BATCHES).map(drawn).collect();
        self.compare_some(store, &numbers)
    }

    fn compare_some(&self, store: &impl Session, numbers: &[usize]) -> std::result::Result<(), Trouble> {
        let references = [format!("{}:number", self.view), format!("{}:text", self.view)];
        let request = store.prepare(&references).map_err(Trouble::Read)?;
        let mut users = request.entity_rows();
        for user in numbers.iter().flat_map(|number| self.users(*number)) {
            users.push(&[Some(Value::Int64(user))]).map_err(Trouble::Read)?;
        }
        let answer = store.latest(&request, &users).map_err(Trouble::Read)?;
        for (index, number) in numbers.iter().enumerate() {
            let mut present = 0;
            for (user, row) in self.users(*number).zip(index * self.rows..) {
                if answer.status(row, 0) == Status::Missing {
                    continue;
                }
                present += 1;
                let value = |feature| answer.value(row, feature).map_err(Trouble::Read);
                let found = (value(0)?, value(1)?);
                let written = (Some(Value::Int64(number_of(user))), Some(Value::String(self.text_of(user))));
                check(found == written, || format!("user {user} has other values than were written: {found:?}"))?;
            }
            self.judge(*number, present)?;
        }
        Ok(())
    }

    fn judge(&self, number: usize, present: usize) -> Checked {
        let (rows, outcome) = (self.rows, self.outcomes[number]);
        let is_right = match outcome {
            Outcome::Written => present == rows,
            Outcome::Refused => present == 0,
            Outcome::Unknown => present == 0 || present == rows,
        };
        check(is_right, || format!("LOST OR TORN: batch {number} was {outcome:?}, and has {present} of {rows} rows"))
    }
}

/// The reason why a comparison did not hold.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The store could not be read.
    Read(Error),
    /// The store is wrong.
    Wrong(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Trouble {
    fn from(wrong: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Trouble::Wrong(wrong)
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Read(error) => write!(f, "it cannot be read: {error:#}"),
            Trouble::Wrong(wrong) => wrong.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

fn number_of(user: i64) -> i64 {
    user.wrapping_mul(7) + 3
}

/// The outcome that an error promises, if it promises one.
pub(crate) fn outcome_of(error: &Error) -> Option<Outcome> {
    let text = format!("{error:#}");
    let has = |words: &str| text.contains(words);
    if has("it is unknown whether") || has("whether it was done is not known") {
        return Some(Outcome::Unknown);
    }
    let is_refused = has("nothing was written")
        || has("no sidecar listens")
        || has("connections already")
        || error.kind() == ErrorKind::Limited;
    is_refused.then_some(Outcome::Refused)
}
