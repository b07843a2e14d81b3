//! Notices: what a target is told.

use asofdb::Timestamp;
use serde::{Deserialize, Serialize};

use super::sighting::Severity;

/// Longest message of a notice in bytes.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// The reason for a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// Something is wrong.
    Opened,
    /// It is wrong in another way: worse, or less so.
    Changed,
    /// It still is.
    Repeated,
    /// It is over.
    Recovered,
}

/// One notice, as it is kept and as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    /// The id, the same in every delivery of it.
    pub(super) id: String,
    pub(super) event: Event,
    pub(super) kind: String,
    pub(super) subject: String,
    /// The state it is in now; `ok` when it is over.
    pub(super) state: String,
    /// The severity of the state; when it is over, of the one before.
    pub(super) severity: Severity,
    pub(super) message: String,
    /// The time when it began.
    #[serde(with = "as_text")]
    pub(super) since: Timestamp,
    /// The time of the notice.
    #[serde(with = "as_text")]
    pub(super) at: Timestamp,
}

/// A sentence of a bounded length, without control characters.
pub(super) fn bounded(text: &str) -> String {
    let mut out: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if out.len() > MESSAGE_BYTES_MAX {
        out.truncate(out.floor_char_boundary(MESSAGE_BYTES_MAX));
        out.push('…');
    }
    out
}

/// Times as RFC 3339.
pub(super) mod as_text {
    use asofdb::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: asofdb::Error| D::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_of_a_bounded_length() {
        assert_eq!(bounded("a\nb\u{1b}[31m"), "a b [31m");
        let long = bounded(&"ä".repeat(600));
        assert_eq!((long.chars().count(), long.ends_with('…')), (501, true));
    }
}
