//! The checker: is there an order of the calls, each at one moment between its start and its end, that explains every
//! answer?
//!
//! It is the search of Wing and Gong with the memory of Lowe: a call may come next if no other that is left ended
//! before it started; a pair of the calls that are done and the register after them is tried once. A history is that of
//! one register, since a history of several is linearisable if that of each is.

use std::collections::HashSet;

use super::history::{Action, Call, shortest_beginning};
use super::register::Register;

/// Most calls of a history: the calls that are done are bits of one number.
pub(super) const CALLS_MAX: usize = 128;

/// Most pairs that are remembered, some hundred bytes each.
const TRIED_MAX: usize = 1_000_000;

/// The verdict on a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// An order explains it.
    Explained,
    /// No order does.
    Impossible,
    /// There are too many orders to try.
    Undecided,
}

/// Looks for an order that explains a history of one register, which is empty at first.
///
/// # Panics
/// If there are more than [`CALLS_MAX`] calls.
pub(super) fn check(calls: &[Call]) -> Verdict {
    assert!(calls.len() <= CALLS_MAX, "a history of {} calls", calls.len());
    // Calls that nobody saw happen most likely explain nothing, and each doubles the orders that there are.
    match search(&without_unseen(calls)) {
        Verdict::Explained => Verdict::Explained,
        Verdict::Impossible | Verdict::Undecided => search(calls),
    }
}

fn search(calls: &[Call]) -> Verdict {
    Search { calls, tried: HashSet::new() }.search(0, Register::default())
}

/// The calls without those that were not answered, save writes of what was read: whatever was not answered need not
/// have happened.
fn without_unseen(calls: &[Call]) -> Vec<Call> {
    let is_read = |value: Option<i64>| {
        calls.iter().any(|call| matches!(call.action, Action::Read { found: Some(found), .. } if Some(found) == value))
    };
    let is_seen =
        |call: &&Call| call.is_answered() || matches!(call.action, Action::Put { value, .. } if is_read(value));
    calls.iter().filter(is_seen).cloned().collect()
}

/// The shortest beginning of a history that no order explains.
pub(super) fn smallest(calls: &[Call]) -> Vec<Call> {
    shortest_beginning(calls, |beginning| check(beginning) != Verdict::Impossible)
}

fn bit(index: usize) -> u128 {
    1 << index
}

struct Search<'a> {
    calls: &'a [Call],
    tried: HashSet<(u128, Register)>,
}

impl Search<'_> {
    fn search(&mut self, done: u128, register: Register) -> Verdict {
        let done = self.with_reads(done, &register);
        if self.left(done).all(|(_, call)| !call.is_answered()) {
            return Verdict::Explained;
        }
        if !self.tried.insert((done, register.clone())) {
            return Verdict::Impossible;
        }
        if self.tried.len() > TRIED_MAX {
            return Verdict::Undecided;
        }
        for index in self.next(done) {
            let Some(after) = register.after(self.calls, index) else { continue };
            match self.search(done | bit(index), after) {
                Verdict::Impossible => {}
                verdict => return verdict,
            }
        }
        Verdict::Impossible
    }

    /// Does the reads that may come next and are right here: as they change nothing, an order that has them later
    /// would also be one with them now.
    fn with_reads(&self, mut done: u128, register: &Register) -> u128 {
        loop {
            let is_right = |index: &usize| match self.calls[*index].action {
                Action::Read { at, found } => register.read(self.calls, at) == found,
                Action::Put { .. } | Action::Erase { .. } => false,
            };
            let reads = self.next(done).into_iter().filter(is_right).fold(0, |reads, index| reads | bit(index));
            if reads == 0 {
                return done;
            }
            done |= reads;
        }
    }

    fn left(&self, done: u128) -> impl Iterator<Item = (usize, &Call)> {
        self.calls.iter().enumerate().filter(move |(index, _)| done & bit(*index) == 0)
    }

    /// The calls that may come next, those that end first before others.
    fn next(&self, done: u128) -> Vec<usize> {
        let first_end = self.left(done).map(|(_, call)| call.end).min().unwrap_or_default();
        let mut next: Vec<usize> =
            self.left(done).filter(|(_, call)| call.start <= first_end).map(|(index, _)| index).collect();
        next.sort_by_key(|index| self.calls[*index].end);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;
    use crate::parts::linear::history::NEVER;

    fn call(client: usize, (start, end): (u64, u64), action: Action) -> Call {
        Call { client, start, end, action }
    }

    /// Puts a value at an event, stamped by the store.
    fn put(client: usize, time: (u64, u64), event: i64, value: i64) -> Call {
        call(client, time, Action::Put { event, created: None, value: Some(value) })
    }

    /// Puts a value at the one version that others write as well.
    fn same(client: usize, time: (u64, u64), value: i64) -> Call {
        call(client, time, Action::Put { event: 0, created: Some(0), value: Some(value) })
    }

    fn read(client: usize, time: (u64, u64), found: Option<i64>) -> Call {
        call(client, time, Action::Read { at: i64::MAX, found })
    }

    fn as_of(client: usize, time: (u64, u64), at: i64, found: Option<i64>) -> Call {
        call(client, time, Action::Read { at, found })
    }

    fn erase(client: usize, time: (u64, u64), versions: u64) -> Call {
        call(client, time, Action::Erase { versions: Some(versions) })
    }

    fn assert_explained(calls: &[Call]) {
        assert_eq!(check(calls), Verdict::Explained, "{calls:?}");
    }

    fn assert_impossible(calls: &[Call]) {
        assert_eq!(check(calls), Verdict::Impossible, "{calls:?}");
    }

    #[test]
    fn a_read_sees_what_was_written_before_it() {
        assert_explained(&[]);
        assert_explained(&[read(0, (0, 1), None), put(0, (2, 3), 1, 10), read(1, (4, 5), Some(10))]);
        assert_impossible(&[put(0, (0, 1), 1, 10), read(1, (2, 3), None)]);
        assert_impossible(&[read(0, (0, 1), Some(10)), put(1, (2, 3), 1, 10)]);
        assert_impossible(&[read(0, (0, 1), Some(10))]);
    }

    #[test]
    fn a_read_beside_a_write_may_see_it_or_not_but_not_first_see_it_and_then_not() {
        let write = put(0, (0, 9), 1, 10);
        assert_explained(&[write.clone(), read(1, (1, 2), None), read(1, (3, 4), Some(10)), read(1, (5, 6), Some(10))]);
        assert_impossible(&[write.clone(), read(1, (1, 2), Some(10)), read(1, (3, 4), None)]);
        assert_impossible(&[write, read(1, (1, 2), Some(10)), read(2, (3, 4), None)]);
    }

    #[test]
    fn the_greatest_event_wins_whatever_comes_last() {
        let late = [put(0, (0, 1), 5, 50), put(1, (2, 3), 4, 40)];
        assert_explained(
            &[&late[..], &[read(2, (4, 5), Some(50)), as_of(2, (6, 7), 4, Some(40)), as_of(2, (8, 9), 3, None)]]
                .concat(),
        );
        assert_impossible(&[&late[..], &[read(2, (4, 5), Some(40))]].concat());
        assert_impossible(&[&late[..], &[as_of(2, (4, 5), 4, None)]].concat());
    }

    #[test]
    fn of_one_version_the_last_write_counts_and_two_readers_see_one_order() {
        let writes = [same(0, (0, 9), 10), same(1, (0, 9), 20)];
        let order = |first, second| [read(2, (1, 2), Some(first)), read(3, (3, 4), Some(second))];
        assert_explained(&[&writes[..], &order(10, 20)].concat());
        assert_explained(&[&writes[..], &order(20, 10)].concat());
        let back = [read(2, (1, 2), Some(10)), read(3, (3, 4), Some(20)), read(2, (5, 6), Some(10))];
        assert_impossible(&[&writes[..], &back].concat());
        assert_impossible(&[same(0, (0, 1), 10), same(1, (2, 3), 20), read(2, (4, 5), Some(10))]);
    }

    #[test]
    fn of_one_event_the_last_stamp_counts_and_every_version_stays() {
        let writes = [put(0, (0, 1), 7, 10), put(0, (2, 3), 7, 20)];
        assert_explained(&[&writes[..], &[read(1, (4, 5), Some(20)), erase(1, (6, 7), 2)]].concat());
        assert_impossible(&[&writes[..], &[read(1, (4, 5), Some(10))]].concat());
        assert_impossible(&[&writes[..], &[erase(1, (4, 5), 1)]].concat());
        assert_explained(&[same(0, (0, 1), 10), same(0, (2, 3), 20), erase(1, (4, 5), 1)]);
    }

    #[test]
    fn what_was_erased_does_not_come_back() {
        let erased = [put(0, (0, 1), 5, 50), erase(1, (2, 3), 1)];
        assert_explained(
            &[&erased[..], &[read(2, (4, 5), None), put(0, (6, 7), 1, 10), read(2, (8, 9), Some(10))]].concat(),
        );
        assert_impossible(&[&erased[..], &[read(2, (4, 5), Some(50))]].concat());
    }

    #[test]
    fn a_call_without_an_answer_may_happen_late_or_never_but_once_it_has_it_stays() {
        let lost = put(0, (0, NEVER), 1, 10);
        assert_explained(&[lost.clone(), read(1, (2, 3), None), read(1, (4, 5), None)]);
        assert_explained(&[lost.clone(), read(1, (2, 3), None), read(1, (4, 5), Some(10))]);
        assert_impossible(&[lost, read(1, (2, 3), Some(10)), read(1, (4, 5), None)]);
        let erased = call(0, (2, NEVER), Action::Erase { versions: None });
        assert_explained(&[put(0, (0, 1), 1, 10), erased.clone(), read(1, (3, 4), Some(10)), read(1, (5, 6), None)]);
        assert_impossible(&[put(0, (0, 1), 1, 10), erased, read(1, (3, 4), None), read(1, (5, 6), Some(10))]);
    }

    #[test]
    fn the_smallest_beginning_ends_with_the_first_answer_that_cannot_be() {
        let calls = [
            put(0, (0, 1), 1, 10),
            put(1, (2, 9), 2, 20),
            read(2, (3, 8), Some(10)),
            read(0, (4, 5), Some(20)),
            read(0, (6, 7), Some(10)),
            read(2, (10, 11), Some(20)),
        ];
        let smallest = smallest(&calls);
        let unanswered = Call { end: NEVER, ..calls[1].clone() };
        assert_eq!(smallest, [calls[0].clone(), unanswered, calls[3].clone(), calls[4].clone()]);
    }

    /// A call with few choices, so that histories collide.
    fn any_call(random: &mut Random, client: usize) -> Call {
        let start = random.below(8);
        let end = if random.below(6) == 0 { NEVER } else { start + 1 + random.below(4) };
        let value = Some(random.below(3) as i64).filter(|value| *value > 0);
        let event = random.below(2) as i64;
        let action = match random.below(6) {
            0 => Action::Erase { versions: (end != NEVER).then(|| random.below(3)) },
            1..3 => Action::Put { event, created: Some(0).filter(|_| random.below(2) == 0), value },
            _ => Action::Read { at: if random.below(3) == 0 { event } else { i64::MAX }, found: value },
        };
        call(client, (start, end), action)
    }

    /// Tries every order of every choice of unanswered calls, without any cleverness.
    fn is_explained_by_any(calls: &[Call], taken: &mut Vec<usize>) -> bool {
        let left: Vec<usize> = (0..calls.len()).filter(|index| !taken.contains(index)).collect();
        let is_complete = left.iter().all(|index| !calls[*index].is_answered());
        if is_complete && is_explained_by(calls, taken) {
            return true;
        }
        left.into_iter().any(|index| {
            taken.push(index);
            let explained = is_explained_by_any(calls, taken);
            taken.pop();
            explained
        })
    }

    fn is_explained_by(calls: &[Call], order: &[usize]) -> bool {
        let before = |a: usize, b: usize| calls[a].end < calls[b].start;
        let in_time = (0..order.len()).all(|at| order[at + 1..].iter().all(|later| !before(*later, order[at])));
        let step = |register: Register, index: &usize| register.after(calls, *index);
        in_time && order.iter().try_fold(Register::default(), step).is_some()
    }

    #[test]
    fn the_search_agrees_with_trying_every_order() {
        let mut random = Random::new(7);
        let mut explained = 0;
        for _ in 0..10_000 {
            let all = (0..5).map(|client| any_call(&mut random, client));
            let calls: Vec<Call> =
                all.filter(|call| call.is_answered() || !matches!(call.action, Action::Read { .. })).collect();
            let expected = is_explained_by_any(&calls, &mut Vec::new());
            assert_eq!(check(&calls) == Verdict::Explained, expected, "{calls:?}");
            explained += usize::from(expected);
        }
        assert!((1_000..9_000).contains(&explained), "{explained} of 10,000 are explained");
    }
}
