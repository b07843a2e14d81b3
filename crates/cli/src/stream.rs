//! `asof stream`: records of a log into a view.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use asofdb::{Error, Stop};
use asofdb_streams::{Begin, OnBadRecord, Stream as Reading, StreamFigures, StreamOptions, StreamStatus, source};
use clap::{Args, ValueEnum};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::progress::{Bar, Stopwatch};
use super::sheet::{Cell, Column, Place, Sheet};
use super::text::{count, counted};

/// The time between two looks at a stream, for its progress.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Write the records of a log to a view as they come, each exactly once
///
/// A record is an object of JSON that names the view's join keys, its timestamps and its features. The place in the log is
/// written with the rows, in the same step: a stream that was interrupted, however that was, goes on with the first record
/// that is not in the store. It runs until it is interrupted (Ctrl-C), unless --until-end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stream {
    /// The view
    view: String,
    /// The log: a file that grows by lines of JSON and may be rotated, redis://HOST:PORT/DB#KEY for a stream of Valkey or
    /// Redis, or `-` for the standard input, which cannot be read again
    #[arg(long, value_name = "SOURCE")]
    from: String,
    /// The name of the stream, by which its place is kept [default: the source]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The place at which it begins the first time
    #[arg(long, value_enum, default_value = "earliest", value_name = "PLACE")]
    begin: BeginAt,
    /// Forget where it was
    #[arg(long)]
    anew: bool,
    /// Set bad records aside in this file, with the reasons, and take the others; without it they end the stream
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// End when all that is there was read
    #[arg(long)]
    until_end: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof stream clicks_v1 --from /var/log/shop/clicks.ndjson
  asof stream clicks_v1 --from clicks.ndjson --rejects bad.ndjson --until-end
  asof stream clicks_v1 --from 'redis://localhost#clicks' --begin latest
  generate | asof stream clicks_v1 --from -";

/// The place at which a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BeginAt {
    /// With the first record that is there
    Earliest,
    /// With the first one that comes from now on
    Latest,
}

impl Stream {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        context.local_only("stream")?;
        let stop = Stop::new();
        let signals = Interrupt::catch(stop.clone())?;
        let store = context.open_store(false)?;
        let mut stream = Reading::open(store, source(&self.from)?, self.options())?;
        let (status, bar) = (stream.status().clone(), Bar::new(format!("streaming into {}", self.view)));
        let before = status.figures();
        let ran = thread::scope(|scope| {
            let running = scope.spawn(|| stream.run(&stop));
            while !running.is_finished() {
                bar.show_stream(&of(&status, &before));
                thread::sleep(LOOK_EVERY);
            }
            running.join().unwrap_or_else(|_| Err(Error::internal("the stream has panicked, which is a bug")))
        });
        drop(signals);
        let took = bar.finish();
        ran?;
        self.output.print(&self.report(&of(&status, &before), took))?;
        Ok(Outcome::Done)
    }

    fn options(&self) -> StreamOptions {
        StreamOptions {
            name: self.name.clone(),
            begin: match self.begin {
                BeginAt::Earliest => Begin::Earliest,
                BeginAt::Latest => Begin::Latest,
            },
            anew: self.anew,
            on_bad_record: self.rejects.clone().map_or(OnBadRecord::Stop, OnBadRecord::SetAside),
            until_end: self.until_end,
            ..StreamOptions::new(&self.view)
        }
    }

    fn report(&self, done: &StreamFigures, took: Stopwatch) -> Report {
        let figures = [("rows_written", done.rows), ("rows_rejected", done.rejected)];
        let mut sheet = Sheet::new(figures.map(|(name, _)| Column::right(name).place(Place::CsvOnly)));
        sheet.push(figures.map(|(_, figure)| Cell::new(figure)).to_vec());
        let mut json = json!({"view": self.view});
        for (name, figure) in figures {
            json[name] = figure.into();
        }
        json["seconds"] = took.seconds().into();
        let written = counted(done.rows, "row", "rows");
        let rejected = count(done.rejected);
        let below = vec![format!(
            "wrote {written} to {}, {rejected} rejected, {}",
            self.view,
            took.summary(done.rows + done.rejected)
        )];
        Report { json, sheet, below, ..Report::default() }
    }
}

/// The figures of this run.
fn of(status: &StreamStatus, before: &StreamFigures) -> StreamFigures {
    let now = status.figures();
    StreamFigures { rows: now.rows - before.rows, rejected: now.rejected - before.rejected, ..now }
}

/// Signals that end a stream when what was read is written, until it is dropped.
struct Interrupt {
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Interrupt {
    fn catch(stop: Stop) -> Result<Self> {
        let failed = |error: std::io::Error| Error::unavailable("cannot catch signals").with_source(error);
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
        let handle = signals.handle();
        let wait = move || {
            if signals.forever().next().is_some() {
                stop.stop();
            }
        };
        let thread = thread::Builder::new().name("signals".into()).spawn(wait).map_err(failed)?;
        Ok(Interrupt { handle, thread: Some(thread) })
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.handle.close();
        // It only waits.
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}
