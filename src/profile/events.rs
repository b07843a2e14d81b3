//! The reading of events for statistics: the newest ones of each entity of a sample, or all.

use std::ops::ControlFlow;

use asofdb_storage::{
    Catalog, Cursor, EventsRead, FeatureView, Found, Result, RowPlan, ScalarType, Snapshot, Status, Steps, Stop,
    Timestamp, ViewProfile, key,
};

use super::entities::{EntityValues, Inputs};
use super::feature::FeatureStatistics;
use super::sample::ProfileSample;
use super::statistics::meaning;
use crate::progress::{OnProgress, Progress};
use crate::store::Store;

/// Events of an entity that the statistics of a sample are of, at most: its newest. Entities with very many would else
/// be all that the statistics are of.
pub const PROFILE_EVENTS_MAX: u64 = 100;

/// Entities that are handed over at a time.
const ENTITIES_AT_A_TIME: usize = 1_024;

/// Most events, and bytes of their rows, that are held to be counted together.
const HELD_EVENTS_MAX: usize = 4_096;
const HELD_BYTES_MAX: usize = 8 << 20;

impl Store {
    /// Takes statistics of the columns of events.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read; `Unavailable` when it was stopped.
    pub(super) fn profile_of_events(
        &self,
        (catalog, view): (&Catalog, &FeatureView),
        sample: ProfileSample,
        stop: &Stop,
        progress: &mut OnProgress<'_>,
    ) -> Result<ViewProfile> {
        let of_entity_max = match sample {
            ProfileSample::All => None,
            ProfileSample::Entities(_) => Some(PROFILE_EVENTS_MAX),
        };
        let (taken, snapshot) = (self.now(), self.backend().snapshot());
        let (mut events, mut entities) = (EventReader::new(&*snapshot, view, (taken, of_entity_max), stop)?, 0);
        let counted = Inputs::own(&*snapshot, view, stop).each(sample, ENTITIES_AT_A_TIME, &mut |some| {
            some.iter().try_for_each(|entity| events.read(entity))?;
            entities += some.len() as u64;
            progress(Progress { rows: events.count, done: entities, total: None });
            Ok(())
        })?;
        events.take_held()?;
        let (of_entities, size, revision) = (counted.entities, counted.size, catalog.revision());
        let events_read = Some(EventsRead { count: events.count, of_entity_max });
        let finish = |(one, column): (FeatureStatistics, &asofdb_storage::Feature)| {
            one.finish(column.name.clone(), meaning(catalog, view, &column.name)?)
        };
        let features = events.statistics.into_iter().zip(&view.features).map(finish).collect::<Result<_>>()?;
        Ok(ViewProfile { taken, revision, entities, of_entities, size, events: events_read, features })
    }
}

/// The reading of the events of one view.
struct EventReader<'r> {
    cursor: Box<dyn Cursor + 'r>,
    types: Vec<ScalarType>,
    plan: RowPlan,
    /// The time up to which events are read.
    at: Timestamp,
    of_entity_max: Option<u64>,
    steps: Steps<'r>,
    held: Held,
    /// The events that were read.
    count: u64,
    /// By column.
    statistics: Vec<FeatureStatistics>,
}

/// Rows of events that were read and not yet counted.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Held {
    fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    fn is_full(&self) -> bool {
        self.ends.len() >= HELD_EVENTS_MAX || self.bytes.len() >= HELD_BYTES_MAX
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

impl<'r> EventReader<'r> {
    fn new(
        snapshot: &'r dyn Snapshot,
        view: &'r FeatureView,
        (at, of_entity_max): (Timestamp, Option<u64>),
        stop: &'r Stop,
    ) -> Result<Self> {
        let ids: Vec<_> = view.features.iter().map(|column| column.id).collect();
        let columns = view.features.iter().map(|column| FeatureStatistics::new(column.ty, view.features.len()));
        Ok(EventReader {
            cursor: snapshot.cursor(view)?,
            types: view.key_types(),
            plan: RowPlan::new(view, &ids)?,
            at,
            of_entity_max,
            steps: Steps::new(stop),
            held: Held::default(),
            count: 0,
            statistics: columns.collect::<Result<_>>()?,
        })
    }

    /// Reads the events of one entity.
    fn read(&mut self, entity: &EntityValues) -> Result<()> {
        let values: Vec<_> = entity.iter().cloned().map(Some).collect();
        let mut key = Vec::new();
        key::encode_entity(&self.types, &values, &mut key)?;
        let EventReader { cursor, plan, at, of_entity_max, steps, held, count, statistics, .. } = self;
        let mut read = 0;
        cursor.each_event(&key, Timestamp::MIN..=*at, None, &mut |found: Found<'_>| {
            steps.step()?;
            held.push(found.row);
            read += 1;
            if held.is_full() {
                take(plan, held, statistics)?;
            }
            Ok(if *of_entity_max == Some(read) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        *count += read;
        Ok(())
    }

    /// Counts what is held.
    fn take_held(&mut self) -> Result<()> {
        take(&self.plan, &mut self.held, &mut self.statistics)
    }
}

/// Adds the values of rows to the statistics of their columns, and forgets the rows.
fn take(plan: &RowPlan, held: &mut Held, statistics: &mut [FeatureStatistics]) -> Result<()> {
    let rows: Vec<_> = held.rows().filter_map(|row| plan.open(row).transpose()).collect::<Result<_>>()?;
    for (column, one) in statistics.iter_mut().enumerate() {
        one.take_all(rows.iter().map(|row| {
            let value = row.get(column)?;
            Ok((if value.is_some() { Status::Present } else { Status::Null }, value))
        }))?;
    }
    held.bytes.clear();
    held.ends.clear();
    Ok(())
}
