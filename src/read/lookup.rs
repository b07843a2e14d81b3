//! Latest and as-of reads of a backend.

use std::sync::Arc;

use asofdb_storage::{AsOfLookup, Backend, Error, Found, Lookup, Result, Timestamp};

use crate::read::answer::Answer;
use crate::read::floats::MatrixWriter;
use crate::read::matrix::F32Matrix;
use crate::read::plan::ReadPlan;
use crate::read::question::Question;
use crate::read::record::Records;
use crate::read::request::{EntityRows, Prepared};
use crate::read::stored::{PlannedView, Stored};
use crate::rows::keys::EncodedKeys;

/// Answers a request.
///
/// # Errors
/// `NotFound` when a feature of the request was dropped; `Corrupt` when stored bytes cannot be read.
pub(crate) fn answer(
    backend: &dyn Backend,
    request: &Prepared,
    entities: &EntityRows,
    question: Question,
) -> Result<Answer> {
    with_plan(backend, request, |plan| {
        let groups = entities.groups_for(plan)?;
        let mut records = Vec::new();
        read_records(backend, plan, groups, question, &mut records, usize::MAX)?;
        Ok(Answer::new(plan.clone(), records, entities.len()))
    })
}

/// Answers a request with a matrix.
///
/// # Errors
/// `Invalid` when a feature is not a number or the matrix has another size; else as [`answer`].
pub(crate) fn matrix(
    backend: &dyn Backend,
    request: &Prepared,
    entities: &EntityRows,
    question: Question,
    mut matrix: F32Matrix<'_>,
) -> Result<()> {
    with_plan(backend, request, |plan| read_matrix(backend, plan, entities.groups_for(plan)?, question, &mut matrix))
}

/// Reads into records, one list a view, whose memory is used again. Refuses answers whose values of variable length
/// have more than `variable_bytes_max` together.
///
/// # Errors
/// `Invalid` for an answer that is too long; `Corrupt` when stored bytes cannot be read.
pub(crate) fn read_records(
    backend: &dyn Backend,
    plan: &ReadPlan,
    groups: &[EncodedKeys],
    question: Question,
    records: &mut Vec<Records>,
    variable_bytes_max: usize,
) -> Result<()> {
    let rows = groups.first().map_or(0, EncodedKeys::len);
    let views = &plan.stored.views;
    records.truncate(views.len());
    for (view, records) in views.iter().zip(records.iter_mut()) {
        records.reset(view.layout(), rows);
    }
    records.extend(views[records.len()..].iter().map(|view| Records::new(view.layout(), rows)));
    let mut variable_bytes = 0;
    run(backend, &plan.stored, groups, question, |row, view, at, found| {
        let records = &mut records[view];
        let before = records.variable_bytes();
        views[view].write(at, found, &mut records.get_mut(row))?;
        variable_bytes += records.variable_bytes() - before;
        match variable_bytes <= variable_bytes_max {
            true => Ok(()),
            false => Err(answer_too_long(variable_bytes_max)),
        }
    })
}

/// Reads into a matrix of rows × features.
///
/// # Errors
/// As [`matrix`].
pub(crate) fn read_matrix(
    backend: &dyn Backend,
    plan: &ReadPlan,
    groups: &[EncodedKeys],
    question: Question,
    matrix: &mut F32Matrix<'_>,
) -> Result<()> {
    let rows = groups.first().map_or(0, EncodedKeys::len);
    let mut writer = MatrixWriter::new(plan, rows, matrix)?;
    writer.write_holes(groups, rows);
    run(backend, &plan.stored, groups, question, |row, view, at, found| writer.write(row, view, at, found))
}

/// Runs a read with the request's plan, and once more with a fresh one if the catalog changed under it.
fn with_plan<T>(
    backend: &dyn Backend,
    request: &Prepared,
    mut read: impl FnMut(&Arc<ReadPlan>) -> Result<T>,
) -> Result<T> {
    let catalog = || backend.catalog();
    let plan = request.plan(catalog().revision(), catalog)?;
    match read(&plan) {
        Err(error) if catalog().revision() == plan.revision => Err(error),
        Err(_) => read(&request.plan(catalog().revision(), catalog)?),
        done => done,
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
    stored: &Stored,
    groups: &[EncodedKeys],
    question: Question,
    mut visit: impl FnMut(usize, usize, Timestamp, Option<Found<'_>>) -> Result<()>,
) -> Result<()> {
    let asked = groups.first().map_or(0, EncodedKeys::len) * stored.views.len();
    let keys = Keys { stored, groups };
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
        visit(index / stored.views.len(), index % stored.views.len(), at, found)
    };
    let wanted = (0..count).filter_map(|index| keys.get(target(index)));
    match question {
        Question::Latest => {
            let at = backend.now();
            let mut lookups = Vec::with_capacity(count);
            lookups.extend(wanted.map(|(planned, key)| Lookup { view: &planned.view, key }));
            backend.latest(&lookups, at, &mut |index, found| visit_at(at, index, found))
        }
        Question::AsOf { at, known_at } => {
            let mut lookups = Vec::with_capacity(count);
            lookups.extend(wanted.map(|(planned, key)| AsOfLookup { view: &planned.view, key, at }));
            backend.as_of(&lookups, known_at, &mut |index, found| visit_at(at, index, found))
        }
    }
}

/// The keys of a read: row after row, in each row view after view.
struct Keys<'a> {
    stored: &'a Stored,
    groups: &'a [EncodedKeys],
}

impl<'a> Keys<'a> {
    #[inline]
    fn get(&self, index: usize) -> Option<(&'a PlannedView, &'a [u8])> {
        let planned = &self.stored.views[index % self.stored.views.len()];
        let key = self.groups[planned.key_group].get(index / self.stored.views.len())?;
        Some((planned, key))
    }
}
