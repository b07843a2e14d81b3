//! Samples: some entities of a view, chosen by a hash of their keys.
//!
//! Two views that have the same entities should give the same sample, so that their values can be compared without a
//! join. So entities are chosen by what they are and not by where they lie or when they came. But to hash every key is
//! to read the whole view. A sample reads the beginnings of [`RANGES_MAX`] ranges that the keys are cut into, at most
//! [`VERSIONS_MAX`] versions in all, and chooses from these: all entities of a view that is not larger, and of a large
//! one some from everywhere. Views of very different sizes then share few entities; whoever compares them reads the
//! entities of both samples in both.

use std::collections::BinaryHeap;

use asofdb_storage::{Catalog, Error, FeatureView, Result, Snapshot, Steps, Stop, Value, key};
use twox_hash::XxHash3_128;

use crate::definitions::reference::{find_stored_view, find_view};
use crate::store::Store;

/// Most ranges of keys that a sample looks into. Each costs some seeks.
const RANGES_MAX: usize = 64;

/// Most versions that are read for a sample: a tenth of a second.
const VERSIONS_MAX: usize = 1 << 18;

/// Most entities of a sample.
pub const SAMPLE_ENTITIES_MAX: usize = 1 << 16;

impl Store {
    /// Chooses entities of a view by a hash of their keys, at most `count`, and gives the values of their join keys, in
    /// key order. Of a window view they are those of its events. See [`Session::sample_entities`].
    ///
    /// [`Session::sample_entities`]: crate::Session::sample_entities
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for a view of expressions, or more entities than
    /// [`SAMPLE_ENTITIES_MAX`]; `Corrupt` when stored bytes cannot be read.
    pub fn sample_entities(&self, view: &str, count: usize) -> Result<Vec<Vec<Value>>> {
        self.sample_entities_until(view, count, &self.bulk_stop())
    }

    /// [`Store::sample_entities`] that ends soon when it is told to.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn sample_entities_until(&self, view: &str, count: usize, stop: &Stop) -> Result<Vec<Vec<Value>>> {
        if count > SAMPLE_ENTITIES_MAX {
            return Err(Error::invalid(format!("a sample has at most {SAMPLE_ENTITIES_MAX} entities, not {count}")));
        }
        let catalog = self.catalog();
        let view = having_rows(&catalog, view)?;
        let types = view.key_types();
        let sampled = sample(&*self.backend().snapshot(), view, count, stop)?;
        sampled.keys.iter().map(|key| key::decode_values(&types, key)).collect()
    }
}

/// A sample, and how much was read for it.
#[derive(Debug)]
pub(crate) struct Sampled {
    /// The encoded keys of the entities, by hash.
    pub(crate) keys: Vec<Vec<u8>>,
    /// The entities that were seen.
    pub(crate) entities: u64,
    /// The versions that were seen, and the bytes of their keys and rows.
    pub(crate) versions: u64,
    pub(crate) bytes: u64,
    /// True where that was all of the view.
    pub(crate) is_whole: bool,
}

/// The view, or the events that its windows are over.
fn having_rows<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c FeatureView> {
    let view = find_view(catalog, name)?;
    match view.windows().and_then(|windows| catalog.events_by(&windows.from, &view.entities)) {
        Some(events) => Ok(events),
        None => Ok(find_stored_view(catalog, name)?),
    }
}

/// Chooses entities of a view that has rows.
///
/// # Errors
/// `Corrupt` when stored bytes cannot be read; `Unavailable` when it was stopped.
pub(crate) fn sample(snapshot: &dyn Snapshot, view: &FeatureView, count: usize, stop: &Stop) -> Result<Sampled> {
    let mut chosen = Chosen { count, greatest: BinaryHeap::with_capacity(count.min(1 << 10)) };
    let mut seen = Sampled { keys: Vec::new(), entities: 0, versions: 0, bytes: 0, is_whole: true };
    let ranges = snapshot.split(view, RANGES_MAX)?;
    let mut steps = Steps::new(stop);
    let mut last = Vec::new();
    for range in &ranges {
        let mut scan = snapshot.scan(view, range)?;
        let most = VERSIONS_MAX / ranges.len();
        for read in 0..=most {
            let Some(scanned) = scan.next()? else { break };
            if read == most {
                seen.is_whole = false;
                break;
            }
            steps.step()?;
            seen.versions += 1;
            seen.bytes += (scanned.key.len() + scanned.row.len()) as u64;
            let entity = key::entity_of(view.id, scanned.key);
            if entity != last {
                last.clear();
                last.extend_from_slice(entity);
                seen.entities += 1;
                chosen.offer(entity);
            }
        }
    }
    Ok(Sampled { keys: chosen.keys(), ..seen })
}

/// The keys with the smallest hashes so far.
struct Chosen {
    count: usize,
    /// The greatest hash is at the top.
    greatest: BinaryHeap<(u128, Vec<u8>)>,
}

impl Chosen {
    fn offer(&mut self, entity: &[u8]) {
        let hash = XxHash3_128::oneshot(entity);
        if self.greatest.len() == self.count {
            match self.greatest.peek() {
                Some((greatest, _)) if hash < *greatest => drop(self.greatest.pop()),
                _ => return,
            }
        }
        self.greatest.push((hash, entity.to_vec()));
    }

    fn keys(self) -> Vec<Vec<u8>> {
        self.greatest.into_sorted_vec().into_iter().map(|(_, key)| key).collect()
    }
}
