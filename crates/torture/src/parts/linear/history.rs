//! Histories: which calls clients made of one register, when, and what they heard.

use std::fmt;

/// A time on the clock that all clients of a history share.
pub(super) type Tick = u64;

/// The end of a call whose outcome nobody knows: it may happen at any time, or never.
pub(super) const NEVER: Tick = Tick::MAX;

/// One call of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) client: usize,
    pub(super) start: Tick,
    /// [`NEVER`] where the outcome is unknown.
    pub(super) end: Tick,
    pub(super) action: Action,
}

/// The action of a call, with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Writes a version; `None` is a deletion. A version without a created timestamp is stamped by the store.
    Put { event: i64, created: Option<i64>, value: Option<i64> },
    /// Reads the greatest version with an event up to `at`.
    Read { at: i64, found: Option<i64> },
    /// Removes every version; the answer is how many there were.
    Erase { versions: Option<u64> },
}

impl Call {
    /// Returns whether its outcome is known.
    pub(super) fn is_answered(&self) -> bool {
        self.end != NEVER
    }

    /// The call as it looked at a time at which it had not ended: a read that is not answered says nothing.
    pub(super) fn unanswered(&self) -> Option<Call> {
        let action = match self.action {
            Action::Read { .. } => return None,
            Action::Erase { .. } => Action::Erase { versions: None },
            put @ Action::Put { .. } => put,
        };
        Some(Call { end: NEVER, action, ..*self })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_answered() { self.end.to_string() } else { "?".to_owned() };
        write!(f, "client {} [{}, {end}] ", self.client, self.start)?;
        match self.action {
            Action::Put { event, created, value } => {
                let created = created.map_or_else(|| "stamped".to_owned(), |created| created.to_string());
                write!(f, "put {} at ({event}, {created})", shown(value))
            }
            Action::Read { at: i64::MAX, found } => write!(f, "read {}", shown(found)),
            Action::Read { at, found } => write!(f, "read as of {at}: {}", shown(found)),
            Action::Erase { versions: Some(versions) } => write!(f, "erase {versions}"),
            Action::Erase { versions: None } => write!(f, "erase"),
        }
    }
}

fn shown(value: Option<i64>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

/// The shortest of the beginnings of a history for which `holds` is false.
///
/// A beginning ends where a call was answered; calls that were under way then count as unanswered. `holds` must be
/// true of every beginning of one that it is true of.
pub(super) fn shortest_beginning(calls: &[Call], holds: impl Fn(&[Call]) -> bool) -> Vec<Call> {
    let mut ends: Vec<Tick> = calls.iter().filter(|call| call.is_answered()).map(|call| call.end).collect();
    ends.sort_unstable();
    let first = ends.partition_point(|end| holds(&beginning(calls, *end)));
    ends.get(first).map_or_else(|| calls.to_vec(), |end| beginning(calls, *end))
}

fn beginning(calls: &[Call], end: Tick) -> Vec<Call> {
    let begun = calls.iter().filter(|call| call.start <= end);
    begun.filter_map(|call| if call.end <= end { Some(call.clone()) } else { call.unanswered() }).collect()
}
