//! The scoreboard: asofdb beside the stores that people would use instead, in one run, on the same data, with answers
//! that are checked. `scripts/scoreboard` builds it and runs all of it; docs/performance.md shows what it found.

mod contender;
mod contenders;
mod data;
mod embedded;
mod measure;
mod process;
mod report;
mod results;
mod run;
mod scenario;
mod served;
mod turns;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::contender::Fallible;
use crate::report::write_report;
use crate::run::RunOptions;
use crate::scenario::{Scenario, Setting};
use crate::served::murr_server::{MurrStore, Ports};

// As `asof` and murr's program have it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Debug, Parser)]
#[command(about = "asofdb beside the stores that people would use instead")]
struct Arguments {
    #[command(subcommand)]
    command: Do,
}

#[derive(Debug, Subcommand)]
enum Do {
    /// Measure, and keep the results as JSON
    Run(RunOptions),
    /// Make tables, aims and plots of results
    Report {
        /// JSON files of `run` and of peers.py; entries of later ones replace those of earlier ones
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// The page between whose markers the tables are put
        #[arg(long)]
        page: Option<PathBuf>,
        /// The plot, as SVG
        #[arg(long)]
        plot: Option<PathBuf>,
        /// All of the results, as one JSON file
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Be a contender of a run
    #[command(hide = true)]
    Contender {
        #[arg(long)]
        name: String,
        #[arg(long)]
        scenario: Scenario,
        #[arg(long)]
        rows: u64,
        #[arg(long)]
        directory: PathBuf,
        #[arg(long)]
        asof: PathBuf,
        #[arg(long)]
        turn_ms: u64,
    },
    /// Be murr's server in a run
    #[command(hide = true)]
    ServeMurr {
        #[arg(long)]
        store: MurrStore,
        #[arg(long)]
        scenario: Scenario,
        #[arg(long)]
        rows: u64,
        #[arg(long)]
        directory: PathBuf,
        #[arg(long)]
        http: u16,
        #[arg(long)]
        flight: u16,
        #[arg(long)]
        ready: PathBuf,
    },
}

fn main() -> Fallible<()> {
    match Arguments::parse().command {
        Do::Run(options) => run::run(&options),
        Do::Report { results, page, plot, json } => {
            write_report(&results, page.as_deref(), plot.as_deref(), json.as_deref())
        }
        Do::Contender { name, scenario, rows, directory, asof, turn_ms } => {
            turns::be(&name, &Setting { scenario, rows, directory, asof }, Duration::from_millis(turn_ms))
        }
        Do::ServeMurr { store, scenario, rows, directory, http, flight, ready } => {
            let setting = Setting { scenario, rows, directory, asof: PathBuf::new() };
            served::murr_server::serve(&setting, store, Ports { http, flight }, &ready)
        }
    }
}
