//! Values of a feature for sampled entities.

use std::hash::{DefaultHasher, Hash, Hasher};

use asofdb::{Answer, Result, Status, Timestamp, Value};

/// The values of one feature, an entity each, in the order of the sample.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) values: Values,
    /// True where a null was stored.
    pub(super) nulls: Vec<bool>,
    /// Event timestamps in microseconds; [`NO_EVENT`] where nothing is known.
    pub(super) events: Vec<i64>,
}

/// No event timestamp.
pub(super) const NO_EVENT: i64 = i64::MIN;

/// No code.
pub(super) const NO_CODE: u64 = u64::MAX;

/// Values as far as they are compared.
#[derive(Debug)]
pub(super) enum Values {
    /// Numbers, flags and times; NaN where there is none.
    Numbers(Vec<f64>),
    /// Texts, bytes and lists, by a hash of each; [`NO_CODE`] where there is none.
    Codes {
        /// Of the value.
        exact: Vec<u64>,
        /// Of a text in small letters and without spaces around it.
        folded: Vec<u64>,
    },
}

impl Default for Values {
    fn default() -> Self {
        Values::Numbers(Vec::new())
    }
}

impl Column {
    /// An empty column for values of a type.
    pub(super) fn new(is_number: bool) -> Self {
        let values = match is_number {
            true => Values::Numbers(Vec::new()),
            false => Values::Codes { exact: Vec::new(), folded: Vec::new() },
        };
        Column { values, ..Column::default() }
    }

    /// Adds the values of an answer.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read.
    pub(super) fn extend(&mut self, answer: &Answer, feature: usize) -> Result<()> {
        for row in 0..answer.rows() {
            let status = answer.status(row, feature);
            // A default stands in for values that are not there, and is none of them.
            let value = if status == Status::Present { answer.value(row, feature)? } else { None };
            self.values.push(value.as_ref());
            self.nulls.push(status == Status::Null);
            self.events.push(answer.event_timestamp(row, feature).map_or(NO_EVENT, Timestamp::as_micros));
        }
        Ok(())
    }
}

impl Values {
    /// Adds one value.
    pub(super) fn push(&mut self, value: Option<&Value>) {
        match self {
            Values::Numbers(numbers) => numbers.push(value.and_then(number).unwrap_or(f64::NAN)),
            Values::Codes { exact, folded } => {
                exact.push(value.map_or(NO_CODE, code));
                folded.push(match value {
                    Some(Value::String(text)) => code(&Value::String(text.trim().to_lowercase())),
                    value => value.map_or(NO_CODE, code),
                });
            }
        }
    }

    /// Returns whether an entity has a value.
    pub(super) fn has(&self, entity: usize) -> bool {
        match self {
            Values::Numbers(numbers) => !numbers[entity].is_nan(),
            Values::Codes { exact, .. } => exact[entity] != NO_CODE,
        }
    }

    /// A code for each of some entities, which have values.
    pub(super) fn codes(&self, entities: &[u32]) -> Vec<u64> {
        let of = |entity: &u32| match self {
            // Both zeros are one.
            Values::Numbers(numbers) => (numbers[*entity as usize] + 0.0).to_bits(),
            Values::Codes { exact, .. } => exact[*entity as usize],
        };
        entities.iter().map(of).collect()
    }
}

fn number(value: &Value) -> Option<f64> {
    Some(match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int32(value) => f64::from(*value),
        Value::Int64(value) => *value as f64,
        Value::Float32(value) => f64::from(*value),
        Value::Float64(value) => *value,
        Value::Timestamp(time) => time.as_micros() as f64,
        Value::Date(date) => f64::from(date.as_days()),
        _ => return None,
    })
}

/// Within one process, and never stored.
fn code(value: &Value) -> u64 {
    let (mut bytes, mut hasher) = (Vec::new(), DefaultHasher::new());
    value.encode(&mut bytes);
    bytes.hash(&mut hasher);
    hasher.finish().min(NO_CODE - 1)
}
