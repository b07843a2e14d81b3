//! Telling run events: to a file, or to whatever takes them.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use asofdb::{Clock, Error, Result, SystemClock};

use crate::run_event::{LineageRun, RunState};

/// Takes an event, a line of JSON with its end.
type Put = Box<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// Hears what could not be told.
type Notice = Box<dyn Fn(&Error) + Send + Sync>;

/// Tells run events of what a store is asked to do. What cannot be told keeps nothing from being done.
pub struct LineageTeller {
    put: Put,
    notice: Notice,
}

impl fmt::Debug for LineageTeller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineageTeller").finish_non_exhaustive()
    }
}

impl LineageTeller {
    /// Tells events by `put`, which gets each as a line of JSON, such as one that posts them to an address (`JsonPost` of
    /// the crate `asofdb-sidecar`); `notice` hears what it could not tell.
    pub fn new(
        put: impl Fn(&str) -> Result<()> + Send + Sync + 'static,
        notice: impl Fn(&Error) + Send + Sync + 'static,
    ) -> Self {
        LineageTeller { put: Box::new(put), notice: Box::new(notice) }
    }

    /// Appends events to a file, a line each, which is made where there is none. It is opened for each event, so that it
    /// may be moved away, and written in one write, so that lines of several processes do not mix.
    pub fn to_file(path: impl Into<PathBuf>, notice: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        let path = path.into();
        LineageTeller::new(move |event| append(&path, event), notice)
    }

    /// Tells the state of a run, as of now.
    pub fn put(&self, run: &LineageRun, state: &RunState) {
        let event = format!("{}\n", run.event(state, SystemClock.now()));
        if let Err(error) = (self.put)(&event) {
            (self.notice)(&error);
        }
    }

    /// Does work, and tells when it begins and how it ends; `reason` says why it failed.
    ///
    /// # Errors
    /// Those of the work.
    pub fn tell<T, E>(
        &self,
        run: &LineageRun,
        work: impl FnOnce() -> std::result::Result<T, E>,
        reason: impl FnOnce(&E) -> String,
    ) -> std::result::Result<T, E> {
        self.put(run, &RunState::Start);
        let done = work();
        match &done {
            Ok(_) => self.put(run, &RunState::Complete),
            Err(error) => self.put(run, &RunState::Fail(reason(error))),
        }
        done
    }

    /// Tells of work that is done: its begin and its end.
    pub fn tell_done(&self, run: &LineageRun, state: &RunState) {
        self.put(run, &RunState::Start);
        self.put(run, state);
    }
}

fn append(path: &Path, line: &str) -> Result<()> {
    let file = File::options().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| Error::unavailable(format!("cannot write {}", path.display())).with_source(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::Value as Json;

    use super::*;
    use crate::run_event::Dataset;

    #[test]
    fn work_is_told_at_its_begin_and_at_its_end_and_done_although_it_cannot_be_told() {
        let directory = tempfile::tempdir().unwrap();
        let (path, unheard) = (directory.path().join("events"), Arc::new(AtomicUsize::new(0)));
        let run = LineageRun::new("prod", "train", vec![Dataset::files("/in")], Vec::new());
        let teller = |path: &Path| {
            let unheard = unheard.clone();
            LineageTeller::to_file(path, move |_| {
                unheard.fetch_add(1, Ordering::Relaxed);
            })
        };
        let good = teller(&path).tell(&run, || Ok::<_, String>(7), String::clone);
        let bad = teller(&path).tell(&run, || Err::<u8, _>("full".to_owned()), String::clone);
        assert_eq!((good, bad), (Ok(7), Err("full".to_owned())));
        assert_eq!(teller(&path.join("none")).tell(&run, || Ok::<_, String>(8), String::clone), Ok(8));
        assert_eq!(unheard.load(Ordering::Relaxed), 2);
        let text = std::fs::read_to_string(path).unwrap();
        let events: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds: Vec<_> = events.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["START", "COMPLETE", "START", "FAIL"]);
        assert_eq!(events[3]["run"]["facets"]["errorMessage"]["message"], "full");
        assert_eq!(events[0]["inputs"][0]["name"], "/in");
    }
}
