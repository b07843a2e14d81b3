//! The thread that gathers and loads chunks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use asofdb_storage::{Error, Result, Staging, StagingProgress, WriteBatch, fail_point};
use crossbeam::channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::chunk::Chunk;
use super::target::Target;
use crate::threads;

/// The time between two looks at how far the loader has come, by whoever waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The time without rows after which whoever gathers them is told that more may come.
const STAY_EVERY: Duration = Duration::from_secs(30);

/// Gathers and writes chunks in a thread of its own, one after the other.
pub(super) struct Loader<'s> {
    work: Sender<Work<'s>>,
    /// Says nothing, and ends with the thread.
    ended: Receiver<()>,
    thread: ScopedJoinHandle<'s, Result<()>>,
    target: &'s Target<'s>,
    written: &'s WrittenBytes,
}

/// Bytes of the inputs whose rows are part of the store, as far as that is known; while a chunk is loaded, in proportion to
/// how far that has come.
#[derive(Debug)]
pub(super) struct WrittenBytes(AtomicU64);

impl WrittenBytes {
    pub(super) fn new(bytes: u64) -> Self {
        WrittenBytes(AtomicU64::new(bytes))
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

enum Work<'t> {
    /// The place for the rows of a chunk that do not fit into memory.
    Begin(Box<dyn Staging + 't>),
    /// Rows of a chunk that goes on.
    Gather(WriteBatch),
    /// The rest of a chunk.
    Load(Step),
}

/// A chunk that is complete.
struct Step {
    chunk: Chunk,
    /// Bytes of the inputs up to its end.
    bytes: u64,
}

impl<'s> Loader<'s> {
    pub(super) fn start<'e>(
        scope: &'s thread::Scope<'s, 'e>,
        target: &'s Target<'s>,
        written: &'s WrittenBytes,
    ) -> Result<Self> {
        // Without room: work is handed over when that before is done.
        let (work, receive) = bounded::<Work<'s>>(0);
        let (end, ended) = bounded(0);
        let mut loading = Loading { target, stage: None, written };
        let run = move || {
            let done = loading.run(&receive);
            drop(end);
            done
        };
        Ok(Loader { work, ended, thread: threads::start(scope, "that loads", run)?, target, written })
    }

    pub(super) fn written(&self) -> &'s WrittenBytes {
        self.written
    }

    /// Begins to gather rows that do not fit into memory, where the store does so now; tells how many bytes it takes.
    ///
    /// # Errors
    /// `Unavailable` when the loader takes no more work.
    pub(super) fn begin(&self, wait: &mut dyn FnMut()) -> Result<Option<u64>> {
        let Some(stage) = self.target.stage() else { return Ok(None) };
        let bytes_max = stage.bytes_max();
        self.send(Work::Begin(stage), wait)?;
        Ok(Some(bytes_max))
    }

    /// Hands rows over to be gathered, waiting for the work before.
    ///
    /// # Errors
    /// As [`Loader::begin`].
    pub(super) fn gather(&self, rows: WriteBatch, wait: &mut dyn FnMut()) -> Result<()> {
        self.send(Work::Gather(rows), wait)
    }

    /// Hands a chunk over, waiting for the work before; the inputs have `bytes` up to its end.
    ///
    /// # Errors
    /// As [`Loader::begin`].
    pub(super) fn load(&self, chunk: Chunk, bytes: u64, wait: &mut dyn FnMut()) -> Result<()> {
        self.send(Work::Load(Step { chunk, bytes }), wait)
    }

    /// Hands work over, and calls `wait` now and then until it is taken.
    fn send(&self, mut work: Work<'s>, wait: &mut dyn FnMut()) -> Result<()> {
        loop {
            work = match self.work.send_timeout(work, LOOK_EVERY) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(_)) => return Err(stopped()),
                Err(SendTimeoutError::Timeout(work)) => work,
            };
            wait();
        }
    }

    /// Waits for the last chunk, calling `wait` now and then. Rows that were gathered and not loaded are removed.
    pub(super) fn finish(self, wait: &mut dyn FnMut()) -> Result<()> {
        drop(self.work);
        while self.ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            wait();
        }
        self.thread.join().unwrap_or_else(|_| Err(panicked()))
    }
}

/// The work of the loader.
struct Loading<'t> {
    target: &'t Target<'t>,
    stage: Option<Box<dyn Staging + 't>>,
    written: &'t WrittenBytes,
}

impl<'t> Loading<'t> {
    /// Does work until no more comes.
    fn run(&mut self, receive: &Receiver<Work<'t>>) -> Result<()> {
        loop {
            match receive.recv_timeout(STAY_EVERY) {
                Ok(Work::Begin(stage)) => self.stage = Some(stage),
                Ok(Work::Gather(rows)) => self.gather(rows)?,
                Ok(Work::Load(step)) => self.load(step)?,
                Err(RecvTimeoutError::Timeout) => self.stage.as_mut().map_or(Ok(()), |stage| stage.stay())?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn gather(&mut self, rows: WriteBatch) -> Result<()> {
        match &mut self.stage {
            Some(stage) => stage.add(rows),
            None => Err(Error::internal("rows were to be gathered, and it was not said where")),
        }
    }

    fn load(&mut self, step: Step) -> Result<()> {
        fail_point("ingest loads");
        let (mut rows, notes) = step.chunk.into_parts();
        match self.stage.take() {
            Some(mut stage) => {
                if !rows.is_empty() {
                    stage.add(rows)?;
                }
                stage.load(notes, &self.on_progress(step.bytes))?;
            }
            None => {
                notes.into_iter().for_each(|(name, value)| rows.note(name, value));
                self.target.load(rows)?;
            }
        }
        self.written.0.store(step.bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Says how far a load has come whose end is that of `bytes` of the inputs.
    fn on_progress(&self, bytes: u64) -> impl Fn(StagingProgress) -> Result<()> + Sync + use<'t> {
        let (target, written) = (self.target, self.written);
        let before = written.get();
        move |progress| {
            let part = progress.done.min(progress.total) as f64 / progress.total.max(1) as f64;
            let now = before + (bytes.saturating_sub(before) as f64 * part) as u64;
            // Several threads tell, and one that is late must not take back what another said.
            written.0.fetch_max(now, Ordering::Relaxed);
            target.check_cancelled()
        }
    }
}

fn panicked() -> Error {
    Error::internal("the thread that loads an ingest panicked, which is a bug; run it again to go on")
}

fn stopped() -> Error {
    Error::unavailable("the store stopped to take rows; run the ingest again to go on")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use asofdb_storage::{
        Catalog, Committed, Definitions, EntityDefinition, FeatureDefinition, FeatureView, JoinKey, Note,
        OnStagingProgress, ScalarType, Timestamp, ViewDefinition,
    };

    use super::*;
    use crate::ingest::Loads;
    use crate::ingest::chunk::ChunkSizes;
    use crate::ingest::identity::Reached;
    use crate::rows::encode::ViewEncoder;

    /// A store whose loads stand still in the middle until somebody has seen that they are there.
    struct Slow {
        seen: Receiver<()>,
    }

    fn view() -> Arc<FeatureView> {
        let definitions = Definitions {
            entities: vec![EntityDefinition {
                name: "user".into(),
                join_keys: vec![JoinKey { name: "user_id".into(), ty: ScalarType::Int64 }],
                ..EntityDefinition::default()
            }],
            views: vec![ViewDefinition {
                name: "profile".into(),
                entities: vec!["user".into()],
                features: vec![FeatureDefinition::new("visits", "int64".parse().unwrap())],
                ..ViewDefinition::default()
            }],
            services: vec![],
        };
        let plan = Catalog::default().plan(&definitions, Timestamp::from_micros(1)).unwrap();
        plan.into_catalog().view("profile").unwrap().clone()
    }

    /// The rows that it gathers.
    struct Half<'s>(&'s Slow);

    impl Staging for Half<'_> {
        fn bytes_max(&self) -> u64 {
            7_000
        }

        fn add(&mut self, _: WriteBatch) -> Result<()> {
            Ok(())
        }

        fn load(self: Box<Self>, _: Vec<Note>, progress: &OnStagingProgress<'_>) -> Result<Committed> {
            progress(StagingProgress { done: 4, total: 8 })?;
            self.0.seen.recv_timeout(Duration::from_secs(60)).expect("somebody is told of the progress");
            Ok(Committed { created: Timestamp::from_micros(1) })
        }
    }

    impl Loads for Slow {
        fn catalog(&self) -> Result<Arc<Catalog>> {
            Ok(Arc::default())
        }

        fn now(&self) -> Result<Timestamp> {
            Ok(Timestamp::from_micros(1))
        }

        fn note(&self, _: &[u8]) -> Result<Option<Vec<u8>>> {
            Ok(None)
        }

        fn load_bytes_max(&self) -> Result<usize> {
            Ok(usize::MAX)
        }

        fn check_cancelled(&self) -> Result<()> {
            Ok(())
        }

        fn load(&self, _: &FeatureView, _: WriteBatch) -> Result<()> {
            Ok(())
        }

        fn stage<'s>(&'s self, _: &FeatureView) -> Option<Box<dyn Staging + 's>> {
            Some(Box::new(Half(self)))
        }
    }

    #[test]
    fn whoever_waits_is_told_how_far_a_load_has_come_while_it_is_written() {
        let (tell, seen_there) = bounded(1);
        let (store, written) = (Slow { seen: seen_there }, WrittenBytes::new(100));
        let target = Target::new(&store, ViewEncoder::new(view()).unwrap());
        let mut seen = Vec::new();
        thread::scope(|scope| {
            let loader = Loader::start(scope, &target, &written).unwrap();
            assert_eq!(loader.begin(&mut || {}).unwrap(), Some(7_000));
            let mut chunk = Chunk::new(ChunkSizes { bytes_max: 1, step_bytes_max: 1 });
            chunk.note(b"file", Reached::default());
            loader.load(chunk, 300, &mut || {}).unwrap();
            let mut look = || {
                seen.push(written.get());
                if written.get() == 200 {
                    let _ = tell.try_send(());
                }
            };
            loader.finish(&mut look).unwrap();
        });
        assert!(seen.contains(&200) && seen.is_sorted(), "{seen:?}");
        assert_eq!(written.get(), 300);
    }
}
