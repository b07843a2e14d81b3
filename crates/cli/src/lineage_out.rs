//! Lineage as it goes out: run events of OpenLineage, to a file or to an address.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use asofdb::{Clock, Error, SystemClock};
use asofdb_platform::{Dataset, LineageRun, RunState};
use asofdb_sidecar::JsonPost;
use clap::Args;

use super::error::{self, Result, Stop};

/// The longest time that one event may take. Work waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Arguments about lineage, which the commands that read or write data share.
#[derive(Debug, Default, Args)]
pub(crate) struct LineageArguments {
    /// Tell what is read and written as OpenLineage run events: appended to a file, a line each, or posted to an address
    #[arg(long, global = true, env = "ASOF_LINEAGE", value_name = "FILE|URL", hide_short_help = true)]
    lineage: Option<String>,
    /// The name of this store in the events: what its views and jobs are of
    #[arg(long, global = true, env = "ASOF_LINEAGE_NAMESPACE", default_value = "asofdb", hide_short_help = true)]
    lineage_namespace: String,
}

impl LineageArguments {
    /// The name of the store in events.
    pub(crate) fn namespace(&self) -> &str {
        &self.lineage_namespace
    }

    /// Does work, and tells when it begins and how it ends. What cannot be told is said on standard error, and keeps
    /// nothing from being done; an address that is none is refused first.
    pub(crate) fn tell<T>(
        &self,
        job: &str,
        datasets: impl FnOnce() -> Result<(Vec<Dataset>, Vec<Dataset>)>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(place) = &self.lineage else { return work() };
        let sink = Sink::new(place)?;
        let (inputs, outputs) = datasets()?;
        let run = LineageRun::new(&self.lineage_namespace, job, inputs, outputs);
        sink.put(&run, &RunState::Start);
        let done = work();
        match &done {
            Ok(_) => sink.put(&run, &RunState::Complete),
            Err(stop) => sink.put(&run, &RunState::Fail(reason(stop))),
        }
        done
    }

    /// Tells of work that is done: runs with their datasets, and why they failed.
    pub(crate) fn tell_done(&self, runs: Vec<(LineageRun, RunState)>) -> Result<()> {
        let Some(place) = &self.lineage else { return Ok(()) };
        let sink = Sink::new(place)?;
        for (run, state) in runs {
            sink.put(&run, &RunState::Start);
            sink.put(&run, &state);
        }
        Ok(())
    }
}

enum Sink {
    File(PathBuf),
    Address(JsonPost),
}

impl Sink {
    fn new(place: &str) -> Result<Self> {
        match place.contains("://") {
            true => Ok(Sink::Address(JsonPost::new(place, TIMEOUT)?)),
            false => Ok(Sink::File(PathBuf::from(place))),
        }
    }

    fn put(&self, run: &LineageRun, state: &RunState) {
        let event = format!("{}\n", run.event(state, SystemClock.now()));
        let put = match self {
            Sink::File(path) => append(path, &event),
            Sink::Address(post) => post.send(event.as_bytes()),
        };
        if let Err(error) = put {
            error::notice(&format!("lineage was not told: {error:#}"));
        }
    }
}

fn reason(stop: &Stop) -> String {
    match stop {
        Stop::Failed(error) => format!("{error:#}"),
        Stop::Usage(rule) => rule.clone(),
        Stop::ReaderGone => "nobody reads the output".to_owned(),
    }
}

/// Appends a line in one write, so that lines of several processes do not mix.
fn append(path: &PathBuf, line: &str) -> asofdb::Result<()> {
    let file = File::options().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| Error::unavailable(format!("cannot write {}", path.display())).with_source(error))
}
