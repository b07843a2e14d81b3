//! Latest and as-of reads.

use std::sync::Arc;

use asofdb_storage::{AsOfLookup, Backend, Error, Found, Lookup, Result, Status, Timestamp, Value};

use crate::answer::Answer;
use crate::keys::EncodedKeys;
use crate::prepared::{EntityRows, Plan, PlannedView, Prepared};
use crate::record::Records;
use crate::store::Store;

/// What is asked of each row.
#[derive(Debug, Clone, Copy)]
enum Question {
    Latest,
    AsOf { at: Timestamp, known_at: Option<Timestamp> },
}

/// Where a matrix read puts its answer: row-major, one row an entity, one column a feature in the order asked.
#[derive(Debug)]
pub struct F32Matrix<'a> {
    /// Rows × features.
    pub values: &'a mut [f32],
    /// Rows × features, if the reasons for holes are wanted.
    pub statuses: Option<&'a mut [Status]>,
    /// What stands where there is neither a value nor a default; NaN is the usual choice.
    pub fill: f32,
}

impl Store {
    /// The newest values of each entity's features, as of now.
    ///
    /// # Errors
    /// `NotFound` when a feature of the request was dropped; `Corrupt` when stored bytes cannot be read.
    pub fn latest(&self, request: &Prepared, entities: &EntityRows) -> Result<Answer> {
        self.answer(request, entities, Question::Latest)
    }

    /// The values that were true at `at` (inclusive) and, with `known_at`, known by then.
    ///
    /// # Errors
    /// As [`Store::latest`].
    pub fn as_of(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
    ) -> Result<Answer> {
        self.answer(request, entities, Question::AsOf { at, known_at })
    }

    /// [`Store::latest`] into a dense matrix, ready for a model. Numbers wider than `f32` are rounded to it.
    ///
    /// # Errors
    /// `Invalid` when a feature is not a number or the matrix has another size; else as [`Store::latest`].
    pub fn latest_f32(&self, request: &Prepared, entities: &EntityRows, matrix: F32Matrix<'_>) -> Result<()> {
        self.matrix(request, entities, Question::Latest, matrix)
    }

    /// [`Store::as_of`] into a dense matrix.
    ///
    /// # Errors
    /// As [`Store::latest_f32`].
    pub fn as_of_f32(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        at: Timestamp,
        known_at: Option<Timestamp>,
        matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.matrix(request, entities, Question::AsOf { at, known_at }, matrix)
    }

    fn answer(&self, request: &Prepared, entities: &EntityRows, question: Question) -> Result<Answer> {
        self.with_plan(request, |plan| {
            let groups = entities.groups_for(plan)?;
            let mut records: Vec<Records> =
                plan.views.iter().map(|view| Records::new(&view.layout, entities.len())).collect();
            run(self.backend(), plan, groups, question, |row, view, at, found| {
                let planned = &plan.views[view];
                let (record, arena) = records[view].get_mut(row);
                planned.layout.write(&planned.view, at, found, record, arena)
            })?;
            Ok(Answer::new(plan.clone(), records, entities.len()))
        })
    }

    fn matrix(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.with_plan(request, |plan| {
            let groups = entities.groups_for(plan)?;
            let mut writer = MatrixWriter::new(plan, entities.len(), &mut matrix)?;
            run(self.backend(), plan, groups, question, |row, view, at, found| writer.write(row, view, at, found))
        })
    }

    /// Runs a read with the request's plan, and once more with a fresh one if the catalog changed under it.
    fn with_plan<T>(&self, request: &Prepared, mut read: impl FnMut(&Arc<Plan>) -> Result<T>) -> Result<T> {
        let catalog = || self.backend().catalog();
        let plan = request.plan(catalog().revision(), catalog)?;
        match read(&plan) {
            Err(error) if catalog().revision() == plan.revision => Err(error),
            Err(_) => read(&request.plan(catalog().revision(), catalog)?),
            done => done,
        }
    }
}

/// Looks up every view of every entity at once, so that all are of one state, and hands each answer with
/// its row, its view and the time it is for to `visit`. Entities with null keys are not visited.
fn run(
    backend: &dyn Backend,
    plan: &Plan,
    groups: &[EncodedKeys],
    question: Question,
    mut visit: impl FnMut(usize, usize, Timestamp, Option<Found<'_>>) -> Result<()>,
) -> Result<()> {
    let rows = groups.first().map_or(0, EncodedKeys::len);
    let asked = rows * plan.views.len();
    let mut targets: Vec<u32> = Vec::new();
    let keys = Keys { plan, groups };
    if keys.any_hole(rows) {
        targets = (0..asked as u32).filter(|index| keys.get(*index as usize).is_some()).collect();
    }
    let holes = !targets.is_empty() || keys.any_hole(rows);
    let target = |index: usize| if holes { targets[index] as usize } else { index };
    let count = if holes { targets.len() } else { asked };
    let mut visit_at = |at: Timestamp, index: usize, found: Option<Found<'_>>| {
        let index = target(index);
        visit(index / plan.views.len(), index % plan.views.len(), at, found)
    };
    let wanted = (0..count).filter_map(|index| keys.get(target(index)));
    match question {
        Question::Latest => {
            let at = backend.now();
            let lookups: Vec<_> = wanted.map(|(planned, key)| Lookup { view: &planned.view, key }).collect();
            backend.latest(&lookups, at, &mut |index, found| visit_at(at, index, found))
        }
        Question::AsOf { at, known_at } => {
            let lookups: Vec<_> = wanted.map(|(planned, key)| AsOfLookup { view: &planned.view, key, at }).collect();
            backend.as_of(&lookups, known_at, &mut |index, found| visit_at(at, index, found))
        }
    }
}

/// The keys of a read: row after row, in each row view after view.
struct Keys<'a> {
    plan: &'a Plan,
    groups: &'a [EncodedKeys],
}

impl<'a> Keys<'a> {
    #[inline]
    fn get(&self, index: usize) -> Option<(&'a PlannedView, &'a [u8])> {
        let planned = &self.plan.views[index % self.plan.views.len()];
        let key = self.groups[planned.key_group].get(index / self.plan.views.len())?;
        Some((planned, key))
    }

    fn any_hole(&self, rows: usize) -> bool {
        self.groups.iter().any(|group| (0..rows).any(|row| group.get(row).is_none()))
    }
}

/// Writes answers into the caller's matrix.
struct MatrixWriter<'p, 'm> {
    plan: &'p Plan,
    width: usize,
    values: &'m mut [f32],
    statuses: Option<&'m mut [Status]>,
    /// By view: what stands in for each of its features.
    fills: Vec<Vec<f32>>,
    scratch: Vec<f32>,
    scratch_statuses: Vec<Status>,
}

impl<'p, 'm> MatrixWriter<'p, 'm> {
    fn new(plan: &'p Plan, rows: usize, matrix: &'m mut F32Matrix<'_>) -> Result<Self> {
        let width = plan.features.len();
        let sizes = [Some(matrix.values.len()), matrix.statuses.as_ref().map(|statuses| statuses.len())];
        if let Some(size) = sizes.into_iter().flatten().find(|size| *size != rows * width) {
            return Err(Error::invalid(format!(
                "the matrix has {rows} rows of {width} features: got room for {size} values"
            )));
        }
        let fills = plan.views.iter().map(|view| fills(plan, view, matrix.fill)).collect::<Result<Vec<_>>>()?;
        let mut writer = MatrixWriter {
            plan,
            width,
            values: &mut *matrix.values,
            statuses: matrix.statuses.as_deref_mut(),
            fills,
            scratch: vec![0.0; width],
            scratch_statuses: vec![Status::Missing; width],
        };
        // Entities with null keys are never visited; every other cell is written again.
        if rows > 0 {
            for view in 0..plan.views.len() {
                (0..rows).for_each(|row| writer.fill(row, view, Status::Missing));
            }
        }
        Ok(writer)
    }

    fn write(&mut self, row: usize, view: usize, at: Timestamp, found: Option<Found<'_>>) -> Result<()> {
        let planned = &self.plan.views[view];
        let Some(found) = found else { return Ok(()) };
        if planned.view.is_expired(found.version.event, at) {
            let deleted = planned.projection.open(found.row)?.is_none();
            self.fill(row, view, if deleted { Status::Missing } else { Status::Expired });
            return Ok(());
        }
        let count = planned.outputs.len();
        match planned.contiguous() {
            Some(start) => {
                let cells = row * self.width + start..row * self.width + start + count;
                let statuses = self.statuses.as_deref_mut().map(|statuses| &mut statuses[cells.clone()]);
                planned.projection.read_f32(found.row, &self.fills[view], &mut self.values[cells], statuses)?;
            }
            None => {
                let (values, statuses) = (&mut self.scratch[..count], &mut self.scratch_statuses[..count]);
                if planned.projection.read_f32(found.row, &self.fills[view], values, Some(statuses))? {
                    self.scatter(row, view);
                }
            }
        }
        Ok(())
    }

    fn scatter(&mut self, row: usize, view: usize) {
        for (n, output) in self.plan.views[view].outputs.iter().enumerate() {
            let cell = row * self.width + output;
            self.values[cell] = self.scratch[n];
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[cell] = self.scratch_statuses[n];
            }
        }
    }

    fn fill(&mut self, row: usize, view: usize, status: Status) {
        for (fill, output) in self.fills[view].iter().zip(&self.plan.views[view].outputs) {
            let cell = row * self.width + output;
            self.values[cell] = *fill;
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[cell] = status;
            }
        }
    }
}

/// What stands in for each feature of a view: its default or the fill.
fn fills(plan: &Plan, view: &PlannedView, fill: f32) -> Result<Vec<f32>> {
    if let Err(index) = view.projection.check_numeric() {
        let resolved = &plan.features[view.outputs[index]].resolved;
        let (reference, ty) = (resolved.reference(), resolved.feature.ty);
        return Err(Error::invalid(format!("only numbers and bools go into a matrix: {reference} is {ty}")));
    }
    let of = |output: &usize| match &plan.features[*output].resolved.feature.default {
        Some(Value::Bool(v)) => f32::from(u8::from(*v)),
        Some(Value::Int32(v)) => *v as f32,
        Some(Value::Int64(v)) => *v as f32,
        Some(Value::Float32(v)) => *v,
        Some(Value::Float64(v)) => *v as f32,
        _ => fill,
    };
    Ok(view.outputs.iter().map(of).collect())
}
