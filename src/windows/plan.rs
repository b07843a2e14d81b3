//! The plan of a fold: what the windows of one view, as far as they are asked for, need of its events.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use asofdb_aggregate::{Partial, Shape, has_tiles};
use asofdb_expression::Program;
use asofdb_storage::{
    Aggregate, Catalog, Error, FeatureView, Field, RecordArena, RecordMut, Result, Span, Timestamp, WindowedFeature,
};

use crate::definitions::check::condition_over;
use crate::rows::columns::column_type;
use crate::windows::tree::Tree;

/// The plan of one fold.
#[derive(Debug)]
pub(crate) struct FoldPlan {
    /// The event view, or its index by the entities of the windows.
    pub(crate) from: Arc<FeatureView>,
    every: Option<Span>,
    offset: Span,
    /// The columns of events that are read, by name.
    pub(crate) columns: Vec<String>,
    /// The conditions, each once.
    pub(crate) conditions: Vec<Condition>,
    /// By number: conditions that must hold together, by position.
    pub(crate) filters: Vec<Vec<usize>>,
    /// The partial results, each once.
    pub(crate) partials: Vec<PartialPlan>,
    /// The windows, the shortest first.
    pub(crate) windows: Vec<WindowPlan>,
    /// The lists of records that the windows fill, one a window.
    pub(crate) sources: Range<usize>,
    /// The entity key among those of the read.
    pub(crate) key_group: usize,
}

/// A condition over columns of events.
#[derive(Debug)]
pub(crate) struct Condition {
    /// The program.
    pub(crate) program: Program,
    /// Its inputs among the columns that are read.
    pub(crate) inputs: Vec<usize>,
}

/// A partial result that is kept for some windows.
#[derive(Debug)]
pub(crate) struct PartialPlan {
    shape: Shape,
    /// The column that it is of, among those that are read.
    pub(crate) of: Option<usize>,
    /// The filter that events must pass; `None`: all of them do.
    pub(crate) filter: Option<usize>,
    /// The result of no events.
    pub(crate) empty: Partial,
}

impl PartialPlan {
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// One window.
#[derive(Debug)]
pub(crate) struct WindowPlan {
    /// Its length.
    pub(crate) length: Span,
    /// Its features.
    pub(crate) outputs: Vec<WindowOutput>,
}

impl WindowPlan {
    /// Writes its values from the events that were folded into a tree, of the partial results that were.
    ///
    /// # Errors
    /// `Unavailable` when there is no room for one.
    pub(super) fn write<A: RecordArena>(
        &self,
        tree: &mut Tree,
        is_folded: impl Fn(usize) -> bool,
        record: &mut RecordMut<'_, A>,
        value: &mut Vec<u8>,
    ) -> Result<()> {
        for output in self.outputs.iter().filter(|output| is_folded(output.partial)) {
            value.clear();
            let has_value = tree.result(output.partial).finish(&output.aggregate, value);
            record.put(&output.field, has_value.then_some(value.as_slice()))?;
        }
        Ok(())
    }
}

/// One feature of a window.
#[derive(Debug)]
pub(crate) struct WindowOutput {
    /// The partial result that it comes from.
    pub(crate) partial: usize,
    /// The value that is made of it.
    pub(crate) aggregate: Aggregate,
    /// Its field in the records of the window.
    pub(crate) field: Field,
}

impl FoldPlan {
    /// A plan for windows of `view`, without any yet.
    ///
    /// # Errors
    /// `Internal` when it is no window view, or its event view is not there.
    pub(crate) fn new(catalog: &Catalog, view: &FeatureView, key_group: usize, first_source: usize) -> Result<Self> {
        let no_events = || Error::internal(format!("window view {:?} has no event view", view.name));
        let windows = view.windows().ok_or_else(no_events)?;
        let from = catalog.events_by(&windows.from, &view.entities).ok_or_else(no_events)?;
        Ok(FoldPlan {
            from: from.clone(),
            every: windows.every,
            offset: windows.offset,
            columns: Vec::new(),
            conditions: Vec::new(),
            filters: Vec::new(),
            partials: Vec::new(),
            windows: Vec::new(),
            sources: first_source..first_source,
            key_group,
        })
    }

    /// A plan for the partial results that tiles of `view` have, each once, in the order of its features; without
    /// windows.
    ///
    /// # Errors
    /// As [`FoldPlan::new`]; `Invalid` or `NotFound` when a condition cannot be compiled.
    pub(super) fn of_tiles(catalog: &Catalog, view: &FeatureView) -> Result<Self> {
        let mut plan = FoldPlan::new(catalog, view, 0, 0)?;
        let from = plan.from.clone();
        let of_view = view.windows().and_then(|windows| windows.condition.as_deref());
        for windowed in windowed_features(view, &from)? {
            if has_tiles(&windowed.aggregate) {
                let filter = plan.filter(of_view.into_iter().chain(windowed.of.condition.as_deref()))?;
                plan.partial(&windowed.aggregate, windowed.of.of.as_deref(), filter)?;
            }
        }
        Ok(plan)
    }

    /// Adds a window with some of its features, each with its field. Windows are added in the order of their lengths.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when a condition cannot be compiled, `Internal` when a feature is not the view's.
    pub(crate) fn add(&mut self, view: &FeatureView, length: Span, features: &[(&str, Field)]) -> Result<()> {
        let windowed = windowed_features(view, &self.from)?;
        let of_view = view.windows().and_then(|windows| windows.condition.as_deref());
        let mut outputs = Vec::with_capacity(features.len());
        for (name, field) in features {
            let found = windowed.iter().find(|windowed| windowed.name == *name);
            let found = found.ok_or_else(|| Error::internal(format!("no window gives {}:{name}", view.name)))?;
            let conditions = of_view.into_iter().chain(found.of.condition.as_deref());
            let filter = self.filter(conditions)?;
            let partial = self.partial(&found.aggregate, found.of.of.as_deref(), filter)?;
            outputs.push(WindowOutput { partial, aggregate: found.aggregate.clone(), field: *field });
        }
        self.windows.push(WindowPlan { length, outputs });
        self.sources.end += 1;
        Ok(())
    }

    /// The time at which the windows end that are asked for at `at`.
    pub(crate) fn end(&self, at: Timestamp) -> Timestamp {
        let end = at.minus(self.offset);
        match self.every {
            None => end,
            Some(every) => Timestamp::from_micros(floor(end.as_micros(), every.as_micros())),
        }
    }

    /// The times of the events that questions from `oldest` to `newest` can ask for.
    pub(crate) fn span(&self, oldest: Timestamp, newest: Timestamp) -> RangeInclusive<Timestamp> {
        let longest = self.windows.last().map_or(Span::ZERO, |window| window.length);
        self.end(oldest).minus(longest)..=self.end(newest)
    }

    /// By window: the time before it, which is not in it, for windows that end at `end`; `None` where the retention,
    /// which keeps nothing before `cutoff`, may have reclaimed a part of it.
    pub(crate) fn starts(&self, end: Timestamp, cutoff: Timestamp) -> Vec<Option<Timestamp>> {
        let before = Timestamp::from_micros(cutoff.as_micros().saturating_sub(1));
        self.windows.iter().map(|window| Some(end.minus(window.length)).filter(|start| *start >= before)).collect()
    }

    fn column(&mut self, name: &str) -> usize {
        position_or_add(&mut self.columns, |known| known == name, || name.to_owned())
    }

    fn filter<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Result<Option<usize>> {
        let conditions = texts.map(|text| self.condition(text)).collect::<Result<Vec<_>>>()?;
        if conditions.is_empty() {
            return Ok(None);
        }
        Ok(Some(position_or_add(&mut self.filters, |known| *known == conditions, || conditions.clone())))
    }

    fn condition(&mut self, text: &str) -> Result<usize> {
        if let Some(known) = self.conditions.iter().position(|known| known.program.text() == text) {
            return Ok(known);
        }
        let program = condition_over(&self.from, text).map_err(|bad| bad.located(text))?;
        let inputs = program.inputs().iter().map(|input| self.column(&input.name.name)).collect();
        self.conditions.push(Condition { program, inputs });
        Ok(self.conditions.len() - 1)
    }

    fn partial(&mut self, aggregate: &Aggregate, of: Option<&str>, filter: Option<usize>) -> Result<usize> {
        let ty = of.and_then(|name| column_type(&self.from, name));
        let of = of.map(|name| self.column(name));
        let (empty, shape) = (Partial::new(aggregate, ty)?, Shape::of(aggregate));
        let is_same = |known: &PartialPlan| (known.of, known.filter) == (of, filter) && known.shape == shape;
        let make = || PartialPlan { shape: shape.clone(), of, filter, empty };
        Ok(position_or_add(&mut self.partials, is_same, make))
    }
}

/// The features of a window view over its event view.
///
/// # Errors
/// As [`asofdb_storage::Windows::features`].
pub(crate) fn windowed_features<'v>(view: &'v FeatureView, from: &FeatureView) -> Result<Vec<WindowedFeature<'v>>> {
    let column = |name: &str| from.feature(name).map(|column| column.ty);
    view.windows().map_or(Ok(Vec::new()), |windows| windows.features(column))
}

fn position_or_add<T>(list: &mut Vec<T>, is_same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> usize {
    list.iter().position(is_same).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    })
}

/// The greatest multiple of `step` that is not above `time`, or `time` where that would be out of range.
fn floor(time: i64, step: i64) -> i64 {
    time.checked_sub(time.rem_euclid(step)).unwrap_or(time)
}
