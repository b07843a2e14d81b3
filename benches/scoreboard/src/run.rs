//! A run: every scenario, in which all contenders take turns.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tempfile::TempDir;

use crate::contender::Fallible;
use crate::contenders::{names, note};
use crate::process::load;
use crate::results::{Board, Entry};
use crate::scenario::{Scenario, Setting};
use crate::turns::Contestant;

/// The options of a run.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Where the results go, as JSON
    #[arg(long)]
    pub out: PathBuf,
    /// Rows stored in each scenario, of all views and versions together
    #[arg(long, default_value_t = 200_000)]
    pub rows: u64,
    /// Turns of each contender
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Milliseconds of a turn's two halves: requests without a look at the clock, and requests one by one
    #[arg(long, default_value_t = 300)]
    pub turn_ms: u64,
    /// The scenarios; all of them if none is given
    #[arg(long, value_delimiter = ',')]
    pub scenarios: Vec<Scenario>,
    /// Contenders whose name begins so; all of them if none is given
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// The command line of asofdb, which serves
    #[arg(long, default_value = "asof")]
    pub asof: PathBuf,
    /// An existing directory for what is stored meanwhile
    #[arg(long, default_value = ".")]
    pub directory: PathBuf,
    /// The revision that is measured, to be told in the results
    #[arg(long, default_value = "unknown")]
    pub revision: String,
}

/// Measures, and writes the results after each scenario, so that an interrupted run leaves what it has.
///
/// # Errors
/// When results cannot be written. A contender that fails is told among the results.
pub fn run(options: &RunOptions) -> Fallible<()> {
    let all = Scenario::value_variants();
    let scenarios = if options.scenarios.is_empty() { all } else { options.scenarios.as_slice() };
    let mut board = Board::default();
    about(options, &mut board);
    for scenario in scenarios {
        let name = text(*scenario);
        eprintln!("{name}, load {}", load());
        board.about.insert(format!("load before {name}"), load());
        board.entries.extend(measure(*scenario, options)?);
        std::fs::write(&options.out, serde_json::to_string_pretty(&board)?)?;
    }
    Ok(())
}

fn text(scenario: Scenario) -> String {
    scenario.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn about(options: &RunOptions, board: &mut Board) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let turn = format!("{} of {} ms twice", options.rounds, options.turn_ms);
    let facts = [
        ("processor", format!("{cores} cores, {model}")),
        ("revision", options.revision.clone()),
        ("rows", options.rows.to_string()),
        ("turns", turn),
    ];
    board.about.extend(facts.map(|(name, fact)| (name.to_owned(), fact)));
}

/// A contender that takes part: what is known of it, and the process, unless it failed.
struct Participant {
    entry: Entry,
    contestant: Option<Contestant>,
    // Behind the process, so that it goes after it.
    _directory: TempDir,
}

impl Participant {
    /// Starts one, with a directory of its own.
    fn start(name: &str, scenario: Scenario, options: &RunOptions) -> Fallible<Participant> {
        let directory = tempfile::tempdir_in(&options.directory)?;
        let setting = Setting {
            scenario,
            rows: options.rows,
            directory: directory.path().to_owned(),
            asof: options.asof.clone(),
        };
        let started = Contestant::start(name, &setting, Duration::from_millis(options.turn_ms));
        let entry = Entry {
            scenario: text(scenario),
            contender: name.into(),
            rounds: Vec::new(),
            memory_bytes: 0,
            disk_bytes: 0,
            note: note(scenario, name).into(),
            failed: None,
        };
        let mut participant = Participant { entry, contestant: None, _directory: directory };
        participant.contestant = participant.unless_failed(started);
        Ok(participant)
    }

    fn unless_failed<T>(&mut self, found: Fallible<T>) -> Option<T> {
        found
            .map_err(|error| {
                eprintln!("{}, {}: {error}", self.entry.scenario, self.entry.contender);
                self.entry.failed = Some(error.to_string());
            })
            .ok()
    }

    fn turn(&mut self) {
        let Some(mut contestant) = self.contestant.take() else { return };
        let round = contestant.turn();
        if let Some(round) = self.unless_failed(round) {
            self.entry.rounds.push(round);
            self.contestant = Some(contestant);
        }
    }

    fn end(mut self) -> Entry {
        if let Some(contestant) = self.contestant.take() {
            let ended = contestant.end();
            if let Some((memory_bytes, disk_bytes)) = self.unless_failed(ended) {
                (self.entry.memory_bytes, self.entry.disk_bytes) = (memory_bytes, disk_bytes);
            }
        }
        self.entry
    }
}

/// Starts every contender, one after the other, and gives each a turn, round by round.
fn measure(scenario: Scenario, options: &RunOptions) -> Fallible<Vec<Entry>> {
    let wanted =
        |name: &&str| options.only.is_empty() || options.only.iter().any(|only| name.starts_with(only.as_str()));
    let names = names(scenario).iter().copied().filter(wanted);
    let mut all = names.map(|name| Participant::start(name, scenario, options)).collect::<Fallible<Vec<_>>>()?;
    for round in 0..options.rounds {
        // Another one begins each round, so that nobody always follows the same one.
        let first = round % all.len().max(1);
        let (late, early) = all.split_at_mut(first);
        early.iter_mut().chain(late).for_each(Participant::turn);
    }
    Ok(all.into_iter().map(Participant::end).collect())
}
