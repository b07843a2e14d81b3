//! Latest and as-of reads.

use std::borrow::Cow;
use std::sync::Arc;

use asofdb_storage::{AsOfLookup, Backend, Error, Found, Lookup, Result, Status, Timestamp};

use crate::answer::Answer;
use crate::keys::EncodedKeys;
use crate::prepared::{EntityRows, Plan, PlannedView, Prepared};
use crate::record::Records;
use crate::store::Store;

/// What is asked of each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Question {
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
            let mut records = Vec::new();
            self.read_records(plan, groups, question, &mut records, usize::MAX)?;
            Ok(Answer::new(plan.clone(), records, entities.len()))
        })
    }

    /// Reads into records, one list a view, whose memory is used again. Refuses answers whose values of variable
    /// length have more than `variable_bytes_max` together.
    pub(crate) fn read_records(
        &self,
        plan: &Plan,
        groups: &[EncodedKeys],
        question: Question,
        records: &mut Vec<Records>,
        variable_bytes_max: usize,
    ) -> Result<()> {
        let rows = groups.first().map_or(0, EncodedKeys::len);
        records.truncate(plan.views.len());
        for (view, records) in plan.views.iter().zip(records.iter_mut()) {
            records.reset(&view.layout, rows);
        }
        records.extend(plan.views[records.len()..].iter().map(|view| Records::new(&view.layout, rows)));
        let mut variable_bytes = 0;
        run(self.backend(), plan, groups, question, |row, view, at, found| {
            let planned = &plan.views[view];
            let (record, arena) = records[view].get_mut(row);
            let before = arena.len();
            planned.layout.write(&planned.view, at, found, record, arena)?;
            variable_bytes += arena.len() - before;
            match variable_bytes <= variable_bytes_max {
                true => Ok(()),
                false => Err(answer_too_long(variable_bytes_max)),
            }
        })
    }

    /// Reads into a matrix of rows × features.
    pub(crate) fn read_matrix(
        &self,
        plan: &Plan,
        groups: &[EncodedKeys],
        question: Question,
        matrix: &mut F32Matrix<'_>,
    ) -> Result<()> {
        let rows = groups.first().map_or(0, EncodedKeys::len);
        let mut writer = MatrixWriter::new(plan, rows, matrix)?;
        writer.write_holes(groups, rows);
        run(self.backend(), plan, groups, question, |row, view, at, found| writer.write(row, view, at, found))
    }

    fn matrix(
        &self,
        request: &Prepared,
        entities: &EntityRows,
        question: Question,
        mut matrix: F32Matrix<'_>,
    ) -> Result<()> {
        self.with_plan(request, |plan| self.read_matrix(plan, entities.groups_for(plan)?, question, &mut matrix))
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

#[cold]
fn answer_too_long(variable_bytes_max: usize) -> Error {
    Error::invalid(format!(
        "the texts, bytes and lists of an answer have at most {variable_bytes_max} bytes: ask for fewer rows"
    ))
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
    let asked = groups.first().map_or(0, EncodedKeys::len) * plan.views.len();
    let keys = Keys { plan, groups };
    // Only where some rows have no key are lookups numbered differently from cells.
    let holes = groups.iter().any(EncodedKeys::has_holes);
    let targets: Vec<usize> = match holes {
        true => (0..asked).filter(|index| keys.get(*index).is_some()).collect(),
        false => Vec::new(),
    };
    let target = |index: usize| if holes { targets[index] } else { index };
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
}

/// Writes answers into the caller's matrix.
struct MatrixWriter<'p, 'm> {
    plan: &'p Plan,
    width: usize,
    values: &'m mut [f32],
    statuses: Option<&'m mut [Status]>,
    /// By view: what stands in for each of its features.
    fills: Cow<'p, [Vec<f32>]>,
    scratch: Vec<f32>,
    scratch_statuses: Vec<Status>,
}

impl<'p, 'm> MatrixWriter<'p, 'm> {
    fn new(plan: &'p Plan, rows: usize, matrix: &'m mut F32Matrix<'_>) -> Result<Self> {
        let width = plan.features.len();
        plan.check_matrix(rows, matrix.values.len(), matrix.statuses.as_ref().map(|statuses| statuses.len()))?;
        Ok(MatrixWriter {
            plan,
            width,
            values: &mut *matrix.values,
            statuses: matrix.statuses.as_deref_mut(),
            fills: fills(plan, matrix.fill),
            scratch: Vec::new(),
            scratch_statuses: Vec::new(),
        })
    }

    /// Entities with null keys are not looked up: nothing is known of them.
    fn write_holes(&mut self, groups: &[EncodedKeys], rows: usize) {
        for (view, planned) in self.plan.views.iter().enumerate() {
            let group = &groups[planned.key_group];
            if !group.has_holes() {
                continue;
            }
            (0..rows).filter(|row| group.get(*row).is_none()).for_each(|row| self.fill(row, view, Status::Missing));
        }
    }

    fn write(&mut self, row: usize, view: usize, at: Timestamp, found: Option<Found<'_>>) -> Result<()> {
        let planned = &self.plan.views[view];
        let Some(found) = found else {
            self.fill(row, view, Status::Missing);
            return Ok(());
        };
        if planned.view.is_expired(found.version.event, at) {
            let deleted = planned.projection.open(found.row)?.is_none();
            self.fill(row, view, if deleted { Status::Missing } else { Status::Expired });
            return Ok(());
        }
        let read = match planned.contiguous {
            Some(start) => self.read_in_place(row, view, start, found)?,
            None => self.read_scattered(row, view, found)?,
        };
        if !read {
            self.fill(row, view, Status::Missing);
        }
        Ok(())
    }

    fn read_in_place(&mut self, row: usize, view: usize, start: usize, found: Found<'_>) -> Result<bool> {
        let planned = &self.plan.views[view];
        let first = row * self.width + start;
        let cells = first..first + planned.outputs.len();
        let statuses = self.statuses.as_deref_mut().map(|statuses| &mut statuses[cells.clone()]);
        planned.projection.read_f32(found.row, &self.fills[view], &mut self.values[cells], statuses)
    }

    /// Reads features that other views' lie between.
    fn read_scattered(&mut self, row: usize, view: usize, found: Found<'_>) -> Result<bool> {
        let planned = &self.plan.views[view];
        self.scratch.resize(planned.outputs.len(), 0.0);
        self.scratch_statuses.resize(planned.outputs.len(), Status::Missing);
        let statuses = Some(&mut self.scratch_statuses[..]);
        if !planned.projection.read_f32(found.row, &self.fills[view], &mut self.scratch, statuses)? {
            return Ok(false);
        }
        for (n, output) in planned.outputs.iter().enumerate() {
            let cell = row * self.width + output;
            self.values[cell] = self.scratch[n];
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[cell] = self.scratch_statuses[n];
            }
        }
        Ok(true)
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

/// What stands in for each feature, view by view: its default or the fill. A fill of NaN is prepared.
fn fills(plan: &Plan, fill: f32) -> Cow<'_, [Vec<f32>]> {
    if fill.is_nan() {
        return Cow::Borrowed(&plan.fills);
    }
    let of = |value: &f32| if value.is_nan() { fill } else { *value };
    Cow::Owned(plan.fills.iter().map(|fills| fills.iter().map(of).collect()).collect())
}
