//! Streams: what reads a source and writes rows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asofdb::parts::{ObjectRows, find_stored_view};
use asofdb::storage::WriteBatch;
use asofdb::{Error, Result, Stop, Store};
use serde_json::{Map, Value as Json};

use crate::options::{OnBadRecord, StreamOptions};
use crate::position::Position;
use crate::progress::{Done, NoteNames};
use crate::rejects::{Reject, Rejects};
use crate::source::{Content, Record, Source, Waited};
use crate::status::{StreamFigures, StreamState, StreamStatus};

/// The longest wait for a source: within it a stream hears that it shall end.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// A stream of records into a view. It is at the same place of its source as the store: after an error it can be run again.
pub struct Stream {
    store: Store,
    source: Box<dyn Source>,
    options: StreamOptions,
    names: NoteNames,
    partitions: BTreeMap<String, Position>,
    batch: Batch,
    rejects: Option<Rejects>,
    done: Done,
    status: Arc<StreamStatus>,
}

/// Records that were read, and not yet written.
struct Batch {
    rows: ObjectRows,
    revision: u64,
    /// By row: where it came from, and its bytes in `values`.
    origins: Vec<Origin>,
    values: Vec<u8>,
    /// The positions behind the records.
    positions: BTreeMap<String, Position>,
    /// The time by which it is written.
    due: Option<Instant>,
}

struct Origin {
    partition: usize,
    offset: u128,
    end: usize,
}

impl Stream {
    /// Opens a stream where the store says that it was, or where it shall begin.
    ///
    /// # Errors
    /// `NotFound` when there is no such view; `Invalid` when it is computed, or a name is too long; `Unavailable` when the
    /// source cannot be reached or the file of bad records not be opened; `Corrupt` when a note cannot be read.
    pub fn open(store: Store, source: Box<dyn Source>, options: StreamOptions) -> Result<Self> {
        let batch = Batch::new(&store, &options.view)?;
        let name = options.name.clone().unwrap_or_else(|| source.address().to_owned());
        let names = NoteNames::new(batch.rows.view().id, &name)?;
        let note = store.backend().note(&names.stream())?.filter(|_| source.resumes());
        let mut done = note.map_or_else(|| Ok(Done::default()), |note| Done::decode(&note))?;
        let rejects = match &options.on_bad_record {
            OnBadRecord::Stop => None,
            OnBadRecord::SetAside(path) => Some(Rejects::open(path, &done)?),
        };
        // Before the first is set aside: also that one is cut off where its step is not written.
        if source.resumes() && rejects.as_ref().is_some_and(|rejects| rejects.note(&mut done)) {
            let mut batch = WriteBatch::new();
            batch.note(names.stream(), Some(done.encode()));
            store.backend().commit(batch, options.durability)?;
        }
        let figures = StreamFigures { rows: done.rows, rejected: done.rejected, ..StreamFigures::default() };
        let status = Arc::new(StreamStatus::new(&name, &options.view, figures));
        let partitions = BTreeMap::new();
        Ok(Stream { store, source, options, names, partitions, batch, rejects, done, status })
    }

    /// The state of the stream, which stays true while it runs.
    pub fn status(&self) -> &Arc<StreamStatus> {
        &self.status
    }

    /// Reads and writes until it is told to stop, or the source has ended. What was read by then is written.
    ///
    /// # Errors
    /// `Invalid` for a bad record, where none is set aside; `Conflict` when the source has lost records that were not read;
    /// `NotFound` when the view was dropped; `Unavailable` when the source or the disk fails. What was not written is read
    /// again when it is run again.
    pub fn run(&mut self, stop: &Stop) -> Result<()> {
        self.status.change(|figures| figures.state = StreamState::Running);
        let done = self.find_partitions().and_then(|()| self.read_on(stop));
        match &done {
            Ok(()) => self.status.change(|figures| figures.state = StreamState::Ended),
            Err(error) => {
                self.status.failed(error);
                // It is read again.
                self.batch.clear();
            }
        }
        done
    }

    fn read_on(&mut self, stop: &Stop) -> Result<()> {
        loop {
            let has_more = self.read()?;
            let is_over = stop.is_stopped() || !has_more && self.options.until_end;
            if self.batch.is_due(&self.options) || is_over {
                self.write()?;
                self.look_behind()?;
            }
            if is_over {
                return Ok(());
            }
            if has_more {
                continue;
            }
            let patience = self.batch.due.map_or(WAIT_MAX, |due| due.saturating_duration_since(now()).min(WAIT_MAX));
            if self.source.wait(patience) == Waited::Ended {
                self.read()?;
                return self.write();
            }
            self.find_partitions()?;
        }
    }

    /// Takes up partitions that are new: where the store says that they were, or where they shall begin.
    fn find_partitions(&mut self) -> Result<()> {
        for partition in self.source.partitions()? {
            if self.partitions.contains_key(&partition) {
                continue;
            }
            let name = self.names.partition(&partition)?;
            let keeps = self.source.resumes() && !self.options.anew;
            let note = if keeps { self.store.backend().note(&name)? } else { None };
            let position = match note {
                Some(note) => Position::decode(&note)?,
                None => match self.source.begin(&partition, self.options.begin)? {
                    Some(position) => self.begin_at(name, position)?,
                    None => continue,
                },
            };
            self.partitions.insert(partition, position);
        }
        Ok(())
    }

    /// Notes where a partition is begun, so that it goes on from there also if nothing comes before the next start.
    fn begin_at(&self, name: Vec<u8>, position: Position) -> Result<Position> {
        if self.source.resumes() {
            let mut batch = WriteBatch::new();
            batch.note(name, Some(position.encode()));
            self.store.backend().commit(batch, self.options.durability)?;
        }
        Ok(position)
    }

    /// Reads what is there, as far as the batch has room; returns whether there was anything.
    fn read(&mut self) -> Result<bool> {
        if self.batch.rows.is_empty() && self.batch.revision != self.store.backend().revision() {
            self.follow_catalog()?;
        }
        let Stream { source, partitions, batch, options, .. } = self;
        let before = batch.rows.len();
        for (index, (partition, position)) in partitions.iter().enumerate() {
            if batch.is_full(options) {
                break;
            }
            let from = batch.positions.get(partition).unwrap_or(position).clone();
            let behind = source.read(partition, &from, &mut |record| {
                batch.push(index, record);
                if batch.is_full(options) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if behind != from {
                batch.positions.insert(partition.clone(), behind);
            }
        }
        let has_more = batch.rows.len() > before;
        if has_more && batch.due.is_none() {
            batch.due = Some(now() + options.linger);
        }
        Ok(has_more)
    }

    /// Goes by the view as it is now.
    fn follow_catalog(&mut self) -> Result<()> {
        let batch = Batch::new(&self.store, &self.options.view)?;
        if batch.rows.view().id != self.batch.rows.view().id {
            let view = &self.options.view;
            return Err(Error::not_found(format!("view {view:?} was dropped, and another one has its name")));
        }
        self.batch = batch;
        Ok(())
    }

    /// Writes what was read, with the positions behind it, in one step.
    fn write(&mut self) -> Result<()> {
        if self.batch.positions.is_empty() {
            return Ok(());
        }
        let (mut rows, problems) = self.batch.rows.finish(self.store.now())?;
        let mut done = self.done.clone();
        done.rows += (self.batch.origins.len() - problems.len()) as u64;
        done.rejected += problems.len() as u64;
        self.set_aside(&problems, &mut done)?;
        if self.source.resumes() {
            for (partition, position) in &self.batch.positions {
                rows.note(self.names.partition(partition)?, Some(position.encode()));
            }
            rows.note(self.names.stream(), Some(done.encode()));
        }
        let committed = self.store.backend().commit(rows, self.options.durability)?;
        self.rejects.iter_mut().for_each(|rejects| rejects.committed(&done));
        self.partitions.append(&mut self.batch.positions);
        self.batch.clear();
        self.status.change(|figures| {
            (figures.rows, figures.rejected) = (done.rows, done.rejected);
            figures.last_commit = Some(committed.created);
        });
        self.done = done;
        Ok(())
    }

    /// Sets bad records aside, or refuses the first.
    fn set_aside(&mut self, problems: &[(usize, String)], done: &mut Done) -> Result<()> {
        let names: Vec<&String> = self.partitions.keys().collect();
        let Some((first, reason)) = problems.first() else { return Ok(()) };
        let Some(rejects) = &mut self.rejects else {
            let Origin { partition, offset, .. } = self.batch.origins[*first];
            let (stream, view, partition) = (self.status.name(), self.status.view(), names[partition]);
            let offset = self.source.show(offset);
            return Err(Error::invalid(format!(
                "stream {stream}, partition {partition}, offset {offset}: not written to view {view:?}: {reason}; bad \
                 records can be set aside in a file"
            )));
        };
        let (batch, source) = (&self.batch, &self.source);
        let reject = |(row, reason): &'_ (usize, String)| {
            let start = row.checked_sub(1).map_or(0, |before| batch.origins[before].end);
            let Origin { partition, offset, end } = batch.origins[*row];
            (names[partition].as_str(), source.show(offset), reason.clone(), start..end)
        };
        let all: Vec<_> = problems.iter().map(reject).collect();
        rejects.add(
            all.iter().map(|(partition, offset, reason, bytes)| Reject {
                partition,
                offset,
                reason,
                value: &batch.values[bytes.clone()],
            }),
            done,
        )
    }

    fn look_behind(&mut self) -> Result<()> {
        let mut behind = Some(0);
        for (partition, position) in &self.partitions {
            let of_partition = self.source.behind(partition, position)?;
            behind = behind.zip(of_partition).map(|(sum, more)| sum + more);
        }
        self.status.change(|figures| figures.behind = behind);
        Ok(())
    }
}

impl Batch {
    fn new(store: &Store, view: &str) -> Result<Self> {
        let catalog = store.catalog();
        Ok(Batch {
            rows: ObjectRows::new(find_stored_view(&catalog, view)?.clone())?,
            revision: catalog.revision(),
            origins: Vec::new(),
            values: Vec::new(),
            positions: BTreeMap::new(),
            due: None,
        })
    }

    fn push(&mut self, partition: usize, record: Record<'_>) {
        match record.content {
            Content::Value(value) => {
                self.rows.push(value);
                self.values.extend_from_slice(value);
            }
            Content::Fields(fields) => {
                self.rows.push_fields(fields.iter().copied());
                // As it is set aside.
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                let object: Map<_, _> = fields.iter().map(|(name, value)| (text(name), text(value).into())).collect();
                self.values.extend(Json::Object(object).to_string().into_bytes());
            }
            Content::Bad(reason) => self.rows.push_bad(reason),
        }
        self.origins.push(Origin { partition, offset: record.offset, end: self.values.len() });
    }

    fn is_full(&self, options: &StreamOptions) -> bool {
        self.origins.len() >= options.rows_max || self.values.len() >= options.bytes_max
    }

    fn is_due(&self, options: &StreamOptions) -> bool {
        self.is_full(options) || self.due.is_some_and(|due| due <= now())
    }

    fn clear(&mut self) {
        // What was pushed and not finished begins the next batch otherwise.
        let _ = self.rows.finish(asofdb::Timestamp::MIN);
        self.origins.clear();
        self.values.clear();
        self.positions.clear();
        self.due = None;
    }
}

#[allow(clippy::disallowed_methods, reason = "for how long records wait for others: no answer depends on it")]
fn now() -> Instant {
    Instant::now()
}
