//! The entities of a view whose values are read: those of the views with rows that it is computed from, or its own.

use std::collections::{BTreeMap, BTreeSet};

use asofdb_storage::{Error, FeatureView, JoinKey, KeyRange, Result, Snapshot, Steps, Stop, Value, ViewSize, key};
use twox_hash::XxHash3_128;

use super::sample::ProfileSample;
use crate::read::plan::ReadPlan;
use crate::sample::sample;

/// Bytes that the keys of all entities of several inputs may take.
const KEYS_BYTES_MAX: usize = 256 << 20;

/// Bytes of a key beside its own.
const KEY_OVERHEAD_BYTES: usize = 48;

/// The values of an entity's join keys, in the order of the request.
pub(super) type EntityValues = Vec<Value>;

/// Receives entities, some at a time.
pub(super) type TakeEntities<'t> = dyn FnMut(Vec<EntityValues>) -> Result<()> + 't;

/// What is known of the entities of a view once some of them were read.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// All entities; `None` where they were not counted.
    pub(super) entities: Option<u64>,
    /// The size of the only input.
    pub(super) size: Option<ViewSize>,
}

/// The views with rows in which the entities of a view are found.
pub(super) struct Inputs<'p> {
    snapshot: &'p dyn Snapshot,
    join_keys: &'p [JoinKey],
    views: Vec<&'p FeatureView>,
    stop: &'p Stop,
}

impl<'p> Inputs<'p> {
    /// The inputs of a view's plan that have all of its join keys.
    ///
    /// # Errors
    /// `Invalid` where there is none.
    pub(super) fn new(snapshot: &'p dyn Snapshot, name: &str, plan: &'p ReadPlan, stop: &'p Stop) -> Result<Self> {
        let sources = &plan.sources;
        let has_all = |group: usize| sources.key_groups[group].len() == sources.join_keys.len();
        let rows = sources.looked_up().iter().map(|source| (&*source.view, source.key_group));
        let events = sources.folds.iter().map(|fold| (&*fold.from, fold.key_group));
        let inputs = rows.chain(events).filter(|(_, group)| has_all(*group));
        let by_id: BTreeMap<u32, &FeatureView> = inputs.map(|(view, _)| (view.id, view)).collect();
        match by_id.is_empty() {
            true => Err(Error::invalid(format!(
                "the entities of {name:?} are not known, because no input has all of its join keys: take statistics of \
                 its inputs"
            ))),
            false => {
                let views = by_id.into_values().collect();
                Ok(Inputs { snapshot, join_keys: &sources.join_keys, views, stop })
            }
        }
    }

    /// A view with rows as its own input.
    pub(super) fn own(snapshot: &'p dyn Snapshot, view: &'p FeatureView, stop: &'p Stop) -> Self {
        Inputs { snapshot, join_keys: &view.join_keys, views: vec![view], stop }
    }

    /// Hands over the entities of a sample, `chunk` at a time.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read; `Unavailable` when it was stopped; what `take` returns.
    pub(super) fn each(&self, choice: ProfileSample, chunk: usize, take: &mut TakeEntities<'_>) -> Result<Counted> {
        match (choice, self.views.as_slice()) {
            (ProfileSample::All, [view]) => self.each_of(view, chunk, take),
            (ProfileSample::All, _) => {
                let all = self.all()?;
                let entities = Some(all.len() as u64);
                self.hand_over(all.into_iter(), chunk, take)?;
                Ok(Counted { entities, size: None })
            }
            (ProfileSample::Entities(count), _) => self.each_sampled(count, chunk, take),
        }
    }

    /// Hands over every entity of the only input.
    fn each_of(&self, view: &FeatureView, chunk: usize, take: &mut TakeEntities<'_>) -> Result<Counted> {
        let mut scan = self.snapshot.scan(view, &KeyRange::default())?;
        let (mut steps, mut last, mut some) = (Steps::new(self.stop), Vec::new(), Vec::new());
        let (mut entities, mut size) = (0, ViewSize { versions: 0, bytes: 0, is_exact: true });
        while let Some(scanned) = scan.next()? {
            steps.step()?;
            size.versions += 1;
            size.bytes += (scanned.key.len() + scanned.row.len()) as u64;
            let entity = key::entity_of(view.id, scanned.key);
            if entity == last && entities > 0 {
                continue;
            }
            last.clear();
            last.extend_from_slice(entity);
            entities += 1;
            some.push(self.values(view, entity)?);
            if some.len() == chunk {
                take(std::mem::take(&mut some))?;
            }
        }
        if !some.is_empty() {
            take(some)?;
        }
        Ok(Counted { entities: Some(entities), size: Some(size) })
    }

    /// Hands over some entities that are chosen by a hash of their keys.
    fn each_sampled(&self, count: usize, chunk: usize, take: &mut TakeEntities<'_>) -> Result<Counted> {
        let (mut keys, mut counted, mut is_whole) = (BTreeSet::new(), Counted::default(), true);
        for view in &self.views {
            let sampled = sample(self.snapshot, view, count, self.stop)?;
            is_whole &= sampled.is_whole && sampled.keys.len() as u64 == sampled.entities;
            for key in &sampled.keys {
                keys.insert(self.canonical(view, key)?);
            }
            if self.views.len() == 1 {
                counted.entities = sampled.is_whole.then_some(sampled.entities);
                let estimate = self.snapshot.versions_estimate(view)?;
                counted.size = Some(ViewSize {
                    versions: if sampled.is_whole { sampled.versions } else { estimate.max(sampled.versions) },
                    bytes: sampled.bytes,
                    is_exact: sampled.is_whole,
                });
                if let Some(size) = counted.size.as_mut().filter(|_| !sampled.is_whole) {
                    let bytes = u128::from(sampled.bytes) * u128::from(size.versions);
                    size.bytes = (bytes / u128::from(sampled.versions.max(1))) as u64;
                }
            }
        }
        if is_whole {
            counted.entities = Some(keys.len() as u64);
        }
        let mut by_hash: Vec<_> = keys.into_iter().map(|key| (XxHash3_128::oneshot(&key), key)).collect();
        by_hash.sort_unstable();
        by_hash.truncate(count);
        self.hand_over(by_hash.into_iter().map(|(_, key)| key), chunk, take)?;
        Ok(counted)
    }

    /// The keys of every entity of several inputs, each once.
    fn all(&self) -> Result<BTreeSet<Vec<u8>>> {
        let (mut all, mut bytes, mut steps) = (BTreeSet::new(), 0, Steps::new(self.stop));
        for view in &self.views {
            let mut scan = self.snapshot.scan(view, &KeyRange::default())?;
            let mut last = Vec::new();
            while let Some(scanned) = scan.next()? {
                steps.step()?;
                let entity = key::entity_of(view.id, scanned.key);
                if entity == last {
                    continue;
                }
                last.clear();
                last.extend_from_slice(entity);
                let key = self.canonical(view, entity)?;
                bytes += key.len() + KEY_OVERHEAD_BYTES;
                if !all.insert(key) {
                    bytes -= entity.len() + KEY_OVERHEAD_BYTES;
                }
                if bytes > KEYS_BYTES_MAX {
                    return Err(too_many_keys());
                }
            }
        }
        Ok(all)
    }

    fn hand_over(
        &self,
        mut keys: impl Iterator<Item = Vec<u8>>,
        chunk: usize,
        take: &mut TakeEntities<'_>,
    ) -> Result<()> {
        let types: Vec<_> = self.join_keys.iter().map(|key| key.ty).collect();
        loop {
            let some = keys.by_ref().take(chunk).map(|key| key::decode_values(&types, &key));
            let some = some.collect::<Result<Vec<_>>>()?;
            if some.is_empty() {
                return Ok(());
            }
            self.stop.check()?;
            take(some)?;
        }
    }

    /// The key of an entity with its join keys in the order of the request.
    fn canonical(&self, view: &FeatureView, entity: &[u8]) -> Result<Vec<u8>> {
        let mut key = Vec::with_capacity(entity.len());
        self.values(view, entity)?.iter().try_for_each(|value| key::encode_value(value, &mut key))?;
        Ok(key)
    }

    /// The values of an entity's join keys, in the order of the request.
    fn values(&self, view: &FeatureView, entity: &[u8]) -> Result<EntityValues> {
        let values = key::decode_values(&view.key_types(), entity)?;
        let value = |key: &JoinKey| {
            let place = view.join_keys.iter().position(|own| own.name == key.name);
            place.and_then(|place| values.get(place)).cloned()
        };
        let ordered: Option<Vec<_>> = self.join_keys.iter().map(value).collect();
        ordered.ok_or_else(|| Error::internal(format!("{:?} lacks a join key of its group", view.name)))
    }
}

#[cold]
fn too_many_keys() -> Error {
    Error::invalid(format!(
        "statistics of all entities of several views hold their keys, at most {KEYS_BYTES_MAX} bytes of them: take them \
         from a sample"
    ))
}
