//! Checking that the indexes of event views have the events of their views, and nothing else.
//!
//! Both are read once, in their own order. So each version of an event adds the hashes of the copies that it must have to
//! a sum, and each copy that is there adds its own to another; at the end the sums are equal. What the retention hides is
//! left out on both sides, since compaction takes it at different times.

use std::collections::HashMap;

use twox_hash::XxHash3_128;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::event_copies::EventCopies;
use crate::version::Version;

/// The sums of a store's indexes.
#[derive(Default)]
pub(super) struct IndexSums {
    copies: HashMap<u32, EventCopies>,
    indexes: HashMap<u32, Sums>,
}

/// The sums of one index: of what must be there, and of what is.
struct Sums {
    /// The view and the entities, in words.
    name: String,
    wanted: Sum,
    found: Sum,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    versions: u64,
    hashes: u128,
}

impl Sum {
    fn add(&mut self, row_key: &[u8], version: Version, row: &[u8], bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(row_key);
        bytes.extend_from_slice(&version.created.as_micros().to_be_bytes());
        bytes.extend_from_slice(row);
        self.versions += 1;
        self.hashes = self.hashes.wrapping_add(XxHash3_128::oneshot(bytes));
    }
}

impl IndexSums {
    pub(super) fn new(catalog: &Catalog) -> Result<Self> {
        let mut sums = IndexSums::default();
        for view in catalog.views() {
            let Some(copies) = EventCopies::of(view)? else { continue };
            sums.copies.insert(view.id, copies);
            for index in &view.also_by {
                let name = format!("the index of {:?} by {}", view.name, index.entities.join(", "));
                let (wanted, found) = Default::default();
                sums.indexes.insert(index.id, Sums { name, wanted, found });
            }
        }
        Ok(sums)
    }

    /// Returns whether the versions of a view are copies.
    pub(super) fn is_index(&self, view: u32) -> bool {
        self.indexes.contains_key(&view)
    }

    /// Adds a version of an event, or of a copy; nothing for views without indexes.
    pub(super) fn add(&mut self, view: u32, row_key: &[u8], version: Version, row: &[u8]) -> Result<()> {
        let mut bytes = Vec::new();
        if let Some(index) = self.indexes.get_mut(&view) {
            index.found.add(row_key, version, row, &mut bytes);
        }
        let Some(copies) = self.copies.get_mut(&view) else { return Ok(()) };
        copies.each(row_key, row, |copy| {
            if let Some(index) = self.indexes.get_mut(&copy.index) {
                index.wanted.add(copy.key, version, row, &mut bytes);
            }
            Ok(())
        })
    }

    /// The indexes that do not have the events of their views, a line each.
    pub(super) fn problems(&self) -> Vec<String> {
        let problem = |sums: &Sums| {
            let (wanted, found) = (sums.wanted.versions, sums.found.versions);
            format!("{} disagrees with the events: {found} versions, of {wanted}", sums.name)
        };
        let mut problems: Vec<_> =
            self.indexes.values().filter(|sums| sums.wanted != sums.found).map(problem).collect();
        problems.sort_unstable();
        problems
    }
}
