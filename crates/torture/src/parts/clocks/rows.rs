//! Rows of a view with a ttl and a retention, by which a wrong clock could hide and delete them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{
    Clock, Definitions, FeatureDefinition, ScalarType, Session, Span, Status, SystemClock, Timestamp, Value, ValueType,
    ViewDefinition,
};

use crate::check::{Checked, check};
use crate::ledger;

const VIEW: &str = "clicks";

/// The time as it is; the sidecar is told another one.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

pub(super) fn definitions() -> Definitions {
    ledger::definitions(vec![ViewDefinition {
        name: VIEW.to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![FeatureDefinition::new("count", ValueType::Scalar(ScalarType::Int64))],
        ttl: Some(Span::from_secs(86_400)),
        retention: Some(Span::from_secs(30 * 86_400)),
        keep_newest: false,
        ..ViewDefinition::default()
    }])
}

/// The users that were written, each once, with a number that follows from the user.
#[derive(Debug, Default)]
pub(super) struct Rows {
    next: i64,
    written: Vec<i64>,
    refused: Vec<i64>,
}

impl Rows {
    /// Writes a user with an event of now; one that the store takes for the future is refused.
    pub(super) fn write(&mut self, store: &impl Session) -> Checked {
        let user = self.next;
        self.next += 1;
        let one = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        let event = TimestampMicrosecondArray::from(vec![now().as_micros()]).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 3] =
            [("user_id", one(user)), ("event_timestamp", Arc::new(event)), ("count", one(user * 3 + 1))];
        match store.write(VIEW, &RecordBatch::try_from_iter(columns)?) {
            Ok(_) => self.written.push(user),
            Err(error) => {
                check(error.to_string().contains("in the future"), || format!("a write is refused: {error:#}"))?;
                self.refused.push(user);
            }
        }
        Ok(())
    }

    /// Checks that no value is another than was written, whatever time it is; `all` says that every row must be there.
    pub(super) fn compare(&self, store: &impl Session, all: bool) -> Checked {
        let request = store.prepare(&[format!("{VIEW}:count")])?;
        let mut users = request.entity_rows();
        let asked: Vec<i64> = self.written.iter().chain(&self.refused).copied().collect();
        for user in &asked {
            users.push(&[Some(Value::Int64(*user))])?;
        }
        let answer = store.latest(&request, &users)?;
        for (row, user) in asked.iter().enumerate() {
            let (status, value) = (answer.status(row, 0), answer.value(row, 0)?);
            let is_written = row < self.written.len();
            let is_right = value.is_none() || value == Some(Value::Int64(user * 3 + 1));
            check(is_right, || format!("user {user} has another value than was written: {value:?}"))?;
            check(is_written || status == Status::Missing, || format!("user {user} was refused, and is {status:?}"))?;
            let is_there = !all || !is_written || status == Status::Present;
            check(is_there, || format!("HIDDEN: user {user} is {status:?} although the clock is right"))?;
        }
        Ok(())
    }

    /// The numbers of rows that were written and refused.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.written.len() as u64, self.refused.len() as u64)
    }
}
