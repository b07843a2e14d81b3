//! Passing over the events of an entity with one iterator of `events`.

use std::ops::{ControlFlow, RangeInclusive};

use rocksdb::DBRawIterator;

use super::error::from_rocks;
use super::scan::key_parts;
use crate::backend::{EventVersion, Found, VisitEventVersion, VisitVersion};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::key::{self, EVENT_ID_BYTES, EVENTS_BIT, version_bytes};
use crate::row::{self, RowKind};
use crate::time::Timestamp;

/// Events of one entity to visit.
pub(super) struct EventQuery<'q> {
    pub(super) view: &'q FeatureView,
    pub(super) entity_key: &'q [u8],
    pub(super) events: RangeInclusive<Timestamp>,
    pub(super) known_at: Option<Timestamp>,
}

/// Scratch that is used again.
#[derive(Default)]
pub(super) struct EventWalker {
    /// The start of the keys of the entity.
    entity: Vec<u8>,
    /// The key at which the walk begins.
    first: Vec<u8>,
    /// The start of the keys of the last event.
    last: Vec<u8>,
}

impl EventWalker {
    /// Visits each event once, newest first, as its greatest version that was known, until `visit` breaks off.
    pub(super) fn each(
        &mut self,
        raw: &mut DBRawIterator<'_>,
        query: &EventQuery<'_>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let known_at = query.known_at;
        let mut is_done = false;
        self.each_version(raw, query, &mut |found| {
            is_done &= !found.is_greatest;
            let version = found.version;
            if is_done || known_at.is_some_and(|known_at| version.created > known_at) {
                return Ok(ControlFlow::Continue(()));
            }
            is_done = true;
            match row::kind(found.row)? {
                RowKind::Tombstone => Ok(ControlFlow::Continue(())),
                RowKind::Values { .. } => visit(Found { version, row: found.row }),
            }
        })
    }

    /// Visits every version of every event, newest event and greatest version first, until `visit` breaks off.
    pub(super) fn each_version(
        &mut self,
        raw: &mut DBRawIterator<'_>,
        query: &EventQuery<'_>,
        visit: &mut VisitEventVersion<'_>,
    ) -> Result<()> {
        let EventQuery { view, entity_key, events, .. } = query;
        self.entity.clear();
        key::version_prefix(view.id, entity_key, &mut self.entity);
        self.first.clear();
        self.first.extend_from_slice(&self.entity);
        key::event_key(&[], *events.end(), &[0; EVENT_ID_BYTES], &mut self.first);
        // As long as the key of an event, since the prefix of its entity is found from the end.
        self.first.extend_from_slice(&[0; version_bytes(EVENTS_BIT)]);
        self.last.clear();
        raw.seek(&self.first);
        while let Some((found, row)) = raw.item().filter(|(found, _)| found.starts_with(&self.entity)) {
            let (_, _, version) = key_parts(found)?;
            if version.event < *events.start() {
                break;
            }
            let event = key::row_prefix(found);
            let is_greatest = self.last != event;
            if is_greatest {
                self.last.clear();
                self.last.extend_from_slice(event);
            }
            if visit(EventVersion { version, row, is_greatest })?.is_break() {
                break;
            }
            raw.next();
        }
        raw.status().map_err(|error| from_rocks("cannot read events", error))
    }
}
