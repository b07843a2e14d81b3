//! Rows in the order of their worth, for whoever keeps them from one table to the next.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

use crate::hash::RowHash;
use crate::layout::ENTRIES;
use crate::record::{Head, Row};
use crate::shard::{Locked, USES_MAX};
use crate::sync::{AtomicU64, fence};
use crate::table::Table;

/// Buckets whose rows are copied before they are visited.
const STRIDE: usize = 32;

/// The standing of a row, by which it stays: pinned rows first, then those of the main ring, then by their uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing(u8);

impl Standing {
    const PINNED: u8 = 8;
    const MAIN: u8 = 4;

    /// The standings there are, the highest first.
    fn all() -> impl Iterator<Item = Standing> {
        (0..2 * Standing::PINNED).rev().map(Standing)
    }

    /// The number by which it may be kept outside a table; the greater, the more the row is worth.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The standing of a number; `None` for one that is none.
    pub fn from_number(number: u8) -> Option<Self> {
        (number < 2 * Standing::PINNED).then_some(Standing(number))
    }

    fn is_pinned(self) -> bool {
        self.0 & Standing::PINNED != 0
    }

    fn is_main(self) -> bool {
        self.0 & Standing::MAIN != 0
    }

    fn uses(self) -> u8 {
        self.0 & USES_MAX
    }
}

/// A row that a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'h> {
    /// The view.
    pub view: u32,
    /// The entity key.
    pub key: &'h [u8],
    /// The newest version.
    pub row: Row<'h>,
    /// The worth of the row.
    pub standing: Standing,
}

/// Rows that were copied, one after the other.
#[derive(Default)]
struct Copied {
    heads: Vec<(Head, Range<usize>, Range<usize>)>,
    bytes: Vec<u8>,
    key: Vec<u8>,
    row: Vec<u8>,
}

impl Copied {
    fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
    }

    fn add(&mut self, head: Head, words: &[AtomicU64]) {
        head.copy(words, &mut self.key, &mut self.row);
        let start = self.bytes.len();
        let end_of_key = start + self.key.len();
        self.bytes.extend_from_slice(&self.key);
        self.bytes.extend_from_slice(&self.row);
        self.heads.push((head, start..end_of_key, end_of_key..self.bytes.len()));
    }
}

impl Table {
    /// Visits the rows that exist, without those that are known not to, from the greatest worth to the least, until it is
    /// told to stop. No lock is held while it visits. Of rows that are read or written meanwhile some may be left out or
    /// come twice.
    pub fn each_by_worth(&self, visit: &mut dyn FnMut(Held<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut copied = Copied::default();
        for standing in Standing::all() {
            for shard in 0..self.shards.len() {
                let mut from = 0;
                while let Some(to) = self.copy(shard, from, standing, &mut copied) {
                    from = to;
                    for (head, key, row) in &copied.heads {
                        let row = Row { version: head.version, bytes: &copied.bytes[row.clone()] };
                        visit(Held { view: head.view, key: &copied.bytes[key.clone()], row, standing })?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Copies the rows of some buckets of a shard that have a standing, as readers do: nobody waits for it, however long it is
    /// off the processor. Returns the bucket to go on with, or `None` at the end.
    fn copy(&self, shard: usize, from: usize, standing: Standing, copied: &mut Copied) -> Option<usize> {
        copied.clear();
        let buckets = self.memory.layout.buckets;
        if from >= buckets || !self.has_any(shard, standing) {
            return None;
        }
        let to = (from + STRIDE).min(buckets);
        for index in shard * buckets + from..shard * buckets + to {
            let (bucket, before) = (self.memory.bucket(index), copied.heads.len());
            let mark = bucket.mark();
            (0..ENTRIES).for_each(|slot| self.copy_one(index, slot, standing, copied));
            // What was copied came before what follows.
            fence(Ordering::Acquire);
            if !mark.is_quiet() || !bucket.is_still(mark) {
                copied.heads.truncate(before);
            }
        }
        Some(to)
    }

    /// Returns whether a shard has rows that may have a standing: memory that was never written is left alone.
    fn has_any(&self, shard: usize, standing: Standing) -> bool {
        let shard = self.shards[shard].lock();
        shard.rows > 0 && (!standing.is_pinned() || shard.pinned.rows > 0)
    }

    /// Copies the row of an entry if it has a standing. It may be torn.
    fn copy_one(&self, index: usize, slot: usize, standing: Standing, copied: &mut Copied) {
        let entry = self.memory.bucket(index).entry(slot);
        let uses = self.memory.uses(index, slot).load(Ordering::Relaxed);
        // The record is looked at last: it lies elsewhere.
        if entry.is_main() != standing.is_main() || uses != standing.uses() {
            return;
        }
        let Some(words) = entry.place().and_then(|place| self.memory.words().get(place..)) else { return };
        let Some(head) = Head::read(words).filter(|head| head.is_row && head.is_pinned == standing.is_pinned()) else {
            return;
        };
        let is_whole = head.words <= words.len().min(self.memory.layout.record_max())
            && head.row_start() + head.row_bytes.div_ceil(8) == head.words;
        if is_whole {
            copied.add(head, words);
        }
    }

    /// Adds a row that a table held, with its standing, where it takes no other's place; says whether it did. Called while
    /// nobody reads or writes: what it is given is believed.
    pub fn hold(&self, held: &Held<'_>) -> bool {
        let Held { view, key, row, standing } = *held;
        let hash = RowHash::of(view, key);
        let shard = self.shards[hash.shard(self.shards.len())].lock();
        let mut locked = Locked { memory: &self.memory, shard };
        let index = self.memory.bucket_of(hash);
        let Some(head) = locked.fitting(hash, view, key, Some(row)) else { return false };
        let has_room = locked.shard.ring(standing.is_main()).has_room(head.words);
        let is_there = self.memory.find(index, hash, view, key).is_some();
        if is_there || !has_room || self.memory.bucket(index).free().is_none() {
            return false;
        }
        let head = Head { is_pinned: standing.is_pinned(), ..head };
        let slot = locked.place(&head, standing.is_main(), |words| head.write(key, row.bytes, words));
        self.memory.uses(index, slot).store(standing.uses(), Ordering::Relaxed);
        if self.memory.grows(locked.shard.used()) {
            drop(locked);
            self.take_huge_pages();
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Hot, Looked};

    type Copy = (u32, Vec<u8>, [i64; 2], Vec<u8>, Standing);

    fn all(table: &Table) -> Vec<Copy> {
        let mut all = Vec::new();
        let ended = table.each_by_worth(&mut |held| {
            let Held { view, key, row, standing } = held;
            all.push((view, key.to_vec(), row.version, row.bytes.to_vec(), standing));
            ControlFlow::Continue(())
        });
        assert_eq!(ended, ControlFlow::Continue(()));
        all
    }

    /// A table of 300 rows of lengths that differ, every third of which is pinned, and every fifth read twice.
    fn table() -> Table {
        let (table, mut looked) = (Table::new(1 << 20), Looked::new());
        for number in 0..300u32 {
            let (key, row) =
                (number.to_be_bytes()[4 - (1 + number as usize % 4)..].to_vec(), vec![7; number as usize % 60]);
            let row = (number % 10 != 9).then_some(Row { version: [i64::from(number), -1], bytes: &row });
            let key = (number % 7, &key[..]);
            table.look([key].into_iter(), &mut looked);
            match number % 3 {
                0 => table.fill_pinned(&looked, 0, key, row),
                _ => table.fill(&looked, 0, key, row),
            }
            (0..if number % 5 == 0 { 2 } else { 0 }).for_each(|_| table.look([key].into_iter(), &mut looked));
        }
        table
    }

    #[test]
    fn rows_come_in_the_order_of_their_worth_each_once_and_without_those_that_do_not_exist() {
        let table = table();
        let all = all(&table);
        assert!(all.is_sorted_by(|one, next| one.4 >= next.4));
        let mut keys: Vec<_> = all.iter().map(|row| (row.0, row.1.clone())).collect();
        keys.sort();
        keys.dedup();
        let absent = table.counts().rows as usize - all.len();
        assert_eq!((keys.len(), absent > 20), (all.len(), true));
        assert!(all.iter().all(|row| row.3.len() == row.2[0] as usize % 60 && row.2[1] == -1));
        let first = all.iter().filter(|row| row.4.is_pinned() && row.4.uses() > 0).count();
        assert!(first > 0 && all[..first].iter().all(|row| row.2[0] % 15 == 0));
    }

    #[test]
    fn a_visitor_that_has_enough_is_not_called_again() {
        let mut count = 0;
        let ended = table().each_by_worth(&mut |_| {
            count += 1;
            if count == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((ended, count), (ControlFlow::Break(()), 10));
    }

    #[test]
    fn another_table_that_is_given_the_rows_has_them_with_their_standing() {
        let (from, to) = (table(), Table::new(1 << 20));
        let rows = all(&from);
        let hold = |(view, key, version, bytes, standing): &Copy| {
            to.hold(&Held { view: *view, key, row: Row { version: *version, bytes }, standing: *standing })
        };
        assert!(rows.iter().all(hold));
        assert!(!hold(&rows[0]), "it is there");
        let (mut before, mut after) = (rows.clone(), all(&to));
        before.sort();
        after.sort();
        assert_eq!(before, after);
        let pinned = rows.iter().filter(|row| row.4.is_pinned()).count();
        assert_eq!((to.counts().pinned_rows, pinned), (pinned as u64, 90), "without those that do not exist");
        let mut looked = Looked::new();
        to.look(rows.iter().map(|row| (row.0, &row.1[..])), &mut looked);
        let found = |index: usize| looked.get(index) == Hot::Row(Row { version: rows[index].2, bytes: &rows[index].3 });
        assert!((0..rows.len()).all(found));
    }

    #[test]
    fn a_smaller_table_takes_the_rows_of_the_greatest_worth_and_gives_none_of_them_up() {
        let (small, rows) = (Table::new(8 << 10), all(&table()));
        let hold = |(view, key, version, bytes, standing): &Copy| {
            small.hold(&Held { view: *view, key, row: Row { version: *version, bytes }, standing: *standing })
        };
        let held = rows.iter().filter(|row| hold(row)).count();
        assert!(held > 10 && held < rows.len() && !hold(&rows[0]), "{held} of {}", rows.len());
        assert_eq!((small.counts().rows, small.counts().evictions), (held as u64, 0));
        assert_eq!(all(&small)[0].4, rows[0].4);
    }

    #[test]
    fn rows_that_are_written_meanwhile_come_as_they_were_at_one_moment() {
        use std::sync::atomic::AtomicBool;
        let (table, is_over) = (Table::new(64 << 10), AtomicBool::new(false));
        let keys: Vec<_> = (0..100u32).map(u32::to_be_bytes).collect();
        let put = |key: &[u8], version: i64| {
            let changing = table.change([(1, key)].into_iter());
            changing.put_pinned(
                (1, key),
                Row { version: [version; 2], bytes: &[version as u8; 90][..version as usize % 90] },
            );
            changing.finish();
        };
        let walks = if cfg!(miri) { 3 } else { 300 };
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                (1..).take_while(|_| !is_over.load(Ordering::Relaxed)).for_each(|version: i64| {
                    put(&keys[version as usize * 7 % 100], version);
                });
            });
            let seen = (0..walks).map(|_| {
                let rows = all(&table);
                for (view, key, [version, other], bytes, _) in &rows {
                    assert!(*view == 1 && version == other && keys.iter().any(|one| one[..] == key[..]));
                    assert!(bytes.len() == *version as usize % 90 && bytes.iter().all(|byte| *byte == *version as u8));
                }
                rows.len()
            });
            let seen = seen.sum::<usize>();
            is_over.store(true, Ordering::Relaxed);
            seen
        });
        keys.iter().for_each(|key| put(key, 1));
        assert!(all(&table).len() == 100, "{seen} were seen meanwhile");
    }
}
