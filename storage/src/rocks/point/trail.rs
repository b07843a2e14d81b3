//! The trail that leads on from a backup: every write that follows it in kept logs, without a hole.

use std::path::PathBuf;

use super::operations::{Batch, Operation};
use crate::error::{Error, Result};
use crate::rocks::error::from_io;
use crate::rocks::floor::walk_log;
use crate::rocks::kept::{KEY, Mark, MarkKind};
use crate::time::Timestamp;

/// A write of a kept log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Its log, by the place in the list of them, and its place among the batches of that log.
    pub(super) place: (usize, u64),
    /// The last mark of its batch; none for what is no part of the state that is kept, such as the time on record.
    pub(super) mark: Option<Mark>,
    first_sequence: u64,
    next_sequence: u64,
}

/// The writes that follow a backup.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) steps: Vec<Step>,
    /// Every commit with a stamp up to this is in the backup or the trail; none where nothing says so.
    pub(super) settled: Option<Timestamp>,
}

/// Visits every batch of logs, in order, with its place. The end of a log that was never finished is left out.
///
/// # Errors
/// Those of `visit`; `Unavailable` when a log cannot be read.
pub(super) fn each_batch(
    logs: &[PathBuf],
    mut visit: impl FnMut((usize, u64), &Batch<'_>) -> Result<()>,
) -> Result<()> {
    let mut record = Vec::new();
    for (log, path) in logs.iter().enumerate() {
        let (mut index, mut result) = (0, Ok(()));
        let walked = walk_log(path, None, |fragment| {
            if fragment.is_first {
                record.clear();
            }
            record.extend_from_slice(fragment.bytes);
            if fragment.is_last && result.is_ok() {
                result = Batch::new(&record).and_then(|batch| visit((log, index), &batch));
                index += 1;
            }
        });
        walked.map_err(|error| from_io(&format!("cannot read {}", path.display()), error))?;
        result?;
    }
    Ok(())
}

/// Returns the marks of a batch, in order, each with the operation that it is.
pub(super) fn marks<'b>(batch: &Batch<'b>) -> Result<Vec<(Mark, Operation<'b>)>> {
    let mut marks = Vec::new();
    for operation in batch.operations() {
        let operation = operation?;
        // Keys of the other families are longer.
        if let (KEY, Some(value)) = (operation.key, operation.value) {
            marks.push((Mark::decode(value)?, operation));
        }
    }
    Ok(marks)
}

impl Trail {
    /// Reads the writes that follow the mark `from` in logs, up to the first hole.
    ///
    /// # Errors
    /// `Corrupt` when a log has what is no batch; `Unavailable` when one cannot be read.
    pub(super) fn read(logs: &[PathBuf], from: &Mark) -> Result<Self> {
        let mut found: Vec<Step> = Vec::new();
        each_batch(logs, |place, batch| {
            let (first_sequence, count) = (batch.first_sequence(), u64::from(batch.count()));
            if count == 0 {
                return Ok(());
            }
            let mark = marks(batch)?.pop().map(|(mark, _)| mark);
            // Sequence numbers are given again where a power cut took the end of a log: what had them is no part of the
            // store, though it may be part of a copy of that log.
            while found.last().is_some_and(|last| last.first_sequence >= first_sequence) {
                found.pop();
            }
            found.push(Step { place, mark, first_sequence, next_sequence: first_sequence + count });
            Ok(())
        })?;
        let steps = follow(found, from);
        let settled = steps.iter().filter_map(|step| match step.mark?.kind {
            MarkKind::Settled(until) => Some(until),
            _ => None,
        });
        Ok(Trail { settled: settled.max(), steps })
    }

    /// Returns the number of steps up to a time. A stamp or time that is after a later one is from a clock that was
    /// ahead then and has come back: it counts as that later one.
    pub(super) fn up_to(&self, at: Timestamp) -> usize {
        let mut least = Timestamp::MAX;
        for (index, step) in self.steps.iter().enumerate().rev() {
            least = step.mark.map_or(least, |mark| mark.time.min(least));
            if least <= at {
                return index + 1;
            }
        }
        0
    }
}

/// The steps behind a mark, as long as each follows the one before.
fn follow(found: Vec<Step>, from: &Mark) -> Vec<Step> {
    let (mut last, mut sequence, mut is_loading) = (*from, None, false);
    let (mut steps, mut is_behind) = (Vec::new(), false);
    for step in found {
        let is_next = sequence.is_none_or(|sequence| sequence == step.first_sequence) || is_loading;
        match step.mark {
            // Before, or of logs that were given up before these began.
            Some(mark) if !is_behind && (mark.id != from.id || mark.number <= from.number) => {
                is_behind = mark == *from;
            }
            Some(mark) if mark.follows(Some(&last)) && (is_next || !is_behind) => {
                (last, is_behind) = (mark, true);
                // Files of loads take sequence numbers that are in no log.
                is_loading = matches!(mark.kind, MarkKind::LoadBegun(_));
                steps.push(step);
            }
            None if is_behind && is_next => steps.push(step),
            None if !is_behind => {}
            _ => break,
        }
        sequence = Some(step.next_sequence);
    }
    steps
}

/// Refuses logs that do not lead to a time.
pub(super) fn not_covered(at: Timestamp, settled: Option<Timestamp>) -> Error {
    Error::not_found(match settled {
        Some(settled) => format!("the kept logs do not reach {at}; they reach from there to {settled}"),
        None => format!("no kept logs lead from there to {at}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    /// Marks of these times and kinds, one after the other.
    fn chain(times: &[(i64, MarkKind)]) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        for (time, kind) in times {
            marks.push(Mark::after(marks.last(), 7, at(*time), *kind));
        }
        marks
    }

    fn commits(times: &[i64]) -> Vec<Mark> {
        chain(&times.iter().map(|time| (*time, MarkKind::Commit)).collect::<Vec<_>>())
    }

    /// The steps of marks, each with two operations, from sequence number 10 on.
    fn steps(marks: &[Mark]) -> Vec<Step> {
        let step = |(index, mark): (usize, &Mark)| {
            let first_sequence = 10 + 2 * index as u64;
            let place = (0, index as u64);
            Step { place, mark: Some(*mark), first_sequence, next_sequence: first_sequence + 2 }
        };
        marks.iter().enumerate().map(step).collect()
    }

    fn followed(found: &[Step], from: &Mark) -> Vec<u64> {
        let numbers = follow(found.to_vec(), from).into_iter().map(|step| step.mark.map_or(0, |mark| mark.number));
        numbers.collect()
    }

    #[test]
    fn a_trail_has_what_follows_a_mark_up_to_the_first_hole() {
        let marks = commits(&[1, 2, 3, 4, 5]);
        let found = steps(&marks);
        assert_eq!(followed(&found, &marks[1]), [3, 4, 5]);
        assert_eq!(followed(&found, &marks[4]), [0; 0]);
        // The logs begin right behind the mark, or later.
        assert_eq!(followed(&found[2..], &marks[1]), [3, 4, 5]);
        assert_eq!(followed(&found[3..], &marks[1]), [0; 0]);
        let hole = [&found[..3], &found[4..]].concat();
        assert_eq!(followed(&hole, &marks[0]), [2, 3]);
    }

    #[test]
    fn writes_that_nobody_marked_make_a_hole_where_they_are_missing() {
        let marks = commits(&[1, 2, 3, 4]);
        let mut found = steps(&marks);
        // Something was written by a program that keeps no logs: the sequence numbers tell.
        for step in &mut found[2..] {
            step.first_sequence += 5;
            step.next_sequence += 5;
        }
        assert_eq!(followed(&found, &marks[0]), [2]);
        // Where it stands in the logs itself it is no hole, and part of the trail.
        let unmarked = Step { place: (0, 9), mark: None, first_sequence: 14, next_sequence: 19 };
        found.insert(2, unmarked);
        assert_eq!(followed(&found, &marks[0]), [2, 0, 3, 4]);
    }

    #[test]
    fn a_write_in_the_place_of_one_that_was_lost_does_not_follow_a_copy_that_has_it() {
        let lost = commits(&[1, 2, 3]);
        let mut marks = lost[..2].to_vec();
        marks.push(Mark::after(marks.last(), 7, at(30), MarkKind::Commit));
        marks.push(Mark::after(marks.last(), 7, at(40), MarkKind::Commit));
        let found = steps(&marks);
        assert_eq!(followed(&found, &lost[1]), [3, 4]);
        assert_eq!(followed(&found, &lost[2]), [0; 0], "the backup has a third write that is no part of the store");
    }

    #[test]
    fn bulk_loads_take_sequence_numbers_that_are_in_no_log() {
        let kinds = [MarkKind::Commit, MarkKind::LoadBegun(at(2)), MarkKind::Loaded(at(2)), MarkKind::Commit];
        let marks = chain(&kinds.iter().zip(1..).map(|(kind, time)| (time, *kind)).collect::<Vec<_>>());
        let mut found = steps(&marks);
        for step in &mut found[2..] {
            step.first_sequence += 3;
            step.next_sequence += 3;
        }
        assert_eq!(followed(&found, &marks[0]), [2, 3, 4]);
    }

    #[test]
    fn the_cut_is_behind_the_last_commit_up_to_a_time_and_a_jump_counts_as_of_its_end() {
        let trail = |times: &[i64]| Trail { steps: steps(&commits(times)), settled: None };
        let forward = trail(&[10, 20, 30]);
        let cuts = [9, 10, 19, 20, 30, 99].map(|time| forward.up_to(at(time)));
        assert_eq!(cuts, [0, 1, 1, 2, 3, 3]);
        // The second and third were stamped by a clock that was ahead and came back before the fourth.
        let jump = trail(&[10, 900, 901, 20, 30]);
        assert_eq!([10, 19, 20, 30, 900].map(|time| jump.up_to(at(time))), [1, 1, 4, 5, 5]);
    }
}
