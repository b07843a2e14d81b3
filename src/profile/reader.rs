//! The reading of a view's values for statistics.

use std::sync::Arc;

use asofdb_storage::{
    Catalog, Date, Durability, Error, ErrorKind, FeatureView, RequestValue, Result, ScalarType, Stop, Timestamp, Value,
    ValueType, ViewProfile, WriteBatch,
};

use super::entities::{EntityValues, Inputs};
use super::feature::FeatureStatistics;
use super::notes::note_of;
use super::sample::ProfileSample;
use super::statistics::{ViewStatistics, meaning};
use crate::definitions::reference::find_view;
use crate::lineage::{Lineage, Origin};
use crate::progress::{OnProgress, Progress};
use crate::read::answer::Answer;
use crate::read::plan::ReadPlan;
use crate::read::question::Question;
use crate::read::request::Prepared;
use crate::store::Store;

/// Most values of one read.
const READ_VALUES_MAX: usize = 100_000;

/// Most entities of one read.
const READ_ENTITIES_MAX: usize = 4_096;

/// Most bytes of values of variable length in one read, but for those of one entity.
const READ_BYTES_MAX: usize = 32 << 20;

impl Store {
    /// [`Session::profile`](crate::Session::profile), until it is stopped.
    ///
    /// # Errors
    /// As there; `Unavailable` when it was stopped.
    pub fn profile_until(
        &self,
        view: &str,
        sample: ProfileSample,
        stop: &Stop,
        progress: &mut OnProgress<'_>,
    ) -> Result<ViewStatistics> {
        sample.check()?;
        let catalog = self.catalog();
        let view = find_view(&catalog, view)?.clone();
        let begun = self.profiles.begin(view.id);
        let profile = match view.holds_events() {
            true => self.profile_of_events((&catalog, &view), sample, stop, progress)?,
            false => self.profile_of_features((&catalog, &view), sample, stop, progress)?,
        };
        let note = profile.encode()?;
        self.profiles.keep(begun, &view.name, || self.keep_statistics(&view, note))?;
        self.told(&self.catalog(), &view, Some(profile))
    }

    fn profile_of_features(
        &self,
        (catalog, view): (&Catalog, &FeatureView),
        sample: ProfileSample,
        stop: &Stop,
        progress: &mut OnProgress<'_>,
    ) -> Result<ViewProfile> {
        // The store itself reads: nobody's reads are counted or logged, and what a caller may not see is taken out of
        // what is told, not of what is kept.
        Reader::new(self.reading_for_itself(), catalog, view, stop)?.read(sample, progress)
    }

    fn keep_statistics(&self, view: &FeatureView, note: Vec<u8>) -> Result<()> {
        // A view that is dropped meanwhile leaves no note behind.
        let _changing = self.changing.lock();
        if self.catalog().view_by_id(view.id).is_none() {
            return Err(Error::not_found(format!("view {:?} was dropped while its statistics were taken", view.name)));
        }
        let mut batch = WriteBatch::new();
        batch.note(note_of(view.id), Some(note));
        self.backend().commit(batch, Durability::Os).map(drop)
    }
}

/// The reading of one view.
struct Reader<'r> {
    store: Store,
    catalog: &'r Catalog,
    view: &'r FeatureView,
    features: Vec<String>,
    request: Prepared,
    plan: Arc<ReadPlan>,
    at: Timestamp,
    stop: &'r Stop,
}

impl<'r> Reader<'r> {
    fn new(store: Store, catalog: &'r Catalog, view: &'r FeatureView, stop: &'r Stop) -> Result<Self> {
        let features = readable(catalog, view)?;
        let references: Vec<_> = features.iter().map(|feature| format!("{}:{feature}", view.name)).collect();
        let plan = Arc::new(ReadPlan::new(catalog, &references)?);
        let (request, at) = (Prepared::new(catalog, references)?, store.now());
        Ok(Reader { store, catalog, view, features, request, plan, at, stop })
    }

    fn read(&self, sample: ProfileSample, progress: &mut OnProgress<'_>) -> Result<ViewProfile> {
        let columns = self.plan.output.columns.iter().map(|column| column.resolved.feature.ty);
        let mut statistics =
            columns.map(|ty| FeatureStatistics::new(ty, self.features.len())).collect::<Result<Vec<_>>>()?;
        let (mut entities, known) = (0, self.known_entities()?);
        let total = match sample {
            ProfileSample::All => known,
            ProfileSample::Entities(count) => known.map(|known| known.min(count as u64)),
        };
        let snapshot = self.store.backend().snapshot();
        let inputs = Inputs::new(&*snapshot, &self.view.name, &self.plan, self.stop)?;
        let chunk = (READ_VALUES_MAX / self.features.len()).clamp(1, READ_ENTITIES_MAX);
        let counted = inputs.each(sample, chunk, &mut |some| {
            entities += some.len() as u64;
            self.read_some(&some, &mut statistics)?;
            let total = total.map(|total| total.max(entities));
            progress(Progress { rows: entities, done: entities, total });
            Ok(())
        })?;
        let finish = |(one, name): (FeatureStatistics, &String)| {
            one.finish(name.clone(), meaning(self.catalog, self.view, name)?)
        };
        let features = statistics.into_iter().zip(&self.features).map(finish).collect::<Result<_>>()?;
        let size = counted.size.filter(|_| self.view.is_stored());
        let (taken, revision) = (self.at, self.catalog.revision());
        let of_entities = counted.entities.or(known.map(|known| known.max(entities)));
        Ok(ViewProfile { taken, revision, entities, of_entities, size, events: None, features })
    }

    /// The entities of a stored view, as far as they are known without reading it.
    fn known_entities(&self) -> Result<Option<u64>> {
        if !self.view.is_stored() {
            return Ok(None);
        }
        let ages = self.store.ages(&[&self.view.name])?;
        Ok(ages.first().and_then(|ages| Some(ages.entities? + ages.ahead?)))
    }

    /// Reads some entities, fewer at a time where their values are too long together.
    fn read_some(&self, entities: &[EntityValues], statistics: &mut [FeatureStatistics]) -> Result<()> {
        self.stop.check()?;
        let bytes_max = if entities.len() > 1 { READ_BYTES_MAX } else { usize::MAX };
        match self.answer(entities, bytes_max) {
            Err(error) if error.kind() == ErrorKind::Invalid && entities.len() > 1 => {
                let (first, rest) = entities.split_at(entities.len() / 2);
                self.read_some(first, statistics)?;
                self.read_some(rest, statistics)
            }
            Err(error) => Err(error),
            Ok(answer) => statistics.iter_mut().enumerate().try_for_each(|(feature, one)| one.take(&answer, feature)),
        }
    }

    fn answer(&self, entities: &[EntityValues], bytes_max: usize) -> Result<Answer> {
        let mut rows = self.request.entity_rows();
        // Nothing that is read depends on a value that is required: it can be any.
        let value = |value: &RequestValue| value.required.then(|| any_value(value.ty));
        let request: Vec<_> = self.plan.derived.request.iter().map(value).collect();
        for entity in entities {
            let keys: Vec<_> = entity.iter().cloned().map(Some).collect();
            rows.push_with(&keys, &request)?;
        }
        let (question, mut records) = (Question::AsOf { at: self.at, known_at: None }, Vec::new());
        let plan = (&self.plan, &self.request);
        self.store.read_records(plan, rows.asked_of(&self.plan)?, question, &mut records, bytes_max)?;
        Ok(Answer::new(self.plan.clone(), records, entities.len()))
    }
}

/// Some value of a type.
fn any_value(ty: ValueType) -> Value {
    match ty {
        ValueType::List(item) => Value::List(item, Vec::new()),
        ValueType::Scalar(ScalarType::Bool) => Value::Bool(false),
        ValueType::Scalar(ScalarType::Int32) => Value::Int32(0),
        ValueType::Scalar(ScalarType::Int64) => Value::Int64(0),
        ValueType::Scalar(ScalarType::Float32) => Value::Float32(0.0),
        ValueType::Scalar(ScalarType::Float64) => Value::Float64(0.0),
        ValueType::Scalar(ScalarType::String) => Value::String(String::new()),
        ValueType::Scalar(ScalarType::Bytes) => Value::Bytes(Vec::new()),
        ValueType::Scalar(ScalarType::Timestamp) => Value::Timestamp(Timestamp::EPOCH),
        ValueType::Scalar(ScalarType::Date) => Value::Date(Date::MIN),
    }
}

/// The features of a view that have values without a request: those that need values of one are left out.
fn readable(catalog: &Catalog, view: &FeatureView) -> Result<Vec<String>> {
    let mut features = Vec::new();
    for feature in &view.features {
        let lineage = Lineage::of(catalog, &[format!("{}:{}", view.name, feature.name)])?;
        let needs_request = lineage.features.iter().any(|one| match &one.origin {
            Origin::Expression { request, .. } => request.iter().any(|value| value.required),
            _ => false,
        });
        if !needs_request {
            features.push(feature.name.clone());
        }
    }
    match features.is_empty() {
        true => Err(Error::invalid(format!(
            "every feature of {:?} needs values of the request: there are no statistics of it",
            view.name
        ))),
        false => Ok(features),
    }
}
