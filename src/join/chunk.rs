//! A part of the spine that fits into memory, and the look-ups for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use asofdb_storage::{Error, Hint, Result, ScalarType, Snapshot, Steps, Stop, Timestamp, ValueType};
use parking_lot::Mutex;

use super::known::KnownAt;
use super::options::JoinOptions;
use super::order::{ENTRY_BYTES, Entry, Order, visiting_order};
use crate::definitions::suggest::did_you_mean;
use crate::derived::compute::{Times, compute};
use crate::derived::nulls::NullCounts;
use crate::derived::request_rows::RequestRows;
use crate::read::plan::ReadPlan;
use crate::read::record::Records;
use crate::read::request::request_columns;
use crate::read::sources::SourcePlan;
use crate::rows::keys::EncodedKeys;
use crate::rows::named::find_column;
use crate::rows::plain::rows_within;
use crate::rows::problems::Problems;
use crate::rows::types::{batch_bytes, cast_exact};
use crate::threads;
use crate::windows::answers::Answers;
use crate::windows::entity::EntityEvents;
use crate::windows::fold_memory::FoldMemory;
use crate::windows::folder::{FoldQuestion, Folder};
use crate::windows::plan::FoldPlan;

/// Threads that visit views. The reading of one view is sequential.
pub(super) const THREADS: usize = 2;

/// Most rows of a batch that are taken at once, so that one large batch does not overrun the memory.
const SLICE_ROWS: usize = 1 << 16;

/// Most bytes that the keys and times taken at once have once they are plain.
const SLICE_BYTES: u64 = 32 << 20;

/// Most rows of a chunk: visiting entries number them with 32 bits.
const CHUNK_ROWS_MAX: usize = u32::MAX as usize;

/// Part of the spine with its keys and times.
pub(super) struct Chunk {
    batches: Vec<RecordBatch>,
    keys: Vec<EncodedKeys>,
    /// The values that come with the question, out of the spine.
    request: RequestRows,
    times: Vec<Option<Timestamp>>,
}

/// The place of look-ups, and the rules for them.
#[derive(Clone, Copy)]
pub(super) struct LookUp<'l> {
    pub(super) plan: &'l ReadPlan,
    pub(super) snapshot: &'l dyn Snapshot,
    pub(super) known_at: KnownAt,
    /// Bytes that the events of an entity may become, for each thread that folds.
    pub(super) events_bytes_max: usize,
    /// A chunk may take minutes: it ends sooner when nobody waits for it.
    pub(super) stop: &'l Stop,
    /// The nulls that expressions made themselves.
    pub(super) nulls: &'l NullCounts,
}

/// Cuts the spine into chunks.
pub(super) struct ChunkReader<I> {
    plan: Arc<ReadPlan>,
    spine: I,
    time_column: String,
    memory_bytes: usize,
    /// The rest of a batch that was cut, and how many rows of the spine came before the next one.
    rest: Option<RecordBatch>,
    rows_before: u64,
}

impl<I: Iterator<Item = Result<RecordBatch>>> ChunkReader<I> {
    pub(super) fn new(plan: Arc<ReadPlan>, spine: I, options: &JoinOptions) -> Self {
        let (time_column, memory_bytes) = (options.event_timestamp.clone(), options.memory_bytes);
        ChunkReader { plan, spine, time_column, memory_bytes, rest: None, rows_before: 0 }
    }

    /// The next chunk; `None` at the end of the spine.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>> {
        let sources = &self.plan.sources;
        let records: usize = sources.list.iter().map(|view| view.layout().stride()).sum();
        let per_row = records + ENTRY_BYTES * sources.key_groups.len() + size_of::<Option<Timestamp>>();
        let mut chunk = Chunk {
            batches: Vec::new(),
            keys: vec![EncodedKeys::default(); sources.key_groups.len()],
            request: RequestRows::new(&self.plan.derived.request),
            times: Vec::new(),
        };
        let mut spine_bytes = 0;
        while chunk.rows() * per_row + chunk.key_bytes() + spine_bytes < self.memory_bytes
            && chunk.rows() < CHUNK_ROWS_MAX - SLICE_ROWS
        {
            let Some(slice) = self.next_slice()? else { break };
            spine_bytes += batch_bytes(&slice);
            self.add(&mut chunk, slice)?;
        }
        Ok((chunk.rows() > 0).then_some(chunk))
    }

    fn next_slice(&mut self) -> Result<Option<RecordBatch>> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.spine.find(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)) {
                Some(batch) => batch?,
                None => return Ok(None),
            },
        };
        let rows = self.slice_rows(&batch)?;
        if batch.num_rows() > rows {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        Ok(Some(batch.slice(0, rows)))
    }

    /// Rows of a batch that are taken at once: as many as may be, or as their keys and times leave small once they are
    /// plain. What else the spine has is carried along as it is.
    fn slice_rows(&self, batch: &RecordBatch) -> Result<usize> {
        let request = self.plan.derived.request.iter().map(|value| &value.name);
        let names = self.plan.sources.join_keys.iter().map(|key| &key.name).chain([&self.time_column]).chain(request);
        let columns: Vec<_> = names.filter_map(|name| batch.column_by_name(name)).collect();
        match rows_within(columns.iter().copied(), 0, batch.num_rows().min(SLICE_ROWS), SLICE_BYTES) {
            0 => {
                let row = self.rows_before;
                Err(Error::invalid(format!("spine row {row}: the join keys of a row have at most {SLICE_BYTES} bytes")))
            }
            rows => Ok(rows),
        }
    }

    fn add(&mut self, chunk: &mut Chunk, batch: RecordBatch) -> Result<()> {
        let mut problems = Problems::first();
        let times = self.times(&batch, &mut problems)?;
        let keys = self.plan.sources.encode_keys(&batch, &mut problems)?;
        if let Some((row, message)) = problems.rows().next() {
            return Err(Error::invalid(format!("spine row {}: {message}", self.rows_before + row as u64)));
        }
        let values = request_columns(&self.plan.derived.request, &batch)?;
        chunk.request.push_columns(&self.plan.derived.request, &values, batch.num_rows())?;
        self.rows_before += batch.num_rows() as u64;
        chunk.times.extend(times);
        chunk.keys.iter_mut().zip(&keys).for_each(|(all, keys)| all.extend(keys));
        chunk.batches.push(batch);
        Ok(())
    }

    fn times(&self, batch: &RecordBatch, problems: &mut Problems) -> Result<Vec<Option<Timestamp>>> {
        let name = &self.time_column;
        let schema = batch.schema_ref();
        let position = find_column(schema, name)?.ok_or_else(|| {
            let hint = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
            Error::invalid(format!("the spine has no time column {name:?}{hint}")).with_hint(Hint::EventTimestamp)
        })?;
        let micros = cast_exact(batch.column(position), ValueType::Scalar(ScalarType::Timestamp), name, problems)?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        Ok(micros.iter().map(|time| time.map(Timestamp::from_micros)).collect())
    }
}

impl Chunk {
    pub(super) fn rows(&self) -> usize {
        self.times.len()
    }

    pub(super) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    fn key_bytes(&self) -> usize {
        self.keys.iter().map(EncodedKeys::memory_bytes).sum::<usize>() + self.request.memory_bytes()
    }

    /// Rows with a null time or a null in any key.
    pub(super) fn null_rows(&self) -> u64 {
        let null = |row: &usize| self.times[*row].is_none() || self.keys.iter().any(|keys| keys.get(*row).is_none());
        (0..self.rows()).filter(null).count() as u64
    }

    /// Gives the values of every source, in the order of the sources: looks up and folds, then computes the rest.
    pub(super) fn look_up(&self, look_up: &LookUp<'_>) -> Result<Vec<Records>> {
        let sources = &look_up.plan.sources;
        let orders: Vec<Order> = self.keys.iter().map(|keys| visiting_order(keys, &self.times)).collect();
        let tasks = sources.looked_up + sources.folds.len();
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Result<Vec<Records>>>>> = (0..tasks).map(|_| Mutex::new(None)).collect();
        let work = || {
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                let Some(slot) = done.get(task) else { break };
                *slot.lock() = Some(match task.checked_sub(sources.looked_up) {
                    None => self.look_up_view(&sources.list[task], &orders, look_up).map(|records| vec![records]),
                    Some(fold) => self.fold(&sources.folds[fold], &orders, look_up),
                });
            }
        };
        std::thread::scope(|scope| {
            // Where no more threads can be started, this one does all of it.
            (1..THREADS.min(tasks)).for_each(|_| drop(threads::start(scope, "that looks up", work)));
            work();
        });
        let finished = |slot: Mutex<Option<Result<Vec<Records>>>>| {
            slot.into_inner().unwrap_or_else(|| Err(Error::internal("a view of the join was not visited")))
        };
        let records = done.into_iter().map(finished).collect::<Result<Vec<_>>>()?;
        // Folds lie behind what is looked up, each with its windows side by side, and what is computed behind them.
        let mut records: Vec<Records> = records.into_iter().flatten().collect();
        let computed = &sources.list[records.len()..];
        records.extend(computed.iter().map(|source| Records::new(source.layout(), self.rows())));
        let times = Times::Each(&self.times);
        compute(sources, &look_up.plan.derived, times, &self.request, &mut records, self.rows(), look_up.nulls)?;
        Ok(records)
    }

    fn look_up_view(&self, source: &SourcePlan, orders: &[Order], look_up: &LookUp<'_>) -> Result<Records> {
        let (order, keys) = (&orders[source.key_group], &self.keys[source.key_group]);
        let mut records = Records::new(source.layout(), self.rows());
        let mut cursor = look_up.snapshot.ordered_cursor(&source.view, order.entries.len() as u64)?;
        let (mut short, mut steps) = ([0; 8], Steps::new(look_up.stop));
        for entry in &order.entries {
            steps.step()?;
            let row = entry.row as usize;
            let Some(key) = order.key(entry, keys, &mut short) else { continue };
            let found = cursor.find(key, entry.at(), look_up.known_at.of(entry.at()))?;
            source.write(entry.at(), found, &mut records.get_mut(row))?;
        }
        Ok(records)
    }

    /// Folds the windows of one view; gives their records, one list a window.
    fn fold(&self, fold: &FoldPlan, orders: &[Order], look_up: &LookUp<'_>) -> Result<Vec<Records>> {
        let (order, keys) = (&orders[fold.key_group], &self.keys[fold.key_group]);
        let sources = &look_up.plan.sources.list[fold.sources.clone()];
        let mut records: Vec<_> = sources.iter().map(|source| Records::new(source.layout(), self.rows())).collect();
        let mut cursor = look_up.snapshot.ordered_cursor(&fold.from, order.entries.len() as u64)?;
        let mut events = EntityEvents::new(fold, look_up.events_bytes_max)?;
        let mut memory = FoldMemory::new(fold)?;
        let mut folder = Folder::new(fold, &mut memory, u64::MAX);
        let (mut short, mut steps) = ([0; 8], Steps::new(look_up.stop));
        let is_same = |a: &Entry, b: &Entry| order.is_same_key(a, b, keys);
        for entries in order.entries.chunk_by(is_same) {
            let Some(key) = order.key(&entries[0], keys, &mut short) else { continue };
            let (newest, oldest) = (entries[0].at(), entries[entries.len() - 1].at());
            // One question reads no more than it needs.
            let is_held = entries.len() > 1 && events.load(&mut *cursor, key, fold.span(oldest, newest))?;
            let cutoff = cursor.cutoff();
            let mut answers = is_held.then(|| Answers::new(fold, &events, cutoff));
            for entry in entries {
                steps.step()?;
                let (at, row) = (entry.at(), entry.row as usize);
                let question = FoldQuestion { key, at, known_at: look_up.known_at.of(at) };
                let is_answered = match &mut answers {
                    Some(answers) => answers.answer(question, &mut records, row)?,
                    None => false,
                };
                if !is_answered {
                    folder.fold(&mut *cursor, None, question, &mut records, row)?;
                }
            }
        }
        Ok(records)
    }
}
