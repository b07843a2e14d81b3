//! `torture`: every part, or those that are named, from a seed.

use std::process::ExitCode;

use asofdb_torture::{Done, PARTS, Part, Scale, Setting, run_child, table};
use clap::{Parser, Subcommand};

/// Crashes, faults and load that asofdb must outlive.
#[derive(Debug, Parser)]
#[command(name = "torture", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Special>,
    /// The parts to run; all of them where none is named.
    parts: Vec<String>,
    /// The start of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs the short form, as `make test` does.
    #[arg(long)]
    short: bool,
    /// The number of histories that the part `histories` tries, in place of its own.
    #[arg(long, value_name = "N")]
    cases: Option<u64>,
    /// The minutes of the soak, in its long form; 8 unless told otherwise.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_440), conflicts_with = "short")]
    minutes: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum Special {
    /// Lists the parts.
    List,
    /// Runs a process that a part starts to kill it.
    #[command(hide = true)]
    Child {
        /// The name of the child.
        name: String,
        /// The arguments that the part gives it.
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Special::List) => PARTS.iter().for_each(|part| println!("{:12} {}", part.name, part.about)),
        Some(Special::Child { name, arguments }) => run_child(name, arguments),
        None => return torture(&arguments),
    }
    ExitCode::SUCCESS
}

fn torture(arguments: &Arguments) -> ExitCode {
    let known = |name: &String| PARTS.iter().any(|part| part.name == name);
    if let Some(unknown) = arguments.parts.iter().find(|name| !known(name)) {
        eprintln!("error: no part {unknown:?}; `torture list` names them");
        return ExitCode::from(2);
    }
    let scale = if arguments.short { Scale::Short } else { Scale::Long };
    let torture = std::env::current_exe().expect("the path of this program");
    let (cases, soak_minutes) = (arguments.cases, arguments.minutes);
    let setting = Setting { cases, soak_minutes, ..Setting::new(arguments.seed, scale, &torture) };
    let chosen = |part: &&Part| arguments.parts.is_empty() || arguments.parts.iter().any(|name| part.name == name);
    let done: Vec<Done> = PARTS.iter().filter(chosen).map(|part| run(*part, &setting)).collect();
    println!("{}\nseed {}", table(&done), setting.seed);
    if done.iter().all(|done| done.report.faults().is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(part: Part, setting: &Setting) -> Done {
    eprintln!("==> {}: {}", part.name, part.about);
    let done = part.run(setting);
    for line in done.report.lines() {
        eprintln!("    {line}");
    }
    for fault in done.report.faults() {
        eprintln!("    FAULT {fault}");
    }
    eprintln!("==> {}: {} s", part.name, done.took.as_secs());
    done
}
