//! The command line: what can be asked, and the exit code that answers.
//!
//! Results go to stdout, progress and errors to stderr. Each command is a file here: its arguments, what it does
//! with the library, and how the result looks.

mod alerts;
mod allocator;
mod answers;
mod apply;
mod approve;
mod audit;
mod audit_served;
mod backup;
mod catalog;
mod clock;
mod completions;
mod context;
mod delete;
mod delete_events;
mod demo;
mod describe;
mod docs;
mod duplicates;
mod entity;
mod erase;
mod error;
mod eval;
mod explain;
mod export;
mod feeds;
mod freshness;
mod get;
mod history;
mod ingest;
mod keep_logs;
mod known;
mod limits;
mod lineage;
mod lineage_out;
mod log;
mod operations;
mod output;
mod plan;
mod plans;
mod policy;
mod profile;
mod progress;
mod repair;
mod request_value;
mod search;
mod serve;
mod sheet;
mod statistics;
mod stream;
mod surroundings;
mod table;
mod terminal;
mod text;
mod training_set;
mod usage;
mod verify;
mod version;
mod when;
mod wrong_usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use context::Context;
use error::{Outcome, Result, Stop};

/// A feature store in one engine: what a feature is now, what it was at any time, and training sets from both.
#[derive(Debug, Parser)]
#[command(name = "asof", version, long_version = version::long(), after_help = EXAMPLES, after_long_help = EXAMPLES, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    context: Context,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  asof apply features.toml                                 define entities, views and services
  asof ingest user_stats_v1 stats.parquet                  feed a view
  asof get user_stats_v1 --entity user_id=1001             what is known now
  asof get user_stats_v1 --entity user_id=1001 --at 2013-06-01T12:00:00Z
                                                           what was true then
  asof training-set user_stats_v1 --spine labels.parquet --out training.parquet
                                                           what was true at the time of each row
  asof serve --socket ~/.asof/socket                       share the store with other processes
  asof --connect ~/.asof/socket views                      and work through that
  asof demo asof-demo                                      all of it, on real flights

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found a problem (plan, lint, freshness, materialize, runs,
alerts, audit, verify, clock, repair, demo).
Times are RFC 3339 (2013-06-01T12:00:00Z), a date (2013-06-01, midnight UTC) or `now`.
In JSON, NaN and infinities are the strings \"NaN\", \"Infinity\" and \"-Infinity\", and bytes are base64.";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Governing(Governing),
    Ingest(ingest::Ingest),
    Stream(stream::Stream),
    Get(get::Get),
    Eval(eval::Eval),
    History(history::History),
    TrainingSet(training_set::TrainingSet),
    Export(export::Export),
    Views(catalog::Views),
    Describe(describe::Describe),
    Explain(explain::Explain),
    Search(search::Search),
    Duplicates(duplicates::Duplicates),
    Docs(docs::Docs),
    Delete(delete::Delete),
    DeleteEvents(delete_events::DeleteEvents),
    Erase(erase::Erase),
    #[command(flatten)]
    Watching(Watching),
    Stats(operations::Stats),
    Verify(verify::Verify),
    Clock(clock::Clock),
    Compact(operations::Compact),
    Checkpoint(operations::Checkpoint),
    Restore(operations::Restore),
    Backup(backup::Backup),
    Backups(backup::List),
    KeepLogs(keep_logs::KeepLogs),
    Repair(repair::Repair),
    Serve(Box<serve::Serve>),
    Demo(demo::Demo),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// Commands that change what is defined, and say what may be.
#[derive(Debug, Subcommand)]
enum Governing {
    Apply(apply::Apply),
    Plan(plan::Plan),
    Plans(plans::Plans),
    Lint(policy::Lint),
    Policy(policy::PolicyCommand),
    Approve(approve::Approve),
    Log(log::Log),
    Diff(log::Diff),
}

impl Governing {
    fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Governing::Apply(command) => command.run(context),
            Governing::Plan(command) => command.run(context),
            Governing::Plans(command) => command.run(context),
            Governing::Lint(command) => command.run(context),
            Governing::Policy(command) => command.run(context),
            Governing::Approve(command) => command.run(context),
            Governing::Log(command) => command.run(context),
            Governing::Diff(command) => command.run(context),
        }
    }
}

/// Commands that say how views are fed, what models get of them, and what consumers may.
#[derive(Debug, Subcommand)]
enum Watching {
    Freshness(freshness::Freshness),
    Answers(answers::Answers),
    Profile(profile::Profile),
    Materialize(feeds::Materialize),
    Runs(feeds::Runs),
    Alerts(alerts::Alerts),
    Audit(audit::Audit),
    Usage(usage::Usage),
    Limits(limits::Limits),
}

impl Watching {
    fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Watching::Freshness(command) => command.run(context),
            Watching::Answers(command) => command.run(context),
            Watching::Profile(command) => command.run(context),
            Watching::Materialize(command) => command.run(context),
            Watching::Runs(command) => command.run(context),
            Watching::Alerts(command) => command.run(context),
            Watching::Audit(command) => command.run(context),
            Watching::Usage(command) => command.run(context),
            Watching::Limits(command) => command.run(context),
        }
    }
}

impl Command {
    fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Command::Governing(command) => command.run(context),
            Command::Ingest(command) => command.run(context),
            Command::Stream(command) => command.run(context),
            Command::Get(command) => command.run(context),
            Command::Eval(command) => command.run(context),
            Command::History(command) => command.run(context),
            Command::TrainingSet(command) => command.run(context),
            Command::Export(command) => command.run(context),
            Command::Views(command) => command.run(context),
            Command::Describe(command) => command.run(context),
            Command::Explain(command) => command.run(context),
            Command::Search(command) => command.run(context),
            Command::Duplicates(command) => command.run(context),
            Command::Docs(command) => command.run(context),
            Command::Delete(command) => command.run(context),
            Command::DeleteEvents(command) => command.run(context),
            Command::Erase(command) => command.run(context),
            Command::Watching(command) => command.run(context),
            Command::Stats(command) => command.run(context),
            Command::Verify(command) => command.run(context),
            Command::Clock(command) => command.run(context),
            Command::Compact(command) => command.run(context),
            Command::Checkpoint(command) => command.run(context),
            Command::Restore(command) => command.run(context),
            Command::Backup(command) => command.run(context),
            Command::Backups(command) => command.run(),
            Command::KeepLogs(command) => command.run(context),
            Command::Repair(command) => command.run(context),
            Command::Serve(command) => command.run(context),
            Command::Demo(command) => command.run(context, run_line),
            Command::Completions(command) => command.run(Arguments::command()),
            Command::Man(command) => command.run(Arguments::command()),
        }
    }
}

/// Runs a command line, given word by word, in a context that it does not name.
fn run_line(words: Vec<OsString>, context: &Context) -> Result<Outcome> {
    let parsed = Arguments::try_parse_from(words)
        .map_err(|error| asofdb::Error::internal("the demo shows a wrong command").with_source(error))?;
    parsed.command.run(context)
}

/// Runs the command line of this process.
fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage::exit(&error),
    };
    let code = match arguments.command.run(&arguments.context) {
        Ok(Outcome::Done) | Err(Stop::ReaderGone) => 0,
        Ok(Outcome::Problem) => 3,
        Err(Stop::Usage(message)) => {
            error::report(&message);
            2
        }
        Err(Stop::Failed(error)) => {
            error::report(&error::text_of(&error));
            1
        }
    };
    if matches!(arguments.command, Command::Serve(_)) {
        // Threads that were cut off may still be in the store. They must not see its library being taken down under
        // them, which an ordinary exit does first.
        signal_hook::low_level::exit(code.into());
    }
    ExitCode::from(code)
}
