//! A cursor over the versions of one view.

use std::ops::RangeInclusive;

use rocksdb::DBRawIterator;

use super::event_walk::{EventQuery, EventWalker};
use super::walk::{VersionLookup, Walker};
use crate::backend::{Cursor, Found, VisitEventVersion, VisitVersion};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::time::Timestamp;

pub(super) struct RocksCursor<'s> {
    raw: LazyIterator<'s>,
    walker: Walker,
    events: EventWalker,
    view: &'s FeatureView,
    cutoff: Timestamp,
}

/// An iterator that is made when it is needed first: making one costs some microseconds, and tiles may have everything.
pub(super) struct LazyIterator<'s> {
    made: Option<DBRawIterator<'s>>,
    make: Box<dyn Fn() -> DBRawIterator<'s> + Send + 's>,
}

impl<'s> LazyIterator<'s> {
    pub(super) fn new(make: impl Fn() -> DBRawIterator<'s> + Send + 's) -> Self {
        LazyIterator { made: None, make: Box::new(make) }
    }

    fn get(&mut self) -> &mut DBRawIterator<'s> {
        self.made.get_or_insert_with(&self.make)
    }
}

impl<'s> RocksCursor<'s> {
    /// A cursor that sees no version before `cutoff` but those that the view keeps.
    pub(super) fn new(raw: LazyIterator<'s>, view: &'s FeatureView, cutoff: Timestamp) -> Self {
        RocksCursor { raw, walker: Walker::default(), events: EventWalker::default(), view, cutoff }
    }
}

impl Cursor for RocksCursor<'_> {
    fn cutoff(&self) -> Timestamp {
        self.cutoff
    }

    fn find(&mut self, key: &[u8], at: Timestamp, known_at: Option<Timestamp>) -> Result<Option<Found<'_>>> {
        let lookup = VersionLookup { view: self.view, key, at, known_at, cutoff: self.cutoff };
        let raw = self.raw.get();
        let version = self.walker.find(raw, &lookup)?;
        Ok(version.zip(raw.value()).map(|(version, row)| Found { version, row }))
    }

    fn each(
        &mut self,
        key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let lookup = VersionLookup { view: self.view, key, at: *events.end(), known_at, cutoff: self.cutoff };
        self.walker.each(self.raw.get(), &lookup, *events.start(), visit)
    }

    fn each_event(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        known_at: Option<Timestamp>,
        visit: &mut VisitVersion<'_>,
    ) -> Result<()> {
        let events = self.cutoff.max(*events.start())..=*events.end();
        self.walker.forget();
        let query = EventQuery { view: self.view, entity_key, events, known_at };
        self.events.each(self.raw.get(), &query, visit)
    }

    fn each_event_version(
        &mut self,
        entity_key: &[u8],
        events: RangeInclusive<Timestamp>,
        visit: &mut VisitEventVersion<'_>,
    ) -> Result<()> {
        let events = self.cutoff.max(*events.start())..=*events.end();
        self.walker.forget();
        let query = EventQuery { view: self.view, entity_key, events, known_at: None };
        self.events.each_version(self.raw.get(), &query, visit)
    }
}
