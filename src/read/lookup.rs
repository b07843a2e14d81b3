//! Latest and as-of reads of a backend.

use std::sync::Arc;

use asofdb_storage::{Backend, Error, Found, Result, State, Timestamp};

use crate::derived::compute::{Times, compute};
use crate::derived::nulls::NullCounts;
use crate::read::answer::Answer;
use crate::read::asked::AskedRows;
use crate::read::floats::MatrixWriter;
use crate::read::matrix::{F32Matrix, write_records};
use crate::read::plan::ReadPlan;
use crate::read::question::Question;
use crate::read::record::Records;
use crate::read::request::{EntityRows, Prepared};
use crate::read::sources::Sources;
use crate::read::targets::{Targets, VisitRow};
use crate::rows::keys::EncodedKeys;
use crate::windows::folder::{FoldQuestion, Folder};
use crate::windows::sealer::Sealer;
use crate::windows::tiles::Tiles;

/// The place where reads look, and where they count.
#[derive(Clone, Copy)]
pub(crate) struct Engine<'e> {
    /// The rows and events that are stored.
    pub(crate) backend: &'e dyn Backend,
    /// The nulls that expressions made themselves.
    pub(crate) nulls: &'e NullCounts,
    /// The maker of tiles, told of what had to be folded.
    pub(crate) sealer: &'e Sealer,
}

/// The moment of a read: what it takes to ask the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The present when it was answered.
    pub(crate) served_at: Timestamp,
    /// The time asked about.
    pub(crate) at: Timestamp,
    /// The stamp up to which everything was known.
    pub(crate) known_at: Timestamp,
}

/// The most events that one read goes through for the windows of one view: some seconds of work. A read is not given up
/// when nobody waits for it any more, so that it must not be longer; joins are.
const EVENTS_MAX: u64 = 20_000_000;

/// Answers a request.
///
/// # Errors
/// `NotFound` when a feature of the request was dropped; `Corrupt` when stored bytes cannot be read.
pub(crate) fn answer(
    engine: Engine<'_>,
    request: &Prepared,
    entities: &EntityRows,
    question: Question,
) -> Result<Answer> {
    with_plan(engine.backend, request, |plan| {
        let mut records = Vec::new();
        read_records(engine, plan, entities.asked_of(plan)?, question, &mut records, usize::MAX)?;
        request.count_records(plan, &records, entities.len());
        Ok(Answer::new(plan.clone(), records, entities.len()))
    })
}

/// Reads into records, one list a source, whose memory is used again. Refuses answers whose values of variable length
/// have more than `variable_bytes_max` together.
///
/// # Errors
/// `Invalid` for an answer that is too long; `Corrupt` when stored bytes cannot be read.
pub(crate) fn read_records(
    engine: Engine<'_>,
    plan: &ReadPlan,
    asked: &AskedRows,
    question: Question,
    records: &mut Vec<Records>,
    variable_bytes_max: usize,
) -> Result<()> {
    let find = |visit: &mut VisitRow<'_>, computed: &mut [Records]| match plan.sources.folds.is_empty() {
        true => run(engine.backend, &plan.sources, &asked.groups, question, visit),
        false => run_with_folds(engine, plan, asked, question, visit, computed),
    };
    read_found(engine, plan, asked, records, variable_bytes_max, find).map(drop)
}

/// Reads as [`read_records`] does, the same answers, from a state that can be asked again: tells of which moment it is.
/// `None` where there is no such state without waiting for long; nothing was read then.
///
/// # Errors
/// As there.
pub(crate) fn read_moment(
    engine: Engine<'_>,
    plan: &ReadPlan,
    asked: &AskedRows,
    question: Question,
    records: &mut Vec<Records>,
    variable_bytes_max: usize,
) -> Result<Option<Moment>> {
    let now = engine.backend.now();
    let asked_known_at = match question {
        Question::Latest => None,
        Question::AsOf { known_at, .. } => known_at,
    };
    let Some((state, stamp)) = engine.backend.stamped_state(now, asked_known_at) else { return Ok(None) };
    let mut newest = stamp;
    let find = |visit: &mut VisitRow<'_>, computed: &mut [Records]| {
        let mut visit = |row: usize, source: usize, at, found: Option<Found<'_>>| {
            // A writer may claim that its row becomes known only later.
            newest = found.map_or(newest, |found| newest.max(found.version.created));
            visit(row, source, at, found)
        };
        run_in(engine, plan, asked, question, (&*state, now), &mut visit, computed)
    };
    let at = read_found(engine, plan, asked, records, variable_bytes_max, find)?;
    let known_at = asked_known_at.map_or(newest, |known_at| known_at.min(newest));
    Ok(Some(Moment { served_at: now, at, known_at }))
}

/// Fills records with what `find` hands to its visitor and folds, and with what is computed from it; returns the time
/// asked about.
fn read_found(
    engine: Engine<'_>,
    plan: &ReadPlan,
    asked: &AskedRows,
    records: &mut Vec<Records>,
    variable_bytes_max: usize,
    find: impl FnOnce(&mut VisitRow<'_>, &mut [Records]) -> Result<Timestamp>,
) -> Result<Timestamp> {
    let (rows, sources) = (asked.len(), &plan.sources);
    records.truncate(sources.list.len());
    for (source, records) in sources.list.iter().zip(records.iter_mut()) {
        records.reset(source.layout(), rows);
    }
    records.extend(sources.list[records.len()..].iter().map(|source| Records::new(source.layout(), rows)));
    let (looked_up, computed) = records.split_at_mut(sources.looked_up);
    let mut variable_bytes = 0;
    let mut visit = |row: usize, source: usize, at, found: Option<Found<'_>>| {
        let records = &mut looked_up[source];
        let before = records.variable_bytes();
        sources.list[source].write(at, found, &mut records.get_mut(row))?;
        variable_bytes += records.variable_bytes() - before;
        check_variable_bytes(variable_bytes, variable_bytes_max)
    };
    let at = find(&mut visit, computed)?;
    if sources.has_computed() {
        compute(sources, &plan.derived, Times::One(at), &asked.request, records, rows, engine.nulls)?;
        check_variable_bytes(records.iter().map(Records::variable_bytes).sum(), variable_bytes_max)?;
    }
    Ok(at)
}

/// Reads into a matrix of rows × features, and counts the values that are not present for the request's consumer.
///
/// # Errors
/// `Invalid` when a feature is not a number or the matrix has another size; else as [`answer`].
pub(crate) fn read_matrix(
    engine: Engine<'_>,
    (plan, request): (&ReadPlan, &Prepared),
    asked: &AskedRows,
    question: Question,
    matrix: &mut F32Matrix<'_>,
) -> Result<()> {
    let rows = asked.len();
    if plan.sources.has_computed() {
        let statuses = matrix.statuses.as_ref().map(|statuses| statuses.len());
        plan.output.check_matrix(rows, matrix.values.len(), statuses)?;
        let mut records = Vec::new();
        read_records(engine, plan, asked, question, &mut records, usize::MAX)?;
        write_records(plan, &records, rows, matrix);
        request.count_records(plan, &records, rows);
        return Ok(());
    }
    let mut writer = MatrixWriter::new(plan, rows, matrix)?;
    let mut holes = request.holes();
    writer.write_holes(&asked.groups, rows, holes.as_mut());
    // Decided once a read, not once a row.
    let run = |visit: &mut VisitRow<'_>| run(engine.backend, &plan.sources, &asked.groups, question, visit);
    match &mut holes {
        None => run(&mut |row, view, at, found| writer.write(row, view, at, found))?,
        Some(holes) => run(&mut |row, view, at, found| writer.write_counted((row, view), at, found, holes))?,
    };
    request.count_holes(plan, holes);
    Ok(())
}

fn check_variable_bytes(bytes: usize, bytes_max: usize) -> Result<()> {
    if bytes <= bytes_max { Ok(()) } else { Err(answer_too_long(bytes_max)) }
}

/// Runs a read with the request's plan, and once more with a fresh one if the catalog changed under it.
///
/// # Errors
/// Those of the read; `NotFound` when a feature of the request was dropped.
pub(crate) fn with_plan<T>(
    backend: &dyn Backend,
    request: &Prepared,
    mut read: impl FnMut(&Arc<ReadPlan>) -> Result<T>,
) -> Result<T> {
    let catalog = || backend.catalog();
    let plan = request.plan(backend.revision(), catalog)?;
    match read(&plan) {
        Err(error) if backend.revision() == plan.revision => Err(error),
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

/// Looks up every view of every entity at once, so that all are of one state, and hands each answer to `visit`.
/// Entities with null keys are not visited. Returns the time asked about.
fn run(
    backend: &dyn Backend,
    sources: &Sources,
    groups: &[EncodedKeys],
    question: Question,
    visit: &mut VisitRow<'_>,
) -> Result<Timestamp> {
    let targets = Targets::new(sources, groups);
    match question {
        Question::Latest => {
            let at = backend.now();
            backend.latest(&targets.lookups(), at, &mut |index, found| targets.visit(visit, at, index, found))?;
            Ok(at)
        }
        Question::AsOf { at, known_at } => {
            let lookups = targets.lookups_at(at);
            backend.as_of(&lookups, known_at, &mut |index, found| targets.visit(visit, at, index, found))?;
            Ok(at)
        }
    }
}

/// [`run`], and the folds of all windows into `computed`, the records of what is not looked up; all of one state.
fn run_with_folds(
    engine: Engine<'_>,
    plan: &ReadPlan,
    asked: &AskedRows,
    question: Question,
    visit: &mut VisitRow<'_>,
    computed: &mut [Records],
) -> Result<Timestamp> {
    let now = engine.backend.now();
    let known_at = match question {
        Question::Latest => None,
        Question::AsOf { known_at, .. } => known_at,
    };
    let state = engine.backend.state(now, known_at);
    run_in(engine, plan, asked, question, (&*state, now), visit, computed)
}

/// Looks up and folds in a state, whose present is `now`.
fn run_in(
    engine: Engine<'_>,
    plan: &ReadPlan,
    asked: &AskedRows,
    question: Question,
    (state, now): (&dyn State, Timestamp),
    visit: &mut VisitRow<'_>,
    computed: &mut [Records],
) -> Result<Timestamp> {
    let sources = &plan.sources;
    let targets = Targets::new(sources, &asked.groups);
    let (at, known_at) = match question {
        Question::Latest => (now, None),
        Question::AsOf { at, known_at } => (at, known_at),
    };
    match question {
        Question::Latest => {
            state.latest(&targets.lookups(), at, &mut |index, found| targets.visit(visit, at, index, found))?;
        }
        Question::AsOf { .. } => {
            let lookups = targets.lookups_at(at);
            state.as_of(&lookups, known_at, &mut |index, found| targets.visit(visit, at, index, found))?;
        }
    }
    fold_all(engine, state, sources, asked, (at, known_at), computed)?;
    Ok(at)
}

/// Folds every window of every entity.
fn fold_all(
    engine: Engine<'_>,
    state: &dyn State,
    sources: &Sources,
    asked: &AskedRows,
    (at, known_at): (Timestamp, Option<Timestamp>),
    computed: &mut [Records],
) -> Result<()> {
    for ((fold, tiling), spares) in sources.folds.iter().zip(&sources.tilings).zip(&sources.spares) {
        let windows = fold.sources.start - sources.looked_up..fold.sources.end - sources.looked_up;
        let records = &mut computed[windows];
        let mut cursor = state.events(&fold.from)?;
        let tiling = tiling.as_ref().filter(|_| engine.backend.keeps_tiles());
        let mut memory = spares.take(fold, tiling)?;
        let mut folder = Folder::new(fold, &mut memory.fold, EVENTS_MAX);
        let mut tiles =
            tiling.zip(memory.tiles.as_mut()).map(|(tiling, memory)| Tiles::new(state, fold, tiling, memory));
        let keys = &asked.groups[fold.key_group];
        for row in 0..asked.len() {
            let Some(key) = keys.get(row) else { continue };
            let question = FoldQuestion { key, at, known_at };
            let is_worth_tiles = folder.fold(&mut *cursor, tiles.as_mut(), question, records, row)?;
            if let Some(tiles) = tiles.as_ref().filter(|_| is_worth_tiles && known_at.is_none()) {
                engine.sealer.wish(tiles.windows(), key, fold.span(at, at));
            }
        }
        spares.give_back(memory);
    }
    Ok(())
}
