//! The first and the last values.

use asofdb_expression::Values;
use asofdb_storage::{Result, ScalarType};

use crate::accumulate::Accumulate;
use crate::items::Items;
use crate::list::List;
use crate::rows::Rows;
use crate::wire::corrupt;

/// The values of the newest events, newest first, or of the oldest ones, oldest first.
///
/// Either way it is the start of a sequence, so that adding events is putting one list behind another and cutting off
/// what is too many: events that are older go behind the newest ones, and before the oldest ones.
#[derive(Debug, Clone)]
pub(crate) struct ValueList {
    list: List,
    /// Memory for the list that comes next, of the oldest ones.
    next: List,
    oldest: bool,
}

impl ValueList {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType, k: u32, distinct: bool, oldest: bool) -> Self {
        let list = List::new(ty, k as usize, distinct);
        ValueList { next: list.clone(), list, oldest }
    }

    /// Appends the list as a row stores it.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) {
        self.list.items().store(out);
    }
}

impl Accumulate for ValueList {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        if !self.oldest {
            self.list.extend_from(values, rows.live());
            return;
        }
        self.next.clear();
        self.next.extend_from(values, rows.live().rev());
        if !self.next.is_empty() {
            self.next.extend(&self.list);
            std::mem::swap(&mut self.list, &mut self.next);
        }
    }

    fn merge(&mut self, older: &Self) {
        if !self.oldest {
            self.list.extend(&older.list);
            return;
        }
        self.next.copy_from(&older.list);
        self.next.extend(&self.list);
        std::mem::swap(&mut self.list, &mut self.next);
    }

    fn clear(&mut self) {
        self.list.clear();
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn is_settled(&self) -> bool {
        self.list.is_full() && !self.oldest
    }

    fn copy_from(&mut self, other: &Self) {
        self.list.copy_from(&other.list);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.list.items().encode(out);
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        for _ in 0..Items::decode_len(bytes, self.list.most())? {
            let stored = self.list.items().decode_item(bytes)?;
            if !self.list.push(stored) {
                return Err(corrupt("has a value twice"));
            }
        }
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.list.heap_bytes() + self.next.heap_bytes()
    }
}
