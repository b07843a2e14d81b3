//! The findings of a look at a store's files.

use std::path::PathBuf;

use super::flip::Bit;
use super::statement::LogFloor;

/// Findings that are kept: of a store with more, the first say enough.
const FINDINGS_MAX: usize = 100;

/// The findings of a look at a store's files.
#[derive(Debug, Default)]
pub(in crate::rocks) struct Findings {
    /// The parts that are missing of what was on disk.
    pub(in crate::rocks) damage: Vec<Finding>,
    /// Lines that the store's operator should hear, and that keep nothing from opening.
    pub(in crate::rocks) notices: Vec<String>,
    /// True if there are files of a store at all.
    pub(in crate::rocks) is_store: bool,
    /// True if there is a floor that can be read.
    pub(in crate::rocks) has_floor: bool,
    /// The turn in which the floor is written next.
    pub(super) turn: usize,
    /// Ends of logs and of the MANIFEST that were never written: the path, and the length at which RocksDB takes the
    /// file for cut short, or whole.
    pub(super) cuts: Vec<(PathBuf, u64)>,
    /// The floor's statement about logs that are still needed.
    pub(super) logs: LogFloor,
}

/// A fault.
#[derive(Debug)]
pub(in crate::rocks) struct Finding {
    /// One line: the file, the place, and what is known of what is missing.
    pub(in crate::rocks) what: String,
    /// True if it is of a write-ahead log, past whose damage RocksDB can read.
    pub(in crate::rocks) is_in_log: bool,
    /// The way to put it right without losing anything, where that is known.
    pub(super) mend: Option<Mend>,
}

/// A way of putting a fault right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// A bit of a file is flipped back; it is in the byte at this place.
    Flip { path: PathBuf, place: u64, bit: Bit },
    /// `CURRENT` names the MANIFEST of this number.
    Current(u64),
}

impl Findings {
    pub(super) fn damaged(&mut self, what: String, mend: Option<Mend>) {
        if self.damage.len() < FINDINGS_MAX {
            self.damage.push(Finding { what, is_in_log: false, mend });
        }
    }

    pub(super) fn damaged_log(&mut self, what: String, mend: Option<Mend>) {
        if self.damage.len() < FINDINGS_MAX {
            self.damage.push(Finding { what, is_in_log: true, mend });
        }
    }

    /// One line about all of the damage; `None` where there is none.
    pub(in crate::rocks) fn summary(&self) -> Option<String> {
        let (first, rest) = self.damage.split_first()?;
        Some(match rest.len() {
            0 => first.what.clone(),
            more => format!("{}; and {more} more", first.what),
        })
    }
}
