//! The tree by which events are folded: slots of five minutes, in hours, in days.
//!
//! A float sum depends on the order and the grouping of its additions. So both are fixed: the events of a slot are
//! folded newest first; slots within their hour, hours within their day, and days together are merged newest first. A
//! slot, an hour or a day of which a window has only a part is folded of that part. So the value of a window is a
//! function of its events and of nothing else: not of when it ends, nor of what was folded before and kept.
//!
//! Slots are open on the left and closed on the right, as windows are ([`asofdb_storage::tile`]). A window that begins
//! and ends at whole slots therefore has whole slots alone.

use asofdb_aggregate::Partial;
use asofdb_storage::tile::{LEVELS as UNIT_LEVELS, UNITS};

/// Slots of an hour.
const HOUR_SLOTS: i64 = UNITS[0];
/// Hours of a day.
const DAY_HOURS: i64 = UNITS[1];

/// Slots, hours, days, and all.
const LEVELS: usize = UNIT_LEVELS + 1;

/// The events folded so far, level by level, for some partial results.
pub(super) struct Tree {
    /// The slot of the events that came last; `None` before the first.
    slot: Option<i64>,
    /// By level, from slots up: what belongs to the part of it that is not complete.
    levels: [Vec<Partial>; LEVELS],
    /// Room to put the levels together.
    spare: Vec<Partial>,
    sum: Vec<Partial>,
}

impl Tree {
    /// A tree without events, of partial results that are `empty`.
    pub(super) fn new<'e>(empty: impl Iterator<Item = &'e Partial> + Clone) -> Self {
        let level = || empty.clone().cloned().collect::<Vec<_>>();
        Tree { slot: None, levels: std::array::from_fn(|_| level()), spare: level(), sum: level() }
    }

    /// Forgets the events.
    pub(super) fn clear(&mut self) {
        self.slot = None;
        self.levels.iter_mut().flatten().for_each(Partial::clear);
    }

    /// The slot's partial results, to fold events of slot `slot` into, which are older than those before.
    pub(super) fn slot(&mut self, slot: i64) -> &mut [Partial] {
        self.unit(0, [slot, slot])
    }

    /// The partial results of a level, to merge those of a whole unit into, whose events are older than those before,
    /// and lie in the slots from `newest` to `oldest`.
    pub(super) fn unit(&mut self, level: usize, [newest, oldest]: [i64; 2]) -> &mut [Partial] {
        if let Some(last) = self.slot.filter(|last| *last != newest) {
            let (hour, last_hour) = (newest.div_euclid(HOUR_SLOTS), last.div_euclid(HOUR_SLOTS));
            self.close(0);
            if hour != last_hour {
                self.close(1);
                if hour.div_euclid(DAY_HOURS) != last_hour.div_euclid(DAY_HOURS) {
                    self.close(2);
                }
            }
        }
        self.slot = Some(oldest);
        &mut self.levels[level]
    }

    /// Moves what a level has into the one above.
    fn close(&mut self, level: usize) {
        let (below, above) = self.levels.split_at_mut(level + 1);
        for (done, sum) in below[level].iter_mut().zip(&mut above[0]) {
            if !done.is_empty() {
                sum.merge(done);
                done.clear();
            }
        }
    }

    /// Returns whether older events can change nothing of a partial result. It may say no where they cannot.
    pub(super) fn is_settled(&self, partial: usize) -> bool {
        self.levels.iter().any(|level| level[partial].is_settled())
    }

    /// The result of all events so far for one of the partial results. More events can follow.
    pub(super) fn result(&mut self, partial: usize) -> &Partial {
        let (sum, spare) = (&mut self.sum[partial], &mut self.spare[partial]);
        sum.copy_from(&self.levels[0][partial]);
        for level in &self.levels[1..] {
            // What is above is newer.
            spare.copy_from(&level[partial]);
            spare.merge(sum);
            std::mem::swap(spare, sum);
        }
        sum
    }

    /// The bytes of memory that it takes.
    pub(super) fn memory_bytes(&self) -> usize {
        let partials = self.levels.iter().chain([&self.spare, &self.sum]).flatten();
        partials.map(Partial::memory_bytes).sum()
    }
}
