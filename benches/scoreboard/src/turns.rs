//! A contender's own process, and what it and the one that runs the scoreboard say to each other: a line each way.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contender::{Fallible, Opened, Reader, Request, Writer, check};
use crate::contenders::open;
use crate::data::row;
use crate::measure::{Progress, clients, read, write};
use crate::process::{disk_bytes, forget_peak, now, peak_bytes};
use crate::results::Round;
use crate::scenario::Setting;
use crate::served::server::stay_on_one_core;

/// The longest that a contender warms up.
const WARM_UP_MAX: Duration = Duration::from_secs(8);
/// Passes over all entities to warm up: what is kept in memory is what was read more than once.
const WARM_UP_PASSES: u64 = 2;
/// Entities whose latest rows are checked after writes.
const CHECKED: u64 = 500;

/// Lines of a contender.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It has the data, and its answers are right.
    Ready,
    /// It has had a turn.
    Turn(Round),
    /// It has been asked to end.
    End {
        /// The most memory that it held since it was ready, in bytes.
        memory_bytes: u64,
        /// Bytes on disk.
        disk_bytes: u64,
    },
    /// It cannot go on.
    Failed(String),
}

/// Is a contender: answers on standard output to the lines of standard input until the first that is not `turn`.
///
/// # Errors
/// When standard output is gone.
pub fn be(name: &str, setting: &Setting, turn: Duration) -> Fallible<()> {
    if let Err(error) = take_turns(name, setting, turn) {
        say(&Line::Failed(error.to_string()))?;
    }
    Ok(())
}

fn say(line: &Line) -> Fallible<()> {
    println!("{}", serde_json::to_string(line)?);
    Ok(std::io::stdout().flush()?)
}

fn take_turns(name: &str, setting: &Setting, turn: Duration) -> Fallible<()> {
    if setting.scenario.is_served() && setting.scenario.shape().clients == 1 {
        stay_on_one_core()?;
    }
    let mut opened = open(name, setting)?;
    if let Opened::Reader(reader) = &mut opened {
        check(&mut **reader, setting)?;
        warm_up(&mut **reader, setting)?;
    }
    let process = match &opened {
        Opened::Reader(reader) => reader.server(),
        Opened::Writer(_) => None,
    };
    let process = process.unwrap_or_else(std::process::id);
    forget_peak(process);
    say(&Line::Ready)?;
    let (mut progress, mut turns) = (Progress::default(), 0);
    for line in std::io::stdin().lines() {
        if line? != "turn" {
            break;
        }
        turns += 1;
        say(&Line::Turn(take_turn(&mut opened, setting, &mut progress, turn)?))?;
    }
    if let (Opened::Writer(writer), true) = (&mut opened, turns > 0) {
        check_written(&mut **writer, setting, &progress)?;
    }
    say(&Line::End { memory_bytes: peak_bytes(process), disk_bytes: disk_bytes(&setting.directory) })
}

fn take_turn(opened: &mut Opened, setting: &Setting, progress: &mut Progress, turn: Duration) -> Fallible<Round> {
    match opened {
        Opened::Reader(reader) if setting.scenario.shape().clients > 1 => clients(&**reader, setting, turn),
        Opened::Reader(reader) => read(&mut **reader, setting, progress, turn),
        Opened::Writer(writer) => write(&mut **writer, setting, progress, turn),
    }
}

fn warm_up(reader: &mut dyn Reader, setting: &Setting) -> Fallible<()> {
    let (shape, entities, begin) = (setting.scenario.shape(), setting.entities(), now());
    // Many clients of one row are warmed up by requests of one row, as they will be asked.
    let mut out = vec![0.0; shape.floats()];
    for _ in 0..WARM_UP_PASSES {
        for first in (0..entities).step_by(shape.keys) {
            let request = Request::new((first..first + shape.keys as u64).map(|n| n % entities).collect(), &shape);
            reader.answer(&request, &mut out)?;
            if begin.elapsed() > WARM_UP_MAX {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Compares what is latest with what was written. A blind writer has to fail somewhere: it is no equal otherwise.
fn check_written(writer: &mut dyn Writer, setting: &Setting, progress: &Progress) -> Fallible<()> {
    let newest = progress.newest_versions(setting);
    let mut out = vec![f32::NAN; setting.scenario.shape().features];
    let mut wrong = 0;
    for (entity, version) in newest.iter().take(CHECKED as usize) {
        let found = writer.latest(*entity, &mut out)?;
        wrong += usize::from(!found || !row(*entity, *version, 0, out.len()).eq(out.iter().copied()));
    }
    match (wrong, writer.is_right_when_late()) {
        (0, _) | (_, false) => Ok(()),
        (wrong, true) => Err(format!("the latest rows of {wrong} entities are not those that were written").into()),
    }
}

/// A contender in a process of its own.
#[derive(Debug)]
pub struct Contestant {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// Why it is not.
    pub fn start(name: &str, setting: &Setting, turn: Duration) -> Fallible<Self> {
        let scenario = clap::ValueEnum::to_possible_value(&setting.scenario).ok_or("a scenario has a name")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("contender").arg("--name").arg(name).arg("--scenario").arg(scenario.get_name());
        command.arg("--rows").arg(setting.rows.to_string()).arg("--directory").arg(&setting.directory);
        command.arg("--asof").arg(&setting.asof).arg("--turn-ms").arg(turn.as_millis().to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child has no pipes".into());
        };
        let mut contestant = Contestant { child, to, from: BufReader::new(from) };
        match contestant.line()? {
            Line::Ready => Ok(contestant),
            other => Err(unexpected(other)),
        }
    }

    /// Lets it have a turn.
    ///
    /// # Errors
    /// Why it could not.
    pub fn turn(&mut self) -> Fallible<Round> {
        match self.ask("turn")? {
            Line::Turn(round) => Ok(round),
            other => Err(unexpected(other)),
        }
    }

    /// Ends it; returns the most memory that it held, and its bytes on disk.
    ///
    /// # Errors
    /// Why its last answer was no good.
    pub fn end(mut self) -> Fallible<(u64, u64)> {
        match self.ask("end")? {
            Line::End { memory_bytes, disk_bytes } => Ok((memory_bytes, disk_bytes)),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&mut self, what: &str) -> Fallible<Line> {
        writeln!(self.to, "{what}")?;
        self.line()
    }

    fn line(&mut self) -> Fallible<Line> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("it ended: {}", self.child.wait()?).into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards. Its servers go with it, unless it was killed.
        let _ = writeln!(self.to, "end");
        let _ = self.child.wait();
    }
}

fn unexpected(line: Line) -> Box<dyn std::error::Error + Send + Sync> {
    match line {
        Line::Failed(why) => why.into(),
        other => format!("an unexpected line: {other:?}").into(),
    }
}
