//! Samples: values of features for the same entities.

use std::collections::{BTreeMap, HashSet};

use asofdb::{Answer, Catalog, EntityRows, JoinKey, Prepared, Question, Result, Session, Status, Timestamp, Value};

use super::column::Column;
use super::profile::Profile;

/// Entities that each view should be compared on.
pub(super) const ENTITIES: usize = 512;

/// Most entities that are read of all views about the same entities.
const ENTITIES_MAX: usize = 4_096;

/// Most values of one read.
const READ_VALUES_MAX: usize = 100_000;

/// Returns the error that ends the work, if it is to end.
pub type Check<'c> = dyn Fn() -> Result<()> + Sync + 'c;

/// The session that a comparison reads through, and its moment.
pub(super) struct Reader<'s> {
    pub(super) session: &'s dyn Session,
    pub(super) catalog: &'s Catalog,
    /// Everything is read as of this time.
    pub(super) at: Timestamp,
    /// Called now and then; ends the work with its error.
    pub(super) check: &'s Check<'s>,
}

/// Features of the same entities, with what is known of some of these.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// The join keys, by name.
    pub(super) join_keys: Vec<JoinKey>,
    /// The values of the join keys of each entity.
    pub(super) entities: Vec<Vec<Value>>,
    /// The values of each feature, by its place among the profiles.
    pub(super) columns: BTreeMap<usize, Column>,
}

impl Reader<'_> {
    /// Samples the features of the same join keys, which are given by their places among the profiles.
    ///
    /// Every view has a say in which entities are read: one in which few of those that the others have chosen are there
    /// chooses some of its own. So a small view is compared on entities that it has.
    pub(super) fn sample(&self, profiles: &[Profile], members: &[usize]) -> Result<Sample> {
        let views = by_view(profiles, members);
        let join_keys = profiles[members[0]].join_keys.clone();
        let mut sample = Sample { join_keys, entities: Vec::new(), columns: BTreeMap::new() };
        let mut known = HashSet::new();
        for features in views.values() {
            let first = &profiles[features[0]];
            let has_entities = first.view.expressions().is_none();
            if has_entities && self.coverage(&sample, &first.reference)? < ENTITIES {
                for values in self.session.sample_entities(&first.view.name, ENTITIES)? {
                    sample.add(&first.view.join_keys, values, &mut known);
                }
            }
        }
        for features in views.values() {
            self.read(profiles, features, &mut sample)?;
        }
        Ok(sample)
    }

    /// The number of entities of a sample that a feature's view knows.
    fn coverage(&self, sample: &Sample, reference: &str) -> Result<usize> {
        (self.check)()?;
        let mut found = 0;
        let request = Prepared::new(self.catalog, vec![reference.to_owned()])?;
        for entities in sample.entities.chunks(READ_VALUES_MAX) {
            let rows = sample.rows(&request, entities.iter())?;
            let answer = self.ask(&request, &rows, self.at)?;
            found += (0..answer.rows()).filter(|row| answer.status(*row, 0) != Status::Missing).count();
        }
        Ok(found)
    }

    /// Reads features of one view for all entities.
    fn read(&self, profiles: &[Profile], features: &[usize], sample: &mut Sample) -> Result<()> {
        let references = features.iter().map(|feature| profiles[*feature].reference.clone()).collect();
        let request = Prepared::new(self.catalog, references)?;
        let mut columns: Vec<_> = features.iter().map(|feature| Column::new(profiles[*feature].is_number())).collect();
        for entities in sample.entities.chunks((READ_VALUES_MAX / features.len()).max(1)) {
            (self.check)()?;
            let rows = sample.rows(&request, entities.iter())?;
            let answer = self.ask(&request, &rows, self.at)?;
            columns.iter_mut().enumerate().try_for_each(|(feature, column)| column.extend(&answer, feature))?;
        }
        sample.columns.extend(features.iter().copied().zip(columns));
        Ok(())
    }

    /// Reads as of a time.
    pub(super) fn ask(&self, request: &Prepared, rows: &EntityRows, at: Timestamp) -> Result<Answer> {
        self.session.read(request, rows, Question::AsOf { at, known_at: None })
    }
}

impl Sample {
    /// Adds an entity that is not there yet; its values are in the order of `keys`.
    fn add(&mut self, keys: &[JoinKey], values: Vec<Value>, known: &mut HashSet<Vec<u8>>) {
        let mut by_name: BTreeMap<_, _> = keys.iter().map(|key| key.name.as_str()).zip(values).collect();
        let ordered: Option<Vec<_>> = self.join_keys.iter().map(|key| by_name.remove(key.name.as_str())).collect();
        let Some(values) = ordered else { return };
        let mut bytes = Vec::new();
        values.iter().for_each(|value| {
            value.encode(&mut bytes);
            bytes.push(0);
        });
        if self.entities.len() < ENTITIES_MAX && known.insert(bytes) {
            self.entities.push(values);
        }
    }

    /// Entity rows of a request, for some entities.
    pub(super) fn rows<'e>(
        &self,
        request: &Prepared,
        entities: impl Iterator<Item = &'e Vec<Value>>,
    ) -> Result<EntityRows> {
        let mut rows = request.entity_rows();
        for values in entities {
            let entity: Vec<_> =
                self.join_keys.iter().zip(values).map(|(key, value)| (key.name.as_str(), value.clone())).collect();
            rows.push_named(&entity)?;
        }
        Ok(rows)
    }
}

/// The features of each view, by its name.
fn by_view<'p>(profiles: &'p [Profile], members: &[usize]) -> BTreeMap<&'p str, Vec<usize>> {
    let mut views: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for member in members {
        views.entry(&profiles[*member].view.name).or_default().push(*member);
    }
    views
}
