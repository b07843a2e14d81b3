//! The sources of a read: what is looked up, folded and computed, by which keys, and the slots that their values fill.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use asofdb_storage::{
    Catalog, Error, Feature, FeatureId, FeatureView, Field, Found, JoinKey, RecordLayout, Result, RowPlan, Sink, Span,
    Timestamp, ValueType,
};

use crate::definitions::reference::ResolvedFeature;
use crate::definitions::suggest::did_you_mean;
use crate::read::found::write_found;
use crate::read::slot::ValueSlot;
use crate::rows::keys::EncodedKeys;
use crate::rows::named::find_column;
use crate::rows::problems::Problems;
use crate::rows::types::cast_exact;
use crate::windows::fold_memory::Spares;
use crate::windows::plan::{FoldPlan, windowed_features};
use crate::windows::tiling::Tiling;

/// The sources of a read.
#[derive(Debug)]
pub struct Sources {
    /// The sources: views that are looked up, then windows that are folded, then features that are computed from both.
    pub list: Vec<SourcePlan>,
    /// The number of those that are looked up.
    pub looked_up: usize,
    /// The folds, each of which fills the sources of its windows.
    pub(crate) folds: Vec<FoldPlan>,
    /// By fold: the tiles that it can use; `None` where no partial result of it is kept in tiles.
    pub(crate) tilings: Vec<Option<Tiling>>,
    /// By fold: memory that reads leave for others.
    pub(crate) spares: Vec<Spares>,
    /// The columns an entity row has: every join key of every view, once.
    pub join_keys: Vec<JoinKey>,
    /// Distinct entity keys, each as positions in `join_keys`; views of the same entities share one.
    pub key_groups: Vec<Vec<usize>>,
}

/// A source of values: a view that is looked up, one window of a view that is folded, or a feature that is computed.
#[derive(Debug)]
pub struct SourcePlan {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Position of its entity key in [`Sources::key_groups`]; what is computed has none of its own, and says 0.
    pub key_group: usize,
    /// The reading of its rows: its features are fields of records, and floats at the position of their column.
    pub(crate) rows: RowPlan,
}

impl SourcePlan {
    /// The layout of its records.
    #[inline]
    pub fn layout(&self) -> &RecordLayout {
        self.rows.record()
    }

    /// Writes the answer for one row, what was found as of `at`, to a sink.
    ///
    /// # Errors
    /// `Corrupt` when the row cannot be read.
    #[inline]
    pub(crate) fn write(&self, at: Timestamp, found: Option<Found<'_>>, sink: &mut impl Sink) -> Result<()> {
        write_found(&self.view, &self.rows, at, found, sink)
    }
}

impl Sources {
    /// The field of a slot in its records.
    #[inline]
    pub fn field(&self, slot: ValueSlot) -> &Field {
        &self.list[slot.source].layout().fields()[slot.field]
    }

    /// The sources that are looked up.
    #[inline]
    pub(crate) fn looked_up(&self) -> &[SourcePlan] {
        &self.list[..self.looked_up]
    }

    /// Returns whether some values are computed, of events or of other values.
    pub(crate) fn has_computed(&self) -> bool {
        self.list.len() > self.looked_up
    }

    /// The names of the views that are read, each once.
    pub fn view_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.list.iter().map(|source| source.view.name.as_str()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns whether entity keys that were encoded for `other` are the keys of this stage, too.
    pub(crate) fn has_keys_of(&self, other: &Sources) -> bool {
        self.join_keys == other.join_keys && self.key_groups == other.key_groups
    }

    /// Encodes the entity keys of `batch`, which has a column for every join key. Null keys are holes.
    pub(crate) fn encode_keys(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<EncodedKeys>> {
        let columns = self.key_columns(batch, problems)?;
        Ok(self.encode_columns(&columns, batch.num_rows(), problems))
    }

    /// The column of each join key, of exactly its type.
    pub(crate) fn key_columns(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<ArrayRef>> {
        let column = |key: &JoinKey| {
            let position = find_column(batch.schema_ref(), &key.name)?.ok_or_else(|| self.missing_key(key, batch))?;
            cast_exact(batch.column(position), ValueType::Scalar(key.ty), &key.name, problems)
        };
        self.join_keys.iter().map(column).collect()
    }

    /// Encodes columns of exactly the join keys' types.
    pub(crate) fn encode_columns(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        problems: &mut Problems,
    ) -> Vec<EncodedKeys> {
        let column = |position: &usize| (self.join_keys[*position].ty, columns[*position].clone());
        let encode = |group: &Vec<usize>| {
            let columns: Vec<_> = group.iter().map(column).collect();
            EncodedKeys::encode(&columns, rows, false, problems)
        };
        self.key_groups.iter().map(encode).collect()
    }

    fn missing_key(&self, key: &JoinKey, batch: &RecordBatch) -> Error {
        let schema = batch.schema();
        let hint = did_you_mean(&key.name, schema.fields().iter().map(|field| field.name().as_str()));
        Error::invalid(format!("the entity rows have no column for join key {:?}{hint}", key.name))
    }
}

/// Sources in the making: features are added in the order of the answer's columns, those that are computed after their
/// inputs.
#[derive(Default)]
pub(super) struct SourcesBuilder {
    sources: Vec<Wanted>,
    /// By window view and feature: the length of its window. A view may have thousands of features.
    lengths: HashMap<u32, HashMap<String, Span>>,
}

/// A source of values with the features that are wanted of it.
struct Wanted {
    view: Arc<FeatureView>,
    part: Part,
    features: Vec<Feature>,
    /// By feature: the column that shows it, or a number that no column has.
    outputs: Vec<usize>,
}

/// The part of a view that is a source by itself, as it has a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All of it.
    Rows,
    /// One window.
    Window(Span),
    /// One feature.
    Computed(FeatureId),
}

impl SourcesBuilder {
    /// The slot of a feature that column `output` shows.
    ///
    /// # Errors
    /// `Internal` when no window gives a feature of a window view.
    pub(super) fn slot(&mut self, catalog: &Catalog, resolved: &ResolvedFeature, output: usize) -> Result<ValueSlot> {
        let part = self.part_of(catalog, resolved)?;
        let is_known = |wanted: &Wanted| wanted.view.id == resolved.view.id && wanted.part == part;
        let source = self.sources.iter().position(is_known).unwrap_or_else(|| {
            let (features, outputs) = (Vec::new(), Vec::new());
            self.sources.push(Wanted { view: resolved.view.clone(), part, features, outputs });
            self.sources.len() - 1
        });
        let Wanted { features, outputs, .. } = &mut self.sources[source];
        if let Some(field) = features.iter().position(|feature| feature.id == resolved.feature.id) {
            return Ok(ValueSlot { source, field });
        }
        features.push(resolved.feature.clone());
        outputs.push(output);
        Ok(ValueSlot { source, field: features.len() - 1 })
    }

    /// The part of its view that gives a feature.
    fn part_of(&mut self, catalog: &Catalog, resolved: &ResolvedFeature) -> Result<Part> {
        let view = &resolved.view;
        if view.is_stored() {
            return Ok(Part::Rows);
        }
        let Some(windows) = view.windows() else { return Ok(Part::Computed(resolved.feature.id)) };
        let no_window = || Error::internal(format!("no window gives {}", resolved.reference()));
        let lengths = match self.lengths.entry(view.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let windowed = windowed_features(view, catalog.view(&windows.from).ok_or_else(no_window)?)?;
                let lengths = windowed.into_iter().map(|windowed| (windowed.name, windowed.window.length()));
                unknown.insert(lengths.collect())
            }
        };
        lengths.get(&resolved.feature.name).copied().map(Part::Window).ok_or_else(no_window)
    }

    /// The slot of a derived feature that was added before.
    pub(super) fn computed(&self, resolved: &ResolvedFeature) -> Option<ValueSlot> {
        let part = Part::Computed(resolved.feature.id);
        let is_it = |wanted: &Wanted| wanted.view.id == resolved.view.id && wanted.part == part;
        self.sources.iter().position(is_it).map(|source| ValueSlot { source, field: 0 })
    }

    /// The sources, compiled, and the final number of each.
    ///
    /// # Errors
    /// `Invalid` when join keys clash.
    pub(super) fn build(self, catalog: &Catalog) -> Result<(Sources, Vec<usize>)> {
        let order = self.order();
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, source)| places[*source] = place);
        let mut wanted: Vec<Option<Wanted>> = self.sources.into_iter().map(Some).collect();
        let wanted: Vec<Wanted> = order.iter().filter_map(|source| wanted[*source].take()).collect();
        let keyed = wanted.iter().filter(|wanted| !matches!(wanted.part, Part::Computed(_)));
        let (join_keys, key_groups, group_of) = join_keys(keyed.map(|wanted| &wanted.view))?;
        let looked_up = wanted.iter().filter(|wanted| wanted.part == Part::Rows).count();
        let (list, folds, tilings, spares) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut sources = Sources { list, looked_up, folds, tilings, spares, join_keys, key_groups };
        for (wanted, key_group) in wanted.into_iter().zip(group_of.into_iter().chain(std::iter::repeat(0))) {
            sources.add(catalog, wanted, key_group)?;
        }
        let tiling = |fold: &FoldPlan| Tiling::new(catalog, &sources.list[fold.sources.start].view, fold);
        sources.tilings = sources.folds.iter().map(tiling).collect::<Result<_>>()?;
        sources.spares = sources.folds.iter().map(|_| Spares::default()).collect();
        Ok((sources, places))
    }

    /// The sources in their final order: what is looked up; the windows of one view side by side, the shortest first;
    /// what is computed, in the order in which it was added, inputs first.
    fn order(&self) -> Vec<usize> {
        let views: Vec<u32> = self.sources.iter().map(|wanted| wanted.view.id).collect();
        let place = |source: &usize| {
            let first = views.iter().position(|view| *view == views[*source]);
            match self.sources[*source].part {
                Part::Rows => (0, None, None),
                Part::Window(length) => (1, first, Some(length)),
                Part::Computed(_) => (2, Some(*source), None),
            }
        };
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        order.sort_by_key(place);
        order
    }
}

impl Sources {
    fn add(&mut self, catalog: &Catalog, wanted: Wanted, key_group: usize) -> Result<()> {
        let ids: Vec<FeatureId> = wanted.features.iter().map(|feature| feature.id).collect();
        let rows = RowPlan::with_outputs(&wanted.view, &ids, wanted.outputs)?;
        if let Part::Window(length) = wanted.part {
            if self.list.last().is_none_or(|last| last.view.id != wanted.view.id) {
                self.folds.push(FoldPlan::new(catalog, &wanted.view, key_group, self.list.len())?);
            }
            let named = wanted.features.iter().map(|feature| feature.name.as_str());
            let features: Vec<_> = named.zip(rows.record().fields().iter().copied()).collect();
            let fold = self.folds.last_mut().ok_or_else(|| Error::internal("a window without a fold"))?;
            fold.add(&wanted.view, length, &features)?;
        }
        self.list.push(SourcePlan { view: wanted.view, key_group, rows });
        Ok(())
    }
}

/// The join keys of all views without repetition, the distinct entity keys over them, and each view's.
#[allow(clippy::type_complexity, reason = "three parts of one answer")]
fn join_keys<'a>(
    views: impl Iterator<Item = &'a Arc<FeatureView>>,
) -> Result<(Vec<JoinKey>, Vec<Vec<usize>>, Vec<usize>)> {
    let (mut keys, mut groups, mut group_of) = (Vec::<JoinKey>::new(), Vec::<Vec<usize>>::new(), Vec::new());
    for view in views {
        let mut group = Vec::new();
        for key in &view.join_keys {
            match keys.iter().position(|known| known.name == key.name) {
                Some(position) if keys[position].ty == key.ty => group.push(position),
                Some(position) => {
                    let (a, b) = (keys[position].ty, key.ty);
                    let message = format!(
                        "join key {:?} is {a} in one view and {b} in view {:?}; read them apart",
                        key.name, view.name
                    );
                    return Err(Error::invalid(message));
                }
                None => {
                    group.push(keys.len());
                    keys.push(key.clone());
                }
            }
        }
        let position = groups.iter().position(|known| *known == group);
        group_of.push(position.unwrap_or(groups.len()));
        if position.is_none() {
            groups.push(group);
        }
    }
    Ok((keys, groups, group_of))
}
