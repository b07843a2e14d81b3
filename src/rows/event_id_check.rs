//! Checks of the ids of events whose rows were encoded elsewhere.

use asofdb_storage::row::RowRef;
use asofdb_storage::{Error, FeatureView, Result, RowLayout, key};

use crate::rows::events::EventIds;

/// Holds events of an indexed view to the ids that their columns give. An event under another id could take the place of
/// one that is also found by another entity, where its copy would stay.
#[derive(Debug)]
pub struct EventIdCheck {
    ids: EventIds,
    layout: RowLayout,
    scratch: Vec<u8>,
}

impl EventIdCheck {
    /// The check of a view; `None` where nothing but the id itself depends on it.
    ///
    /// # Errors
    /// `Internal` when the view lacks a column of its own.
    pub fn of(view: &FeatureView) -> Result<Option<Self>> {
        if view.also_by.is_empty() {
            return Ok(None);
        }
        let layout = view.current_layout();
        Ok(EventIds::of(view, &layout)?.map(|ids| EventIdCheck { ids, layout, scratch: Vec::new() }))
    }

    /// Refuses an event, or a deletion of one, whose columns give another id than its row key has.
    ///
    /// # Errors
    /// `Invalid` when they do; `Corrupt` when the row is none of the view.
    pub fn check(&mut self, row_key: &[u8], row: &[u8]) -> Result<()> {
        let id = self.ids.of_row(&RowRef::new(&self.layout, row)?, self.layout.slots(), &mut self.scratch)?;
        match key::split_event_key(row_key) {
            Some((_, _, given)) if *given == id => Ok(()),
            _ => Err(Error::invalid("the key of an event has another id than its columns give")),
        }
    }
}
